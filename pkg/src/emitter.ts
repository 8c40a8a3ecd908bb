import { SyncError, checkList } from './errors.js';

/** A function, or the name of a method to look up when the event fires. */
export type Listener<E, This = any> = ((this: This, event: E) => unknown) | string;

/** How a listener is called. One that is called later has no say in before… events. */
export interface ListenerOptions {
  /**
   * What `this` is; the source of the events when not given. Once it is destroyed, the listener is
   * gone.
   */
  thisObj?: object;
  /** Higher ones are called earlier. */
  prio?: number;
  /** Only the next event. */
  once?: boolean;
  /** What the listener gets before the event. */
  args?: readonly unknown[];
  /** Called that many ms after the event. */
  delay?: number;
  /** Called once no further event has come for that many ms, with the last one. */
  buffer?: number;
  /** Called at most once in that many ms, in the end with the last event. */
  throttle?: number;
  /** Called when the current turn is done. */
  asap?: boolean;
  /** After how many ms the listener goes; `alt` is called then when no event had come. */
  expires?: number | { delay: number; alt?: (() => void) | string };
  /** Taken from older code: every listener can be ended by what {@link Emitter.on} gives. */
  detachable?: boolean;
}

/** A listener with options of its own. */
export interface ListenerWithOptions<E, This = any> extends ListenerOptions {
  fn: Listener<E, This>;
}

/** Listeners by event name. */
export type Listeners<Events, This = any> = {
  [K in keyof Events]?: Listener<Events[K], This> | ListenerWithOptions<Events[K], This>;
} & ListenerOptions;

/** `onSync` and the like, for every event name. */
export type OnListeners<Events, This = any> = {
  [K in keyof Events & string as `on${Capitalize<K>}`]?: Listener<Events[K], This>;
};

interface Entry {
  fn: Listener<any>;
  thisObj: object | undefined;
  prio: number;
  once: boolean;
  args: readonly unknown[];
  /** Puts a call off. */
  later: ((call: () => void) => void) | undefined;
  called: boolean;
  ended: boolean;
}

/** Who gets all events, too, and under which names. */
interface Relay {
  through: Emitter<any>;
  nameOf(name: string): string;
}

const OPTIONS: ReadonlySet<string> = new Set([
  'thisObj',
  'prio',
  'once',
  'args',
  'delay',
  'buffer',
  'throttle',
  'asap',
  'expires',
  'detachable',
]);

/** What fires events. */
export class Emitter<Events extends object> {
  /** @internal */
  private _listeners: Map<string, Entry[]> | undefined;
  /** @internal */
  private _suspended = 0;
  /** @internal Events that wait for the end of a suspension. */
  private _queue: [string, object][] | undefined;
  /** @internal */
  private _relays: readonly Relay[] | undefined;

  /**
   * Listens; gives a function that ends it.
   *
   * @param options also just the listener's `this`
   */
  on<K extends keyof Events & string>(
    name: K,
    fn: Listener<Events[K]>,
    options?: ListenerOptions | object,
  ): () => void;
  on(listeners: Listeners<Events>, thisObj?: object): () => void;
  on(
    what: string | Listeners<Events>,
    fn?: Listener<any> | object,
    options?: ListenerOptions | object,
  ): () => void {
    checkNamed(what);
    const added: [string, Entry][] = [];
    if (typeof what === 'string') {
      added.push([what, this._entry(what, fn, optionsOf(options))]);
    } else {
      const shared = { ...(typeof fn === 'object' && fn !== null && { thisObj: fn }), ...what };
      for (const [name, listener] of Object.entries(what)) {
        if (OPTIONS.has(name) || listener == null) continue;
        const { fn: own, ...rest } = (isHandler(listener) ? { fn: listener } : listener) as any;
        added.push([name, this._entry(name, own, { ...shared, ...rest })]);
      }
    }
    for (const [name, entry] of added) this._insert(name, entry);
    this._listenersChanged();
    return () => {
      for (const [name, entry] of added) this._end(name, entry);
      this._listenersChanged();
    };
  }

  /** Listens to the next event only. */
  once<K extends keyof Events & string>(
    name: K,
    fn: Listener<Events[K]>,
    options?: ListenerOptions | object,
  ): () => void {
    return this.on(name, fn, { ...optionsOf(options), once: true });
  }

