import { fieldsOf, isInternal, readField } from './accessors.js';
import { type Aside, CELLS, Freshness, aside, cellAt, putCell } from './cells.js';
import { type EditOptions, setUnseen, settledRecord, unseen } from './edits.js';
import type { CrudManager } from './crud-manager.js';
import { SyncError } from './errors.js';
import { checkValue, noDate, own } from './values.js';
import { type Field, type FieldInput, type FieldList, Kind, toJsonValue } from './fields.js';
import { type RecordExtras, defineExtras, extras } from './model-extras.js';
import { CLOSED, type EditPort } from './journal.js';
import { type Modifications, holdBack, modifications, release } from './modifications.js';
import { type TreeRecord, tree } from './model-tree.js';
import type { FieldChange } from './store-events.js';
import type { Store } from './store.js';
import { judgeAnew } from './validity.js';

/** An id as the server gives it. `4037` and `"4037"` are the same id. */
export type Id = string | number;

/** What a record needs to know about its store. @internal */
export interface RecordHome {
  readonly _fields: FieldList;
  /** The public store; none for records that are in none. */
  readonly _store: Store<any> | undefined;
  /** Properties that records have of their own by mistake. */
  _shadows: readonly string[] | undefined;
  /** How many cells its records have. */
  readonly _width: number;
  /** Gives a stale record its cells. */
  _refresh(record: Model): void;
  /** A number is about to be put in a cell that isn't a small integer. */
  _widen(ix: number, value: number): void;
  _write(record: Model, field: Field, value: unknown): boolean;
  _field(name: string): Field | undefined;
  _ensureField(name: string): Field;
}

/** The home of records that are in no store: they hold their values themselves. */
class NoHome implements RecordHome {
  readonly _store = undefined;
  _shadows: readonly string[] | undefined;
  constructor(readonly _fields: FieldList) {}

  get _width(): number {
    return this._fields.list.length;
  }

  _refresh(): void {}

  _widen(): void {}

  _write(record: Model, field: Field, value: unknown): boolean {
    const { ix, name } = field;
    checkValue(name, value);
    const old = cellAt(record, ix);
    putCell(record, ix, detachedValue(field, value));
    return old !== cellAt(record, ix);
  }

  _field(name: string): Field | undefined {
    return this._fields.byName.get(name);
  }

  _ensureField(name: string): Field {
    throw new SyncError(
      'UNKNOWN_FIELD',
      `there is no field "${name}"; declare it in static fields`,
    );
  }
}

function detachedValue({ kind, name, config }: Field, value: unknown): unknown {
  if (kind !== Kind.Date || typeof value === 'object' || value === undefined) return value;
  const text = typeof value === 'string' ? value.trim() : value;
  if (text === '') return null;
  const date = new Date(typeof text === 'number' ? text : typeof text === 'string' ? text : NaN);
  if (!Number.isNaN(date.getTime())) return date;
  // Written as the field says: the store reads it.
  if (typeof text === 'string' && config.format !== undefined) return text;
  throw noDate(name);
}

/** Text of a date that only a store can read. */
function unread(record: Model, { ix, kind }: Field): string | undefined {
  const cell = cellAt(record, ix);
  return kind === Kind.Date && typeof cell === 'string' ? cell : undefined;
}

const noHomes = new WeakMap<object, NoHome>();

function noHome(model: typeof Model): NoHome {
  let home = noHomes.get(model);
  if (home === undefined) {
    home = new NoHome(fieldsOf(model));
    noHomes.set(model, home);
    settleIn(model, home, CLOSED);
  }
  return home;
}

/**
 * @internal Says where the records of a class belong. It is the same for all of them, and each
 * property of theirs counts.
 */
export function settleIn(model: { prototype: object }, home: RecordHome, port: EditPort): void {
  // Not by assignment: those of an ancestor are read-only.
  Object.defineProperty(model.prototype, '_s', { value: home });
  Object.defineProperty(model.prototype, '_e', { value: port });
}

