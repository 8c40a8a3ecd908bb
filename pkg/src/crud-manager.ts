import { type CrudResult, makeCall } from './calls.js';
import type { ChannelConfig } from './channel-config.js';
import { Channel } from './channel.js';
import { type Conflict, type ConflictOptions, engineStrategy } from './conflicts.js';
import { type CrudManagerConfig, type CrudManagerSettings, SETTINGS, asksAnything, signalOf } from './crud-config.js';
import { type CrudManagerEvents, EVENTS, RELAYED } from './crud-events.js';
import { CrudStores, type StoreModels } from './crud-stores.js';
import { type StoreChangeset, applyAsOwn, renamed, transformed } from './changesets.js';
import { type OnListeners, defineHandlers } from './emitter.js';
import { type EditOptions, settledRecord, transact, updateRecord } from './edits.js';
import { SyncError, checkOptions } from './errors.js';
import type { Model } from './model.js';
import { invalidRecords, judges } from './validity.js';
import { bytes, engine, register, writeJson, writePieces } from './runtime.js';
import type { DataInput } from './store-config.js';
import type { Store } from './store.js';
import { encodeData } from './store-changing.js';

/** Options of a single load. */
export interface LoadOptions {
  /** Another URL, parameters of the query, members of the pack. */
  request?: {
    url?: string;
    params?: Record<string, unknown>;
    data?: Record<string, unknown>;
  };
  /** By store: parameters that go into the store's entry of the request. */
  [storeId: string]: Record<string, unknown> | undefined;
}

/** Changes by store, as the server tells them. */
export type Changeset = Record<string, StoreChangeset>;

/** @internal Managers by the engine's number. */
export const managers = new Map<number, CrudManager<any>>();

/**
 * Loads stores from a server and sends back what is changed in them.
 *
 * ```ts
 * await init();
 * const events = new Store({ id: 'events', modelClass: EventModel });
 * const crud = new CrudManager<{ events: EventModel }>({
 *   loadUrl: '/api/load', syncUrl: '/api/sync', autoSync: true, crudStores: [events],
 * });
 * await crud.load();
 * ```
 */
export class CrudManager<Stores extends object = StoreModels> extends CrudStores<Stores> {
  /** @internal Minified code has other names. */ static override readonly name: string = 'CrudManager';
  static readonly isCrudManager = true;
  readonly isCrudManager = true;

  /** @internal What the last call of load() asked for. */ _loadOptions: object = {};
  private leaving = false;
  private guards = new Set<() => void>();
  private live: Channel | null = null;
  /** @internal */ readonly _conflicts = new Map<string, Conflict>();
  /** @internal Records that were invalid at the last look. */ _invalid = new Set<Model>();
  /** @internal What the stores were like when their records were last asked whether they are valid. */ _judged = -1;

  constructor(config: CrudManagerConfig = {}) {
    super(config);
    try {
      this._number = engine().createManager(
        writeJson(this._forEngine(this._options, this._transports)),
      );
      managers.set(this._number, this);
      for (const input of [...(config.crudStores ?? []), ...(config.stores ?? [])]) {
        this.addCrudStore(input);
      }
      if (!this._placesStores && config.inlineData !== undefined) {
        this.inlineData = config.inlineData;
      }
      const channel = config.channel ?? config.live ?? false;
      if (channel !== false) this.openChannel(channel);
      // A word is a policy.
      const policy = typeof config.onConflict === 'string';
      const names = HANDLED.filter((name) => name !== 'conflict' || !policy);
      this._listenFromConfig(config, names);
    } catch (thrown) {
      this.destroy();
      throw thrown;
    }
    this._listenersChanged();
    // A subclass may make its handlers after this constructor.
    queueMicrotask(() => this._listenersChanged());
  }

  // --- loading and syncing -----------------------------------------------------------------------

  /**
   * Loads all stores, from the configured URL or the given one. Cancels a load that is under way.
   * Resolves when the data is there; rejects with a {@link SyncError}.
   */
  override load(options?: LoadOptions | string): Promise<CrudResult> {
    const given = typeof options === 'string' ? { request: { url: options } } : options;
    return makeCall((call) => {
      const manager = this._alive();
      // It may go out at once.
      this._loadOptions = given ?? {};
      engine().load(manager, call, given === undefined ? -1 : writeJson(given));
    }) as Promise<CrudResult>;
  }

