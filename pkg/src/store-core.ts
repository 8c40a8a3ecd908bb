import { fieldsOf } from './accessors.js';
import { Freshness, freshen, markStale, putCell } from './cells.js';
import { readValue } from './decode.js';
import { Emitter } from './emitter.js';
import { hides, isMaking } from './edits.js';
import { SyncError, checkOptions } from './errors.js';
import type { Field, FieldList } from './fields.js';
import { EditPort, noted } from './journal.js';
import { type Id, Model, settleIn } from './model.js';
import { together } from './notices.js';
import { RecordCache } from './record-cache.js';
import { engine, readWords, thrown } from './runtime.js';
import { sendValue } from './setting.js';
import type { FieldChange, StoreEvents } from './store-events.js';
import {
  type StoreConfig,
  isModelClass,
  parentField,
  recordClass,
  withTreeFields,
} from './store-config.js';
import { StoreFields } from './store-fields.js';
import type { StoreView } from './store-view.js';
import type { Store } from './store.js';
import { Subscriptions } from './subscriptions.js';
import { checkValue, isDirect, shown } from './values.js';

/** @internal Stores by the engine's number. */
export const stores = new Map<number, Store<any>>();

let nextStore = 1;

/** Records that are about to be told apart from those that the engine adds. */
type State = 'phantom' | 'dirty' | 'pending' | 'held';

/** What a store is to its records: their fields, their state, how they are set. */
export abstract class StoreCore<R extends Model = Model> extends Emitter<StoreEvents<R>> {
  /** @internal Minified code has other names. */ static override readonly name: string = 'Store';
  /** Its name, also its section on the wire. */
  readonly id: string;
  /** The class of its records. */
  readonly modelClass: new (data?: any) => R;

  /** @internal */ _number = -1;
  /** @internal */ readonly _fields: FieldList;
  /** @internal */ _shadows: readonly string[] | undefined;
  /** @internal */ readonly _cache: RecordCache<R>;
  /** How its records are edited. */
  private readonly _port = new EditPort();
  /** @internal The manager that the store is under. */
  _manager: { readonly _hearsEdits: boolean } | undefined;
  /** A record can't go without a word, nor an edit be refused for the sake of others. */
  private readonly _isAlone: boolean;
  /** @internal */ readonly _subscriptions: Subscriptions<R>;
  /** @internal */ readonly _config: StoreConfig<R>;
  /** @internal */ readonly _storeFields: StoreFields;
  /** @internal Local changes are told. */ _told = false;
  /** @internal Somebody may say no to an update. */ _vetoes = false;
  /** @internal What is shown, where that isn't everything as it stands. */
  _view: StoreView<R> | undefined;
  /** @internal */ _batches = 0;
  /** @internal */ _silent = 0;
  /** @internal */ _destroyed = false;
  /** @internal The engine's version of the store, as far as records know. */ _expected = 0;
  /** @internal */ _commitsHeld = 0;
  /** @internal */ _untracked = 0;
  /** Updates that wait for a listener. */
  private readonly _awaited = new WeakMap<Model, Promise<boolean>>();

  constructor(config: StoreConfig<R>) {
    super();
    engine();
    checkOptions('a store', config, ['fields', 'relations']);
    this._config = { ...config };
    this.id = config.id ?? config.storeId ?? `store-${nextStore++}`;
    this.modelClass = config.modelClass ?? (Model as unknown as new () => R);
    if (!isModelClass(this.modelClass)) {
      throw new SyncError('INVALID_CONFIG', `store "${this.id}": modelClass must extend Model`);
    }
    if (config.idField != null && typeof config.idField !== 'string') {
      throw new SyncError('INVALID_CONFIG', `store "${this.id}": idField must be text`);
    }
    const fields = fieldsOf(this.modelClass as any).extend(config.fields ?? []);
    this._fields = config.tree ? withTreeFields(fields) : fields;
    const records = recordClass(this.modelClass, this._fields);
    settleIn(records, this as any, this._port);
    this._isAlone = !config.tree && !config.relations?.length;
    this._storeFields = new StoreFields(this._fields, records.prototype);
    this._cache = new RecordCache(this as any, this._storeFields, records);
    this._subscriptions = new Subscriptions(
      (thrown) => this._threw('subscribe', thrown),
      () => this._view?.isPlain === false,
    );
  }

  /** @internal The store of that id, or the record's own. */
  abstract getById(id: R | Id | null | undefined): R | undefined;

  /** @internal */
  get _store(): Store<R> {
    return this as unknown as Store<R>;
  }

  /** Whether the store was destroyed. */
  get isDestroyed(): boolean {
    return this._destroyed;
  }

  /** @internal The engine's number, as long as the store lives. */
  _alive(): number {
    if (this._destroyed) throw new SyncError('DESTROYED', `store "${this.id}" has been destroyed`);
    return this._number;
  }