const NONE: readonly unknown[] = [];

function batchOf(record: Model): Record<string, unknown> {
  return (aside(record).batch ??= {});
}

/** How many batches are open inside of a record's first. */
const inner = new WeakMap<Model, number>();

/**
 * Where the record that is being made belongs: set by a store right before, taken by the
 * constructor.
 */
let birthHome: RecordHome | undefined;
let birthRow = 0;
let birthGeneration = 0;
let birthCells: readonly unknown[] = [];
let birthFrom = 0;

/**
 * @internal Makes the record of a row, by the constructor of its class. Its cells begin at `from`.
 */
export function makeRecord<R extends Model>(
  model: new () => R,
  home: RecordHome,
  row: number,
  generation: number,
  cells: readonly unknown[],
  from = 0,
): R {
  birthHome = home;
  birthRow = row;
  birthGeneration = generation;
  birthCells = cells;
  birthFrom = from;
  try {
    const record = new model();
    const shadows = (home._shadows ??= shadowsOf(record));
    // The last property goes first: objects that lose another one are slow from then on.
    for (let i = shadows.length; i-- > 0;) delete (record as any)[shadows[i] as string];
    return record;
  } finally {
    birthHome = undefined;
  }
}

/**
 * A class field without a value (`name!: string` as some compilers write it) would hide the
 * accessor of the field.
 */
function shadowsOf(record: Model): readonly string[] {
  const { byName } = record._s._fields;
  return Object.keys(record).filter((name) => byName.has(name) && !isInternal(name));
}

/**
 * A record. Subclasses declare further fields; those of their ancestors are inherited, and a
 * declaration of the same name is merged into the inherited one.
 *
 * ```ts
 * class ProjectTask extends TaskModel {
 *   static override fields = [{ name: 'deadline', type: 'date' }];
 *   declare deadline: Date | null;
 *   get isOverdue() { return this.deadline !== null && this.deadline < new Date(); }
 * }
 * ```
 */
export class Model {
  /** @internal Minified code has other names. */ static readonly name: string = 'Model';
  /** The fields that this class adds. */
  static fields: readonly FieldInput[] = ['id'];

  /** The server's id; a UUID until it has given one. */
  declare id: Id;

  /** @internal Its cells. */ declare _0: unknown;
  /** @internal */ declare _1: unknown;
  /** @internal */ declare _2: unknown;
  /** @internal */ declare _3: unknown;
  /** @internal */ declare _4: unknown;
  /** @internal */ declare _5: unknown;
  /** @internal */ declare _6: unknown;
  /** @internal */ declare _7: unknown;
  /** @internal */ declare _8: unknown;
  /** @internal */ declare _9: unknown;
  /** @internal */ declare _10: unknown;
  /** @internal */ declare _11: unknown;
  /** @internal */ declare _12: unknown;
  /** @internal */ declare _13: unknown;
  /** @internal */ declare _14: unknown;
  /** @internal */ declare _15: unknown;
  /** @internal The cells beyond those. */ declare _m: unknown[] | undefined;
  /** @internal Where the record belongs: of its prototype, like what follows. */ declare _s: RecordHome;
  /** @internal How it is edited. */ declare _e: EditPort;
  /** @internal Its row there. */ declare _r: number;
  /** @internal Which of those who have lived there. */ declare _g: number;
  /** @internal Whether its cells are up to date. */ declare _v: Freshness;
  /** @internal What few records have. */ declare _x: Aside | undefined;

