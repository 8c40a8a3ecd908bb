import { engineStrategy } from './conflicts.js';
import { engineDifferences } from './crud-policies.js';
import { NoticeKind } from './decode.js';
import { type OnListeners, defineHandlers } from './emitter.js';
import { SyncError } from './errors.js';
import { type Field, engineField } from './fields.js';
import type { Model } from './model.js';
import { engine, writeJson } from './runtime.js';
import { stores } from './store-core.js';
import { type ChangeBatch, STORE_EVENTS, type StoreEvents } from './store-events.js';
import { type StoreConfig, interval, parentField } from './store-config.js';
import { StoreTree } from './store-tree.js';
import { StoreView } from './store-view.js';

const FOREIGN = 16;
const ALL_KINDS = 0x7f;
/**
 * What others change is noticed without listeners too, but updates: rows are merely said to be
 * stale then.
 */
const UNTOLD_KINDS = ALL_KINDS & ~((1 << NoticeKind.Update) | (1 << NoticeKind.State));
const STALE = 1 << 31;

const byId = new Map<string, Store<any>>();

/** A named set of records. */
export class Store<R extends Model = Model> extends StoreTree<R> {
  /** The store of that id, the one made last if there are several. */
  static getStore(id: string): Store<any> | undefined {
    return byId.get(id);
  }

  constructor(config: StoreConfig<R> = {}) {
    super(config);
    this._create();
    if (this.isTree) this._view = new StoreView<R>(this);
    byId.set(this.id, this);
    try {
      // Before anybody listens: what is there from the beginning is no news.
      if (config.data !== undefined) this.loadData(config.data);
      if (config.sorters !== undefined) this.sorters = config.sorters as any;
      if (config.filters !== undefined) this.filter(config.filters as any);
      this._listenFromConfig(config, STORE_EVENTS);
    } catch (thrown) {
      this.destroy();
      throw thrown;
    }
    queueMicrotask(() => this._listenersChanged());
  }

  /**
   * Tells what changed: one batch per turn, with at most one change per record. Meant for user
   * interfaces; `hold` holds it back. Gives a function that ends it.
   */
  subscribe(subscriber: (batch: ChangeBatch<R>) => void): () => void {
    this._alive();
    if (typeof subscriber !== 'function') {
      throw new SyncError('INVALID_ARGUMENT', 'subscribe() wants a function');
    }
    const end = this._subscriptions.subscribe(subscriber);
    this._listenersChanged();
    return () => {
      end();
      this._listenersChanged();
    };
  }

  /**
   * Holds the changes of others to a record (by its key), or to all (`*`), back from subscribers:
   * for the time of a drag. Gives a function that releases them. The user's own changes are told at
   * once.
   */
  hold(key: string): () => void {
    this._alive();
    if (typeof key !== 'string') {
      throw new SyncError('INVALID_ARGUMENT', 'hold() wants the key of a record, or *');
    }
    return this._subscriptions.hold(key);
  }

  /** Forgets the store and its data. Everything but reading `id` throws from then on. */
  destroy(): void {
    if (this._destroyed) return;
    engine().destroyStore(this._number);
    this._destroyed = true;
    this._tune();
    stores.delete(this._number);
    if (byId.get(this.id) === this) byId.delete(this.id);
    this._subscriptions.stop();
    this._forgetListeners();
    this._cache.clear();
  }

  /** @internal Makes the engine's store anew with other options; only while it is empty. */
  _create(): void {
    const { _config: config } = this;
    const options = {
      id: this.id,
      fields: this._fields.list.map((field) => {
        const sent = engineField(field);
        return field.ix === 0 && config.idField != null ? { ...sent, dataSource: config.idField } : sent;
      }),
      interval: interval(this._fields, config.interval),
      parentField: parentField(config.tree),
      relations: config.relations ?? [],
      writeAllFields: config.writeAllFields,
      phantomIdField: config.phantomIdField,
      keepUncommittedChanges: config.keepUncommittedChanges,
      naturalKey: config.naturalKey,
      conflictResolution: engineStrategy(config),
      modifiedField: config.modifiedField,
      syncDataOnLoad: engineDifferences(config.syncDataOnLoad),
      writeUnsetFields: config.writeUnsetFields,
      allowNoId: config.allowNoId,
      verifyNoGeneratedIds: config.verifyNoGeneratedIds,
    };
    const number = engine().createStore(writeJson(options));
    if (this._number >= 0) {
      stores.delete(this._number);
      engine().destroyStore(this._number);
    }
    this._number = number;
    stores.set(number, this);
    this._view?.forget();
    this._listenersChanged();
  }

  /** @internal Takes over what a manager's descriptor says; only while the store is empty. */
  _adjust(given: {
    id?: string | undefined;
    idField?: string | undefined;
    phantomIdField?: string | undefined;
    writeAllFields?: boolean | undefined;
  }): void {
    const extra: Record<string, unknown> = {};
    if (given.id !== undefined && given.id !== this.id) extra.id = given.id;
    for (const name of ['idField', 'phantomIdField', 'writeAllFields'] as const) {
      if (given[name] !== undefined && given[name] !== this._config[name])
        extra[name] = given[name];
    }
    if (Object.keys(extra).length === 0) return;
    if (this._manager !== undefined || this.allCount > 0 || this.changes !== null) {
      const names = Object.keys(extra).join(', ');
      throw new SyncError(
        'INVALID_CONFIG',
        `store "${this.id}" is in use; give it ${names} when you make it`,
      );
    }
    Object.assign(this._config, extra);
    if (extra.id !== undefined) {
      if (byId.get(this.id) === this) byId.delete(this.id);
      (this as { id: string }).id = String(extra.id);
      byId.set(this.id, this);
    }
    this._create();
  }

  /** @internal The wire name of the id. */
  override get _idName(): string {
    return this._config.idField ?? this._fields.list[0]?.config.dataSource ?? 'id';
  }

  /** @internal */
  get _phantomIdField(): string | undefined {
    return this._config.phantomIdField;
  }

  /** @internal The same, or the manager's. */
  get _phantomIdName(): string {
    const options = (this._manager as any)?._options;
    return this._phantomIdField ?? options?.phantomIdField ?? '$PhantomId';
  }

  /** @internal Fields that make something else of what is sent. */
  _serialized(): Field[] {
    return this._fields.list.filter((field) => field.serialize !== undefined);
  }

  protected override _listenersChanged(): void {
    if (this._destroyed || this._number < 0) return;
    const heard = STORE_EVENTS.some((name) => !name.startsWith('before') && this._hears(name));
    this._vetoes = this._hears('beforeUpdate');
    this._told = heard || this._subscriptions.active;
    this._tune();
    // What others change is always told: rows that were read before are stale then; to stores with
    // relations that is what the user does elsewhere, too. An id that changes concerns keys.
    const related = this._config.relations !== undefined && this._config.relations.length > 0;
    const local = this._told || related ? ALL_KINDS : 1 << NoticeKind.IdChange;
    const foreign = this._told ? ALL_KINDS : UNTOLD_KINDS;
    engine().listenStore(this._number, local | (foreign << FOREIGN) | STALE);
  }
}

/** Handlers can be set at any time: `store.onChange = () => …`. */
export interface Store<R extends Model> extends OnListeners<StoreEvents<R>> {}

defineHandlers(Store.prototype, STORE_EVENTS);
