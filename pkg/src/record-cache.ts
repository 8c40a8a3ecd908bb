import { Freshness, Shape, aside, cellAt, markRemoved, markStale, putCell, putCells } from './cells.js';
import { type Notice, NoticeKind, OriginCode, UNREAD, unpack } from './decode.js';
import { Kind } from './fields.js';
import { type Id, type Model, type RecordHome, makeRecord } from './model.js';
import { engine, register, writeText, writeWords } from './runtime.js';
import type { StoreFields } from './store-fields.js';
import { sameValue } from './values.js';

/**
 * How many rows are decoded at once: enough to make the cost of a call small, not more than a
 * screen needs.
 */
export const BLOCK = 512;

/** @internal The store that the records are of. */
interface CachedStore extends RecordHome {
  readonly _number: number;
  readonly allCount: number;
}

/**
 * @internal The records of a store that somebody has read: one object per record for as long as it
 * lives.
 */
export class RecordCache<R extends Model> {
  /** Records by row. */
  byRow: (R | undefined)[] = [];
  /** Records that are known by another key than their id. */
  readonly keys = new Map<string, R>();
  /** Instances whose rows the engine is about to make. */
  incoming: (R | undefined)[] = [];
  /** Nothing happened in the batch that ends but what its records know. */
  exact = false;
  /** Many records may be stale: better read in blocks than one by one. */
  loose = false;
  /** What engines know of its records. */
  readonly shape = new Shape();
  /** Records from before the last load, to be found again by id. */
  private old: (R | undefined)[] | undefined;
  private oldById: Map<string, R> | undefined;

  constructor(
    private readonly home: CachedStore,
    private readonly fields: StoreFields,
    readonly recordClass: new () => R,
  ) {}

