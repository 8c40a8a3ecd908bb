import type { Model } from './model.js';
import { engine, readWords, register } from './runtime.js';
import type { StoreViewing } from './store-viewing.js';
import { type Filter, type Sorter, comparator, predicate } from './view-rules.js';

/**
 * @internal Which records of a store are shown, and in which order. Made anew when it is read after
 * anything has changed: a batch of edits costs one pass.
 */
export class StoreView<R extends Model> {
  sorters: readonly Sorter<R>[] = [];
  filters: readonly Filter<R>[] = [];
  /** Records of a tree that were collapsed or expanded, by key: whether they are collapsed. */
  readonly toggled = new Map<string, boolean>();
  /** Records that a changeset has touched: whether they are shown, whatever the filters say. */
  readonly pins = new Map<R, boolean>();
  private shown = new Uint32Array(0);
  /** By row: its place among the shown ones, -1 when it isn't. */
  private places = new Int32Array(0);
  /** The same with those below collapsed ones. */
  private ranks = this.places;
  private version = -1;
  /** What it was made of, for a tree without sorters and filters. */
  private base: ArrayLike<number> = [];
  private shape = -1;
  private busy = false;

  constructor(private readonly store: StoreViewing<R>) {}

  /** Whether it shows everything as it stands. */
  get isPlain(): boolean {
    return this.sorters.length === 0 && this.filters.length === 0;
  }

  /**
   * The rows that are shown, in their order. It never changes: there is another one after a change.
   */
  rows(): Uint32Array {
    this.update();
    return this.shown;
  }

  /** Where a row stands; -1 when it isn't shown. */
  place(row: number): number {
    this.update();
    return this.places[row] ?? -1;
  }

  /** Where a row stands when nothing is collapsed; -1 when it is filtered out. */
  rank(row: number): number {
    this.update();
    return this.ranks[row] ?? -1;
  }

  /**
   * Keeps what the rows of a changeset touch as it is shown, as far as
   * `applyChangesetFilterSortTarget` says. What it gives is called when they have been applied.
   */
  pin(rows: readonly unknown[]): () => void {
    const target = this.store._config.applyChangesetFilterSortTarget;
    const find = () => rows.map((row) => this.store.getById(this.store._idIn(row)));
    if (target === undefined || this.isPlain) return () => {};
    for (const record of find()) {
      if (record === undefined) continue;
      const shown = this.rank(record._r) >= 0;
      if (shown || this.keepsPlaces) this.pins.set(record, shown);
    }
    return () => {
      for (const record of find()) {
        if (record !== undefined && this.keepsPlaces && !this.pins.has(record)) this.pins.set(record, true);
      }
      this.forget();
    };
  }

  private get keepsPlaces(): boolean {
    return this.store._config.applyChangesetFilterSortTarget === 'none';
  }

  /** Collapses a record, or expands it. */
  toggle(record: R, collapsed: boolean): void {
    this.toggled.set(record.key, collapsed);
    this.forget();
  }

  /** What it shows is other than before. */
  forget(): void {
    this.version = this.shape = -1;
  }

  private update(): void {
    const version = engine().version(this.store._alive());
    // An app's function that reads the store while it is asked sees what was there before.
    if (version === this.version || this.busy) return;
    this.busy = true;
    try {
      engine().order(this.store._number);
      const shape = register(2);
      const order = readWords();
      // Most edits leave a tree as it is.
      const asBefore = this.isPlain && shape === this.shape && sameWords(order, this.base);
      if (!asBefore) this.make(order);
      this.base = order;
      this.shape = shape;
      this.version = version;
    } finally {
      this.busy = false;
    }
  }

