import type { CrudResult } from './calls.js';
import type { CrudParts } from './crud-parts.js';
import type { DataPart } from './crud-policies.js';
import { type StoreChangeset, applyAsOwn, renamed, transformed } from './changesets.js';
import { markRemoved } from './cells.js';
import { type EditOptions, editUnseen, hides, unseen } from './edits.js';
import { SyncError, checkPosition } from './errors.js';
import { type Id, Model, rowOf } from './model.js';
import { holdBack, isOpen } from './modifications.js';
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
import { isSilent } from './store-core.js';
import { StoreReading } from './store-reading.js';
import { checkValue } from './values.js';

/** How a store is changed. */
export abstract class StoreChanging<R extends Model = Model> extends StoreReading<R> {
  /**
   * Adds records: objects, records that are in no store yet, or an array of such. Gives the new
   * records; with `optimistic: false`, they are in the store only when the server has confirmed
   * them, and when a listener of `beforeAdd` wants time (it gave a promise), only when it has said
   * yes.
   */
  add(data: object | readonly object[], silent?: boolean | EditOptions): R[] {
    return this._add(data, -1, silent);
  }

  /** Adds records before a position. */
  insert(
    index: number,
    data: object | readonly object[],
    silent?: boolean | EditOptions,
  ): R[] {
    checkPosition('insert', index);
    const before = this._view === undefined ? undefined : this._order()[index];
    const position = before === undefined ? index : this._allRows().indexOf(before);
    return this._add(data, position, silent);
  }

  /**
   * Changes records that are here, each by an object with its id and new values. Gives them;
   * unknown ids are passed over.
   */
  modify(data: object | readonly object[], silent?: boolean | { silent?: boolean }): R[] {
    this._alive();
    const modified: R[] = [];
    for (const one of Array.isArray(data) ? data : [data]) {
      if (one === null || typeof one !== 'object') {
        throw new SyncError('INVALID_ARGUMENT', 'modify() wants objects with ids');
      }
      const { id, ...values } = one;
      const record = one instanceof Model ? this._own(one as R) : this.getById(id);
      if (record === undefined) continue;
      if (!(one instanceof Model)) record.set(values, silent);
      modified.push(record);
    }
    return modified;
  }

  /**
   * Removes records, given as such or by id. What isn't here (any more) is passed over. Gives the
   * records that went, those of a cascade in this store included; with `optimistic: false` none:
   * they go when the server has confirmed it. None either when a listener of `beforeRemove` says
   * no, or wants time (it gave a promise): they go, then, when it has said yes.
   */
  remove(what: R | Id | readonly (R | Id)[], silent?: boolean | EditOptions): R[] {
    this._alive();
    const list: readonly (R | Id)[] = Array.isArray(what) ? what : [what as R | Id];
    const records = [
      ...new Set(list.map((one) => this._own(one)).filter((one) => one !== undefined)),
    ];
    if (records.length === 0) return [];
    const later = () => this._removeNow(records.filter((one) => !this._isRemoved(one)), silent);
    return this._may('beforeRemove', { records }, later) === true
      ? this._removeNow(records, silent)
      : [];
  }

  private _removeNow(records: readonly R[], silent?: boolean | EditOptions): R[] {
    if (records.length === 0) return [];
    if (unseen(silent)) {
      editUnseen(this._store, () => this._removeNow(records));
      return [];
    }
    const number = this._alive();
    this._silently(silent, () => engine().remove(number, writePairs(records) >> 1));
    if (hides()) return [];
    const pairs = readPairs();
    const gone: R[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const record = this._cache.at(pairs[i] as number, pairs[i + 1] as number);
      if (record === undefined) continue;
      markRemoved(record);
      gone.push(record);
    }
    this._edited();
    return gone;
  }

  /** Removes every record. */
  removeAll(silent?: boolean | { silent?: boolean }): void {
    this._alive();
    const records = this._hears('beforeRemove') ? this.allRecords : [];
    const now = () => this._clear(silent);
    if (this._may('beforeRemove', { records }, now) === true) now();
  }

  private _clear(silent?: boolean | { silent?: boolean }): void {
    const number = this._alive();
    const records = this._hears('removeAll') ? this.allRecords : [];
    this._silently(silent, () => engine().removeAll(number));
    if ((!this._told || this._batches > 0) && !hides())
      for (const record of this._cache.byRow) if (record) markRemoved(record);
    this._edited();
    if (records.length > 0 && !isSilent(silent)) this._fire('removeAll', { records });
  }

  /**
   * Moves records to a position, counted without them, or before another record; to the end when
   * none is given.
   */
  move(what: R | Id | readonly (R | Id)[], before?: number | R | null): void {
    const number = this._alive();
    const list: readonly (R | Id)[] = Array.isArray(what) ? what : [what as R | Id];
    const records = list.map((one) => this._expect(one));
    const moved = new Set(records.map((record) => record._r));
    let position = typeof before === 'number' ? before : this.allCount;
    let anchor = before instanceof Model ? this._expect(before as R)._r : undefined;
    if (this._view !== undefined && typeof before === 'number') {
      anchor = this._order().filter((row) => !moved.has(row))[before];
    }
    if (anchor !== undefined) {
      position = this._allRows()
        .filter((row) => !moved.has(row))
        .indexOf(anchor);
    }
    checkPosition('move', position);
    engine().moveRows(number, writePairs(records) >> 1, position);
  }