  /** Makes a record that is in no store yet; `store.add(record)` puts it there. */
  constructor(data?: Record<string, unknown>) {
    const home = birthHome ?? noHome(new.target);
    const born = birthHome !== undefined;
    birthHome = undefined;
    // The root of a tree, which is no record of its store.
    if (this._s !== home) settleIn({ prototype: this }, home, CLOSED);
    const cells = born ? birthCells : NONE;
    const at = birthFrom;
    const width = home._width;
    // Every record of a class gets the same properties in the same order, so that reads have one
    // shape to expect.
    this._0 = cells[at];
    this._1 = cells[at + 1];
    this._2 = cells[at + 2];
    this._3 = cells[at + 3];
    if (width > 4) {
      this._4 = cells[at + 4];
      this._5 = cells[at + 5];
    }
    if (width > 6) {
      this._6 = cells[at + 6];
      this._7 = cells[at + 7];
    }
    if (width > 8) {
      this._8 = cells[at + 8];
      this._9 = cells[at + 9];
    }
    if (width > 10) {
      this._10 = cells[at + 10];
      this._11 = cells[at + 11];
    }
    if (width > 12) {
      this._12 = cells[at + 12];
      this._13 = cells[at + 13];
      this._14 = cells[at + 14];
      this._15 = cells[at + 15];
    }
    if (width > CELLS) this._m = cells.slice(at + CELLS, at + width);
    this._r = born ? birthRow : -1;
    this._g = born ? birthGeneration : 0;
    this._v = Freshness.Fresh;
    this._x = undefined;
    if (!born) this._fill(data ?? {});
  }

  private _fill(data: Record<string, unknown>): void {
    for (const field of this._s._fields.list) {
      const given = Object.hasOwn(data, field.name) ? data[field.name] : undefined;
      const { defaultValue } = field.config;
      const value =
        given === undefined && typeof defaultValue === 'function'
          ? defaultValue()
          : (given ?? defaultValue);
      if (value !== undefined) this._s._write(this, field, given === null ? null : value);
    }
    for (const name of Object.keys(data)) {
      if (!this._s._fields.byName.has(name)) batchOf(this)[name] = data[name];
    }
  }

  /** Stays the same as long as the record lives, also when the server gives it an id. */
  get key(): string {
    return this._x?.key ?? this._s._store?._cache.keyOf(this) ?? String(cellAt(this, 0));
  }

  /** The store that the record is in. */
  get store(): Store<any> | undefined {
    return this._s._store;
  }

  /** The fields of this class, inherited ones included. */
  get fieldNames(): string[] {
    return this._s._fields.list.map((field) => field.name);
  }

  /**
   * A field's value by name; also fields that came with the data without being declared, and paths
   * into objects (`a.b`).
   */
  get(name: string): any {
    const batched = this._x?.batch;
    if (batched !== undefined && Object.hasOwn(batched, name)) return batched[name];
    const field = this._s._field(name);
    if (field !== undefined) return this._read(field);
    const dot = typeof name === 'string' ? name.indexOf('.') : -1;
    if (dot < 0) return undefined;
    let value = this.get(name.slice(0, dot));
    for (const part of name.slice(dot + 1).split('.')) {
      value = value != null && Object.hasOwn(value, part) ? value[part] : undefined;
    }
    return value;
  }

  /**
   * Sets one field, or several at once: listeners hear of one update.
   *
   * @param options `true` for `silent`: no events (what changed is tracked and sent all the same)
   */
  set(values: Record<string, unknown>, options?: boolean | EditOptions): this;
  set(name: string, value: unknown, options?: boolean | EditOptions): this;
  set(what: string | Record<string, unknown>, second?: any, third?: any): this {
    const single = typeof what === 'string';
    const values = single ? { [what]: second } : what;
    if (values === null || typeof values !== 'object' || values instanceof Model) {
      throw new SyncError('INVALID_ARGUMENT', 'set() wants a field and a value, or an object');
    }
    const option = single ? third : second;
    const silent = option === true || option?.silent === true;
    const store = this._s._store;
    if (this._x?.batch !== undefined && store !== undefined) {
      this._gather(values);
      return this;
    }
    if (store === undefined) {
      for (const name of Object.keys(values)) this._setDetached(name, values[name]);
    } else if (unseen(option)) {
      setUnseen(store, this, values, silent);
    } else {
      store._update(this, values, silent);
    }
    return this;
  }