  /** Stops listening; with `thisObj`, only that object's listener of that function or name. */
  un<K extends keyof Events & string>(name: K, fn: Listener<Events[K]>, thisObj?: object): void;
  un(listeners: Listeners<Events>, thisObj?: object): void;
  un(what: string | Listeners<Events>, fn?: Listener<any> | object, thisObj?: object): void {
    checkNamed(what);
    const named = typeof what === 'string';
    const pairs = named ? [[what, fn] as const] : Object.entries(what);
    const shared = named ? thisObj : (what.thisObj ?? (fn as object | undefined));
    for (const [name, listener] of pairs) {
      const own = (listener as any)?.fn ?? listener;
      const whose = (listener as any)?.thisObj ?? shared;
      for (const entry of this._listeners?.get(name) ?? []) {
        const same = whose === undefined || whose === (entry.thisObj ?? this);
        if (entry.fn === own && same) this._end(name, entry);
      }
    }
    this._listenersChanged();
  }

  /** Forgets all listeners, but the handlers (`onXxx`). */
  removeAllListeners(): void {
    for (const [name, entries] of this._listeners ?? []) {
      for (const entry of entries) this._end(name, entry);
    }
    this._relays = undefined;
    this._listenersChanged();
  }

  /**
   * From here on, another one fires all events too: `add` as `storeAdd`, with the prefix `store`.
   * What its listeners say counts. Gives a function that ends it.
   *
   * @param transformCase `false` doesn't make the first letter behind the prefix a capital
   */
  relayAll(through: Emitter<any>, prefix = '', transformCase = true): () => void {
    if (!(through instanceof Emitter) || through._leadsTo(this)) {
      throw new SyncError('INVALID_ARGUMENT', 'relayAll() wants another one that has listeners');
    }
    const relay: Relay = {
      through,
      nameOf: (name) => (transformCase ? relayed(prefix, name) : prefix + name),
    };
    this._relays = [...(this._relays ?? []), relay];
    this._listenersChanged();
    return () => {
      const rest = this._relays?.filter((other) => other !== relay);
      this._relays = rest?.length ? rest : undefined;
      this._listenersChanged();
    };
  }

  /** The same as {@link Emitter.on}. */
  declare addListener: Emitter<Events>['on'];
  /** The same as {@link Emitter.un}. */
  declare removeListener: Emitter<Events>['un'];

  /** Whether somebody listens. */
  hasListener(name: keyof Events & string): boolean {
    checkName(name);
    return this._hears(name);
  }

  /**
   * No events until as many resumes have come. What changes meanwhile is tracked all the same.
   *
   * @param queue keeps the events for the last resume, but those that ask
   */
  suspendEvents(queue = false): void {
    this._suspended++;
    if (queue) this._queue ??= [];
  }

  /** Undoes one suspend. */
  resumeEvents(): void {
    if (this._suspended === 0 || --this._suspended > 0) return;
    const queue = this._queue ?? [];
    this._queue = undefined;
    for (const [name, event] of queue) this._fire(name, event);
  }

  /** Calls the listeners. `false` when one of them returned `false`. */
  trigger<K extends keyof Events & string>(
    name: K,
    event: Omit<Events[K], 'source' | 'type'> = {} as never,
  ): boolean {
    checkName(name);
    return this._fire(name, Object(event ?? {})) !== false;
  }

  /** @internal Whether a handler or listener is there for that event. */
  _hears(name: string): boolean {
    return (
      this._listeners?.has(name) === true ||
      this._relays !== undefined ||
      isHandler(this._handler(name))
    );
  }

  /** @internal
   * Calls the listeners in order. `false` when one vetoed at once; a promise of the verdict when one of them gave a promise;
   * else `true`. A listener that throws is reported, and counts as silent.
   */
  _fire(name: string, event: object): boolean | Promise<boolean> {
    if (this._suspended > 0) {
      if (!name.startsWith('before')) this._queue?.push([name, keep(event)]);
      return true;
    }
    const entries = this._listeners?.get(name);
    const handler = this._handler(name);
    const relays = this._relays;
    if (entries === undefined && relays === undefined && !isHandler(handler)) return true;
    const full = event as any;
    full.source ??= this;
    full.type ??= name;
    let waiting: Promise<unknown>[] | undefined;
    let proceed = true;
    const heed = (result: unknown) => {
      if (result === false) proceed = false;
      else if (result !== undefined && typeof (result as any)?.then === 'function') {
        // Reported here, so that it never shows as an unhandled rejection as well.
        waiting ??= [];
        waiting.push(Promise.resolve(result).catch((thrown) => this._threw(name, thrown)));
      }
    };
    if (isHandler(handler)) {
      try {
        heed(this._resolve(handler, this).call(this, full));
      } catch (thrown) {
        this._threw(name, thrown);
      }
    }
    // Listeners may come and go meanwhile: there is another list then.
    for (const entry of entries ?? []) {
      try {
        heed(this._call(name, entry, full));
      } catch (thrown) {
        this._threw(name, thrown);
      }
    }
    for (const { through, nameOf } of relays ?? []) {
      const type = nameOf(name);
      heed(through._fire(type, Object.create(full, { type: { value: type } })));
    }
    if (!proceed || waiting === undefined) return proceed;
    return Promise.all(waiting).then((results) => !results.includes(false));
  }

