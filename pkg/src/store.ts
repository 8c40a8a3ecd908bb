import { type Notice, NoticeKind, OriginCode, readValue, unpack } from './decode.js';
import { Emitter, type OnListeners, defineHandlers } from './emitter.js';
import { SyncError } from './errors.js';
import { type Field, FieldList, Kind, engineField, makeField } from './fields.js';
import {
  Freshness,
  type Id,
  Model,
  cellsOf,
  defineAccessor,
  fieldsOf,
  NO_CELLS,
  makeRecord,
  markRemoved,
  markStale,
  rowOf,
} from './model.js';
import { together } from './notices.js';
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
import { Subscriptions } from './subscriptions.js';
import { checkValue, isDirect, moment, sameValue, shown } from './values.js';

/** How many rows are decoded at once: enough to make the cost of a call small, not more than a screen needs. */
const BLOCK = 512;

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
  /** Its name, also its section on the wire. */
  readonly id: string;
  /** The class of its records. */
  readonly modelClass: new (data?: any) => R;

  /** @internal */ _number = -1;
  /** @internal */ _fields: FieldList;
  /** @internal */ _shadows: readonly string[] | undefined;
  /** @internal Records by row. */ _byRow: (R | undefined)[] = [];
  /** @internal Records that are known by another key than their id. */ _keys = new Map<
    string,
    R
  >();
  /** @internal The manager that the store is under. */ _manager: object | undefined;
  /** @internal */ readonly _subscriptions: Subscriptions<R>;
  private readonly recordClass: new () => R;
  private readonly config: StoreConfig<R>;
  /** Fields that came with the data, after the declared ones. */
  private found: Field[] = [];
  private foundByName = new Map<string, Field>();
  /** Records from before the last load, to be found again by id. */
  private old: (R | undefined)[] | undefined;
  private oldById: Map<string, R> | undefined;
  /** Many records may have cells of an older version: better read in blocks than one by one. */
  private loose = false;
  /** Local changes are told. */
  private told = false;
  /** Somebody may say no to an update. */
  private vetoes = false;
  private kinds: readonly Kind[] = [];
  private batches = 0;
  private silent = 0;
  /** Instances whose rows the engine is about to make. */
  private incoming: (R | undefined)[] = [];
  private destroyed = false;

  /** The store of that id, the one made last if there are several. */
  static getStore(id: string): Store<any> | undefined {
    return byId.get(id);
  }

  constructor(config: StoreConfig<R> = {}) {
    super();
    engine();
    this.config = { ...config };
    this.id = config.id ?? config.storeId ?? `store-${nextStore++}`;
    this.modelClass = config.modelClass ?? (Model as unknown as new () => R);
    if (!isModelClass(this.modelClass)) {
      throw new SyncError('INVALID_CONFIG', `store "${this.id}": modelClass must extend Model`);
    }
    this._fields = fieldsOf(this.modelClass as any).extend(config.fields ?? []);
    this.recordClass = recordClass(this.modelClass, this._fields);
    this.kinds = this._fields.list.map(({ kind }) => kind);
    this._subscriptions = new Subscriptions((thrown) => this._threw('subscribe', thrown));
    this._create();
    byId.set(this.id, this);
    // Before anybody listens: what is there from the beginning is no news.
    if (config.data !== undefined) this.loadData(config.data);
    this._listenFromConfig(config, STORE_EVENTS);
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
    return this._records(this._order());
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
    return this._records(words().slice(at, at + 1))[0];
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
    return found !== 0 ? this._attached(register(0), register(1)) : undefined;
  }

  /** The record of that key: the one name that stays the same when a phantom gets its id. */
  get(key: string): R | undefined {
    const known = this._keys.get(key);
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
      for (const record of this._records(order.subarray(at, at + BLOCK))) {
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
    const byRow = this._byRow;
    if (this.loose) return this._records(u32.slice(at, at + count));
    const records: R[] = [];
    for (let i = at; i < at + count; i++) {
      const record = byRow[u32[i] as number];
      if (record === undefined) return this._records(u32.slice(at, at + count));
      records.push(record);
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
      const record = this._recordAt(pairs[i] as number, pairs[i + 1] as number);
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
      for (const record of this._byRow) if (record) markRemoved(record);
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
    if (this.batches > 0) this._stale(true);
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
    this._stale(false);
  }

  /** The same as {@link Store.acceptChanges}. */
  commit(): void {
    this.acceptChanges();
  }

  /** Takes everything back that is changed, also what is on the wire. */
  rejectChanges(): void {
    engine().settleStore(this._alive(), false);
    this._stale(false);
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
    if (this.batches === 0) this._stale(true);
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
    for (const record of this._byRow) if (record !== undefined) markRemoved(record);
    this._byRow = [];
    this._keys.clear();
    this.old = this.oldById = undefined;
  }

  /** Whether the store was destroyed. */
  get isDestroyed(): boolean {
    return this.destroyed;
  }

  // --- for records ------------------------------------------------------------------------------------------------------

  /** @internal Reads a record's cells anew. */
  _refresh(record: Model): unknown[] {
    if (record._v === Freshness.Removed || this.destroyed) return record._c;
    this._pack([record._r], (_row, generation, cells) => {
      if (generation === record._g) this._fill(record as R, cells);
    });
    if ((record._v as Freshness) === Freshness.Fresh) return record._c;
    // Another data set has come: it lives elsewhere, or is gone.
    const id = record._i;
    const found =
      typeof id === 'number'
        ? engine().findNumber(this._number, id)
        : engine().findText(this._number, writeText(String(id)));
    if (found === 0) {
      markRemoved(record);
      return record._c;
    }
    record._r = register(0);
    record._g = register(1);
    this._put(record._r, record as R);
    this._pack([record._r], (_row, _generation, cells) => this._fill(record as R, cells));
    return record._c;
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
    return this._fields.byName.get(name) ?? this.foundByName.get(name);
  }

  /** @internal */
  _ensureField(name: string): Field {
    const known = this._field(name);
    if (known !== undefined) return known;
    const ix = engine().ensureField(this._alive(), writeText(name));
    this._discover();
    return this._field(name) ?? makeField({ name }, ix);
  }

  /** @internal */
  _allFields(): readonly Field[] {
    return this.found.length > 0 ? [...this._fields.list, ...this.found] : this._fields.list;
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
    cellsOf(record);
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
    this._stale(false);
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

  /** @internal The record of a handle, removed ones included as long as somebody has read them. */
  _recordAt(row: number, generation: number): R | undefined {
    const known = this._byRow[row];
    if (known !== undefined && known._g === generation) return known;
    if (engine().recordState(this._number, row, generation) < 0) return undefined;
    return this._attached(row, generation);
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

  /** @internal Takes note of what a notice says about cached rows, before any listener runs. */
  _absorb(notice: Notice): void {
    const { row, generation } = notice;
    const record = this._byRow[row];
    const own = record !== undefined && record._g === generation;
    switch (notice.kind) {
      case NoticeKind.Update:
        if (own) this._patch(record, notice.field, notice.value);
        break;
      case NoticeKind.IdChange:
        this._renamed(notice, own ? record : undefined);
        break;
      case NoticeKind.Add:
        if (notice.origin === OriginCode.Local && this.incoming.length > 0) {
          this._arrive(row, generation);
        } else if (own) {
          record._v = Freshness.Fresh;
          markStale(record);
        } else {
          this._put(row, undefined);
        }
        break;
      case NoticeKind.Remove:
        if (own) {
          cellsOf(record);
          markRemoved(record);
        }
        break;
      case NoticeKind.Refresh:
        this._stale(notice.origin === OriginCode.Load);
        break;
    }
  }

  /** @internal A row changed, and nobody listens. */
  _absorbStale(row: number): void {
    const record = this._byRow[row];
    if (record === undefined) return;
    markStale(record);
    this.loose = true;
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

  /** @internal The records of rows; those that aren't there yet are made, and stale ones read, block by block. */
  _records(rows: Uint32Array): R[] {
    const records = new Array<R>(rows.length);
    const byRow = this._byRow;
    const careful = this.loose;
    let missing: number[] | undefined;
    for (let i = 0; i < rows.length; i++) {
      const record = byRow[rows[i] as number];
      if (record === undefined || (careful && record._v !== Freshness.Fresh)) {
        (missing ??= []).push(rows[i] as number, i);
      } else {
        records[i] = record;
      }
    }
    if (missing !== undefined) this._make(missing, records);
    if (careful && rows.length >= this.count) this.loose = false;
    return records;
  }

  private _make(missing: readonly number[], records: R[]): void {
    for (let from = 0; from < missing.length; from += 2 * BLOCK) {
      const rows: number[] = [];
      const until = Math.min(missing.length, from + 2 * BLOCK);
      for (let i = from; i < until; i += 2) rows.push(missing[i] as number);
      let at = from + 1;
      this._pack(rows, (row, generation, cells) => {
        records[missing[at] as number] = this._attach(row, generation, cells);
        at += 2;
      });
    }
  }

  private _pack(
    rows: ArrayLike<number>,
    each: (row: number, generation: number, cells: unknown[]) => void,
  ): void {
    engine().pack(this._number, writeWords(rows));
    unpack(this.kinds, each);
    if (engine().fieldCount(this._number) > this._fields.list.length + this.found.length)
      this._discover();
  }

  /** Puts a record at its row. An array with a hole before its end would become a slow one. */
  private _put(row: number, record: R | undefined): void {
    if (row >= this._byRow.length) {
      const larger = new Array<R | undefined>(
        Math.max(2 * this._byRow.length, row + 1, this.count),
      );
      for (let i = 0; i < this._byRow.length; i++) larger[i] = this._byRow[i];
      this._byRow = larger;
    }
    this._byRow[row] = record;
  }

  private _attached(row: number, generation: number): R {
    const record = this._byRow[row];
    if (record !== undefined && record._g === generation && record._v !== Freshness.Removed)
      return record;
    this._put(row, record?._g === generation ? record : undefined);
    let attached = record as R;
    this._pack([row], (_row, itsGeneration, cells) => {
      attached = this._attach(row, itsGeneration, cells);
    });
    return attached;
  }

  /** The one record of a row: the one that is there, one from before the last load, or a new one. */
  private _attach(row: number, generation: number, cells: unknown[]): R {
    let record = this._byRow[row];
    if (record === undefined || record._g !== generation) {
      record = this._fromBefore(row, cells[0]);
      if (record === undefined) {
        record = makeRecord(this.recordClass, this, row, generation, cells);
        this._put(row, record);
        return record;
      }
      record._r = row;
      record._g = generation;
      this._put(row, record);
    }
    this._fill(record, cells);
    return record;
  }

  private _fill(record: R, cells: unknown[]): void {
    record._c = cells;
    record._d = undefined;
    record._v = Freshness.Fresh;
    const id = cells[0] as Id;
    record._i = id;
  }

  private _fromBefore(row: number, id: unknown): R | undefined {
    const { old } = this;
    if (old === undefined) return undefined;
    const same = old[row];
    // Data mostly comes back in the same order.
    if (
      same !== undefined &&
      same._s === this &&
      sameValue(same._i, id) &&
      same._v !== Freshness.Removed
    ) {
      old[row] = undefined;
      return same;
    }
    if (this.oldById === undefined) {
      this.oldById = new Map();
      for (const record of old) {
        if (record !== undefined && record._v !== Freshness.Removed)
          this.oldById.set(String(record._i), record);
      }
    }
    const key = String(id);
    const found = this.oldById.get(key);
    // Somebody read it meanwhile, and it found its row itself.
    if (found === undefined || this._byRow[found._r] === found) return undefined;
    this.oldById.delete(key);
    return found;
  }

  /** Every cached row is stale; after a load, rows mean other records. */
  private _stale(rows: boolean): void {
    for (const record of this._byRow) if (record !== undefined) markStale(record);
    this.loose = true;
    if (!rows) return;
    this.old = this._byRow;
    this.oldById = undefined;
    this._byRow = [];
    this.loose = false;
  }

  private _discover(): void {
    const names = JSON.parse(engine().fieldNames(this._number)) as string[];
    for (let ix = this._fields.list.length + this.found.length; ix < names.length; ix++) {
      const field = makeField({ name: names[ix] as string }, ix);
      this.found.push(field);
      this.foundByName.set(field.name, field);
      defineAccessor(this.recordClass.prototype, field);
    }
  }

  private _set(record: Model, field: Field, value: unknown): boolean {
    this._alive();
    if (record._v === Freshness.Removed) {
      throw new SyncError('UNKNOWN_RECORD', `the record was removed from store "${this.id}"`);
    }
    const cells = cellsOf(record);
    const { ix } = field;
    // With listeners, the notice brings the new value before they run. Without any, nobody tells: the value is put where the
    // engine would put it, and where that isn't sure, the record is read anew.
    const told = this.told && this.batches === 0;
    const old = cells[ix];
    if (!told) {
      if (isDirect(field, value)) cells[ix] = value;
      else markStale(record);
    }
    const changed = this._send(record, field, value);
    if (changed <= 0 && !told && record._c === cells) cells[ix] = old;
    if (changed < 0) throw thrown();
    return changed === 1;
  }

  private _send(record: Model, field: Field, value: unknown): number {
    const { _number: store } = this;
    const { _r: row, _g: generation } = record;
    switch (typeof value) {
      case 'number':
        return engine().setNumber(store, row, generation, field.ix, value);
      case 'string':
        return engine().setText(store, row, generation, field.ix, writeText(value));
      case 'boolean':
        return engine().setBool(store, row, generation, field.ix, value);
      default:
        return this._setOther(record, field, value);
    }
  }

  private _setOther(record: Model, field: Field, value: unknown): number {
    const { _number: store } = this;
    const { _r: row, _g: generation } = record;
    checkValue(field.name, value);
    if (value === null || value === undefined) {
      return engine().setNull(store, row, generation, field.ix);
    }
    if (typeof value === 'bigint')
      return engine().setText(store, row, generation, field.ix, writeText(String(value)));
    if (value instanceof Date) {
      const ms = value.getTime();
      if (Number.isNaN(ms)) return engine().setNull(store, row, generation, field.ix);
      if (field.kind === Kind.Date) return engine().setNumber(store, row, generation, field.ix, ms);
      return engine().setText(store, row, generation, field.ix, writeText(value.toISOString()));
    }
    const text = jsonText(value);
    if (text === undefined || !/^[[{]/.test(text)) {
      // It has a JSON form of its own: a wrapped number, a Temporal date.
      const plain = text === undefined ? null : JSON.parse(text);
      if (typeof plain === 'string')
        return engine().setText(store, row, generation, field.ix, writeText(plain));
      if (typeof plain === 'number')
        return engine().setNumber(store, row, generation, field.ix, plain);
      if (typeof plain === 'boolean')
        return engine().setBool(store, row, generation, field.ix, plain);
      return engine().setNull(store, row, generation, field.ix);
    }
    return engine().setJson(store, row, generation, field.ix, writeText(text));
  }

  private _patch(record: R, ix: number, value: unknown): void {
    if (record._v !== Freshness.Fresh) return;
    const field = this._fields.list[ix];
    const text = typeof value === 'string' && field?.kind === Kind.Date;
    record._c[ix] = text ? null : value;
  }

  private _renamed(notice: Notice, known: R | undefined): void {
    let record = known;
    if (record === undefined) {
      // Not read since the last load: it is known by the id that it had.
      record = this._fromBefore(notice.row, notice.old);
      if (record === undefined) return;
      record._r = notice.row;
      record._g = notice.generation;
      this._put(notice.row, record);
    }
    if (record._k === undefined) {
      record._k = String(notice.old);
      this._keys.set(record._k, record);
    }
    record._i = notice.value as Id;
    this._patch(record, notice.field, notice.value);
  }

  private _arrive(row: number, generation: number): void {
    const instance = this.incoming.shift();
    if (instance === undefined) {
      this._put(row, undefined);
      return;
    }
    Object.setPrototypeOf(instance, this.recordClass.prototype);
    instance._s = this;
    instance._r = row;
    instance._g = generation;
    instance._v = Freshness.Stale;
    instance._c = NO_CELLS;
    instance._d = undefined;
    instance._b = undefined;
    instance._k = undefined;
    this._put(row, instance);
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
    this.incoming = flat
      ? given.map((one) =>
          one instanceof this.modelClass && one._s._store === undefined ? one : undefined,
        )
      : [];
    let pairs: Uint32Array;
    try {
      this._silently(silent, () => engine().add(number, writeJson(rows), position));
      pairs = readPairs();
      // Without listeners no notice told of the rows.
      for (let i = 0; this.incoming.length > 0 && i < pairs.length; i += 2) {
        if (this.told && this.batches === 0) break;
        this._arrive(pairs[i] as number, pairs[i + 1] as number);
      }
    } finally {
      this.incoming = [];
    }
    return this._records(pairs.filter((_, i) => i % 2 === 0));
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
    return this._records(pairs.filter((_, i) => i % 2 === 0));
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
    cellsOf(record);
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