  /** @internal Reads a record's cells anew. */
  _refresh(record: Model): void {
    if (!this._destroyed) this._cache.refresh(record as R);
  }

  /** @internal */
  _widen(ix: number, value: number): void {
    this._cache.shape.expect(ix, value);
  }

  /** @internal */
  get _width(): number {
    return this._storeFields.width;
  }

  /** @internal Sets one field, after the veto. */
  _write(record: Model, field: Field, value: unknown): boolean {
    if (this._vetoes) {
      const values = { [field.name]: value };
      if (this._vetoed(record as R, values, () => this._update(record, values, false, true))) {
        return false;
      }
    }
    const changed = this._set(record, field, value);
    if (changed) this._edited();
    return changed;
  }

  /** @internal Sets several fields as one update. Gives whether no listener said no. */
  _update(
    record: Model,
    values: Record<string, unknown>,
    silent: boolean,
    asked = false,
  ): boolean {
    this._alive();
    if (record._s !== (this as unknown)) this._foreign(record);
    const names = Object.keys(values);
    // All of them before any is set: nothing is done by halves.
    for (const name of names) checkValue(name, values[name]);
    const again = () => this._update(record, values, silent, true);
    if (!asked && this._vetoed(record as R, values, again)) return false;
    this._silently(silent, () => {
      if (names.length === 1) {
        const name = names[0] as string;
        this._set(record, this._ensureField(name), values[name]);
        return;
      }
      engine().beginUpdate();
      try {
        together(() => {
          for (const name of names) this._set(record, this._ensureField(name), values[name]);
        });
      } finally {
        engine().endUpdate();
      }
    });
    this._edited();
    return true;
  }

  /** @internal */
  _field(name: string): Field | undefined {
    return this._storeFields.find(name);
  }

  /** @internal */
  _ensureField(name: string): Field {
    return this._storeFields.ensure(this._alive(), name);
  }

  /** @internal Those that came with the data included, though no record of it has been read yet. */
  _allFields(): readonly Field[] {
    if (!this._destroyed) this._storeFields.discover(this._number);
    return this._storeFields.all();
  }

  /** @internal */
  _stateOf(record: Model, what: State): boolean {
    const bits = this._stateBits(record);
    if (bits < 0) return false;
    if (what === 'phantom') return (bits & 1) !== 0;
    if (what === 'held') return (bits & 16) !== 0;
    if (what === 'dirty') return (bits & (1 | 4)) !== 0;
    return (bits & (1 | 8)) !== 0;
  }

  /** @internal */
  _isRemoved(record: Model): boolean {
    if (this._destroyed || record._v === Freshness.Removed) return true;
    freshen(record);
    return (record._v as Freshness) === Freshness.Removed;
  }

  /** @internal */
  _syncError(record: Model): string | undefined {
    if (this._destroyed) return undefined;
    return engine().recordError(this._number, record._r, record._g);
  }

  /** @internal */
  _modified(record: Model): string[] {
    if (this._destroyed) return [];
    engine().modifiedFields(this._number, record._r, record._g);
    const all = this._allFields();
    return [...readWords()].map((ix) => all[ix]?.name).filter((name) => name !== undefined);
  }

  /** @internal */
  _unmodified(record: Model, name: string): unknown {
    const field = this._field(name);
    if (field === undefined || this._destroyed) return undefined;
    engine().baseValue(this._number, record._r, record._g, field.ix);
    return shown(field, readValue());
  }

  /** @internal */
  _settle(record: Model, accept: boolean): void {
    const own = this._expect(record as R);
    engine().settleRecord(this._number, own._r, own._g, accept);
    markStale(own);
    this._cache.stale(false);
  }

  /** @internal Rows of the last notices that no listener is to hear of. */
  get _isSilent(): boolean {
    return this._silent > 0;
  }

  /** @internal */ _set(record: Model, field: Field, value: unknown): boolean {
    const store = this._alive();
    // With listeners, the notice brings the new value before they run. Without any, nobody tells:
    // the value is put where the engine would put it, and where that isn't sure, the record is read
    // anew.
    if (hides()) this._unsettle(record);
    else if (record._v === Freshness.Fresh) {
      if (!this._told || this._batches > 0) {
        if (isDirect(field, value)) {
          if (typeof value === 'number') this._widen(field.ix, value);
          putCell(record, field.ix, value);
          if (this._port.isOpen && noted(store, record, field, value)) return true;
        } else markStale(record);
      }
    } else this._unsettle(record);
    const changed =
      typeof value === 'number'
        ? engine().setNumber(store, record._r, record._g, field.ix, value)
        : sendValue(store, record, field, value);
    if (changed < 0) {
      markStale(record);
      throw thrown();
    }
    // Counted as the engine counts: in 32 bits.
    if (this._batches > 0) this._expected = (this._expected + changed) | 0;
    return changed === 1;
  }

