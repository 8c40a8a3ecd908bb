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
    const passing = this.passing(records);
    if (this.sorters.length > 0) {
      const compare = comparator(records, this.sorters, this.store._config.useLocaleSort);
      this.nearlySorted(order, passing)
        .sort(compare)
        .forEach((at, i) => (passing[i] = at));
    }
    const shown = Uint32Array.from(passing, (at) => order[at] as number);
    let last = -1;
    for (const row of shown) if (row > last) last = row;
    const places = new Int32Array(last + 1).fill(-1);
    shown.forEach((row, place) => (places[row] = place));
    this.shown = shown;
    this.places = places;
  }

  /** Which of the records pass all filters; in a tree, those that have such below them as well. */
  private passing(records: readonly R[]): number[] {
    const tests = this.filters.filter(({ disabled }) => disabled !== true).map(predicate);
    const all = records.map((_, at) => at);
    if (tests.length === 0) return all;
    const passing = all.filter((at) => tests.every((test) => test(records[at] as R)));
    if (!this.store.isTree) return passing;
    const kept = new Set<R>();
    for (const at of passing) {
      let record = records[at];
      while (record !== undefined && !kept.has(record)) {
        kept.add(record);
        record = this.store.parentOf(record);
      }
    }
    return all.filter((at) => kept.has(records[at] as R));
  }

  /** In the order of last time: what is nearly sorted is sorted soon. */
  private nearlySorted(order: Uint32Array, passing: readonly number[]): number[] {
    const before: number[] = [];
    const rest: number[] = [];
    for (const at of passing) {
      const place = this.places[order[at] as number] ?? -1;
      if (place >= 0) before[place] = at;
      else rest.push(at);
    }
    return before.filter((at) => at !== undefined).concat(rest);
  }
}
