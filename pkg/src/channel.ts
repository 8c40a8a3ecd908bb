import { makeCall } from './calls.js';
import { type ChannelConfig, type ChannelFrame, engineChannel } from './channel-config.js';
import type { ChannelEvents, ChannelState, Lock, Peer } from './channel-events.js';
import { type About, type Host, openHost, textOf } from './channel-hosts.js';
import type { Changeset, CrudManager } from './crud-manager.js';
import { Emitter } from './emitter.js';
import { SyncError, checkObject, inWords } from './errors.js';
import { type Id, Model } from './model.js';
import { engine, jsonText, writeJson, writeText } from './runtime.js';

/** See `feed_channel` in `src/wasm/exports.rs`. */
enum Feed {
  Connect,
  Suspend,
  Freeze,
  Ready,
  Open,
  Frames,
  Down,
  Token,
  Change,
  Message,
  Presence,
  Lock,
  Unlock,
  Deny,
}

/** See `Act` in `src/engine/effect.rs`. */
enum Act {
  Open,
  Send,
  Close,
  Token,
  Tell,
}

/** Stands between messages that are handed over together. */
const SEPARATOR = '\u001e';

/** Messages beyond this many characters aren't even handed over. */
const MESSAGE_LENGTH_MAX = 32 << 20;

/**
 * Messages that come faster than pictures are shown are handed over together; so long at most, in
 * ms.
 */
const GATHER_MS = 50;

/** For so long a picture is shown. */
const PICTURE_MS = 16;

const EVENTS: readonly (keyof ChannelEvents)[] = [
  'state',
  'connected',
  'disconnected',
  'reconnecting',
  'connectionLost',
  'remoteChange',
  'presence',
  'lock',
  'unlock',
  'lockRequested',
  'conflict',
  'reload',
  'hello',
  'message',
  'error',
  'sent',
  'received',
  'destroy',
];

/**
 * The live connection of a manager: changes of others come as they happen, and others are seen.
 *
 * ```ts
 * const project = new CalendarProject({ loadUrl: '/api/load', syncUrl: '/api/sync', channel: '/ws' });
 * project.channel?.on('remoteChange', ({ stores, userName }) => console.log(userName, stores));
 * ```
 */
export class Channel extends Emitter<ChannelEvents> {
  /** @internal Minified code has other names. */ static override readonly name: string = 'Channel';
  /** The manager whose channel it is. */
  readonly manager: CrudManager<any>;
  /** What the server knows this client by. */
  clientId: string;

  private readonly config: ChannelConfig;
  private readonly number: number;
  private host: Host | undefined;
  /** The one that broke off last. */
  private last: Host | undefined;
  private readonly kept = {};
  private epoch = 0;
  private told: ChannelEvents['state'] | undefined;
  private people: Peer[] = [];
  private readonly held = new Map<string, Lock>();
  private waiting: string[] = [];
  private gathering = false;
  /** When messages were last handed over. */
  private flushed = -Infinity;
  private ended = false;
  private leaving = false;

  /** @internal Made by the manager's option `channel`. */
  constructor(manager: CrudManager<any>, number: number, config: ChannelConfig) {
    super();
    this.manager = manager;
    this.number = number;
    this.clientId = config.clientId ?? madeUp();
    this.config = { ...config, clientId: this.clientId };
    this._listenFromConfig(config as object, EVENTS as string[]);
  }

  /** @internal Begins; the manager knows it. */
  _start(): void {
    engine().createChannel(this.number, writeJson(engineChannel(this.config)));
    this.config.socket?.on('connect', this.onReady);
    pageOf()?.addEventListener('freeze', this.onFreeze);
    globalThis.addEventListener?.('pagehide', this.onHide);
  }

  // --- state -------------------------------------------------------------------------------------

  /** Where it stands. */
  get state(): ChannelState {
    return this.told?.state ?? 'idle';
  }

  /** Whether changes come as they happen. */
  get isLive(): boolean {
    return this.state === 'live';
  }

  /** The same as {@link Channel.isLive}. */
  get isConnected(): boolean {
    return this.isLive;
  }

  /** How many attempts to connect have failed in a row. */
  get attempts(): number {
    return this.told?.attempts ?? 0;
  }

  /** In how many ms, from the last change of state, it is tried again; `null`: not by itself. */
  get retryIn(): number | null {
    return this.told?.retryIn ?? null;
  }

  /** Whether the attempts are used up. */
  get isLost(): boolean {
    return this.told?.isLost ?? false;
  }

  /** Whether it was destroyed. */
  get isDestroyed(): boolean {
    return this.ended;
  }

