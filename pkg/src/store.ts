import { fieldsOf } from './accessors.js';
import { Freshness, freshen, markRemoved, markStale, putCell } from './cells.js';
import { NoticeKind, readValue } from './decode.js';
import { Emitter, type OnListeners, defineHandlers } from './emitter.js';
import { SyncError, checkOptions } from './errors.js';
import { type Field, type FieldList, engineField } from './fields.js';
import { type Id, Model, rowOf } from './model.js';
import { together } from './notices.js';
import { BLOCK, RecordCache } from './record-cache.js';
import {
  encode,
  engine,
  jsonText,
  readPairs,
  readWords,
  register,
  thrown,
  words,
  writeBytes,
  writeJson,
  writeText,
  writeWords,
} from './runtime.js';
import { sendValue } from './setting.js';
import {
  type ChangeBatch,
  type FieldChange,
  STORE_EVENTS,
  type StoreEvents,
} from './store-events.js';
import {
  type DataInput,
  type StoreConfig,
  interval,
  isModelClass,
  parentField,
  recordClass,
} from './store-config.js';
import { StoreFields } from './store-fields.js';
import { Subscriptions } from './subscriptions.js';
import { checkValue, isDirect, moment, sameValue, shown } from './values.js';

const FOREIGN = 16;
const ALL_KINDS = 0x7f;
/** What others change is noticed without listeners too, but updates: rows are merely said to be stale then. */
const UNTOLD_KINDS = ALL_KINDS & ~((1 << NoticeKind.Update) | (1 << NoticeKind.State));
const STALE = 1 << 31;

let nextStore = 1;

/** @internal Stores by the engine's number. */
export const stores = new Map<number, Store<any>>();

const byId = new Map<string, Store<any>>();

/** Records that are about to be told apart from those that the engine adds. */
type State = 'phantom' | 'dirty' | 'pending';

/** A named set of records. */
export class Store<R extends Model = Model> extends Emitter<StoreEvents<R>> {
  /** @internal Minified code has other names. */ static override readonly name: string = 'Store';
  /** Its name, also its section on the wire. */
  readonly id: string;
  /** The class of its records. */
  readonly modelClass: new (data?: any) => R;

  /** @internal */ _number = -1;
  /** @internal */ readonly _fields: FieldList;
  /** @internal */ _shadows: readonly string[] | undefined;
  /** @internal */ readonly _cache: RecordCache<R>;
  /** @internal The manager that the store is under. */ _manager: object | undefined;
  /** @internal */ readonly _subscriptions: Subscriptions<R>;
  private readonly config: StoreConfig<R>;
  private readonly fields: StoreFields;
  /** Local changes are told. */
  private told = false;
  /** Somebody may say no to an update. */
  private vetoes = false;
  private batches = 0;
  private silent = 0;
  private destroyed = false;

  /** The store of that id, the one made last if there are several. */
  static getStore(id: string): Store<any> | undefined {
    return byId.get(id);
  }

  constructor(config: StoreConfig<R> = {}) {
    super();
    engine();
    checkOptions('a store', config, ['fields', 'relations']);
    this.config = { ...config };
    this.id = config.id ?? config.storeId ?? `store-${nextStore++}`;
    this.modelClass = config.modelClass ?? (Model as unknown as new () => R);
    if (!isModelClass(this.modelClass)) {
      throw new SyncError('INVALID_CONFIG', `store "${this.id}": modelClass must extend Model`);
    }
    this._fields = fieldsOf(this.modelClass as any).extend(config.fields ?? []);
    const records = recordClass(this.modelClass, this._fields);
    this.fields = new StoreFields(this._fields, records.prototype);
    this._cache = new RecordCache(this, this.fields, records);
    this._subscriptions = new Subscriptions((thrown) => this._threw('subscribe', thrown));
    this._create();
    byId.set(this.id, this);
    try {
      // Before anybody listens: what is there from the beginning is no news.
      if (config.data !== undefined) this.loadData(config.data);
      this._listenFromConfig(config, STORE_EVENTS);
    } catch (thrown) {
      this.destroy();
      throw thrown;
    }
    queueMicrotask(() => this._listenersChanged());
  }