  /** Every field's value by name. A new object each time; changing it changes nothing. */
  get data(): Record<string, any> {
    const data: Record<string, any> = {};
    const store = this._s._store;
    const fields = store === undefined ? this._s._fields.list : store._allFields();
    for (const field of fields) {
      const value = this._read(field);
      if (value === undefined) continue;
      own(data, field.name, store === undefined ? (unread(this, field) ?? value) : value);
    }
    return store === undefined ? { ...data, ...this._x?.batch } : data;
  }

  /** The record as JSON has it; `JSON.stringify(record)` uses it. */
  toJSON(): Record<string, any> {
    return this.data;
  }

  /** Whether the server doesn't know the record yet. */
  get isPhantom(): boolean {
    return this._state('phantom', true);
  }

  /**
   * Whether it has changes that aren't on the wire, those of fields that are never sent included.
   */
  get isModified(): boolean {
    return this._state('dirty', false);
  }

  /** Whether the server hasn't confirmed it as it stands: changes wait, or are on the wire. */
  get isPending(): boolean {
    return this._state('pending', false);
  }

  /**
   * Whether it may be sent. Override it: a changed record that says `false` is kept back from syncs
   * until it says otherwise, and what refers to it while the server doesn't know it. See
   * `manager.invalidRecords`.
   */
  get isValid(): boolean {
    return true;
  }

  /**
   * Whether it is kept back from syncs: it isn't valid, depends on one that isn't, or has an open
   * conflict.
   */
  get isHeldBack(): boolean {
    const manager = this._s._store?._manager as CrudManager | undefined;
    if (manager !== undefined) judgeAnew(manager);
    return this._state('held', false);
  }

  /** Whether it isn't in its store any more. */
  get isRemoved(): boolean {
    return this._s._store?._isRemoved(this) ?? false;
  }

  /** Why the server refused its changes. */
  get syncError(): string | null {
    return this._s._store?._syncError(this) ?? null;
  }

  /** What the server has in a field, as far as is known. */
  getUnmodified(name: string): any {
    return this._s._store?._unmodified(this, name) ?? this.get(name);
  }

  /** The changed fields with their values, and the id; `null` when nothing is changed. */
  get modifications(): Record<string, any> | null {
    const names = this._s._store?._modified(this) ?? [];
    if (names.length === 0) return null;
    const changed: Record<string, any> = { id: this.id };
    for (const name of names) changed[name] = this.get(name);
    return changed;
  }

  /** Whether that field is changed. */
  isFieldModified(name: string): boolean {
    return this._s._store?._modified(this).includes(name) ?? false;
  }

  /** Takes its changes back, also those on the wire. */
  revertChanges(): void {
    this._s._store?._settle(this, false);
  }

  /** Declares its changes to be confirmed. */
  acceptChanges(): void {
    this._s._store?._settle(this, true);
  }

  /**
   * Resolves when all that is changed by now is confirmed by the server (at once, when nothing is);
   * rejects with the reason when it is refused or taken back. What is changed later is no part of
   * it.
   */
  settled(): Promise<void> {
    return settledRecord(this);
  }

  /** Removes it from its store. */
  remove(): void {
    this._s._store?.remove(this as any);
  }

  /**
   * Holds changes back until {@link Model.endBatch}: reads by {@link Model.get} see them, nobody
   * else does. Nests: the outermost end counts. What was changed before isn't sent until then
   * either.
   */
  beginBatch(): void {
    if (this._s._store === undefined) return;
    if (this._x?.batch === undefined) {
      batchOf(this);
      holdBack(this);
    } else inner.set(this, (inner.get(this) ?? 0) + 1);
  }

  /** Sets what the batch gathered, as one update. */
  endBatch(silent = false): void {
    const batched = this._x?.batch;
    if (this._s._store === undefined || batched === undefined) return;
    const depth = inner.get(this) ?? 0;
    if (depth > 0) {
      inner.set(this, depth - 1);
      return;
    }
    aside(this).batch = undefined;
    release(this);
    this.set(batched, silent);
  }