  /** @internal Takes listeners from a config: `listeners: {…}` and `onXxx`. */
  _listenFromConfig(config: any, names: readonly string[]): void {
    const { listeners } = config;
    if (listeners != null) {
      if (typeof listeners !== 'object') {
        throw new SyncError('INVALID_CONFIG', 'listeners must be an object of functions');
      }
      for (const [name, listener] of Object.entries(listeners)) {
        const fn = (listener as any)?.fn ?? listener;
        if (!OPTIONS.has(name)) checkHandler('INVALID_CONFIG', name, fn);
      }
      this.on(listeners);
    }
    for (const name of names) {
      const handler = config[handlerName(name)];
      checkHandler('INVALID_CONFIG', name, handler);
      if (isHandler(handler)) (this as any)[handlerName(name)] = handler;
    }
  }

  /** @internal Somebody began or ceased to listen. */
  protected _listenersChanged(): void {}

  /** @internal A listener threw. */
  _threw(name: string, thrown: unknown): void {
    console.error(`Syncline: a listener of "${name}" threw`, thrown);
    if (name !== 'exception') this._fire('exception', { eventName: name, error: thrown });
  }

  /** @internal Forgets all listeners. */
  protected _forgetListeners(): void {
    this.removeAllListeners();
  }

  /** @internal Whether events that are relayed come to that one. */
  private _leadsTo(other: Emitter<any>): boolean {
    return this === other || this._relays?.some(({ through }) => through._leadsTo(other)) === true;
  }

  private _call(name: string, entry: Entry, event: object): unknown {
    const { fn, args, later, once } = entry;
    const thisObj: any = entry.thisObj ?? this;
    if (thisObj.isDestroyed === true && thisObj !== this) {
      this._end(name, entry);
      this._listenersChanged();
      return undefined;
    }
    entry.called = true;
    if (once) this._drop(name, entry);
    const call = () => {
      const method: (...given: any[]) => unknown = this._resolve(fn, thisObj);
      return args.length === 0 ? method.call(thisObj, event) : method.call(thisObj, ...args, event);
    };
    if (later === undefined) return call();
    keep(event);
    later(() => {
      if (entry.ended) return;
      try {
        const result: any = call();
        result?.then?.(undefined, (thrown: unknown) => this._threw(name, thrown));
      } catch (thrown) {
        this._threw(name, thrown);
      }
    });
    return undefined;
  }

  private _handler(name: string): unknown {
    return (this as any)[handlerName(name)];
  }

  private _entry(name: string, fn: unknown, options: ListenerOptions): Entry {
    if (fn == null) throw new SyncError('INVALID_ARGUMENT', `no listener of "${name}" was given`);
    checkHandler('INVALID_ARGUMENT', name, fn);
    const { thisObj, prio = 0, once = false, args = [] } = options;
    checkList('args', args);
    const later = deferral(options);
    const listener = fn as Listener<any>;
    const entry: Entry = { fn: listener, thisObj, prio, once, args, later, called: false, ended: false };
    const { expires } = options;
    if (expires != null) this._expire(name, entry, expires);
    return entry;
  }

  private _expire(name: string, entry: Entry, expires: NonNullable<ListenerOptions['expires']>): void {
    const { delay, alt } = typeof expires === 'object' ? expires : { delay: expires, alt: undefined };
    checkMs('expires', delay);
    setTimeout(() => {
      if (entry.ended) return;
      this._end(name, entry);
      this._listenersChanged();
      if (entry.called || alt === undefined) return;
      const thisObj = entry.thisObj ?? this;
      try {
        this._resolve(alt, thisObj).call(thisObj, undefined);
      } catch (thrown) {
        this._threw(name, thrown);
      }
    }, delay);
  }

  private _insert(name: string, entry: Entry): void {
    this._listeners ??= new Map();
    const entries = [...(this._listeners.get(name) ?? [])];
    const at = entries.findIndex((other) => other.prio < entry.prio);
    entries.splice(at < 0 ? entries.length : at, 0, entry);
    this._listeners.set(name, entries);
  }

