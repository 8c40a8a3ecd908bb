import type { ChannelEvents } from './channel-events.js';
import type { Channel } from './channel.js';
import type { Listeners } from './emitter.js';
import { SyncError, inWords } from './errors.js';

/** Who works here, as others see it. */
export interface ChannelUser {
  userId?: string | number;
  userName?: string;
  /** A CSS colour; one that follows from the id when not given. */
  color?: string;
  [more: string]: unknown;
}

/** How messages travel. */
export type ChannelTransport = 'websocket' | 'sse' | 'socketio' | 'polling';

/** A message as the engine knows it. */
export interface ChannelFrame {
  type: string;
  data?: any;
  requestId?: number;
  revision?: number;
  [more: string]: unknown;
}

/** A socket of `socket.io-client`, as much of it as is needed. */
export interface SocketLike {
  connected: boolean;
  active?: boolean;
  on(event: string, listener: (...args: any[]) => void): unknown;
  off(event: string, listener: (...args: any[]) => void): unknown;
  emit(event: string, ...args: any[]): unknown;
  connect?(): unknown;
  disconnect?(): unknown;
}

/** When a connection that was lost is tried again. */
export interface ReconnectConfig {
  /** How many times; 5 when not given, then `connectionLost`. `Infinity` never gives up. */
  max?: number;
  /** The first wait, in ms; 1000 when not given. */
  base?: number;
  /** By how much waits grow; 2 when not given. */
  factor?: number;
  /** The longest wait, in ms; 30000 when not given. */
  cap?: number;
  /**
   * The random part of a wait, 0 to 1; 1 when not given, so that many clients don't come back at
   * once.
   */
  jitter?: number;
}

/** Options of a channel. */
export interface ChannelConfig {
  /**
   * Where to: `wss://…` or `/ws`, the event stream's URL for `sse`. Relative ones count from the
   * page.
   */
  url?: string;
  /** When not given: `socketio` with a `socket`, `polling` without a `url`, else `websocket`. */
  transport?: ChannelTransport;
  /**
   * The app's own socket of `socket.io-client`. It is listened to, and not closed; but when it says
   * that it is connected, or about to be, and nothing is answered within `timeout`, it is connected
   * anew.
   */
  socket?: SocketLike;
  /** How events of Socket.IO begin; the project's name, or `calendar`, when not given. */
  prefix?: string;
  /**
   * Where messages go that an event stream can't carry; `…/live` beside a stream at `…/events` when
   * not given.
   */
  sendUrl?: string;
  /** The room of the server. */
  project?: string;
  /** What the server knows this client by; made up when not given. */
  clientId?: string;
  /** Who works here. */
  user?: ChannelUser;
  /** The token to show; a function is asked for each connection, and before the token expires. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Headers of requests (`sse` alone). */
  headers?: Record<string, string>;
  /**
   * How messages are wrapped: `{ type, data }` for `calendar` (default) and `taskboard`,
   * `{ command, data }`. All are understood.
   */
  dialect?: 'calendar' | 'taskboard' | 'command';
  /**
   * Whether the server greets (`hello`), tells what was missed and answers probes, as docs/live.md
   * says. When not given: yes, but not with a `dialect`, `encode`, `decode` or
   * `requestInitialData`, nor over Socket.IO, where a greeting is taken when it comes.
   */
  handshake?: boolean;
  /** Without a handshake: asks for all data when connected, as `{ type: 'requestInitialData' }`. */
  requestInitialData?: boolean;
  /**
   * Makes of a message what is sent: text, or something that becomes JSON; `null` sends nothing.
   */
  encode?: (frame: ChannelFrame) => unknown;
  /** Makes messages of what came (JSON that was read, or else the text); `null` passes over it. */
  decode?: (message: any) => ChannelFrame | ChannelFrame[] | null | undefined;
  /**
   * How syncs go out; `http` when not given. Over the channel, they go by HTTP while there is no
   * connection.
   */
  sendOver?: 'http' | 'channel';
  /** Connect by itself (default). */
  autoConnect?: boolean;
  reconnect?: ReconnectConfig;
  /** The same as `reconnect.max`. */
  maxReconnectAttempts?: number;
  /** The same as `reconnect.base`. */
  reconnectDelay?: number;
  /**
   * How long a connection has to stay up for its failures to be forgotten, in ms; 5000 when not
   * given.
   */
  stable?: number;
  /** How long the server may be silent before it is probed, in ms; 15000 when not given. */
  heartbeat?: number;
  /**
   * How long connecting, the greeting, missed changes and the answer to a probe may take, in ms;
   * 10000 when not given.
   */
  timeout?: number;
  /** How long an answer to something that was sent may take, in ms; 10000 when not given. */
  ackTimeout?: number;
  /**
   * How long a page may be hidden before the connection is closed, in ms; 300000 when not given, 0:
   * it stays.
   */
  hiddenTimeout?: number;
  /** How long peers and locks are believed in without a connection, in ms; 30000 when not given. */
  grace?: number;
  /**
   * Asks by HTTP for what is new, every `interval` ms: after the connection is lost, until it is
   * back, or, with the transport `polling`, always. By an empty sync where its answer tells what
   * others changed (default with a handshake), or by a load.
   */
  polling?: false | { interval?: number; by?: 'sync' | 'load' };
  listeners?: Listeners<ChannelEvents, Channel>;
}

