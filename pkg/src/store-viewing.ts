import { checkList } from './errors.js';
import { type Id, Model } from './model.js';
import { engine, readWords, register } from './runtime.js';
import { StoreCore } from './store-core.js';
import { StoreView } from './store-view.js';
import {
  type Filter,
  type FilterInput,
  type Sorter,
  type SorterInput,
  filterOf,
  sorterOf,
} from './view-rules.js';

/** What `filter()` takes besides filters. */
export interface FilterOptions<R extends Model = Model> {
  /** The filters. */
  filters: FilterInput<R> | readonly FilterInput<R>[];
  /** Whether they take the place of those that are there; else they come on top. */
  replace?: boolean;
  /** No events. */
  silent?: boolean;
}

/** Which records of a store are shown, and in which order. */
export abstract class StoreViewing<R extends Model = Model> extends StoreCore<R> {
  /** Whether the store is a tree. */
  get isTree(): boolean {
    return this._parentField() !== undefined;
  }

  /** The record's parent in a tree. */
  parentOf(record: R): R | undefined {
    if (!(record instanceof Model)) return undefined;
    return this.getById(record.get(this._parentField() ?? 'parentId') as Id | null);
  }

  /** How many records there are, filtered out ones included. */
  get allCount(): number {
    engine().order(this._alive());
    return register(1);
  }

  // --- order -------------------------------------------------------------------------------------

  /** By what the records are ordered; setting it sorts anew. */
  get sorters(): readonly Sorter<R>[] {
    return this._view?.sorters ?? [];
  }

  set sorters(sorters: readonly SorterInput<R>[]) {
    checkList('sorters', sorters);
    this._sort(
      sorters.map((one) => sorterOf(one)),
      false,
    );
  }

  /** Whether the records are ordered by anything but their data and {@link Store.move}. */
  get isSorted(): boolean {
    return this.sorters.length > 0;
  }

  /**
   * Orders the records by a field, by a function, or by several of such; without any, by what there
   * is anew. The order stays true when records change. A field that they are ordered by already is
   * turned round, unless `ascending` is given.
   *
   * @param add behind the sorters that are there, instead of in their place
   */
  sort(
    by?: SorterInput<R> | readonly SorterInput<R>[] | null,
    ascending?: boolean,
    add = false,
    silent = false,
  ): void {
    const current = this.sorters;
    if (by == null) {
      this._sort(current, silent);
      return;
    }
    const list = Array.isArray(by) ? (by as readonly SorterInput<R>[]) : [by as SorterInput<R>];
    const added = list.map((one) => {
      const sorter = sorterOf(one, ascending);
      const same = typeof one === 'string' && current.find(({ field }) => field === one);
      if (same && ascending === undefined) sorter.ascending = !same.ascending;
      return sorter;
    });
    const fields = new Set(added.map(({ field }) => field));
    const kept = add
      ? current.filter(({ field }) => field === undefined || !fields.has(field))
      : [];
    this._sort([...kept, ...added], silent);
  }

  /** Orders by a further field or function. */
  addSorter(by: SorterInput<R>, ascending = true): void {
    this.sort(by, ascending, true);
  }

  /** Orders no longer by that field or sorter. */
  removeSorter(by: string | Sorter<R>): void {
    const rest = this.sorters.filter((one) => one !== by && one.field !== by);
    if (rest.length < this.sorters.length) this._sort(rest, false);
  }

  /** The records in the order of their data again. */
  clearSorters(): void {
    if (this.isSorted) this._sort([], false);
  }

  // --- filters -----------------------------------------------------------------------------------

  /** The filters; setting it takes the place of those that are there. */
  get filters(): readonly Filter<R>[] {
    return this._view?.filters ?? [];
  }

  set filters(filters: readonly FilterInput<R>[]) {
    checkList('filters', filters);
    this._filter(
      filters.map((one) => filterOf(one)),
      false,
    );
  }

  /** Whether a filter is at work. */
  get isFiltered(): boolean {
    return this.filters.some(({ disabled }) => disabled !== true);
  }