  private make(order: Uint32Array): void {
    const records = this.store._cache.records(order);
    let passing = this.passing(records);
    if (this.sorters.length > 0) {
      const { useLocaleSort } = this.store._config;
      passing = this.nearlySorted(order, passing);
      const stays = (at: number) => this.keepsPlaces && this.pins.has(records[at] as R);
      const sorted = passing.filter((at) => !stays(at));
      sorted.sort(comparator(records, this.sorters, useLocaleSort));
      let next = 0;
      passing = passing.map((at) => (stays(at) ? at : (sorted[next++] as number)));
    }
    const rows = (list: readonly number[]) => Uint32Array.from(list, (at) => order[at] as number);
    if (this.store.isTree) {
      const { all, open } = this.depthFirst(records, passing);
      this.shown = rows(open);
      this.places = placesOf(this.shown);
      this.ranks = all.length === open.length ? this.places : placesOf(rows(all));
    } else {
      this.shown = rows(passing);
      this.places = this.ranks = placesOf(this.shown);
    }
  }

  /** Each record before what is below it; and the same without what is below collapsed ones. */
  private depthFirst(
    records: readonly R[],
    passing: readonly number[],
  ): { all: number[]; open: number[] } {
    const field = this.store._ensureField(this.store._parentField() as string);
    const byId = new Map(passing.map((at) => [String((records[at] as R).id), at]));
    const below = new Map<number | undefined, number[]>();
    for (const at of passing) {
      const named = (records[at] as R)._read(field);
      const parent = named == null ? undefined : byId.get(String(named));
      const above = parent === at ? undefined : parent;
      const siblings = below.get(above);
      if (siblings === undefined) below.set(above, [at]);
      else siblings.push(at);
    }
    const all: number[] = [];
    const open: number[] = [];
    const seen = new Set<number>();
    const visit = (from: readonly number[]) => {
      const stack = from.map((at) => ({ at, hidden: false })).reverse();
      for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
        const { at, hidden } = next;
        if (seen.has(at)) continue;
        seen.add(at);
        all.push(at);
        if (!hidden) open.push(at);
        const children = below.get(at);
        if (children === undefined) continue;
        const closed = hidden || !(records[at] as R).isExpanded();
        for (let i = children.length; i-- > 0;) stack.push({ at: children[i] as number, hidden: closed });
      }
    };
    visit(below.get(undefined) ?? []);
    // Data may go in circles, which no root leads to.
    if (seen.size < passing.length) for (const at of passing) visit([at]);
    return { all, open };
  }

  /** Which of the records pass all filters; in a tree, those that have such below them as well. */
  private passing(records: readonly R[]): number[] {
    const tests = this.filters.filter(({ disabled }) => disabled !== true).map(predicate);
    const passing: number[] = [];
    for (let at = 0; at < records.length; at++) {
      const record = records[at] as R;
      if (this.pins.get(record) ?? tests.every((test) => test(record))) passing.push(at);
    }
    if (tests.length === 0 || !this.store.isTree) return passing;
    const kept = new Set<R>();
    for (const at of passing) {
      let record = records[at];
      while (record !== undefined && !kept.has(record)) {
        kept.add(record);
        record = this.store.parentOf(record);
      }
    }
    return [...records.keys()].filter((at) => kept.has(records[at] as R));
  }

  /** In the order of last time: what is nearly sorted is sorted soon. */
  private nearlySorted(order: Uint32Array, passing: readonly number[]): number[] {
    const { length } = this.shown;
    const before = new Int32Array(length).fill(-1);
    const sorted: number[] = [];
    const rest: number[] = [];
    for (const at of passing) {
      const place = this.places[order[at] as number] ?? -1;
      if (place < 0) rest.push(at);
      else before[place] = at;
    }
    for (let place = 0; place < length; place++) {
      if ((before[place] as number) >= 0) sorted.push(before[place] as number);
    }
    return sorted.concat(rest);
  }
}

function sameWords(a: Uint32Array, b: ArrayLike<number>): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at]);
}

/** By row: its place. */
function placesOf(rows: Uint32Array): Int32Array<ArrayBuffer> {
  let last = -1;
  for (const row of rows) if (row > last) last = row;
  const places = new Int32Array(last + 1).fill(-1);
  rows.forEach((row, place) => (places[row] = place));
  return places;
}