const PASSED_ON = [
  'project',
  'clientId',
  'user',
  'requestInitialData',
  'autoConnect',
  'stable',
  'heartbeat',
  'timeout',
  'ackTimeout',
  'hiddenTimeout',
  'grace',
] as const;

const TRANSPORTS: readonly string[] = ['websocket', 'sse', 'socketio', 'polling'];
const DIALECTS: readonly unknown[] = [undefined, 'calendar', 'taskboard', 'command'];

/** @internal How messages travel, as the options say. */
export function transportOf(config: ChannelConfig): ChannelTransport {
  const given = config.transport ?? (config.socket ? 'socketio' : config.url ? 'websocket' : 'polling');
  if (!TRANSPORTS.includes(given)) {
    throw invalid(`transport must be one of ${TRANSPORTS.join(', ')}, not "${inWords(given)}"`);
  }
  const { socket } = config;
  const isSocket = [socket?.emit, socket?.on, socket?.off].every((fn) => typeof fn === 'function');
  if ((given === 'socketio' || socket != null) && !isSocket) {
    throw invalid('the transport "socketio" needs a socket of socket.io-client');
  }
  if ((given === 'websocket' || given === 'sse') && typeof config.url !== 'string') {
    throw invalid(`the transport "${given}" needs a url`);
  }
  return given;
}

function invalid(message: string): SyncError {
  return new SyncError('INVALID_CONFIG', `channel: ${message}`);
}

/** @internal Whether the server greets. */
export function shakesHands(config: ChannelConfig): boolean {
  const { handshake, dialect, encode, decode, requestInitialData } = config;
  if (handshake !== undefined) return handshake;
  const plain = dialect === undefined && !encode && !decode && !requestInitialData;
  const transport = transportOf(config);
  return plain && (transport === 'websocket' || transport === 'sse');
}

/** @internal The options as the engine wants them. */
export function engineChannel(config: ChannelConfig): object {
  const transport = transportOf(config);
  const { dialect, sendOver = 'http', polling } = config;
  if (!DIALECTS.includes(dialect)) throw invalid(`there is no dialect "${inWords(dialect)}"`);
  if (sendOver !== 'http' && sendOver !== 'channel') {
    throw invalid('sendOver must be "http" or "channel"');
  }
  for (const name of ['encode', 'decode'] as const) {
    if (config[name] !== undefined && typeof config[name] !== 'function') {
      throw invalid(`${name} must be a function`);
    }
  }
  const handshake = shakesHands(config);
  const options: Record<string, unknown> = { handshake };
  for (const name of PASSED_ON) if (config[name] !== undefined) options[name] = config[name];
  const { max = config.maxReconnectAttempts ?? 5, ...waits } = config.reconnect ?? {};
  options.reconnect = {
    ...(config.reconnectDelay !== undefined && { base: config.reconnectDelay }),
    ...waits,
    ...(max !== Infinity && { max }),
  };
  options.forever = max === Infinity;
  options.command = dialect === 'command';
  options.sendOverChannel = sendOver === 'channel';
  options.polls = transport === 'polling';
  const { interval = 5000, by = handshake ? 'sync' : 'load' } = polling || {};
  options.poll = polling || transport === 'polling' ? interval : 0;
  options.pollBySync = by === 'sync';
  return options;
}