  /** Forgets what the batch gathered, and ends it as a whole. */
  cancelBatch(): void {
    if (this._s._store === undefined || this._x?.batch === undefined) return;
    this._x.batch = undefined;
    inner.delete(this);
    release(this);
  }

  /**
   * A record with the same values, in no store and without the id.
   *
   * @param changes other values, or the copy's id
   * @param deep with copies of what is below it in a tree
   */
  copy(changes?: Record<string, unknown> | Id | null, deep = false): this {
    const { id: _id, ...data } = this.data;
    const other = typeof changes === 'object' ? changes : { id: changes };
    const children =
      deep && this._s._store?.allChildrenOf(this).map((one) => one.copy(null, true).data);
    return new (this._s._store?.modelClass ?? (this.constructor as any))({
      ...data,
      ...(children && children.length > 0 && { children }),
      ...other,
    });
  }

  /** @internal */
  _setField(field: Field, value: unknown): void {
    if (this._x?.batch !== undefined && this._s._store !== undefined)
      this._gather({ [field.name]: value });
    else this._s._write(this, field, value);
  }

  /** Keeps values for the end of the batch. */
  private _gather(values: Record<string, unknown>): void {
    const changes: Record<string, FieldChange> = Object.create(null);
    for (const name of Object.keys(values)) {
      changes[name] = { value: values[name], oldValue: this.get(name) };
    }
    aside(this).batch = { ...this._x?.batch, ...values };
    this._s._store?._fire('batchedUpdate', { record: this, changes });
  }

  /** @internal */
  _read(field: Field): unknown {
    return readField(this, field);
  }

  private _setDetached(name: string, value: unknown): void {
    const field = this._s._field(name);
    if (field !== undefined) this._s._write(this, field, value);
    else batchOf(this)[name] = value;
  }

  private _state(what: 'phantom' | 'dirty' | 'pending' | 'held', detached: boolean): boolean {
    return this._s._store?._stateOf(this, what) ?? detached;
  }

  /** @internal What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return { ...this.data };
  }
}

/** Records are those of a tree, where their store is one. */
export interface Model extends TreeRecord, RecordExtras, Modifications {}

defineExtras(Model.prototype, extras);
defineExtras(Model.prototype, modifications);
defineExtras(Model.prototype, tree);

/**
 * @internal A row as the wire has it. Fields can be given by their names or by their wire names.
 */
export function rowOf(
  record: Record<string, unknown> | Model,
  fields: FieldList,
  idField: string | undefined,
  tree: boolean,
  defaults = true,
): object {
  const data = record instanceof Model ? record.data : record;
  const row: Record<string, unknown> = {};
  for (const name of Object.keys(data)) own(row, name, toJsonValue(data[name]));
  if (tree && Array.isArray(data.children)) {
    row.children = data.children.map((child: any) =>
      child !== null && typeof child === 'object'
        ? rowOf(child, fields, idField, true, defaults)
        : child,
    );
  }
  const put = (name: string, path: string) => {
    const value = row[name];
    delete row[name];
    const parts = path.split('.');
    const last = parts.pop() as string;
    let at = row;
    for (const part of parts) {
      const inner = Object.hasOwn(at, part) ? at[part] : undefined;
      const copy = { ...(typeof inner === 'object' ? inner : undefined) };
      own(at, part, copy);
      at = copy;
    }
    own(at, last, value);
  };
  for (const { name, ix, config } of fields.list) {
    if (defaults && typeof config.defaultValue === 'function' && row[name] === undefined) {
      own(row, name, toJsonValue(config.defaultValue()));
    }
    const path = (ix === 0 && idField) || config.dataSource;
    if (path == null || path === name) continue;
    if (Object.hasOwn(row, name)) put(name, path);
    const dot = path.indexOf('.');
    if (dot < 0) continue;
    // What else came in that object, without being declared.
    for (const other of Object.keys(row)) {
      if (other.startsWith(path.slice(0, dot + 1))) put(other, other);
    }
  }
  return row;
}