  /**
   * Sends what is changed. Resolves with the server's answer, or `null` when there was nothing to
   * send. While a sync is under way, all calls share one that follows it.
   */
  sync(): Promise<CrudResult | null> {
    return makeCall((call) => engine().sync(this._alive(), call));
  }

  /**
   * Applies a load answer (or, by its `type`, a sync answer) that came by another way. Listeners of
   * `beforeResponseApply` and `beforeLoadApply` can change or prevent it; with a promise, it is
   * applied when that is there.
   */
  loadCrudManagerData(response: DataInput, options: object = {}): void {
    this._alive();
    const names = (['beforeResponseApply', 'beforeLoadApply'] as const).filter((name) =>
      this._hears(name),
    );
    if (names.length === 0) {
      this._apply(response);
      return;
    }
    const text = response instanceof Uint8Array ? new TextDecoder().decode(response) : response;
    const event = {
      requestType: 'load' as const,
      response: typeof text === 'string' ? JSON.parse(text) : text,
      options,
    };
    const ask = (): void => {
      const name = names.shift();
      if (name === undefined) {
        this._apply(event.response);
        return;
      }
      const { response: shown } = event;
      const own = { ...event, response: shown };
      const verdict = this._fire(name, own);
      const go = (proceed: boolean) => {
        event.response = own.response;
        if (proceed && !this.destroyed) ask();
      };
      if (typeof verdict === 'boolean') go(verdict);
      else verdict.then(go).catch((thrown) => this._threw(name, thrown));
    };
    ask();
  }

  private _apply(response: DataInput): void {
    const manager = this._alive();
    const last = writePieces(encodeData(response), (length) =>
      engine().applyPiece(manager, length),
    );
    engine().applyResponse(manager, last);
  }

  /**
   * Applies changes of the server that came by another way. Nothing becomes dirty, and unsent edits
   * survive.
   *
   * @param transform makes another changeset of the one that was given
   * @param phantomIdField where the changeset has a phantom's client id
   * @param clearChanges `false` applies them as the user's own changes, to be sent: for drafts that
   * are restored
   */
  applyChangeset(
    changes: Changeset,
    transform?: ((changes: Changeset) => Changeset) | null,
    phantomIdField?: string,
    clearChanges = true,
  ): void {
    const number = this._alive();
    const given = { ...transformed(changes, transform) };
    for (const [id, section] of Object.entries(given)) {
      const store = this.getCrudStore(id as never) as Store<any> | undefined;
      const usual = store?._phantomIdName ?? '$PhantomId';
      if (phantomIdField !== undefined && phantomIdField !== usual && section) {
        given[id] = renamed(section, phantomIdField, usual);
      }
      if (!clearChanges) applyAsOwn(this._expectStore(id), given[id] as StoreChangeset, usual);
    }
    if (!clearChanges) return;
    const pinned = this.stores.map((store) => given[store.id] && store._pin(given[store.id] as StoreChangeset));
    engine().applyChangeset(number, writeJson(given));
    for (const settle of pinned) settle?.();
  }

  /** No autoSync, nor `autoCommit` of the stores, until as many resumes have come. */
  suspendAutoSync(): void {
    engine().suspendAutoSync(this._alive());
    for (const store of this.stores) store.suspendAutoCommit();
  }

  /**
   * Undoes one suspend; the last one lets a sync (and commits of stores) follow, unless told
   * otherwise.
   */
  resumeAutoSync(doSync = true): void {
    engine().resumeAutoSync(this._alive(), Boolean(doSync));
    for (const store of this.stores) if (!store.isDestroyed) store.resumeAutoCommit(doSync);
  }

  // --- live --------------------------------------------------------------------------------------

  /** The live channel, when the manager has one. */
  get channel(): Channel | null {
    return this.live?.isDestroyed === false ? this.live : null;
  }

  /**
   * Gives the manager a live channel, in the place of the one that it has; it connects by itself
   * unless told not to.
   */
  openChannel(config: string | ChannelConfig): Channel {
    const number = this._alive();
    const options = typeof config === 'string' ? { url: config } : config;
    checkOptions('a channel', options, []);
    const { room } = this.constructor as { room?: string };
    const channel = new Channel(this, number, {
      ...(room !== undefined && { project: room }),
      ...options,
    });
    const before = this.live;
    before?.destroy();
    this.live = channel;
    try {
      channel._start();
    } catch (thrown) {
      this.live = null;
      throw thrown;
    }
    this._listenersChanged();
    return channel;
  }

