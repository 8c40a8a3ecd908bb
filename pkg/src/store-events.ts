import type { SyncError } from './errors.js';
import type { Id, Model } from './model.js';
import type { Store } from './store.js';
import type { Filter, Sorter } from './view-rules.js';

/** Why a record changed. */
export type Origin = 'local' | 'remote' | 'rollback' | 'rebase' | 'load';

/** @internal By `Origin` in `src/engine/event.rs`. */
export const ORIGINS: readonly Origin[] = ['local', 'remote', 'rollback', 'rebase', 'load'];

/** One field's change. */
export interface FieldChange {
  value: any;
  oldValue: any;
}

/** What a store's `change` event is about. */
export type ChangeAction =
  'add' | 'update' | 'remove' | 'move' | 'dataset' | 'batch' | 'sort' | 'filter';

/** The records that a commit is about. */
export interface Commit<R extends Model = Model> {
  added: R[];
  modified: R[];
  removed: R[];
}

/** A store's events. */
export interface StoreEvents<R extends Model = Model> {
  /**
   * Records are about to be added. A listener that returns `false`, or a promise of it, prevents
   * it.
   */
  beforeAdd: { source: Store<R>; type: 'beforeAdd'; records: R[] };
  /**
   * A record is about to be changed. A listener that returns `false`, or a promise of it, prevents
   * it.
   */
  beforeUpdate: {
    source: Store<R>;
    type: 'beforeUpdate';
    record: R;
    changes: Record<string, FieldChange>;
  };
  /**
   * Records are about to be removed. A listener that returns `false`, or a promise of it, prevents
   * it.
   */
  beforeRemove: { source: Store<R>; type: 'beforeRemove'; records: R[] };
  /**
   * Changes are about to be committed without being sent. A listener that returns `false`, or a
   * promise of it, prevents it.
   */
  beforeCommit: { source: Store<R>; type: 'beforeCommit'; changes: Commit<R> };
  /** Changes were committed without being sent. */
  commit: { source: Store<R>; type: 'commit'; changes: Commit<R> };
  /** Records were added. */
  add: {
    source: Store<R>;
    type: 'add';
    records: R[];
    /** Where the first of them stands when it is asked for; -1 when it isn't shown. */
    index: number;
    origin: Origin;
  };
  /** A record was changed. */
  update: {
    source: Store<R>;
    type: 'update';
    record: R;
    changes: Record<string, FieldChange>;
    origin: Origin;
  };
  /** Records were removed. */
  remove: { source: Store<R>; type: 'remove'; records: R[]; origin: Origin };
  /** A record that was there for a trial is to stay; see {@link Model.isCreating}. */
  addConfirmed: { source: Store<R>; type: 'addConfirmed'; record: R };
  /** A record was set while a batch is open for it: nobody else sees that before the end. */
  batchedUpdate: {
    source: Store<R>;
    type: 'batchedUpdate';
    record: R;
    changes: Record<string, FieldChange>;
  };
  /** Records were moved. */
  move: {
    source: Store<R>;
    type: 'move';
    records: R[];
    /** Where the first of them stands when it is asked for; -1 when it isn't shown. */
    index: number;
    origin: Origin;
  };
  /** Any of `add`, `update`, `remove`, `move`, or everything at once. */
  change: {
    source: Store<R>;
    type: 'change';
    action: ChangeAction;
    /** The record, where it is one. */
    record: R | undefined;
    records: R[];
    /** The fields, for `update`. */
    changes: Record<string, FieldChange> | undefined;
    origin: Origin;
  };
  /** Everything may be different: a new data set, or the end of a batch. */
  refresh: {
    source: Store<R>;
    type: 'refresh';
    action: 'dataset' | 'batch' | 'sort' | 'filter' | 'collapse' | 'expand';
    origin: Origin;
  };
  /** A record's id changed: a phantom was given the server's. */
  idChange: {
    source: Store<R>;
    type: 'idChange';
    record: R;
    oldValue: Id;
    value: Id;
    origin: Origin;
  };
  /**
   * The records are about to be ordered otherwise. A listener that returns `false`, or a promise of
   * it, prevents it.
   */
  beforeSort: {
    source: Store<R>;
    type: 'beforeSort';
    sorters: readonly Sorter<R>[];
    currentSorters: readonly Sorter<R>[];
  };
  /** The records are ordered otherwise. */
  sort: { source: Store<R>; type: 'sort'; sorters: readonly Sorter<R>[]; records: R[] };
  /** Other records are shown. */
  filter: {
    source: Store<R>;
    type: 'filter';
    filters: readonly Filter<R>[];
    oldFilters: readonly Filter<R>[];
    records: R[];
  };
  /** All records were removed by {@link Store.removeAll}; `remove` has fired, too. */
  removeAll: { source: Store<R>; type: 'removeAll'; records: R[] };
  /** A data set was loaded. */
  load: { source: Store<R>; type: 'load' };
  /** A listener threw. */
  exception: {
    source: Store<R>;
    type: 'exception';
    eventName: string;
    error: unknown | SyncError;
  };
}

/** @internal */
export const STORE_EVENTS: readonly (keyof StoreEvents)[] = [
  'beforeAdd',
  'beforeUpdate',
  'beforeRemove',
  'beforeCommit',
  'commit',
  'beforeSort',
  'add',
  'update',
  'remove',
  'move',
  'change',
  'refresh',
  'idChange',
  'sort',
  'filter',
  'removeAll',
  'addConfirmed',
  'batchedUpdate',
  'load',
  'exception',
];

/** One record's change, as subscribers get it. */
export interface Change<R extends Model = Model> {
  /** Stays the same as long as the record lives. */
  key: string;
  /** The record's id by now. */
  id: Id;
  op: 'add' | 'update' | 'remove';
  /** The record; `null` when it is gone. */
  record: R | null;
  /** The fields that changed; empty when only the record's sync state did. */
  fields: string[];
  /** Whether the server hasn't confirmed the record as it stands. */
  pending: boolean;
  /** Why it changed last. */
  origin: Origin;
}

/** What happened to a store since the last batch. */
export interface ChangeBatch<R extends Model = Model> {
  /** The origin that all changes share, or `mixed`. */
  origin: Origin | 'mixed';
  /** At most one per record, in the order of their first change. */
  changes: Change<R>[];
  /** Everything may be different (a load, the end of a batch): read what you show anew. */
  reset: boolean;
}