  /**
   * Shows only records that the filter lets pass, and all others that are there: a function, an
   * object with `property`, `operator` and `value`, or several of such. Without any, applies those
   * that there are anew. What is filtered out is still loaded, found by id, changed and sent; what
   * a change lets pass is shown at once.
   */
  filter(what?: FilterInput<R> | readonly FilterInput<R>[] | FilterOptions<R> | null): void {
    const options: FilterOptions<R> =
      what != null && typeof what === 'object' && 'filters' in what
        ? what
        : { filters: (what ?? []) as FilterInput<R> };
    const { filters, replace = false, silent = false } = options;
    const list = Array.isArray(filters) ? filters : [filters as FilterInput<R>];
    const added = list.map((one) => filterOf(one as FilterInput<R>));
    const names = new Set(added.map(filterId));
    const kept = replace ? [] : this.filters.filter((one) => !names.has(filterId(one)));
    this._filter([...kept, ...added], silent);
  }

  /** Shows only records that the function says yes to. */
  filterBy(fn: (record: R) => unknown): void {
    this.filter({ filters: fn, replace: true });
  }

  /** A further filter, in the place of one of the same id. Gives it. */
  addFilter(filter: FilterInput<R>, silent = false): Filter<R> {
    const added = filterOf(filter);
    this.filter({ filters: added, silent });
    return added;
  }

  /** Filters no longer by that, given as such or by its id. Gives it. */
  removeFilter(filter: string | Filter<R>, silent = false): Filter<R> | null {
    const found = this.filters.find((one) => one === filter || filterId(one) === filter);
    if (found === undefined) return null;
    this._filter(
      this.filters.filter((one) => one !== found),
      silent,
    );
    return found;
  }

  /** Shows all records. */
  clearFilters(): void {
    if (this.filters.length > 0) this._filter([], false);
  }

  /** Whether the record, or one of that id, is here and not filtered out. */
  isAvailable(record: R | Id): boolean {
    const found = this.getById(record);
    return found !== undefined && this._shows(found);
  }

  // --- private -----------------------------------------------------------------------------------

  /** @internal The id that a row of a changeset says. */
  abstract _idIn(row: unknown): Id | undefined;

  /** @internal Whether a record that is here is shown. */
  _shows(record: Model): boolean {
    return this._view === undefined || this._view.rank(record._r) >= 0;
  }

  /** @internal The rows that are shown, in their order. */
  _order(): Uint32Array {
    return this._view === undefined ? this._allRows() : this._view.rows();
  }

  /** @internal */
  _allRows(): Uint32Array {
    engine().order(this._alive());
    return readWords();
  }

  private _sort(sorters: readonly Sorter<R>[], silent: boolean): void {
    const { sorters: currentSorters } = this;
    const now = () => {
      this._show({ sorters });
      if (!silent) this._shown('sort', { sorters });
    };
    if (silent || this._may('beforeSort', { sorters, currentSorters }, now) === true) now();
  }

  private _filter(filters: readonly Filter<R>[], silent: boolean): void {
    const oldFilters = this.filters;
    this._show({ filters });
    if (!silent) this._shown('filter', { filters, oldFilters });
  }

  private _show(change: { sorters?: readonly Sorter<R>[]; filters?: readonly Filter<R>[] }): void {
    this._alive();
    const view = this._view ?? new StoreView<R>(this);
    const before = { sorters: view.sorters, filters: view.filters };
    Object.assign(view, change);
    view.pins.clear();
    view.forget();
    try {
      // An app's function that throws does so here, and nothing is different.
      view.rows();
    } catch (thrown) {
      Object.assign(view, before);
      view.forget();
      throw thrown;
    }
    this._view = view.isPlain && !this.isTree ? undefined : view;
  }

  private _shown(action: 'sort' | 'filter', event: object): void {
    const told = this as { _fire(name: string, event: object): unknown };
    const records =
      this._hears(action) || this._hears('change') ? this._cache.records(this._order()) : [];
    if (this._subscriptions.active) this._subscriptions.refresh('local');
    told._fire(action, { ...event, records });
    told._fire('refresh', { action, origin: 'local' });
    const change = { action, record: undefined, records, changes: undefined, origin: 'local' };
    told._fire('change', change);
  }
}

function filterId<R extends Model>(filter: Filter<R>): unknown {
  return filter.id ?? filter.property ?? filter.filterBy;
}