  /**
   * The records of rows; those that aren't there yet are made, and stale ones read, block by block.
   */
  records(rows: Uint32Array): R[] {
    const count = rows.length;
    const records = new Array<R>(count);
    const { byRow, loose } = this;
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const record = byRow[rows[i] as number];
      if (record === undefined || (loose && record._v !== Freshness.Fresh)) missing++;
      else records[i] = record;
    }
    if (missing === count) this.make(rows, undefined, records);
    else if (missing > 0) {
      const places = new Uint32Array(missing);
      for (let i = 0, to = 0; i < count; i++) if (records[i] === undefined) places[to++] = i;
      this.make(places.map((at) => rows[at] as number), places, records);
    }
    if (loose && rows.length >= this.home.allCount) this.loose = false;
    return records;
  }

  /** The record of a handle, removed ones included as long as somebody has read them. */
  at(row: number, generation: number): R | undefined {
    const known = this.byRow[row];
    if (known !== undefined && known._g === generation) return known;
    if (engine().recordState(this.home._number, row, generation) < 0) return undefined;
    return this.attached(row, generation);
  }

  /** The record of a notice; nothing for one that has gone meanwhile without being told of. */
  of(notice: Notice): R | undefined {
    const known = (notice.removed as R | undefined) ?? this.at(notice.row, notice.generation);
    return known ?? (notice.kind === NoticeKind.Remove ? this.gone(notice) : undefined);
  }

  /** Records that notices are about and that nobody has read yet are made, block by block; with `all`, also
   * those that come and go, which are made for who asks for them. */
  expect(notices: readonly Notice[], all: boolean): void {
    let missing: Map<number, number> | undefined;
    for (const { kind, row, generation } of notices) {
      const isRow = kind === NoticeKind.Add || kind === NoticeKind.Remove;
      if (kind === NoticeKind.Refresh || (isRow && !all)) continue;
      if (this.byRow[row]?._g !== generation) (missing ??= new Map()).set(row, generation);
    }
    if (missing === undefined || missing.size < 2) return;
    const rows = [...missing.keys()];
    for (let from = 0; from < rows.length; from += BLOCK) {
      this.pack(rows.slice(from, from + BLOCK), (row, generation, cells, first) => {
        // One that has gone meanwhile isn't there to be read.
        if (missing?.get(row) === generation) this.attach(row, generation, cells, first);
      });
    }
  }

  /** The record of a row that is there. */
  attached(row: number, generation: number): R {
    const record = this.byRow[row];
    const same = record !== undefined && record._g === generation;
    if (same && record._v !== Freshness.Removed) return record;
    this.put(row, same ? record : undefined);
    let attached = record as R;
    this.pack([row], (_row, itsGeneration, cells, from) => {
      attached = this.attach(row, itsGeneration, cells, from);
    });
    return attached;
  }

  /** Reads a stale record's cells anew. */
  refresh(record: R): void {
    this.pack([record._r], (_row, generation, cells, from) => {
      if (generation === record._g) putCells(record, cells, from, this.fields.width);
    });
    if (record._v === Freshness.Fresh) return;
    // Another data set has come: it lives elsewhere, or is gone.
    const id = record._0;
    const { _number: store } = this.home;
    const found =
      typeof id === 'number'
        ? engine().findNumber(store, id)
        : engine().findText(store, writeText(String(id)));
    if (!found) {
      markRemoved(record);
      return;
    }
    this.move(record, register(0), register(1));
    this.pack([record._r], (_row, _generation, cells, from) =>
      putCells(record, cells, from, this.fields.width),
    );
  }

  /** The key of a record that has had one id only: that, unless it is another record's key. */
  keyOf(record: R): string {
    const id = String(cellAt(record, 0));
    return this.keys.has(id) ? this.claim(record, id) : id;
  }

  /** Every record is stale; after a load, rows mean other records. */
  stale(rows: boolean): void {
    let known = false;
    for (const record of this.byRow) {
      if (record === undefined) continue;
      known = true;
      markStale(record);
    }
    this.loose = !rows;
    if (!rows) return;
    this.old = known ? this.byRow : undefined;
    this.oldById = undefined;
    // Room for all, as part of the load: the first read of a screenful shall not have to make it.
    this.byRow = new Array<R | undefined>(this.home.allCount);
  }

  /** Takes note of what a notice says, before any listener runs. */
  absorb(notice: Notice): void {
    const { row, generation } = notice;
    const record = this.byRow[row];
    const own = record !== undefined && record._g === generation;
    switch (notice.kind) {
      case NoticeKind.Update:
        if (own) this.patch(record, notice.field, notice.value);
        break;
      case NoticeKind.IdChange:
        this.renamed(notice, own ? record : undefined);
        break;
      case NoticeKind.Add:
        if (notice.origin === OriginCode.Local && this.incoming.length > 0) {
          this.arrive(row, generation);
        } else if (own) {
          record._v = Freshness.Fresh;
          markStale(record);
        } else {
          this.put(row, undefined);
        }
        break;
      case NoticeKind.Remove:
        if (own) {
          if (record._v === Freshness.Stale) this.refresh(record);
          markRemoved(record);
          notice.removed = record;
        } else if (
          this.old !== undefined &&
          engine().recordState(this.home._number, row, generation) < 0
        ) {
          notice.removed = this.gone(notice);
        }
        break;
      case NoticeKind.Refresh:
        if (!this.exact) this.stale(notice.origin === OriginCode.Load);
        break;
    }
  }

  /** A field changed, and nobody listens. */
  absorbStale(row: number, generation: number, ix: number, value: unknown): void {
    const record = this.byRow[row];
    if (record?._g !== generation || record._v !== Freshness.Fresh) return;
    // A field that nobody has met is found when the row is read.
    if (value !== UNREAD && ix < this.fields.width) {
      this.shape.expect(ix, value);
      putCell(record, ix, value);
      return;
    }
    markStale(record);
    this.loose = true;
  }

  /** A row was made for the next of the instances that were given to be added. */
  arrive(row: number, generation: number): void {
    const instance = this.incoming.shift();
    this.put(row, undefined);
    if (instance === undefined) return;
    Object.setPrototypeOf(instance, this.recordClass.prototype);
    instance._v = Freshness.Fresh;
    markStale(instance);
    instance._x = undefined;
    this.move(instance, row, generation);
  }

  /** All records are gone. */
  clear(): void {
    for (const record of this.byRow) if (record !== undefined) markRemoved(record);
    this.byRow = [];
    this.keys.clear();
    this.old = this.oldById = undefined;
  }

  /** Makes the records of rows, and puts each at its place. */
  private make(rows: Uint32Array, places: Uint32Array | undefined, records: R[]): void {
    for (let from = 0; from < rows.length; from += BLOCK) {
      let next = from;
      this.pack(rows.subarray(from, from + BLOCK), (row, generation, cells, first) => {
        const record = this.attach(row, generation, cells, first);
        records[places === undefined ? next : (places[next] as number)] = record;
        next++;
      });
    }
  }

  private pack(
    rows: ArrayLike<number>,
    each: (row: number, generation: number, cells: readonly unknown[], from: number) => void,
  ): void {
    const { _number: store } = this.home;
    // First: a record that is made has room for as many cells as there are fields then.
    this.fields.discover(store);
    if (engine().pack(store, writeWords(rows))) unpack(this.fields.kinds, this.shape, each);
  }

  /** Puts a record at its row. An array with a hole before its end would become a slow one. */
  private put(row: number, record: R | undefined): void {
    const { byRow } = this;
    if (row >= byRow.length) {
      const larger = new Array<R | undefined>(
        Math.max(2 * byRow.length, row + 1, this.home.allCount),
      );
      for (let i = 0; i < byRow.length; i++) larger[i] = byRow[i];
      this.byRow = larger;
    }
    this.byRow[row] = record;
  }

  private move(record: R, row: number, generation: number): void {
    record._r = row;
    record._g = generation;
    this.put(row, record);
  }

  /**
   * The one record of a row: the one that is there, one from before the last load, or a new one.
   */
  private attach(row: number, generation: number, cells: readonly unknown[], from: number): R {
    let record = this.byRow[row];
    const { width } = this.fields;
    if (record === undefined || record._g !== generation) {
      record = this.fromBefore(row, cells[from]);
      if (record === undefined) {
        record = makeRecord(this.recordClass, this.home, row, generation, cells, from);
        this.shape.settle(record, width);
        this.put(row, record);
        return record;
      }
      this.move(record, row, generation);
    }
    putCells(record, cells, from, width);
    return record;
  }

  private fromBefore(row: number, id: unknown): R | undefined {
    const { old } = this;
    if (old === undefined) return undefined;
    const same = old[row];
    // Data mostly comes back in the same order.
    if (same?._s === this.home && same._v !== Freshness.Removed && sameValue(same._0, id)) {
      old[row] = undefined;
      return same;
    }
    if (this.oldById === undefined) {
      this.oldById = new Map();
      for (const record of old) {
        if (record !== undefined && record._v !== Freshness.Removed)
          this.oldById.set(String(record._0), record);
      }
    }
    const key = String(id);
    const found = this.oldById.get(key);
    // Somebody read it meanwhile, and it found its row itself.
    if (found === undefined || this.byRow[found._r] === found) return undefined;
    this.oldById.delete(key);
    return found;
  }

  /**
   * A record that nobody has read since the last load, and that can't be read any more: its id is
   * what is left to tell.
   */
  private gone({ row, generation, old: id }: Notice): R | undefined {
    if (id === undefined) return undefined;
    let record = this.fromBefore(row, id);
    if (record === undefined) {
      const cells: unknown[] = new Array(this.fields.width).fill(undefined);
      cells[0] = id;
      this.shape.expect(0, id);
      record = makeRecord(this.recordClass, this.home, row, generation, cells);
    } else {
      record._r = row;
      record._g = generation;
    }
    markRemoved(record);
    return record;
  }

  private patch(record: R, ix: number, value: unknown): void {
    if (record._v !== Freshness.Fresh) return;
    const date = typeof value === 'string' && this.fields.kinds[ix] === Kind.Date;
    this.shape.expect(ix, value);
    putCell(record, ix, date ? null : value);
  }

  /** Gives a record that key for good, or one like it where another record has it. */
  private claim(record: R, name: string): string {
    let key = name;
    for (let number = 2; this.keys.has(key); number++) key = `${name}#${number}`;
    this.keys.set(key, record);
    aside(record).key = key;
    return key;
  }

  private renamed(notice: Notice, known: R | undefined): void {
    let record = known;
    if (record === undefined) {
      // Not read since the last load: it is known by the id that it had.
      record = this.fromBefore(notice.row, notice.old);
      if (record === undefined) return;
      this.move(record, notice.row, notice.generation);
    }
    if (record._x?.key === undefined) this.claim(record, String(notice.old));
    this.shape.expect(0, notice.value);
    record._0 = notice.value as Id;
  }
}