  // --- connection --------------------------------------------------------------------------------

  /**
   * Connects, also after it was suspended, lost or closed. Does nothing when there is a connection.
   */
  connect(): void {
    this.feed(Feed.Connect);
  }

  /** Closes the connection until {@link Channel.connect} or {@link Channel.resume} is called. */
  disconnect(): void {
    this.feed(Feed.Suspend);
  }

  /** The same as {@link Channel.disconnect}. */
  suspend(): void {
    this.disconnect();
  }

  /** The same as {@link Channel.connect}. */
  resume(): void {
    this.connect();
  }

  /** Ends it: no timer, socket or listener stays. */
  destroy(): void {
    if (this.ended || this.leaving) return;
    this.leaving = true;
    this._fire('destroy', {});
    this.config.socket?.off('connect', this.onReady);
    pageOf()?.removeEventListener('freeze', this.onFreeze);
    globalThis.removeEventListener?.('pagehide', this.onHide);
    engine().createChannel(this.number, -1);
    this.ended = true;
    this.waiting = [];
    this._forgetListeners();
  }

  // --- sending -----------------------------------------------------------------------------------

  /**
   * Sends changes as a message of its own, `{ <storeId>: { added?, updated?, removed? } }`, beside
   * what syncs send. Without a connection they wait, one entry per record.
   *
   * @throws SyncError `LIMIT` when too many wait that aren't unconfirmed edits of a store anyway.
   */
  sendChanges(changes: Changeset): void {
    this.feed(Feed.Change, 0, 0, writeJson(changes));
  }

  /**
   * Sends a message of the app's own, as it stands.
   *
   * @throws SyncError `NETWORK` without a connection.
   */
  send(message: object): void {
    this.feed(Feed.Message, 0, 0, writeJson(message));
  }

  // --- people ------------------------------------------------------------------------------------

  /** Who is here, this client included. */
  get peers(): readonly Peer[] {
    return this.people;
  }

  /** All records that are held. */
  get locks(): readonly Lock[] {
    return [...this.held.values()];
  }

  /**
   * Says what the user does: `setPresence({ action: 'editing', record })`. Said again after a
   * reconnect.
   */
  setPresence(what: {
    action: 'viewing' | 'editing' | 'left';
    record?: Model | null;
    recordType?: string | null;
    recordId?: Id | null;
  }): void {
    checkObject('a presence', what);
    const { record, recordType = null, recordId = null, ...rest } = what ?? {};
    const place = record
      ? placeOf(record, undefined)
      : { type: recordType ?? undefined, id: recordId ?? undefined };
    const data = { ...rest, recordType: place.type ?? null, recordId: place.id ?? null };
    this.feed(Feed.Presence, 0, 0, writeJson(data));
  }

  /** Says that the user edits a record. */
  startEditing(record: Model): void {
    this.setPresence({ action: 'editing', record });
  }

  /** Says that the user edits nothing. */
  stopEditing(): void {
    this.setPresence({ action: 'viewing' });
  }

  /** Who is at a record, this client not included. */
  peersOf(record: Model): Peer[] {
    const { type, id } = placeOf(record, undefined);
    return this.people.filter((peer) => !peer.isSelf && isAt(peer, type, id));
  }

  /**
   * Takes a record for this client alone: `lockRecord(record)`, or by store and id. `true` when it
   * has it, `false` when another has it and doesn't hand it over within `timeout` ms. Renewed by
   * itself until {@link Channel.unlockRecord}.
   *
   * @throws SyncError `NETWORK` without a connection, `TIMEOUT` when the server doesn't answer.
   */
  async lockRecord(
    record: Model | string,
    id?: Id | { timeout?: number; ttl?: number },
    options: { timeout?: number; ttl?: number } = {},
  ): Promise<boolean> {
    const place = placeOf(record, id);
    const { timeout, ttl } = (typeof id === 'object' && id !== null ? id : options) ?? {};
    const wish = jsonText({ ...place, timeoutMs: timeout, ttlMs: ttl });
    try {
      await makeCall((call) => this.feed(Feed.Lock, call, 0, writeText(wish)));
      return true;
    } catch (thrown) {
      const code = (thrown as SyncError).code;
      if (code === 'LOCKED' || (code === 'TIMEOUT' && (timeout ?? 0) > 0)) return false;
      throw thrown;
    }
  }

  /** Gives a record back, or hands it over to the client `to`. */
  unlockRecord(record: Model | string, id?: Id | { to?: string }, options: { to?: string } = {}): void {
    const { to } = (typeof id === 'object' && id !== null ? id : options) ?? {};
    this.feed(Feed.Unlock, 0, 0, writeJson({ ...placeOf(record, id), to }));
  }

