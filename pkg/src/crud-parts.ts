import { type CrudResult, makeCall } from './calls.js';
import type { CrudManagerOptions } from './crud-config.js';
import type { CrudManagerEvents } from './crud-events.js';
import type { DataPart, PollingConfig } from './crud-policies.js';
import { Emitter } from './emitter.js';
import { SyncError, checkList, checkPosition } from './errors.js';
import { engine, writeJson } from './runtime.js';
import type { Store } from './store.js';
import { moment } from './values.js';

let lastRequestId = 0;

/**
 * What a manager does beside loading and syncing everything: parts of the data, pages, polling,
 * sequences.
 */
export abstract class CrudParts extends Emitter<CrudManagerEvents> {
  /** @internal */ abstract readonly _options: CrudManagerOptions;
  /** The stores, in the order in which loads are applied. */
  abstract get stores(): Store<any>[];
  /** @internal */ abstract _alive(): number;
  /** @internal */ abstract _option(patch: CrudManagerOptions): void;
  /** Loads all stores. */
  abstract load(): Promise<CrudResult>;
  /** Whether a store has changes; without one, whether any has. */
  abstract crudStoreHasChanges(store?: Store<any> | string): boolean;
  /** The data of all stores, as a load answer has it. */
  abstract toJSON(): Record<string, { rows: object[] }>;

  private page = 1;
  private untracked = 0;

  // --- parts of the data -------------------------------------------------------------------------

  /**
   * Loads a part of the data, if it isn't there: a span of time, some rows, the children of a
   * record. What is there, or on its way, isn't asked for again, and unsent edits stay. Resolves
   * with the answer, or `null` when there was nothing to load.
   */
  ensureLoaded(part: DataPart): Promise<CrudResult | null> {
    return makeCall((call) => {
      const { startDate, endDate, startIndex, count, parentId } = part ?? {};
      const wanted = {
        startDate: startDate == null ? undefined : moment(startDate),
        endDate: endDate == null ? undefined : moment(endDate),
        startIndex,
        count,
        parentId,
      };
      engine().loadMissing(this._alive(), call, writeJson(wanted));
    });
  }

  /** The page that was loaded last, from 1. */
  get currentPage(): number {
    return this.page;
  }

  /**
   * How many records the server has of the store that is paged, as it last said; `undefined` while
   * that is unknown.
   */
  get totalCount(): number | undefined {
    const { stores } = this;
    const paged = stores.find(({ id }) => id === 'resources') ?? stores[0];
    return [paged, ...stores].find((store) => store?.totalCount !== undefined)?.totalCount;
  }

  /** The number of the last page; `undefined` while that is unknown. */
  get lastPage(): number | undefined {
    const total = this.totalCount;
    return total === undefined ? undefined : Math.max(1, Math.ceil(total / (this._options.pageSize ?? 50)));
  }

  /**
   * Loads a page (from 1) in the place of the one that is there. Records with unsent edits stay.
   */
  async loadPage(page: number): Promise<CrudResult> {
    if (!Number.isInteger(page) || page < 1) {
      throw new SyncError('INVALID_ARGUMENT', 'loadPage() wants a page from 1');
    }
    const before = this.page;
    this._turnTo(page);
    try {
      return await this.load();
    } catch (thrown) {
      // Nothing has come of it, and nobody has turned on meanwhile.
      if (this.page === page && !this._isGone) this._turnTo(before);
      throw thrown;
    }
  }

  /** Loads the next page. */
  nextPage(): Promise<CrudResult> {
    return this.loadPage(this.page + 1);
  }

  /** Loads the page before. */
  previousPage(): Promise<CrudResult> {
    return this.loadPage(this.page - 1);
  }

  // --- polling -----------------------------------------------------------------------------------

  /** How the server is asked for news; `null` when it isn't. A number is an interval in ms. */
  get polling(): PollingConfig | null {
    const { polling } = this._options;
    if (typeof polling === 'number') return polling > 0 ? { interval: polling } : null;
    return polling || null;
  }

  set polling(polling: PollingConfig | number | false | null) {
    this._option({ polling });
  }

  // --- signals -----------------------------------------------------------------------------------

  /** No `hasChanges` and `noChanges` until as many resumes have come. */
  suspendChangeTracking(): void {
    this._alive();
    this.untracked++;
  }

  /** Undoes one suspend; the last one fires what is true then. */
  resumeChangeTracking(): void {
    this._alive();
    if (this.untracked === 0 || --this.untracked > 0) return;
    this._fire(this.crudStoreHasChanges() ? 'hasChanges' : 'noChanges', {});
  }

  /** Whether `hasChanges` and `noChanges` are held back. */
  get isChangeTrackingSuspended(): boolean {
    return this.untracked > 0;
  }

  // --- odds and ends -----------------------------------------------------------------------------

  /** The order in which sync answers are applied; that of the stores when none was given. */
  get syncApplySequence(): string[] {
    return [...(this._options.syncApplySequence ?? this.stores.map(({ id }) => id))];
  }

  set syncApplySequence(sequence: readonly string[]) {
    checkList('syncApplySequence', sequence);
    this._option({ syncApplySequence: [...sequence] });
  }

  /** The order in which load answers are applied; that of the stores when none was given. */
  get loadApplySequence(): string[] {
    return [...(this._options.loadApplySequence ?? this.stores.map(({ id }) => id))];
  }

  set loadApplySequence(sequence: readonly string[]) {
    checkList('loadApplySequence', sequence);
    this._option({ loadApplySequence: [...sequence] });
  }

  /** Puts stores into the order in which sync answers are applied: at a position, or last. */
  addStoreToApplySequence(
    store: Store<any> | string | readonly (Store<any> | string)[],
    position?: number,
  ): void {
    const added = (Array.isArray(store) ? store : [store]).map((one) => one?.id ?? one);
    if (position !== undefined) checkPosition('addStoreToApplySequence', position);
    const sequence = this.syncApplySequence.filter((id) => !added.includes(id));
    sequence.splice(position ?? sequence.length, 0, ...added);
    this.syncApplySequence = sequence;
  }

  /** A number that no request of this page has had. */
  get requestId(): number {
    lastRequestId = Math.max(lastRequestId + 1, Date.now() * 1000);
    return lastRequestId;
  }

  /** The data of all stores, as a load answer has it. */
  get crudStoresJSON(): Record<string, { rows: object[] }> {
    return this.toJSON();
  }

  /** The same as JSON text. */
  get json(): string {
    return JSON.stringify(this.toJSON());
  }

  /** @internal What every load says of the page that it wants. */
  _pageData({ remotePaging, pageSize = 50 }: CrudManagerOptions): object | undefined {
    return remotePaging ? { page: this.page, pageSize } : undefined;
  }

  /** @internal */
  protected abstract get _isGone(): boolean;

  private _turnTo(page: number): void {
    this.page = page;
    this._option({ remotePaging: true });
  }
}
