import { markRemoved } from './cells.js';
import { SyncError } from './errors.js';
import { type Id, Model, rowOf } from './model.js';
import {
  encode,
  engine,
  jsonText,
  readPairs,
  writeBytes,
  writeJson,
  writeText,
  writeWords,
} from './runtime.js';
import type { DataInput } from './store-config.js';
import { StoreReading } from './store-reading.js';

/** How a store is changed. */
export abstract class StoreChanging<R extends Model = Model> extends StoreReading<R> {
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
    if (!this._told || this._batches > 0)
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
    if (this._batches > 0) this._cache.stale(true);
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
    this._batches++;
  }

  /** Ends a batch. */
  endBatch(): void {
    if (this._batches === 0) return;
    this._batches--;
    if (this._batches === 0) this._cache.stale(true);
    engine().endBatch(this._alive());
  }

  /** @internal */ _add(
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
        if (this._told && this._batches === 0) break;
        this._cache.arrive(pairs[i] as number, pairs[i + 1] as number);
      }
    } finally {
      this._cache.incoming = [];
    }
    // A listener may have destroyed it.
    this._alive();
    return this._cache.records(pairs.filter((_, i) => i % 2 === 0));
  }

  /** @internal */ _row(one: unknown): unknown {
    if (one === null || typeof one !== 'object') return one;
    return rowOf(one as Record<string, unknown>, this._fields, this._config.idField);
  }

  /** Whether any field has another name on the wire. */
  /** @internal */ get _renames(): boolean {
    return (
      this._config.idField !== undefined ||
      this._fields.list.some(({ name, config }) => (config.dataSource ?? name) !== name)
    );
  }

  /** @internal */ _bag(which: number): R[] {
    engine().bag(this._alive(), which);
    const pairs = readPairs();
    return this._cache.records(pairs.filter((_, i) => i % 2 === 0));
  }
}

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
