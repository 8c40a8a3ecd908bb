import type { Model } from './model.js';
import { engine, readWords } from './runtime.js';
import type { StoreViewing } from './store-viewing.js';
import { type Filter, type Sorter, comparator, predicate } from './view-rules.js';

/**
 * @internal Which records of a store are shown, and in which order. Made anew when it is read after anything has changed: a batch
 * of edits costs one pass.
 */
export class StoreView<R extends Model> {
  sorters: readonly Sorter<R>[] = [];
  filters: readonly Filter<R>[] = [];
  private shown = new Uint32Array(0);
  /** By row: its place among the shown ones, -1 when it isn't. */
  private places = new Int32Array(0);
  private version = -1;
  private busy = false;

  constructor(private readonly store: StoreViewing<R>) {}

  /** Whether it shows everything as it stands. */
  get isPlain(): boolean {
    return this.sorters.length === 0 && this.filters.length === 0;
  }

  /** The rows that are shown, in their order. It never changes: there is another one after a change. */
  rows(): Uint32Array {
    this.update();
    return this.shown;
  }

  /** Where a row stands; -1 when it isn't shown. */
  place(row: number): number {
    this.update();
    return this.places[row] ?? -1;
  }

  /** What it shows is other than before. */
  forget(): void {
    this.version = -1;
  }

  private update(): void {
    const version = engine().version(this.store._alive());
    // An app's function that reads the store while it is asked sees what was there before.
    if (version === this.version || this.busy) return;
    this.busy = true;
    try {
      engine().order(this.store._number);
      this.make(readWords());
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
      passing.sort(comparator(records, this.sorters, useLocaleSort));
    }
    const { length } = passing;
    const shown = new Uint32Array(length);
    let last = -1;
    for (let place = 0; place < length; place++) {
      const row = order[passing[place] as number] as number;
      shown[place] = row;
      if (row > last) last = row;
    }
    const places = new Int32Array(last + 1).fill(-1);
    for (let place = 0; place < length; place++) places[shown[place] as number] = place;
    this.shown = shown;
    this.places = places;
  }

  /** Which of the records pass all filters; in a tree, those that have such below them as well. */
  private passing(records: readonly R[]): number[] {
    const tests = this.filters.filter(({ disabled }) => disabled !== true).map(predicate);
    const passing: number[] = [];
    for (let at = 0; at < records.length; at++) {
      if (tests.every((test) => test(records[at] as R))) passing.push(at);
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