  /** @internal */
  get _store(): Store<R> {
    return this;
  }

  // --- reading ----------------------------------------------------------------------------------------------------------

  /** How many records there are. */
  get count(): number {
    engine().order(this._alive());
    return register(1);
  }

  /** All records, in their order. */
  get records(): R[] {
    return this._cache.records(this._order());
  }

  /** The same as {@link Store.records}. */
  get allRecords(): R[] {
    return this.records;
  }

  /** The first record. */
  get first(): R | undefined {
    return this.getAt(0);
  }

  /** The last record. */
  get last(): R | undefined {
    return this.getAt(this.count - 1);
  }

  /** The record at a position. */
  getAt(index: number): R | undefined {
    engine().order(this._alive());
    if (!(index >= 0 && index < register(1))) return undefined;
    const at = (register(0) >> 2) + Math.trunc(index);
    return this._cache.records(words().slice(at, at + 1))[0];
  }

  /** Where a record stands; -1 when it isn't here. */
  indexOf(record: R | Id): number {
    const found = this.getById(record);
    return found === undefined ? -1 : this._order().indexOf(found._r);
  }

  /** Whether the record, or one of that id, is here. */
  includes(record: R | Id): boolean {
    return this.getById(record) !== undefined;
  }

  /** The record of that id. A record is its own answer, as long as it is here. */
  getById(id: R | Id | null | undefined): R | undefined {
    const number = this._alive();
    let found = 0;
    if (typeof id === 'number') found = engine().findNumber(number, id);
    else if (typeof id === 'string') found = engine().findText(number, writeText(id));
    else if (id instanceof Model) {
      return id._s === this && !this._isRemoved(id) ? (id as R) : undefined;
    }
    return found !== 0 ? this._cache.attached(register(0), register(1)) : undefined;
  }

  /** The record of that key: the one name that stays the same when a phantom gets its id. */
  get(key: string): R | undefined {
    const known = this._cache.keys.get(key);
    if (known !== undefined) return this._isRemoved(known) ? undefined : known;
    return this.getById(key);
  }

  /** The first record that the function says yes to. */
  find(fn: (record: R, index: number) => unknown): R | undefined {
    let index = 0;
    for (const record of this) if (fn(record, index++)) return record;
    return undefined;
  }

  /** The first record whose field has that value. */
  findRecord(field: string, value: unknown): R | undefined {
    return this.find((record) => sameValue(record.get(field), value));
  }

  /** All records that the function says yes to. */
  query(fn: (record: R, index: number) => unknown): R[] {
    return this.records.filter(fn);
  }

  /** The same as {@link Store.query}. */
  filter(fn: (record: R, index: number) => unknown): R[] {
    return this.records.filter(fn);
  }

  /** Calls the function with each record; stops when it returns `false`. */
  forEach(fn: (record: R, index: number) => unknown): void {
    let index = 0;
    for (const record of this) if (fn(record, index++) === false) return;
  }

  /** What the function makes of each record. */
  map<T>(fn: (record: R, index: number) => T): T[] {
    return this.records.map(fn);
  }

  /** Whether the function says yes to any record. */
  some(fn: (record: R, index: number) => unknown): boolean {
    return this.find(fn) !== undefined;
  }

  /** Whether the function says yes to every record. */
  every(fn: (record: R, index: number) => unknown): boolean {
    return this.find((record, index) => !fn(record, index)) === undefined;
  }

  /** Folds the records into one value. */
  reduce<T>(fn: (result: T, record: R, index: number) => T, initial: T): T {
    return this.records.reduce(fn, initial);
  }

  *[Symbol.iterator](): IterableIterator<R> {
    const order = this._order();
    for (let at = 0; at < order.length; at += BLOCK) {
      for (const record of this._cache.records(order.subarray(at, at + BLOCK))) {
        if (record._v !== Freshness.Removed) yield record;
      }
    }
  }