  /** It is called no more, also not for what it has put off. */
  private _end(name: string, entry: Entry): void {
    entry.ended = true;
    this._drop(name, entry);
  }

  private _drop(name: string, entry: Entry): void {
    const rest = this._listeners?.get(name)?.filter((other) => other !== entry);
    if (rest === undefined) return;
    if (rest.length > 0) this._listeners?.set(name, rest);
    else this._listeners?.delete(name);
  }

  private _resolve(fn: Listener<any>, thisObj: any): (event: any) => unknown {
    if (typeof fn === 'function') return fn;
    const method = thisObj[fn] ?? (this as any)[fn];
    if (typeof method === 'function') return method;
    throw new SyncError('INVALID_ARGUMENT', `there is no method "${fn}" to call`);
  }
}

const { prototype } = Emitter;
prototype.addListener = prototype.on;
prototype.removeListener = prototype.un;

/** @internal */
const capital = (name: string) => `${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`;

/** @internal `add` -> `storeAdd`. */
export const relayed = (prefix: string, name: string) => prefix + (prefix ? capital(name) : name);

const handlerNames = new Map<string, string>();

/** `sync` -> `onSync`. */
export function handlerName(event: string): string {
  let name = handlerNames.get(event);
  if (name === undefined) {
    name = `on${capital(event)}`;
    handlerNames.set(event, name);
  }
  return name;
}

/** Makes `onXxx` a property of a class that can be set at any time. */
export function defineHandlers(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const key = Symbol(name);
    Object.defineProperty(prototype, handlerName(name), {
      configurable: true,
      get(this: any) {
        return this[key];
      },
      set(this: any, handler: unknown) {
        checkHandler('INVALID_ARGUMENT', name, handler);
        Object.defineProperty(this, key, { value: handler, configurable: true, writable: true });
        this._listenersChanged();
      },
    });
  }
}

/** What is neither a handler nor left out is a mistake. */
function checkHandler(code: 'INVALID_ARGUMENT' | 'INVALID_CONFIG', name: string, value: unknown): void {
  if (value == null || isHandler(value)) return;
  throw new SyncError(code, `the listener of "${name}" must be a function, or the name of a method`);
}

function checkName(name: unknown): void {
  if (typeof name === 'string') return;
  throw new SyncError('INVALID_ARGUMENT', 'an event has a name');
}

function checkNamed(what: unknown): void {
  if (typeof what === 'string' || (typeof what === 'object' && what !== null)) return;
  throw new SyncError('INVALID_ARGUMENT', 'listeners are given by name, or as an object');
}

/** Has an event that is looked at later make what it makes for who looks. */
function keep(event: object): object {
  void (event as { records?: unknown }).records;
  return event;
}

function isHandler(value: unknown): value is Listener<any> {
  return typeof value === 'function' || typeof value === 'string';
}

/** What has other members than options is the listener's `this`. */
function optionsOf(given: ListenerOptions | object | undefined): ListenerOptions {
  if (given === null || typeof given !== 'object') return {};
  const prototype = Object.getPrototypeOf(given);
  const plain = prototype === Object.prototype || prototype === null;
  const isOptions = plain && Object.keys(given).every((name) => OPTIONS.has(name));
  return isOptions ? given : { thisObj: given };
}

/** How the calls of a listener are put off, if they are. */
function deferral({ delay, buffer, throttle, asap }: ListenerOptions): Entry['later'] {
  for (const [name, ms] of Object.entries({ delay, buffer, throttle })) {
    if (ms != null) checkMs(name, ms);
  }
  if (asap === true) return queueMicrotask;
  if (delay != null) return (call) => setTimeout(call, delay);
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (buffer != null) {
    return (call) => {
      clearTimeout(timer);
      timer = setTimeout(call, buffer);
    };
  }
  if (throttle == null) return undefined;
  let last: (() => void) | undefined;
  const run = (call: () => void) => {
    timer = setTimeout(() => {
      const next = last;
      timer = last = undefined;
      if (next !== undefined) run(next);
    }, throttle);
    call();
  };
  return (call) => {
    if (timer === undefined) run(call);
    else last = call;
  };
}

function checkMs(name: string, ms: unknown): void {
  if (typeof ms === 'number' && ms >= 0 && ms < 2 ** 31) return;
  throw new SyncError('INVALID_ARGUMENT', `${name} must be a number of ms`);
}