  /** @internal Something changed that decides on how records are edited. */
  _tune(): void {
    const { _port: port } = this;
    port.store = this._number;
    port.isOpen =
      this._isAlone &&
      !this._destroyed &&
      !this._told &&
      !this._vetoes &&
      this._batches === 0 &&
      !this._config.autoCommit &&
      this._manager?._hearsEdits !== true;
  }

  /** A record that isn't fresh is about to be set. */
  private _unsettle(record: Model): void {
    if (record._v === Freshness.Removed) {
      throw new SyncError('UNKNOWN_RECORD', `the record was removed from store "${this.id}"`);
    }
    freshen(record);
    if (!this._told || this._batches > 0) markStale(record);
  }

  /** @internal */ abstract commit(): unknown;

  /** @internal Something was changed: stores that commit by themselves do. */
  _edited(): void {
    if (!this._config.autoCommit || this._commitsHeld + this._batches > 0 || isMaking()) return;
    // Listeners of the commit may edit, and are not to be asked about that again.
    this._commitsHeld++;
    try {
      this.commit();
    } finally {
      this._commitsHeld--;
    }
  }

  /** @internal */ _silently<T>(
    silent: boolean | { silent?: boolean } | undefined,
    fn: () => T,
  ): T {
    if (!isSilent(silent)) return fn();
    this._silent++;
    try {
      return fn();
    } finally {
      this._silent--;
    }
  }

  /** @internal Whether a record isn't to be set now; see {@link StoreCore._may}. */
  _vetoed(record: R, values: Record<string, unknown>, again: () => unknown): boolean {
    const later = () => {
      if (!this._isRemoved(record)) again();
    };
    const own = this._askUpdate(record, values);
    const before = this._awaited.get(record);
    const now = own === true && (before === undefined || isMaking());
    if (own === false || now) return !own;
    // What was set later is later, whoever takes more time to say yes.
    const verdict = Promise.all([own, before]).then(([proceed]) => proceed);
    this._awaited.set(record, verdict);
    void verdict.then(() => {
      if (this._awaited.get(record) === verdict) this._awaited.delete(record);
    });
    this._await('beforeUpdate', verdict, later);
    return true;
  }

  /** @internal What listeners say to setting fields of a record. */
  _askUpdate(record: R, values: Record<string, unknown>): boolean | Promise<boolean> {
    if (!this._hears('beforeUpdate')) return true;
    const changes: Record<string, FieldChange> = Object.create(null);
    for (const name of Object.keys(values)) {
      changes[name] = { value: values[name], oldValue: record.get(name) };
    }
    return this._ask('beforeUpdate', { record, changes });
  }

  /**
   * @internal Whether listeners let something be done now: `true`, `false`, or `undefined` when one
   * wants time; it is done later, then, unless that says no.
   */
  _may(name: string, event: object, later: () => void): boolean | undefined {
    return this._await(name, this._hears(name) ? this._ask(name, event) : true, later);
  }

  private _ask(name: string, event: object): boolean | Promise<boolean> {
    const verdict = this._fire(name, event);
    // What is one edit is done at once or not at all.
    if (typeof verdict === 'boolean' || !isMaking()) return verdict;
    throw new SyncError('VETOED', `a listener of "${name}" wants time`);
  }

  private _await(
    name: string,
    verdict: boolean | Promise<boolean>,
    later: () => void,
  ): boolean | undefined {
    if (typeof verdict === 'boolean') return verdict;
    verdict
      .then((proceed) => {
        if (proceed && !this._destroyed) later();
      })
      .catch((thrown) => this._threw(name, thrown));
    return undefined;
  }

  /** @internal */ _own(what: R | Id): R | undefined {
    if (what instanceof Model && what._s !== this) this._foreign(what);
    return this.getById(what);
  }

  /** @internal */ _expect(what: R | Id): R {
    const record = this._own(what);
    if (record !== undefined) return record;
    const name = typeof what === 'object' ? 'the record' : `record ${String(what)}`;
    throw new SyncError('UNKNOWN_RECORD', `${name} is not in store "${this.id}"`);
  }

  /** @internal */ _foreign(record: Model): never {
    const other = record._s._store;
    if ((other as unknown) === this) {
      throw new SyncError('INVALID_ARGUMENT', 'the root of a tree is no record of it');
    }
    const where = other === undefined ? 'in no store' : `in store "${other.id}"`;
    throw new SyncError('FOREIGN_RECORD', `the record is ${where}, not in "${this.id}"`);
  }

  /** @internal */ _stateBits(record: Model): number {
    if (this._destroyed) return -1;
    freshen(record);
    return engine().recordState(this._number, record._r, record._g);
  }

  /** @internal */ _parentField(): string | undefined {
    return parentField(this._config.tree);
  }
}

/** @internal What `silent` arguments say. */
export function isSilent(silent: boolean | { silent?: boolean } | undefined): boolean {
  return silent === true || (typeof silent === 'object' && silent?.silent === true);
}
