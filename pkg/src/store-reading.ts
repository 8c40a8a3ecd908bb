import { Freshness } from './cells.js';
import { type Id, Model } from './model.js';
import { BLOCK } from './record-cache.js';
import { engine, readWords, register, words, writeText } from './runtime.js';
import { StoreCore } from './store-core.js';
import { moment, sameValue } from './values.js';

/** How a store is read. */
export abstract class StoreReading<R extends Model = Model> extends StoreCore<R> {
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
  override getById(id: R | Id | null | undefined): R | undefined {
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

  /** @internal */ _order(): Uint32Array {
    engine().order(this._alive());
    return readWords();
  }
}