  /** Says to all who wait for a record, or to the client `to`, that they won't get it. */
  denyLock(record: Model, to?: string): void {
    this.feed(Feed.Deny, 0, 0, writeJson({ ...placeOf(record, undefined), to }));
  }

  /** Who holds a record. */
  lockOf(record: Model): Lock | undefined {
    const { type, id } = placeOf(record, undefined);
    return this.held.get(placeName(type, id));
  }

  /** Whether somebody else holds a record, so that it can't be edited here. */
  isLockedByOther(record: Model): boolean {
    return this.lockOf(record)?.isSelf === false;
  }

  /** The colour of a user: always the same for one id. */
  colorOf(userId: string | number): string {
    const known = [...this.people, ...this.held.values()].find((one) => String(one.userId) === inWords(userId));
    return known?.color ?? userColor(userId);
  }

  // --- for the engine ----------------------------------------------------------------------------

  /** @internal */
  _act(act: number, epoch: number, text: string): void {
    if (act === Act.Tell) this.tell(JSON.parse(text));
    else if (act === Act.Send) this.sendText(epoch, text);
    else if (act === Act.Open) this.open(epoch, JSON.parse(text));
    else if (act === Act.Token) this.withToken((token) => this.feed(Feed.Token, 0, 0, writeText(token ?? '')));
    else if (epoch === this.epoch) this.close(text !== '');
  }

  // --- private -----------------------------------------------------------------------------------

  private readonly onReady = (): void => this.feed(Feed.Ready);
  private readonly onFreeze = (): void => this.feed(Feed.Freeze);
  /** A page that ends says goodbye, so that nobody waits for its locks. */
  private readonly onHide = (event: Event): void => {
    if ((event as PageTransitionEvent).persisted !== false) return;
    this.host?.close();
    // Streams are cut before the page hears that it ends.
    this.last?.goodbye?.();
  };

  private feed(what: Feed, number = 0, code = 0, length = 0): void {
    if (this.ended) throw new SyncError('DESTROYED', 'the channel has been destroyed');
    engine().feedChannel(this.number, what, number, code, length);
  }

  private report(what: Feed, epoch: number, code: number, text: string): void {
    if (!this.ended && epoch === this.epoch) this.feed(what, epoch, code, writeText(text));
  }

  private withToken(then: (token: string | undefined) => void, failed?: (why: unknown) => void): void {
    const { token } = this.config;
    if (typeof token !== 'function') {
      then(token);
      return;
    }
    new Promise<string | undefined>((resolve) => resolve(token())).then(
      (fresh) => {
        if (!this.ended) then(fresh);
      },
      (thrown) => {
        this._threw('token', thrown);
        if (!this.ended) failed?.(thrown);
      },
    );
  }

  private open(epoch: number, about: About): void {
    this.close();
    this.epoch = epoch;
    const down = (code: number, reason: string) => {
      this.flush(epoch);
      if (epoch === this.epoch) {
        this.last = this.host;
        this.host = undefined;
      }
      this.report(Feed.Down, epoch, code, reason);
    };
    const start = (token: string | undefined) => {
      if (epoch !== this.epoch) return;
      try {
        this.host = openHost(this.config, about, token, {
          open: () => this.report(Feed.Open, epoch, 0, token ?? ''),
          message: (message) => this.receive(epoch, message),
          down,
          kept: this.kept,
        });
      } catch (thrown) {
        queueMicrotask(() => {
          // Else nobody would hear what is missing here: a global `WebSocket`, a full URL.
          if (!this.ended) this._fire('error', { code: 'NETWORK', message: String(thrown) });
          down(1006, String(thrown));
        });
      }
    };
    this.withToken(start, (thrown) => down(1006, `no token: ${String(thrown)}`));
  }

  private close(dead = false): void {
    const { host } = this;
    this.host = undefined;
    this.epoch = 0;
    this.waiting = [];
    host?.close(dead);
  }

  private sendText(epoch: number, text: string): void {
    if (epoch !== this.epoch || this.host === undefined) return;
    let message: unknown = JSON.parse(text);
    try {
      message = this.config.encode ? this.config.encode(message as ChannelFrame) : message;
      if (message === null || message === undefined) return;
      if (this._hears('sent')) this._fire('sent', { message });
      this.host.send(message);
    } catch (thrown) {
      this._threw('encode', thrown);
    }
  }