  /** {@link Channel.lockRecord} of the manager's channel. */
  lockRecord(...given: Parameters<Channel['lockRecord']>): Promise<boolean> {
    return this._expectChannel().lockRecord(...given);
  }

  /** {@link Channel.unlockRecord} of the manager's channel. */
  unlockRecord(...given: Parameters<Channel['unlockRecord']>): void {
    this._expectChannel().unlockRecord(...given);
  }

  // --- changes -----------------------------------------------------------------------------------

  /**
   * Everything that the server hasn't confirmed, by store and as it is sent; `null` when there is
   * nothing.
   */
  get changes(): any {
    const found = this.changesAsBytes();
    return found === null ? null : JSON.parse(new TextDecoder().decode(found));
  }

  /** {@link CrudManager.changes} as JSON text in UTF-8. */
  changesAsBytes(): Uint8Array | null {
    if (!engine().managerChanges(this._alive())) return null;
    const at = register(0);
    return bytes().slice(at, at + register(1));
  }

  /** Whether a store has changes; without one, whether any has. */
  override crudStoreHasChanges(store?: Store<any> | string): boolean {
    if (store !== undefined) return this._expectStore(store).hasChanges;
    return (this._state(0) & 4) !== 0;
  }

  /** Whether anything is there that the server hasn't confirmed. */
  get hasUnsavedChanges(): boolean {
    return this.crudStoreHasChanges();
  }

  /** Declares what is changed to be confirmed. */
  acceptChanges(): void {
    engine().settleManager(this._alive(), true);
  }

  /** Takes everything back that is changed, also what is on the wire. */
  rejectChanges(): void {
    engine().settleManager(this._alive(), false);
  }

  /** The same as {@link CrudManager.rejectChanges}. */
  revertChanges(): void {
    this.rejectChanges();
  }

  // --- fates -------------------------------------------------------------------------------------

  /**
   * The same as `record.settled()`: resolves when all that is changed in the record by now is
   * confirmed.
   */
  settled(record: Model): Promise<void> {
    return settledRecord(record);
  }

  /**
   * Sets fields of a record, to be seen at once (or, with `optimistic: false`, when they are
   * confirmed). Resolves with the record when the server has confirmed them; rejects with a
   * {@link SyncError} when it refuses them: then they are taken back, these fields alone, and what
   * was set before or since stays.
   */
  update<R extends Model>(
    record: R,
    changes: Record<string, unknown>,
    options?: EditOptions,
  ): Promise<R> {
    return updateRecord(this, record, changes, options);
  }

  /**
   * What the function sets, adds and removes is one edit: it goes in one package, and when the
   * server refuses a part of it, or the function throws, all of it is taken back. Resolves with
   * what the function gave when all is confirmed. The function has to be done when it returns.
   */
  transact<T>(make: () => T): Promise<T> {
    this._alive();
    return transact(this, make);
  }

  /** The conflicts that wait to be resolved, oldest first. Their records aren't sent before. */
  get conflicts(): Conflict[] {
    return [...this._conflicts.values()];
  }

  /**
   * The changed records that say that they aren't valid: they are not sent, nor is what depends on
   * them.
   */
  get invalidRecords(): Model[] {
    this._alive();
    return invalidRecords(this);
  }

  /** Whether the manager was destroyed. */
  get isDestroyed(): boolean {
    return this.destroyed;
  }

  // --- stores ------------------------------------------------------------------------------------

  /** The data of all stores; setting it is {@link CrudManager.loadCrudManagerData}. */
  get inlineData(): any {
    return this.toJSON();
  }

  set inlineData(data: DataInput) {
    this.loadCrudManagerData(data);
  }

  /**
   * Asks the user before the page is left with changes that aren't saved. Gives a function that
   * ends it.
   */
  guardUnload(): () => void {
    this._alive();
    const target = globalThis as { addEventListener?: Function; removeEventListener?: Function };
    const guard = (event: any) => {
      if (this.destroyed || !this.hasUnsavedChanges) return;
      event.preventDefault();
      // Older browsers ask only when it is set.
      event.returnValue = true;
    };
    const end = () => {
      target.removeEventListener?.('beforeunload', guard);
      this.guards.delete(end);
    };
    target.addEventListener?.('beforeunload', guard);
    this.guards.add(end);
    return end;
  }