  /**
   * Replaces what is here by confirmed data. Unsent edits of records that are still there survive
   * (`keepUncommittedChanges`).
   */
  loadData(data: DataInput): void {
    const number = this._alive();
    const renamed = Array.isArray(data) && this._renames;
    engine().loadData(number, writeData(renamed ? data.map((one) => this._row(one)) : data));
    // With no listener no notice came.
    if (this._batches > 0) this._cache.stale(true);
  }

  /**
   * Applies changes of the server that came by another way. Nothing becomes dirty, and unsent edits
   * survive.
   *
   * @param transform makes another changeset of the one that was given
   * @param phantomIdField where the changeset has a phantom's client id
   * @param clearChanges `false` applies them as the user's own changes, to be sent: for drafts that
   * are restored
   */
  applyChangeset(
    changes: StoreChangeset,
    transform?: ((changes: StoreChangeset) => StoreChangeset) | null,
    phantomIdField?: string,
    clearChanges = true,
  ): void {
    const number = this._alive();
    const usual = this._store._phantomIdName;
    let given = transformed(changes, transform);
    if (phantomIdField !== undefined && phantomIdField !== usual) {
      given = renamed(given, phantomIdField, usual);
    }
    if (clearChanges) {
      const pinned = this._pin(given);
      engine().applyStoreChangeset(number, writeJson({ [this.id]: given }));
      pinned?.();
    } else applyAsOwn(this._store, given, usual);
  }