  /** What comes faster than it can be shown is gathered, and handed over as one. */
  private receive(epoch: number, message: unknown): void {
    if (this.ended || epoch !== this.epoch) return;
    if (this._hears('received')) this._fire('received', { message });
    for (const text of this.decoded(message)) {
      this.waiting.push(text.length > MESSAGE_LENGTH_MAX ? '{"type":"tooLarge"}' : text);
    }
    if (this.gathering) return;
    // To ask for the next picture costs more than a message that comes alone.
    if (performance.now() - this.flushed > PICTURE_MS) {
      this.flush(epoch);
      return;
    }
    this.gathering = true;
    nextPicture(() => {
      this.gathering = false;
      this.flush(this.epoch);
    });
  }

  private decoded(message: unknown): string[] {
    const { decode } = this.config;
    try {
      if (decode === undefined) return [textOf(message)];
      const frames = decode(typeof message === 'string' ? parsed(message) : message);
      if (frames === null || frames === undefined) return [];
      return (Array.isArray(frames) ? frames : [frames]).map(textOf);
    } catch (thrown) {
      this._threw('decode', thrown);
      return [];
    }
  }

  private flush(epoch: number): void {
    if (this.waiting.length === 0) return;
    const text = this.waiting.join(SEPARATOR);
    this.waiting = [];
    this.report(Feed.Frames, epoch, 0, text);
    this.flushed = performance.now();
  }

  private tell(event: any): void {
    const { type, ...content } = event as { type: keyof ChannelEvents } & Record<string, any>;
    if (type === 'state') {
      const { lost, ...rest } = content;
      Object.assign(content, rest, { isLost: lost });
      delete content.lost;
      this.told = content as ChannelEvents['state'];
    } else if (type === 'presence') {
      content.peers = this.people = content.peers.map((peer: any) => ({
        ...this.person<Peer>(peer),
        action: peer.action === 'editing' ? 'editing' : 'viewing',
      }));
    } else if (type === 'lock' || type === 'unlock') {
      const lock = (content.lock = this.person<Lock>(content.lock));
      const name = placeName(lock.recordType, lock.recordId);
      if (type === 'lock') this.held.set(name, lock);
      else this.held.delete(name);
      if (this._hears(type)) content.locks = this.locks;
    } else if (type === 'lockRequested') {
      content.data = this.person(content.data);
    } else if (type === 'hello') {
      this.clientId = String(plain(content.data?.clientId) ?? this.clientId);
    }
    this._fire(type, content);
  }

  /** What listeners use is text and numbers, whatever the server says. */
  private person<P extends Peer | Lock>(one: any): P {
    const given = { ...one.owner, ...one };
    const userId = plain(given.userId) ?? plain(given.clientId);
    return {
      ...given,
      recordType: plain(given.recordType) ?? plain(given.type),
      recordId: plain(given.recordId) ?? plain(given.id),
      userId,
      userName: String(plain(given.userName) ?? userId ?? ''),
      color: String(plain(given.color) ?? userColor(userId ?? '')),
      isSelf: String(plain(given.clientId)) === this.clientId,
    };
  }
}

/** A name that nobody else has. Pages by plain HTTP have no `crypto.randomUUID`. */
function madeUp(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The colour of a user: always the same for one id. */
export function userColor(userId: string | number): string {
  const text = inWords(userId);
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = text.charCodeAt(i) + ((hash << 5) - hash);
  return `hsl(${((hash % 360) + 360) % 360}, 70%, 60%)`;
}

function placeOf(record: Model | string, id: unknown): { type?: string | undefined; id?: Id | undefined } {
  if (record instanceof Model) return { type: record.store?.id, id: record.id as Id };
  return { type: record, id: id as Id };
}

function isAt(one: Peer | Lock, type: string | undefined, id: Id | undefined): boolean {
  const its = one.recordType;
  const same = its === type || (typeof its === 'string' && `${its}s` === type);
  return same && one.recordId !== null && String(one.recordId) === String(id);
}

/** A text or number; `null` for anything else. */
function plain(value: unknown): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

/** A record's place as one text. Servers say `event` as well as `events`. */
function placeName(type: string | undefined, id: Id | null | undefined): string {
  return `${inWords(type).replace(/s$/, '')} ${inWords(id)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function pageOf(): EventTarget | undefined {
  return (globalThis as { document?: EventTarget }).document;
}

/** When the next picture is shown; also where none is. */
function nextPicture(act: () => void): void {
  let done = false;
  const once = () => {
    if (!done) act();
    done = true;
    clearTimeout(timer);
  };
  const timer = setTimeout(once, typeof requestAnimationFrame === 'function' ? GATHER_MS : PICTURE_MS);
  (timer as { unref?: () => void }).unref?.();
  if (typeof requestAnimationFrame === 'function') requestAnimationFrame(once);
}