  /**
   * Ends the manager: requests are aborted, promises reject as cancelled. Stores that it made
   * itself go with it.
   */
  destroy(): void {
    if (this.destroyed || this.leaving) return;
    this.leaving = true;
    this._fire('beforeDestroy', {});
    this.live?.destroy();
    this.live = null;
    this.destroyed = true;
    this._conflicts.clear();
    // It may not have come so far.
    if (this._number >= 0) engine().destroyManager(this._number);
    managers.delete(this._number);
    for (const end of [...this.guards]) end();
    this._endStandIn();
    this._letStoresGo();
    this._forgetListeners();
  }

  /** The same as {@link CrudManager.destroy}, for `using`. */
  [Symbol.dispose ?? Symbol.for('Symbol.dispose')](): void {
    this.destroy();
  }

  // --- for the shell -----------------------------------------------------------------------------

  protected override _listenersChanged(): void {
    if (this.destroyed || this._number < 0) return;
    const { load, sync } = this._transports;
    let mask = 0;
    EVENTS.forEach((name, bit) => {
      const prepares =
        this._replaces('encode') ||
        this._options.sendAsFormData ||
        [load, sync].some((one) => asksAnything(one) || one.addQueryParamsToBody);
      const watches =
        this._replaces('sendRequest') ||
        this._replaces('decode') ||
        signalOf(load) ||
        signalOf(sync) ||
        this._options.validateResponse;
      const needed =
        (name === 'beforeSend' && prepares) ||
        ((name === 'conflict' || name === 'conflictResolved') && this._decides()) ||
        (name === 'invalid' && this.stores.some(judges)) ||
        (name === 'requestDone' && watches) ||
        (name === 'syncWarning' && this._options.validateResponse) ||
        (name === 'beforeSync' && this.stores.some((store) => store._serialized().length > 0));
      if (needed || (name !== 'invalid' && this._hears(name))) mask |= 1 << bit;
    });
    engine().listen(this._number, mask >>> 0);
    this._hearsEdits =
      // An edit of a record that another has locked is refused at once.
      this.channel !== null || this._hears('hasChanges') || this._hears('noChanges') || this._hears('status');
    for (const store of this.stores) store._tune();
  }

  /** Whether conflicts are decided otherwise than by default: then open ones have to be known. */
  private _decides(): boolean {
    const decides = (options: ConflictOptions) => engineStrategy(options) !== undefined;
    return decides(this._options) || this.stores.some((store) => decides(store._config));
  }

  // --- private -----------------------------------------------------------------------------------

  private _expectChannel(): Channel {
    const { channel } = this;
    if (channel === null) throw new SyncError('INVALID_CONFIG', 'the manager has no channel');
    return channel;
  }

  /**
   * @internal Whether stores are placed after the constructor: there is nothing yet that could take
   * data.
   */
  protected get _placesStores(): boolean {
    return false;
  }

}

/** Handlers can be set at any time: `manager.onSync = () => …`. */
export interface CrudManager<Stores extends object>
  extends OnListeners<CrudManagerEvents>,
    CrudManagerSettings {}

const HANDLED = [...EVENTS, ...RELAYED, 'beforeDestroy'];
defineHandlers(CrudManager.prototype, HANDLED);
const ofConflict = Object.getOwnPropertyDescriptor(CrudManager.prototype, 'onConflict');
Object.defineProperty(CrudManager.prototype, 'onConflict', {
  configurable: true,
  get(this: CrudManager) {
    const handler: unknown = ofConflict?.get?.call(this);
    return handler ?? this._options.onConflict;
  },
  set(this: CrudManager, value: any) {
    const policy = ['keep', 'reload', 'revert'].includes(value);
    if (policy) this._option({ onConflict: value });
    else ofConflict?.set?.call(this, value);
  },
});

for (const [name, usual] of Object.entries(SETTINGS)) {
  Object.defineProperty(CrudManager.prototype, name, {
    configurable: true,
    get(this: CrudManager) {
      return this._options[name as keyof CrudManagerSettings] ?? usual;
    },
    set(this: CrudManager, value: unknown) {
      this._option({ [name]: value });
    },
  });
}
