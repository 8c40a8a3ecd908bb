import { SyncError, checkFunction } from './errors.js';
import { Freshness } from './cells.js';
import { type Id, Model } from './model.js';
import { BLOCK } from './record-cache.js';
import { engine, readPairs, register, words, writeText } from './runtime.js';
import { StoreViewing } from './store-viewing.js';
import { moment, sameValue } from './values.js';

/** How a store is read. */
export abstract class StoreReading<R extends Model = Model> extends StoreViewing<R> {
  /**
   * How many records are shown: all, but those that are filtered out, and in trees those below
   * collapsed ones.
   */
  get count(): number {
    return this._view === undefined ? this.allCount : this._order().length;
  }

  /** {@link Store.count}, or with `all` {@link Store.allCount}. */
  getCount(options?: { all?: boolean } | null): number {
    return options?.all === true ? this.allCount : this.count;
  }

  /** How many records the server has, as its last load answer said; `undefined` when it didn't. */
  get totalCount(): number | undefined {
    const total = engine().storeTotal(this._alive());
    return total < 0 ? undefined : total;
  }

  /**
   * The records, in their order, but those that are filtered out; of trees each before what is
   * below it, without what is below collapsed ones.
   */
  get records(): R[] {
    return this._cache.records(this._order());
  }

  /** All records in the order of their data, filtered out ones included. */
  get allRecords(): R[] {
    return this._cache.records(this._allRows());
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
    if (!Number.isInteger(index)) {
      throw new SyncError('INVALID_ARGUMENT', 'a position is a whole number');
    }
    if (this._view !== undefined) {
      return this._cache.records(this._order().subarray(index, index < 0 ? 0 : index + 1))[0];
    }
    engine().order(this._alive());
    if (!(index >= 0 && index < register(1))) return undefined;
    const from = (register(0) >> 2) + index;
    return this._cache.records(words().slice(from, from + 1))[0];
  }

  /** Where a record stands; -1 when it isn't here, or filtered out. */
  indexOf(record: R | Id): number {
    const found = this.getById(record);
    if (found === undefined) return -1;
    return this._view === undefined
      ? this._allRows().indexOf(found._r)
      : this._view.place(found._r);
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

  /** The first record that the function says yes to; with `all`, also one that is filtered out. */
  find(fn: (record: R, index: number) => unknown, all = false): R | undefined {
    checkFunction('find', fn);
    let index = 0;
    for (const record of this._each(all)) if (fn(record, index++)) return record;
    return undefined;
  }

  /** The first record whose field has that value; with `all`, also one that is filtered out. */
  findRecord(field: string, value: unknown, all = false): R | undefined {
    return this.find((record) => sameValue(record.get(field), value), all);
  }

  /** The records that the function says yes to; with `all`, also those that are filtered out. */
  query(fn: (record: R, index: number) => unknown, all = false): R[] {
    checkFunction('query', fn);
    return (all ? this.allRecords : this.records).filter((record, index) => fn(record, index));
  }

  /** Calls the function with each record; stops when it returns `false`. */
  forEach(fn: (record: R, index: number) => unknown, thisObj?: unknown): void {
    checkFunction('forEach', fn);
    let index = 0;
    for (const record of this) if (fn.call(thisObj, record, index++) === false) return;
  }

  /** What the function makes of each record. */
  map<T>(fn: (record: R, index: number) => T, thisObj?: unknown): T[] {
    checkFunction('map', fn);
    return this.records.map((record, index) => fn.call(thisObj, record, index));
  }

  /** Whether the function says yes to any record. */
  some(fn: (record: R, index: number) => unknown): boolean {
    return this.find(fn) !== undefined;
  }

  /** Whether the function says yes to every record. */
  every(fn: (record: R, index: number) => unknown): boolean {
    checkFunction('every', fn);
    return this.find((record, index) => !fn(record, index)) === undefined;
  }

  /** Folds the records into one value. */
  reduce<T>(fn: (result: T, record: R, index: number) => T, initial: T): T {
    checkFunction('reduce', fn);
    return this.records.reduce((result, record, index) => fn(result, record, index), initial);
  }

  [Symbol.iterator](): IterableIterator<R> {
    return this._each(false);
  }

  /** @internal */
  *_each(all: boolean): IterableIterator<R> {
    const order = all ? this._allRows() : this._order();
    for (let at = 0; at < order.length; at += BLOCK) {
      for (const record of this._cache.records(order.subarray(at, at + BLOCK))) {
        if (record._v !== Freshness.Removed) yield record;
      }
    }
  }

  /**
   * The records whose time lies, at least in part, between two moments, by their start. Times are
   * half open: what ends at `start` or begins at `end` isn't among them, nor what is filtered out.
   * Needs an `interval`.
   */
  range(start: Date | number | string, end: Date | number | string): R[] {
    engine().range(this._alive(), moment(start), moment(end));
    const u32 = words();
    const at = register(0) >> 2;
    const count = register(1);
    const { byRow, loose } = this._cache;
    if (this._view !== undefined) {
      const rows = u32.slice(at, at + count);
      return this._cache.records(rows.filter((row) => (this._view?.rank(row) ?? 0) >= 0));
    }
    // Rows of one block are asked for at once: nothing can be put in their place before.
    const rows = () =>
      count > BLOCK ? u32.slice(at, at + count) : u32.subarray(at, at + count);
    if (loose) return this._cache.records(rows());
    const records = new Array<R>(count);
    for (let i = 0; i < count; i++) {
      const record = byRow[u32[at + i] as number];
      if (record === undefined) return this._cache.records(rows());
      records[i] = record;
    }
    return records;
  }

  /** The records whose field refers to that record, filtered out ones included. */
  referrers(field: string, to: Model | Id): R[] {
    const id = to instanceof Model ? to.id : to;
    const { relations = [] } = this._config;
    if (typeof id !== 'string' && typeof id !== 'number') return [];
    // Those have an index.
    if (field !== this._parentField() && !relations.some((relation) => relation.field === field)) {
      return this.query((record) => sameValue(record.get(field), id), true);
    }
    engine().referrers(this._alive(), this._ensureField(field).ix, writeText(String(id)));
    return this._cache.records(readPairs().filter((_, i) => i % 2 === 0));
  }

  /** The data of all records, filtered out ones included. */
  toJSON(): Record<string, any>[] {
    return this.allRecords.map((record) => record.toJSON());
  }
}