  /**
   * Loads a part of the data, if it isn't there and the manager loads by parts (`lazyLoad`);
   * resolves with `null` otherwise. See {@link CrudManager.ensureLoaded}.
   */
  async ensureLoaded(part: DataPart): Promise<CrudResult | null> {
    this._alive();
    const manager = this._manager as CrudParts | undefined;
    return manager?._options.lazyLoad ? manager.ensureLoaded(part) : null;
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

  /**
   * Declares what is changed to be confirmed, and gives what that was; `null` when nothing was, or
   * a listener of `beforeCommit` said no, or wants time: it is done, then, when it has said yes.
   * Nothing of it is sent.
   */
  commit(): { added: R[]; modified: R[]; removed: R[] } | null {
    const { changes } = this;
    if (changes === null) return null;
    const now = () => this._commit();
    return this._may('beforeCommit', { changes }, now) === true ? now() : null;
  }

  private _commit(): { added: R[]; modified: R[]; removed: R[] } | null {
    const { changes } = this;
    if (changes === null) return null;
    this.acceptChanges();
    this._fire('commit', { changes });
    return changes;
  }

  /** Whether local changes are committed by themselves. */
  get autoCommit(): boolean {
    return this._config.autoCommit ?? false;
  }

  set autoCommit(autoCommit: boolean) {
    this._config.autoCommit = autoCommit;
    this._edited();
  }

  /** No automatic commit until as many resumes have come. */
  suspendAutoCommit(): void {
    this._commitsHeld++;
  }

  /**
   * Undoes one suspend; the last one commits what has been changed meanwhile, unless told
   * otherwise.
   */
  resumeAutoCommit(doCommit = true): void {
    if (this._commitsHeld > 0) this._commitsHeld--;
    if (doCommit) this._edited();
  }

  /**
   * From here on edits are taken for what the server has: they are shown, not tracked, and never
   * sent. What was changed before stays to be sent. Ends with as many calls of
   * {@link Store.resumeChangeTracking}.
   */
  suspendChangeTracking(): void {
    if (this._untracked === 0) engine().track(this._alive(), false);
    this._untracked++;
  }

  /** Undoes one suspend; after the last one edits are tracked again. */
  resumeChangeTracking(): void {
    if (this._untracked === 0) return;
    this._untracked--;
    if (this._untracked === 0) engine().track(this._alive(), true);
  }

  /** Whether edits are taken for what the server has. */
  get isChangeTrackingSuspended(): boolean {
    return this._untracked > 0;
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

  /**
   * Holds events and autoSync back until the matching {@link Store.endBatch}, which fires one
   * `refresh`.
   */
  beginBatch(): void {
    engine().beginBatch(this._alive());
    if (this._batches === 0) this._expected = engine().version(this._number) | 0;
    this._batches++;
    this._tune();
  }

  /** Ends a batch. */
  endBatch(): void {
    if (this._batches === 0) return;
    this._batches--;
    this._tune();
    // Where nothing was done but what the records were told at once, they are as they should be.
    this._cache.exact = this._batches === 0 && this._expected === (engine().version(this._alive()) | 0);
    if (this._batches === 0 && !this._cache.exact) this._cache.stale(true);
    engine().endBatch(this._number);
    this._cache.exact = false;
    this._edited();
  }

  /** @internal */ _add(
    data: object | readonly object[],
    position: number,
    silent?: boolean | EditOptions,
  ): R[] {
    this._alive();
    let given: readonly object[] = Array.isArray(data) ? data : [data];
    if (given.length === 0) return [];
    this._checkNew(given);
    if (this._hears('beforeAdd')) {
      given = given.map((one) => (one instanceof Model ? one : new this.modelClass(one)));
      const later = () => {
        this._checkNew(given);
        this._addNow(given, Math.min(position, this.allCount), silent);
      };
      const verdict = this._may('beforeAdd', { records: given }, later);
      if (verdict !== true) return verdict === false ? [] : (given as R[]);
    }
    return this._addNow(given, position, silent);
  }

  private _checkNew(given: readonly object[]): void {
    for (const one of given) {
      if (one === null || typeof one !== 'object' || Array.isArray(one)) {
        throw new SyncError('INVALID_ARGUMENT', 'add() wants objects or records');
      }
      if (!(one instanceof Model)) checkDates(one as Record<string, unknown>);
      else if (one._s._store !== undefined && !one.isRemoved) {
        const where = one._s === this ? 'here already' : `in store "${one._s._store.id}"`;
        throw new SyncError(
          'FOREIGN_RECORD',
          `the record is ${where}; remove it there, or add a copy()`,
        );
      }
    }
  }

  private _addNow(
    given: readonly object[],
    position: number,
    silent?: boolean | EditOptions,
  ): R[] {
    if (unseen(silent)) {
      let added: R[] = [];
      editUnseen(this._store, () => {
        added = this._addNow(given, position);
      });
      return added;
    }
    const number = this._alive();
    const rows = given.map((one) => this._identified(one));
    this._cache.incoming = this._instances(given, []);
    let pairs: Uint32Array;
    try {
      this._silently(silent, () => engine().add(number, writeJson(rows), position));
      pairs = readPairs();
      // Without listeners no notice told of the rows.
      for (let i = 0; this._cache.incoming.length > 0 && i < pairs.length; i += 2) {
        if (this._told && this._batches === 0 && !hides()) break;
        this._cache.arrive(pairs[i] as number, pairs[i + 1] as number);
      }
    } finally {
      this._cache.incoming = [];
    }
    // A listener may have destroyed it.
    this._alive();
    const added = this._cache.records(pairs.filter((_, i) => i % 2 === 0));
    for (const one of given) if (one instanceof Model && isOpen(one)) holdBack(one);
    this._edited();
    return added;
  }

  /** Instances in the order in which the engine makes their rows: each before its children. */
  private _instances(given: readonly unknown[], found: (R | undefined)[]): (R | undefined)[] {
    for (const one of given) {
      const own = one instanceof this.modelClass && one._s._store === undefined;
      found.push(own ? one : undefined);
      const below = this.isTree ? (one as { children?: unknown } | null)?.children : undefined;
      if (Array.isArray(below)) this._instances(below, found);
    }
    return found;
  }

  /** A row with an id of the class's making, where it makes ids and the record has none. */
  private _identified(one: object): object {
    const row = this._row(one) as Record<string, unknown>;
    const { generateId } = this.modelClass.prototype as R;
    if (generateId !== undefined && row[this._idName] == null) {
      row[this._idName] = generateId.call(one as R);
    }
    return row;
  }

  /** @internal */
  abstract get _idName(): string;

  /** @internal Keeps what a changeset touches as it is shown, where the store is to. */
  _pin({ added, updated, modified }: StoreChangeset): (() => void) | undefined {
    const lists = [added, updated, modified].filter((list) => Array.isArray(list));
    return this._view?.pin(lists.flat());
  }

  /** @internal */
  override _idIn(row: any): Id | undefined {
    return row?.[this._idName] ?? row?.[this._store._phantomIdName];
  }

  /** @internal */ _row(one: unknown, defaults = true): unknown {
    if (one === null || typeof one !== 'object') return one;
    const { idField } = this._config;
    return rowOf(one as Record<string, unknown>, this._fields, idField, this.isTree, defaults);
  }

  /** @internal Its data as the server would tell it. */
  _wireRows(): object[] {
    const rows = this.toJSON();
    return this._renames ? rows.map((row) => this._row(row, false) as object) : rows;
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

/** What is no date is refused, as text that is none. */
function checkDates(row: Record<string, unknown>): void {
  for (const name of Object.keys(row)) {
    const value = row[name];
    if (value instanceof Date) checkValue(name, value);
    else if (name === 'children' && Array.isArray(value)) {
      for (const one of value) if (one && !(one instanceof Model)) checkDates(Object(one));
    }
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
  // Those of another realm (jsdom) are no instances of this one's class.
  if ((data as Uint8Array | null)?.BYTES_PER_ELEMENT === 1) return data as Uint8Array;
  if (data === null || (typeof data !== 'object' && typeof data !== 'string')) {
    throw new SyncError('INVALID_ARGUMENT', 'data must be objects, or JSON as text or bytes');
  }
  return encode(typeof data === 'string' ? data : jsonText(data));
}
