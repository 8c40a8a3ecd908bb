import type { Channel } from './channel.js';
import type { Id } from './model.js';

/** Where a channel stands. */
export type ChannelState =
  /** Nobody has asked for a connection. */
  | 'idle'
  /** It is being opened. */
  | 'connecting'
  /** The server's greeting is awaited. */
  | 'authenticating'
  /** What was missed is awaited. */
  | 'catchingUp'
  /** Changes come as they happen. */
  | 'live'
  /** The next attempt is planned; or, when `isLost`, none is. */
  | 'waiting'
  /** The app, the network or a hidden page holds it back. */
  | 'suspended'
  /** The server doesn't want this client; `connect()` tries again. */
  | 'closed';

/** Somebody in the room. */
export interface Peer {
  clientId: string;
  userId: string | number;
  userName: string;
  /** The given colour, or the one that follows from the id. */
  color: string;
  action: 'viewing' | 'editing';
  /** The store of the record that it is about, and its id. */
  recordType?: string | null;
  recordId?: Id | null;
  /** Whether it is this client. */
  isSelf: boolean;
  [more: string]: unknown;
}

/** A record that somebody holds. */
export interface Lock {
  recordType: string;
  recordId: Id;
  clientId: string;
  userId: string | number;
  userName: string;
  color: string;
  isSelf: boolean;
  /**
   * Of one that is free: `released`, `handedOver`, `expired`, `gone`, `removed`, `disconnected`.
   */
  reason?: string;
  [more: string]: unknown;
}

interface Base<K extends string> {
  source: Channel;
  type: K;
}

/** A channel's events. */
export interface ChannelEvents {
  /** The state is another one. */
  state: Base<'state'> & {
    state: ChannelState;
    oldState: ChannelState;
    /** How many attempts have failed in a row. */
    attempts: number;
    /** In how many ms it is tried again; `null`: not by itself. */
    retryIn: number | null;
    /** The attempts are used up. */
    isLost: boolean;
  };
  /** Changes come as they happen. */
  connected: Base<'connected'> & { reconnected: boolean };
  /** They don't any more. */
  disconnected: Base<'disconnected'> & { code: number; reason: string; willReconnect: boolean };
  /** It is tried again in `delay` ms. */
  reconnecting: Base<'reconnecting'> & { attempt: number; delay: number };
  /** The attempts are used up. */
  connectionLost: Base<'connectionLost'> & { attempts: number };
  /** Changes of others were applied: how many, of which stores, the last one by whom. */
  remoteChange: Base<'remoteChange'> & {
    count: number;
    revision?: number;
    stores: string[];
    clientId?: string;
    userId?: string | number;
    userName?: string;
  };
  /** Who is here. */
  presence: Base<'presence'> & { peers: Peer[] };
  /** A record is locked. */
  lock: Base<'lock'> & { lock: Lock; locks: Lock[] };
  /** A record is free. */
  unlock: Base<'unlock'> & { lock: Lock; locks: Lock[] };
  /** Somebody wants a record that this client holds: `unlockRecord(…, { to })` or `denyLock(…)`. */
  lockRequested: Base<'lockRequested'> & { data: Lock };
  /** The server told of a conflict: its version was laid under the edits. */
  conflict: Base<'conflict'> & { data: any };
  /** The server wants everything loaded anew; it is. */
  reload: Base<'reload'> & { data: any };
  /** The server's greeting. */
  hello: Base<'hello'> & { data: any };
  /** A message that isn't Syncline's. */
  message: Base<'message'> & { data: any; message: any };
  /** Something is wrong, and was passed over. */
  error: Base<'error'> & { code: string; message: string };
  /** A message goes out, as it stands. */
  sent: Base<'sent'> & { message: unknown };
  /** A message has come, as it stands. */
  received: Base<'received'> & { message: unknown };
  /** The channel ends. */
  destroy: Base<'destroy'>;
}
