import { SyncError } from './errors.js';
import { type Field, type FieldInput, FieldList, Kind, toJsonValue } from './fields.js';
import type { Store } from './store.js';

/** An id as the server gives it. `4037` and `"4037"` are the same id. */
export type Id = string | number;

/** A value of JSON that is parsed when somebody asks for it. @internal */
export class RawJson {
  private text: string | undefined;
  private parsed: unknown;

  constructor(text: string) {
    this.text = text;
  }

  get value(): unknown {
    if (this.text !== undefined) {
      this.parsed = JSON.parse(this.text);
      this.text = undefined;
    }
    return this.parsed;
  }
}

/** Whether a record's cells are what the engine has. @internal */
export const enum Freshness {
  Fresh = 0,
  /** To be read anew: it has no cells. */
  Stale = -1,
  /** The cells are those that it had when it was removed. */
  Removed = -2,
}

/** The cells of stale records. @internal */
export const NO_CELLS: unknown[] = [];

/** @internal */
export function markStale(record: Model): void {
  if (record._v !== Freshness.Fresh) return;
  record._v = Freshness.Stale;
  record._d = record._c;
  record._c = NO_CELLS;
}

/** @internal A record is gone: it keeps what it had. */
export function markRemoved(record: Model): void {
  if (record._v === Freshness.Stale) {
    record._c = record._d ?? NO_CELLS;
    record._d = undefined;
  }
  record._v = Freshness.Removed;
}

/** @internal A record's cells, read anew where they are stale. */
export function cellsOf(record: Model): unknown[] {
  return record._v === Freshness.Stale ? record._s._refresh(record) : record._c;
}

/** What a record needs to know about its store. @internal */
export interface RecordHome {
  readonly _fields: FieldList;
  /** The public store; none for records that are in none. */
  readonly _store: Store<any> | undefined;
  /** Properties that records have of their own by mistake. */
  _shadows: readonly string[] | undefined;
  _refresh(record: Model): unknown[];
  _write(record: Model, field: Field, value: unknown): boolean;
  _field(name: string): Field | undefined;
  _ensureField(name: string): Field;
}

interface Converted {
  raw: unknown;
  value: unknown;
}

const lists = new WeakMap<object, FieldList>();

/** @internal The fields of a model class; defines their accessors the first time. */
export function fieldsOf(model: typeof Model): FieldList {
  const known = lists.get(model);
  if (known !== undefined) return known;
  const parent = Object.getPrototypeOf(model);
  const inherited = parent === Function.prototype ? new FieldList([]) : fieldsOf(parent);
  const own = Object.hasOwn(model, 'fields') ? (model.fields ?? []) : [];
  const list = own.length > 0 ? inherited.extend(own) : inherited;
  lists.set(model, list);
  if (list !== inherited) {
    for (const field of list.list) {
      if (inherited.byName.get(field.name) !== field) defineAccessor(model.prototype, field);
    }
  }
  return list;
}

/** @internal Makes `record.name` read and write the field, unless the class says something else about that name. */
export function defineAccessor(prototype: object, field: Field): void {
  const { name } = field;
  if (Object.hasOwn(prototype, name)) return;
  // A field may take the place of another field's accessor, never that of a method or getter of the app or of Model.
  const inherited = findProperty(prototype, name);
  if (inherited !== undefined && !accessors.has(inherited.get as object)) return;
  const get = getter(field);
  accessors.add(get);
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get,
    set(this: Model, value: unknown) {
      this._setField(field, value);
    },
  });
}

const accessors = new WeakSet<object>();