  /**
   * The records whose time lies, at least in part, between two moments, by their start. Times are half open: what ends at
   * `start` or begins at `end` isn't among them. Needs an `interval`.
   */
  range(start: Date | number | string, end: Date | number | string): R[] {
    engine().range(this._alive(), moment(start), moment(end));
    const u32 = words();
    const at = register(0) >> 2;
    const count = register(1);
    const { byRow, loose } = this._cache;
    if (loose) return this._cache.records(u32.slice(at, at + count));
    const records = new Array<R>(count);
    for (let i = 0; i < count; i++) {
      const record = byRow[u32[at + i] as number];
      if (record === undefined) return this._cache.records(u32.slice(at, at + count));
      records[i] = record;
    }
    return records;
  }

  /** The records whose parent is that one; those without a parent for `null`. */
  childrenOf(parent: R | Id | null): R[] {
    const field = this._parentField() ?? 'parentId';
    const id = parent instanceof Model ? parent.id : parent;
    return this.query((record) => sameValue(record.get(field) ?? null, id));
  }

  /** The record's parent in a tree. */
  parentOf(record: R): R | undefined {
    return this.getById(record.get(this._parentField() ?? 'parentId'));
  }

  /** Whether the store is a tree. */
  get isTree(): boolean {
    return this._parentField() !== undefined;
  }

  /** The data of all records. */
  toJSON(): Record<string, any>[] {
    return this.map((record) => record.toJSON());
  }

  // --- changing ---------------------------------------------------------------------------------------------------------

  /** Adds records: objects, records that are in no store yet, or an array of such. Gives the new records. */
  add(data: object | readonly object[], silent?: boolean | { silent?: boolean }): R[] {
    return this._add(data, -1, silent);
  }

  /** Adds records before a position. */
  insert(
    index: number,
    data: object | readonly object[],
    silent?: boolean | { silent?: boolean },
  ): R[] {
    if (!Number.isInteger(index) || index < 0) {
      throw new SyncError('INVALID_ARGUMENT', `insert() wants a position from 0, not ${index}`);
    }
    return this._add(data, index, silent);
  }

  /**
   * Removes records, given as such or by id. What isn't here (any more) is passed over. Gives the records that went, those of a
   * cascade in this store included.
   */
  remove(what: R | Id | readonly (R | Id)[], silent?: boolean | { silent?: boolean }): R[] {
    const number = this._alive();
    const list: readonly (R | Id)[] = Array.isArray(what) ? what : [what as R | Id];
    const records = [
      ...new Set(list.map((one) => this._own(one)).filter((one) => one !== undefined)),
    ];
    if (records.length === 0) return [];
    if (this._fire('beforeRemove', { records }) === false) return [];
    this._silently(silent, () => engine().remove(number, writePairs(records) >> 1));
    const pairs = readPairs();
    const gone: R[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const record = this._cache.at(pairs[i] as number, pairs[i + 1] as number);
      if (record === undefined) continue;
      markRemoved(record);
      gone.push(record);
    }
    return gone;
  }

  /** Removes every record. */
  removeAll(silent?: boolean | { silent?: boolean }): void {
    const number = this._alive();
    if (
      this._hears('beforeRemove') &&
      this._fire('beforeRemove', { records: this.records }) === false
    ) {
      return;
    }
    this._silently(silent, () => engine().removeAll(number));
    if (!this.told || this.batches > 0)
      for (const record of this._cache.byRow) if (record) markRemoved(record);
  }

  /** Moves records to a position, counted without them, or before another record; to the end when none is given. */
  move(what: R | Id | readonly (R | Id)[], before?: number | R | null): void {
    const number = this._alive();
    const list: readonly (R | Id)[] = Array.isArray(what) ? what : [what as R | Id];
    const records = list.map((one) => this._expect(one));
    let position = typeof before === 'number' ? before : this.count;
    if (before instanceof Model) {
      const moved = new Set(records.map((record) => record._r));
      position = this._order()
        .filter((row) => !moved.has(row))
        .indexOf(this._expect(before as R)._r);
    }
    if (!Number.isInteger(position) || position < 0) {
      throw new SyncError('INVALID_ARGUMENT', `move() wants a position from 0, not ${position}`);
    }
    engine().moveRows(number, writePairs(records) >> 1, position);
  }

