import { SyncError } from './errors.js';

/** A function, or the name of a method to look up when the event fires. */
export type Listener<E, This = any> = ((this: This, event: E) => unknown) | string;

/** How a listener is called. */
export interface ListenerOptions {
  /** What `this` is; the source of the events when not given. */
  thisObj?: object;
  /** Higher ones are called earlier. */
  prio?: number;
  /** Only the next event. */
  once?: boolean;
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
}

const OPTIONS: ReadonlySet<string> = new Set(['thisObj', 'prio', 'once']);

/** What fires events. */
export class Emitter<Events extends object> {
  /** @internal */
  private _listeners: Map<string, Entry[]> | undefined;
  /** @internal */
  private _suspended = 0;
  /** @internal Events that wait for the end of a suspension. */
  private _queue: [string, object][] | undefined;

  /** Listens; gives a function that ends it. */
  on<K extends keyof Events & string>(
    name: K,
    fn: Listener<Events[K]>,
    options?: ListenerOptions,
  ): () => void;
  on(listeners: Listeners<Events>): () => void;
  on(
    what: string | Listeners<Events>,
    fn?: Listener<any>,
    options: ListenerOptions = {},
  ): () => void {
    checkNamed(what);
    const added: [string, Entry][] = [];
    if (typeof what === 'string') {
      added.push([what, this._entry(what, fn, options)]);
    } else {
      for (const [name, listener] of Object.entries(what)) {
        if (OPTIONS.has(name) || listener == null) continue;
        const { fn: own, ...rest } = (isHandler(listener) ? { fn: listener } : listener) as any;
        added.push([name, this._entry(name, own, { ...what, ...rest })]);
      }
    }
    for (const [name, entry] of added) this._insert(name, entry);
    this._listenersChanged();
    return () => {
      for (const [name, entry] of added) this._drop(name, (other) => other === entry);
      this._listenersChanged();
    };
  }

  /** Listens to the next event only. */
  once<K extends keyof Events & string>(
    name: K,
    fn: Listener<Events[K]>,
    options?: ListenerOptions,
  ): () => void {
    return this.on(name, fn, { ...options, once: true });
  }

  /** Stops listening. */
  un<K extends keyof Events & string>(name: K, fn: Listener<Events[K]>): void;
  un(listeners: Listeners<Events>): void;
  un(what: string | Listeners<Events>, fn?: Listener<any>): void {
    checkNamed(what);
    const pairs = typeof what === 'string' ? [[what, fn] as const] : Object.entries(what);
    for (const [name, listener] of pairs) {
      const own = (listener as any)?.fn ?? listener;
      this._drop(name, (entry) => entry.fn === own);
    }
    this._listenersChanged();
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
    return this._listeners?.has(name) === true || isHandler(this._handler(name));
  }

  /** @internal
   * Calls the listeners in order. `false` when one vetoed at once; a promise of the verdict when one of them gave a promise;
   * else `true`. A listener that throws is reported, and counts as silent.
   */
  _fire(name: string, event: object): boolean | Promise<boolean> {
    if (this._suspended > 0) {
      if (!name.startsWith('before')) this._queue?.push([name, event]);
      return true;
    }
    const entries = this._listeners?.get(name);
    const handler = this._handler(name);
    if (entries === undefined && !isHandler(handler)) return true;
    const full = event as any;
    full.source ??= this;
    full.type ??= name;
    let waiting: Promise<unknown>[] | undefined;
    let proceed = true;
    const call = (fn: Listener<any>, thisObj: object) => {
      try {
        const result = this._resolve(fn, thisObj).call(thisObj, full);
        if (result === false) proceed = false;
        else if (typeof (result as any)?.then === 'function') {
          // Reported here, so that it never shows as an unhandled rejection as well.
          waiting ??= [];
          waiting.push(Promise.resolve(result).catch((thrown) => this._threw(name, thrown)));
        }
      } catch (thrown) {
        this._threw(name, thrown);
      }
    };
    if (isHandler(handler)) call(handler, this);
    // Listeners may come and go meanwhile: there is another list then.
    for (const entry of entries ?? []) {
      if (entry.once) this._drop(name, (other) => other === entry);
      call(entry.fn, entry.thisObj ?? this);
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
    this._listeners = undefined;
  }

  private _handler(name: string): unknown {
    return (this as any)[handlerName(name)];
  }

  private _entry(name: string, fn: unknown, options: ListenerOptions): Entry {
    if (fn == null) throw new SyncError('INVALID_ARGUMENT', `no listener of "${name}" was given`);
    checkHandler('INVALID_ARGUMENT', name, fn);
    const { thisObj, prio = 0, once = false } = options;
    return { fn: fn as Listener<any>, thisObj, prio, once };
  }

  private _insert(name: string, entry: Entry): void {
    this._listeners ??= new Map();
    const entries = [...(this._listeners.get(name) ?? [])];
    const at = entries.findIndex((other) => other.prio < entry.prio);
    entries.splice(at < 0 ? entries.length : at, 0, entry);
    this._listeners.set(name, entries);
  }

  private _drop(name: string, matches: (entry: Entry) => boolean): void {
    const rest = this._listeners?.get(name)?.filter((entry) => !matches(entry));
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

const handlerNames = new Map<string, string>();

/** `sync` -> `onSync`. */
export function handlerName(event: string): string {
  let name = handlerNames.get(event);
  if (name === undefined) {
    name = `on${event[0]?.toUpperCase() ?? ''}${event.slice(1)}`;
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

function isHandler(value: unknown): value is Listener<any> {
  return typeof value === 'function' || typeof value === 'string';
}