function findProperty(prototype: object | null, name: string): PropertyDescriptor | undefined {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function getter(field: Field): (this: Model) => unknown {
  const { ix } = field;
  if (field.convert !== undefined) {
    return function (this: Model) {
      return this._read(field);
    };
  }
  // A stale record has no cells: what isn't there is looked for, all else needs no further check.
  switch (field.kind) {
    case Kind.Date:
      return function (this: Model) {
        const cell = this._c[ix];
        const value = cell !== undefined ? cell : absent(this, ix);
        return typeof value === 'number' ? dateOf(this, ix, value) : asDate(value);
      };
    case Kind.Text:
    case Kind.Number:
    case Kind.Integer:
    case Kind.Boolean:
      return function (this: Model) {
        const cell = this._c[ix];
        return cell !== undefined ? cell : absent(this, ix);
      };
    default:
      return function (this: Model) {
        const cell = this._c[ix];
        const value = cell !== undefined ? cell : absent(this, ix);
        return typeof value === 'object' && value !== null ? unwrap(value) : value;
      };
  }
}

function absent(record: Model, ix: number): unknown {
  return record._v === Freshness.Stale ? record._s._refresh(record)[ix] : undefined;
}

function unwrap(value: object): unknown {
  return value instanceof RawJson ? value.value : value;
}

/** What a date field reads as that holds something else: nonsense reads as `null`. */
function asDate(value: unknown): Date | null | undefined {
  if (value instanceof Date) return value;
  return value === undefined ? undefined : null;
}

/** The same `Date` as long as the field holds the same moment. */
function dateOf(record: Model, ix: number, ms: number): Date {
  const kept = (record._d ??= []);
  const date = kept[ix] as Date | undefined;
  if (date !== undefined && date.getTime() === ms) return date;
  return (kept[ix] = new Date(ms));
}

/** The home of records that are in no store: they hold their values themselves. */
class NoHome implements RecordHome {
  readonly _store = undefined;
  _shadows: readonly string[] | undefined;
  constructor(readonly _fields: FieldList) {}

  _refresh(record: Model): unknown[] {
    return record._c;
  }

  _write(record: Model, field: Field, value: unknown): boolean {
    const old = record._c[field.ix];
    record._c[field.ix] = value === undefined ? undefined : detachedValue(field, value);
    return old !== record._c[field.ix];
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

function detachedValue(field: Field, value: unknown): unknown {
  if (field.kind !== Kind.Date || typeof value === 'object') return value;
  const date = new Date(value as string | number);
  return Number.isNaN(date.getTime()) ? null : date;
}

const noHomes = new WeakMap<object, NoHome>();

function noHome(model: typeof Model): NoHome {
  let home = noHomes.get(model);
  if (home === undefined) {
    home = new NoHome(fieldsOf(model));
    noHomes.set(model, home);
  }
  return home;
}

/** Where the record that is being made belongs: set by a store right before, taken by the constructor. */
let birthHome: RecordHome | undefined;
let birthRow = 0;
let birthGeneration = 0;
let birthCells: unknown[] = [];

/** @internal Makes the record of a row, by the constructor of its class. */
export function makeRecord<R extends Model>(
  model: new () => R,
  home: RecordHome,
  row: number,
  generation: number,
  cells: unknown[],
): R {
  birthHome = home;
  birthRow = row;
  birthGeneration = generation;
  birthCells = cells;
  try {
    const record = new model();
    const shadows = (home._shadows ??= shadowsOf(record));
    for (let i = 0; i < shadows.length; i++) delete (record as any)[shadows[i] as string];
    return record;
  } finally {
    birthHome = undefined;
  }
}

/** A class field without a value (`name!: string` as some compilers write it) would hide the accessor of the field. */
function shadowsOf(record: Model): readonly string[] {
  const { byName } = record._s._fields;
  return Object.keys(record).filter((name) => byName.has(name));
}

/**
 * A record. Subclasses declare further fields; those of their ancestors are inherited, and a declaration of the same name is
 * merged into the inherited one.
 *
 * ```ts
 * class ProjectTask extends TaskModel {
 *   static fields = [{ name: 'deadline', type: 'date' }];
 *   declare deadline: Date | null;
 *   get isOverdue() { return this.deadline !== null && this.deadline < new Date(); }
 * }
 * ```
 */
export class Model {
  /** The fields that this class adds. */
  static fields: readonly FieldInput[] = ['id'];

  /** The server's id; a UUID until it has given one. */
  declare id: Id;

  /** @internal Where the record belongs. */ _s: RecordHome;
  /** @internal Its row there. */ _r: number;
  /** @internal Which of those who have lived there. */ _g: number;
  /** @internal Whether its cells are up to date. */ _v: Freshness;
  /** @internal Its cells by place of the field. */ _c: unknown[];
  /** @internal Dates and converted values made of the cells; of a stale record, the cells that it had. */ _d:
    unknown[] | undefined;
  /** @internal Its key, where it isn't its id. */ _k: string | undefined;
  /** @internal Its id when it was last decoded. */ _i: Id;
  /** @internal Values of a batch. */ _b: Record<string, unknown> | undefined;

  /** Makes a record that is in no store yet; `store.add(record)` puts it there. */
  constructor(data?: Record<string, unknown>) {
    const home = birthHome;
    if (home !== undefined) {
      birthHome = undefined;
      this._s = home;
      this._r = birthRow;
      this._g = birthGeneration;
      this._v = Freshness.Fresh;
      this._c = birthCells;
      this._i = birthCells[0] as Id;
      this._d = undefined;
      this._k = undefined;
      this._b = undefined;
      return;
    }
    this._s = noHome(new.target);
    this._r = -1;
    this._g = 0;
    this._v = Freshness.Fresh;
    this._c = [];
    this._i = '';
    this._d = undefined;
    this._k = undefined;
    this._b = undefined;
    this._fill(data ?? {});
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
      if (!this._s._fields.byName.has(name)) (this._b ??= {})[name] = data[name];
    }
  }

  /** Stays the same as long as the record lives, also when the server gives it an id. */
  get key(): string {
    if (this._k !== undefined) return this._k;
    cellsOf(this);
    return String(this._s._store === undefined ? this.id : this._i);
  }

  /** The store that the record is in. */
  get store(): Store<any> | undefined {
    return this._s._store;
  }

  /** The fields of this class, inherited ones included. */
  get fieldNames(): string[] {
    return this._s._fields.list.map((field) => field.name);
  }

  /** A field's value by name; also fields that came with the data without being declared, and paths into objects (`a.b`). */
  get(name: string): any {
    const batched = this._b;
    if (batched !== undefined && Object.hasOwn(batched, name)) return batched[name];
    const field = this._s._field(name);
    if (field !== undefined) return this._read(field);
    const dot = name.indexOf('.');
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
   * @param silent no events (what changed is tracked and sent all the same)
   */
  set(values: Record<string, unknown>, silent?: boolean | { silent?: boolean }): this;
  set(name: string, value: unknown, silent?: boolean | { silent?: boolean }): this;
  set(what: string | Record<string, unknown>, second?: any, third?: any): this {
    const single = typeof what === 'string';
    const values = single ? { [what]: second } : what;
    if (values === null || typeof values !== 'object') {
      throw new SyncError('INVALID_ARGUMENT', 'set() wants a field and a value, or an object');
    }
    const option = single ? third : second;
    const silent = option === true || option?.silent === true;
    if (this._b !== undefined && this._s._store !== undefined) {
      Object.assign(this._b, values);
      return this;
    }
    const store = this._s._store;
    if (store === undefined) {
      for (const name of Object.keys(values)) this._setDetached(name, values[name]);
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
      own(data, field.name, value);
    }
    return store === undefined ? { ...data, ...this._b } : data;
  }

  /** The record as JSON has it; `JSON.stringify(record)` uses it. */
  toJSON(): Record<string, any> {
    return this.data;
  }

  /** Whether the server doesn't know the record yet. */
  get isPhantom(): boolean {
    return this._state('phantom', true);
  }

  /** Whether it has changes that wait to be sent. */
  get isModified(): boolean {
    return this._state('dirty', false);
  }

  /** Whether the server hasn't confirmed it as it stands: changes wait, or are on the wire. */
  get isPending(): boolean {
    return this._state('pending', false);
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

  /** Removes it from its store. */
  remove(): void {
    this._s._store?.remove(this as any);
  }

  /** Holds changes back until {@link Model.endBatch}: reads by {@link Model.get} see them, nobody else does. */
  beginBatch(): void {
    if (this._s._store !== undefined) this._b ??= {};
  }

  /** Sets what the batch gathered, as one update. */
  endBatch(silent = false): void {
    const batched = this._b;
    if (this._s._store === undefined || batched === undefined) return;
    this._b = undefined;
    this.set(batched, silent);
  }

  /** Forgets what the batch gathered. */
  cancelBatch(): void {
    if (this._s._store !== undefined) this._b = undefined;
  }

  /** A record with the same values, in no store and without the id. */
  copy(changes: Record<string, unknown> = {}): this {
    const { id: _id, ...data } = this.data;
    return new (this._s._store?.modelClass ?? (this.constructor as any))({ ...data, ...changes });
  }

  /** @internal */
  _setField(field: Field, value: unknown): void {
    if (this._b !== undefined && this._s._store !== undefined) this._b[field.name] = value;
    else this._s._write(this, field, value);
  }

  /** @internal */
  _read(field: Field): unknown {
    const cell = cellsOf(this)[field.ix];
    let value: unknown = cell;
    if (field.kind === Kind.Date) {
      value =
        typeof cell === 'number' && field.convert === undefined
          ? dateOf(this, field.ix, cell)
          : asDate(typeof cell === 'number' ? new Date(cell) : cell);
    } else if (typeof cell === 'object' && cell !== null) {
      value = unwrap(cell);
    }
    if (field.convert === undefined) return value;
    const kept = (this._d ??= []);
    const converted = kept[field.ix] as Converted | undefined;
    // An object that is parsed when it is read is another one each time the row is.
    if (converted !== undefined && Object.is(converted.raw, cell)) return converted.value;
    value = field.convert(value, this);
    kept[field.ix] = { raw: cell, value } satisfies Converted;
    return value;
  }

  private _setDetached(name: string, value: unknown): void {
    const field = this._s._field(name);
    if (field !== undefined) this._s._write(this, field, value);
    else (this._b ??= {})[name] = value;
  }

  private _state(what: 'phantom' | 'dirty' | 'pending', detached: boolean): boolean {
    return this._s._store?._stateOf(this, what) ?? detached;
  }

  /** @internal What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return { ...this.data };
  }
}

/**
 * @internal A row as the wire has it. Fields can be given by their names or by their wire names.
 */
export function rowOf(
  record: Record<string, unknown> | Model,
  fields: FieldList,
  idField: string | undefined,
): object {
  const data = record instanceof Model ? record.data : record;
  const row: Record<string, unknown> = {};
  for (const name of Object.keys(data)) own(row, name, toJsonValue(data[name]));
  for (const { name, ix, config } of fields.list) {
    if (typeof config.defaultValue === 'function' && row[name] === undefined) {
      own(row, name, toJsonValue(config.defaultValue()));
    }
    const path = (ix === 0 && idField) || config.dataSource;
    if (path === undefined || path === name || !Object.hasOwn(row, name)) continue;
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
  }
  return row;
}

/** Not by assignment: a field may be called `__proto__`. */
function own(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