  /** Replaces what is here by confirmed data. Unsent edits of records that are still there survive (`keepUncommittedChanges`). */
  loadData(data: DataInput): void {
    const number = this._alive();
    const renamed = Array.isArray(data) && this._renames;
    engine().loadData(number, writeData(renamed ? data.map((one) => this._row(one)) : data));
    // With no listener no notice came.
    if (this.batches > 0) this._cache.stale(true);
  }

  /** Confirmed data; setting it is {@link Store.loadData}. */
  get data(): Record<string, any>[] {
    return this.toJSON();
  }

  set data(data: DataInput) {
    this.loadData(data);
  }

  /** What is changed, by kind; `null` when nothing is. */
  get changes(): { added: R[]; modified: R[]; removed: R[] } | null {
    const { added, modified, removed } = this;
    return added.length + modified.length + removed.length > 0
      ? { added, modified, removed }
      : null;
  }

  /** The records that the server doesn't know yet. */
  get added(): R[] {
    return this._bag(0);
  }

  /** The records that the server knows otherwise. */
  get modified(): R[] {
    return this._bag(1);
  }

  /** The records that were removed here and that the server still has. */
  get removed(): R[] {
    return this._bag(2);
  }

  /** Whether the server hasn't confirmed everything. */
  get hasChanges(): boolean {
    return engine().unconfirmedCount(this._alive()) > 0;
  }

  /** Declares what is changed to be confirmed. */
  acceptChanges(): void {
    engine().settleStore(this._alive(), true);
    this._cache.stale(false);
  }

  /** The same as {@link Store.acceptChanges}. */
  commit(): void {
    this.acceptChanges();
  }

  /** Takes everything back that is changed, also what is on the wire. */
  rejectChanges(): void {
    engine().settleStore(this._alive(), false);
    this._cache.stale(false);
  }

  /** The same as {@link Store.rejectChanges}. */
  revertChanges(): void {
    this.rejectChanges();
  }

  /** Holds events and autoSync back until the matching {@link Store.endBatch}, which fires one `refresh`. */
  beginBatch(): void {
    engine().beginBatch(this._alive());
    this.batches++;
  }

  /** Ends a batch. */
  endBatch(): void {
    if (this.batches === 0) return;
    this.batches--;
    if (this.batches === 0) this._cache.stale(true);
    engine().endBatch(this._alive());
  }

  /**
   * Tells what changed: one batch per turn, with at most one change per record. Meant for user interfaces; `hold` holds it back.
   * Gives a function that ends it.
   */
  subscribe(subscriber: (batch: ChangeBatch<R>) => void): () => void {
    this._alive();
    const end = this._subscriptions.subscribe(subscriber);
    this._listenersChanged();
    return () => {
      end();
      this._listenersChanged();
    };
  }

  /**
   * Holds the changes of others to a record (by its key), or to all (`*`), back from subscribers: for the time of a drag. Gives
   * a function that releases them. The user's own changes are told at once.
   */
  hold(key: string): () => void {
    this._alive();
    return this._subscriptions.hold(key);
  }

  /** Forgets the store and its data. Everything but reading `id` throws from then on. */
  destroy(): void {
    if (this.destroyed) return;
    engine().destroyStore(this._number);
    this.destroyed = true;
    stores.delete(this._number);
    if (byId.get(this.id) === this) byId.delete(this.id);
    this._subscriptions.stop();
    this._forgetListeners();
    this._cache.clear();
  }

  /** Whether the store was destroyed. */
  get isDestroyed(): boolean {
    return this.destroyed;
  }

  // --- for records ------------------------------------------------------------------------------------------------------

  /** @internal Reads a record's cells anew. */
  _refresh(record: Model): void {
    if (!this.destroyed) this._cache.refresh(record as R);
  }

  /** @internal */
  get _width(): number {
    return this.fields.width;
  }

  /** @internal Sets one field, after the veto. */
  _write(record: Model, field: Field, value: unknown): boolean {
    if (this.vetoes && this._vetoed(record as R, { [field.name]: value })) return false;
    return this._set(record, field, value);
  }

  /** @internal Sets several fields as one update. */
  _update(record: Model, values: Record<string, unknown>, silent: boolean): void {
    this._alive();
    const names = Object.keys(values);
    // All of them before any is set: nothing is done by halves.
    for (const name of names) checkValue(name, values[name]);
    if (this._hears('beforeUpdate') && this._vetoed(record as R, values)) return;
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
  }

  /** @internal */
  _field(name: string): Field | undefined {
    return this.fields.find(name);
  }

  /** @internal */
  _ensureField(name: string): Field {
    return this.fields.ensure(this._alive(), name);
  }

  /** @internal */
  _allFields(): readonly Field[] {
    return this.fields.all();
  }

  /** @internal */
  _stateOf(record: Model, what: State): boolean {
    const bits = this._stateBits(record);
    if (bits < 0) return false;
    if (what === 'phantom') return (bits & 1) !== 0;
    if (what === 'dirty') return (bits & (1 | 4)) !== 0;
    return (bits & (1 | 4 | 8)) !== 0;
  }

  /** @internal */
  _isRemoved(record: Model): boolean {
    if (this.destroyed || record._v === Freshness.Removed) return true;
    freshen(record);
    return (record._v as Freshness) === Freshness.Removed;
  }

  /** @internal */
  _syncError(record: Model): string | undefined {
    if (this.destroyed) return undefined;
    return engine().recordError(this._number, record._r, record._g);
  }

  /** @internal */
  _modified(record: Model): string[] {
    if (this.destroyed) return [];
    engine().modifiedFields(this._number, record._r, record._g);
    const all = this._allFields();
    return [...readWords()].map((ix) => all[ix]?.name).filter((name) => name !== undefined);
  }

  /** @internal */
  _unmodified(record: Model, name: string): unknown {
    const field = this._field(name);
    if (field === undefined || this.destroyed) return undefined;
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

  // --- for the manager --------------------------------------------------------------------------------------------------

  /** @internal The engine's number, as long as the store lives. */
  _alive(): number {
    if (this.destroyed) throw new SyncError('DESTROYED', `store "${this.id}" has been destroyed`);
    return this._number;
  }

  /** @internal Makes the engine's store anew with other options; only while it is empty. */
  _create(): void {
    const { config } = this;
    const options = {
      id: this.id,
      fields: this._fields.list.map((field) => {
        const sent = engineField(field);
        return field.ix === 0 && config.idField ? { ...sent, dataSource: config.idField } : sent;
      }),
      interval: interval(this._fields, config.interval),
      parentField: parentField(config.tree),
      relations: config.relations ?? [],
      writeAllFields: config.writeAllFields,
      phantomIdField: config.phantomIdField,
      keepUncommittedChanges: config.keepUncommittedChanges,
      naturalKey: config.naturalKey,
    };
    const number = engine().createStore(writeJson(options));
    if (this._number >= 0) {
      stores.delete(this._number);
      engine().destroyStore(this._number);
    }
    this._number = number;
    stores.set(number, this);
    this._listenersChanged();
  }

  /** @internal Takes over what a manager's descriptor says; only while the store is empty. */
  _adjust(given: {
    id: string | undefined;
    idField: string | undefined;
    phantomIdField: string | undefined;
    writeAllFields: boolean | undefined;
  }): void {
    const extra: Record<string, unknown> = {};
    if (given.id !== undefined && given.id !== this.id) extra.id = given.id;
    for (const name of ['idField', 'phantomIdField', 'writeAllFields'] as const) {
      if (given[name] !== undefined && given[name] !== this.config[name]) extra[name] = given[name];
    }
    if (Object.keys(extra).length === 0) return;
    if (this._manager !== undefined || this.count > 0 || this.changes !== null) {
      const names = Object.keys(extra).join(', ');
      throw new SyncError(
        'INVALID_CONFIG',
        `store "${this.id}" is in use; give it ${names} when you make it`,
      );
    }
    Object.assign(this.config, extra);
    if (extra.id !== undefined) {
      if (byId.get(this.id) === this) byId.delete(this.id);
      (this as { id: string }).id = String(extra.id);
      byId.set(this.id, this);
    }
    this._create();
  }

  /** @internal The wire name of the id. */
  get _idName(): string {
    return this.config.idField ?? this._fields.list[0]?.config.dataSource ?? 'id';
  }

  /** @internal */
  get _phantomIdField(): string | undefined {
    return this.config.phantomIdField;
  }

  /** @internal Fields that make something else of what is sent. */
  _serialized(): Field[] {
    return this._fields.list.filter((field) => field.serialize !== undefined);
  }

  protected override _listenersChanged(): void {
    if (this.destroyed || this._number < 0) return;
    const heard = STORE_EVENTS.some((name) => !name.startsWith('before') && this._hears(name));
    this.vetoes = this._hears('beforeUpdate');
    this.told = heard || this._subscriptions.active;
    // What others change is always told: rows that were read before are stale then. An id that changes concerns keys.
    const local = this.told ? ALL_KINDS : 1 << NoticeKind.IdChange;
    const foreign = this.told ? ALL_KINDS : UNTOLD_KINDS;
    engine().listenStore(this._number, local | (foreign << FOREIGN) | STALE);
  }

  /** @internal Rows of the last notices that no listener is to hear of. */
  get _isSilent(): boolean {
    return this.silent > 0;
  }

  // --- private ----------------------------------------------------------------------------------------------------------

  private _order(): Uint32Array {
    engine().order(this._alive());
    return readWords();
  }

  private _set(record: Model, field: Field, value: unknown): boolean {
    this._alive();
    if (record._v === Freshness.Removed) {
      throw new SyncError('UNKNOWN_RECORD', `the record was removed from store "${this.id}"`);
    }
    // With listeners, the notice brings the new value before they run. Without any, nobody tells: the value is put where the
    // engine would put it, and where that isn't sure, the record is read anew.
    if (!this.told || this.batches > 0) {
      if (record._v === Freshness.Fresh && isDirect(field, value)) putCell(record, field.ix, value);
      else {
        freshen(record);
        markStale(record);
      }
    } else freshen(record);
    const changed = sendValue(this._number, record, field, value);
    if (changed < 0) markStale(record);
    if (changed < 0) throw thrown();
    return changed === 1;
  }

  private _add(
    data: object | readonly object[],
    position: number,
    silent?: boolean | { silent?: boolean },
  ): R[] {
    const number = this._alive();
    const list: readonly object[] = Array.isArray(data) ? data : [data];
    if (list.length === 0) return [];
    let given: readonly object[] = list;
    for (const one of given) {
      if (one === null || typeof one !== 'object' || Array.isArray(one)) {
        throw new SyncError('INVALID_ARGUMENT', 'add() wants objects or records');
      }
      if (one instanceof Model && one._s._store !== undefined && !one.isRemoved) {
        const where = one._s === this ? 'here already' : `in store "${one._s._store.id}"`;
        throw new SyncError(
          'FOREIGN_RECORD',
          `the record is ${where}; remove it there, or add a copy()`,
        );
      }
    }
    if (this._hears('beforeAdd')) {
      given = given.map((one) => (one instanceof Model ? one : new this.modelClass(one)));
      if (this._fire('beforeAdd', { records: given as R[] }) === false) return [];
    }
    const rows = given.map((one) => this._row(one));
    const flat = !given.some((one) => Array.isArray((one as any).children));
    this._cache.incoming = flat
      ? given.map((one) =>
          one instanceof this.modelClass && one._s._store === undefined ? one : undefined,
        )
      : [];
    let pairs: Uint32Array;
    try {
      this._silently(silent, () => engine().add(number, writeJson(rows), position));
      pairs = readPairs();
      // Without listeners no notice told of the rows.
      for (let i = 0; this._cache.incoming.length > 0 && i < pairs.length; i += 2) {
        if (this.told && this.batches === 0) break;
        this._cache.arrive(pairs[i] as number, pairs[i + 1] as number);
      }
    } finally {
      this._cache.incoming = [];
    }
    return this._cache.records(pairs.filter((_, i) => i % 2 === 0));
  }

  private _row(one: unknown): unknown {
    if (one === null || typeof one !== 'object') return one;
    return rowOf(one as Record<string, unknown>, this._fields, this.config.idField);
  }

  /** Whether any field has another name on the wire. */
  private get _renames(): boolean {
    return (
      this.config.idField !== undefined ||
      this._fields.list.some(({ name, config }) => (config.dataSource ?? name) !== name)
    );
  }

  private _bag(which: number): R[] {
    engine().bag(this._alive(), which);
    const pairs = readPairs();
    return this._cache.records(pairs.filter((_, i) => i % 2 === 0));
  }

  private _silently<T>(silent: boolean | { silent?: boolean } | undefined, fn: () => T): T {
    if (silent !== true && (silent as any)?.silent !== true) return fn();
    this.silent++;
    try {
      return fn();
    } finally {
      this.silent--;
    }
  }

  private _vetoed(record: R, values: Record<string, unknown>): boolean {
    const changes: Record<string, FieldChange> = Object.create(null);
    for (const name of Object.keys(values)) {
      changes[name] = { value: values[name], oldValue: record.get(name) };
    }
    return this._fire('beforeUpdate', { record, changes }) === false;
  }

  private _own(what: R | Id): R | undefined {
    if (what instanceof Model && what._s !== this) this._foreign(what);
    return this.getById(what);
  }

  private _expect(what: R | Id): R {
    const record = this._own(what);
    if (record !== undefined) return record;
    const name = what instanceof Model ? 'the record' : `record ${String(what)}`;
    throw new SyncError('UNKNOWN_RECORD', `${name} is not in store "${this.id}"`);
  }

  private _foreign(record: Model): never {
    const other = record._s._store;
    const where = other === undefined ? 'in no store' : `in store "${other.id}"`;
    throw new SyncError('FOREIGN_RECORD', `the record is ${where}, not in "${this.id}"`);
  }

  private _stateBits(record: Model): number {
    if (this.destroyed) return -1;
    freshen(record);
    return engine().recordState(this._number, record._r, record._g);
  }

  private _parentField(): string | undefined {
    return parentField(this.config.tree);
  }
}

/** Handlers can be set at any time: `store.onChange = () => …`. */
export interface Store<R extends Model> extends OnListeners<StoreEvents<R>> {}

defineHandlers(Store.prototype, STORE_EVENTS);

/** Writes rows and their generations as an argument; gives the number of words. */
function writePairs(records: readonly Model[]): number {
  const pairs = new Uint32Array(2 * records.length);
  records.forEach((record, i) => {
    pairs[2 * i] = record._r;
    pairs[2 * i + 1] = record._g;
  });
  return writeWords(pairs);
}

/** @internal Writes data as an argument, as JSON. */
export function writeData(data: DataInput): number {
  return typeof data === 'string' ? writeText(data) : writeBytes(encodeData(data));
}

/** @internal Data as JSON in UTF-8. */
export function encodeData(data: DataInput): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data === null || (typeof data !== 'object' && typeof data !== 'string')) {
    throw new SyncError('INVALID_ARGUMENT', 'data must be objects, or JSON as text or bytes');
  }
  return encode(typeof data === 'string' ? data : jsonText(data));
}
