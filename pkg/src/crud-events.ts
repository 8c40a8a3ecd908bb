import type { Conflict, ResolvedField } from './conflicts.js';
import type { CrudManager } from './crud-manager.js';
import { relayed } from './emitter.js';
import type { SyncError } from './errors.js';
import type { RequestOptions, RequestType } from './exchange.js';
import type { Model } from './model.js';
import { STORE_EVENTS, type StoreEvents } from './store-events.js';

/** Where a manager stands. */
export type SyncStatus =
  /** Nothing to send, nothing on the wire. */
  | 'saved'
  /** A load is on the wire. */
  | 'loading'
  /** Changes wait. */
  | 'pending'
  /** Changes are on the wire. */
  | 'saving'
  /** Changes are kept until the server can be reached again; the next attempt is scheduled. */
  | 'retrying'
  /** The browser is offline. */
  | 'offline'
  /** The server refused, or retries are used up: somebody has to act. */
  | 'failed';

/** @internal By `Status` in `src/engine/event.rs`. */
export const STATUSES: readonly SyncStatus[] = [
  'saved',
  'loading',
  'pending',
  'saving',
  'retrying',
  'offline',
  'failed',
];

interface Base<K extends string> {
  /** The manager. */
  source: CrudManager<any>;
  type: K;
}

interface WithPack<K extends string> extends Base<K> {
  /** What goes out. In a before… event it can be changed. */
  pack: any;
}

interface WithResponse<K extends string> extends Base<K> {
  requestType: RequestType;
  /**
   * The server's answer, parsed when it is first read. In a before… event it can be changed or
   * replaced.
   */
  response: any;
}

interface Answered<K extends string> extends WithResponse<K> {
  requestOptions: RequestOptions;
  /** What `fetch` gave; its body has been read. */
  rawResponse: Response;
}

interface Failed<K extends string> extends Answered<K> {
  /** The answer as text; empty when there was none. */
  responseText: string;
  /** Why. */
  error: SyncError;
  /** In how many ms it will be tried again; `null`: not by itself. */
  retryIn: number | null;
}

/** The events of stores as a manager fires them (`relayStoreEvents`). */
export type RelayedEvents = {
  [K in keyof StoreEvents as `store${Capitalize<K>}`]: Omit<StoreEvents<any>[K], 'type'> & {
    type: `store${Capitalize<K>}`;
  };
};

/** A manager's events. */
export interface CrudManagerEvents extends RelayedEvents {
  /** A load is about to be sent. `false`, or a promise of it, prevents it. */
  beforeLoad: WithPack<'beforeLoad'>;
  /** A load has begun. */
  loadStart: Base<'loadStart'>;
  /**
   * A request is about to go out: `requestConfig` and `params` can be changed. A promise is
   * awaited.
   */
  beforeSend: Omit<Base<'beforeSend'>, 'type'> & {
    /** The same as `requestType`: the one event whose `type` isn't its name. */
    type: RequestType;
    crudManager: CrudManager<any>;
    requestType: RequestType;
    /** The parameters of the query string. */
    params: Record<string, string>;
    /** The request: `url`, `method`, `headers`, `body` and options of `fetch`. */
    requestConfig: RequestOptions & { body?: string };
  };
  /** An answer is about to be applied. `false`, or a promise of it, prevents it. */
  beforeResponseApply: WithResponse<'beforeResponseApply'>;
  /** A load answer is about to be applied. `false`, or a promise of it, prevents it. */
  beforeLoadApply: WithResponse<'beforeLoadApply'> & { options: object };
  /** A request was answered, and the answer applied. */
  requestDone: Answered<'requestDone'>;
  /** A load was applied. */
  load: Answered<'load'>;
  /** A request failed. */
  requestFail: Failed<'requestFail'>;
  /** A load failed. */
  loadFail: Failed<'loadFail'>;
  /** A load was vetoed, or a newer one took its place. */
  loadCanceled: WithPack<'loadCanceled'>;
  /** A sync is about to be sent. `false`, or a promise of it, prevents it. */
  beforeSync: WithPack<'beforeSync'>;
  /** A sync has begun. */
  syncStart: Base<'syncStart'>;
  /** A sync answer is about to be applied. `false`, or a promise of it, prevents it. */
  beforeSyncApply: WithResponse<'beforeSyncApply'>;
  /** A sync was applied. */
  sync: Answered<'sync'>;
  /** A sync failed. What it was to send is kept. */
  syncFail: Failed<'syncFail'>;
  /** A sync was vetoed. */
  syncCanceled: WithPack<'syncCanceled'>;
  /** `sync()` was called while a sync runs: one more follows. */
  syncDelayed: Base<'syncDelayed'> & { arguments: object };
  /** There is something to send: when the first change is made, and after every further one. */
  hasChanges: Base<'hasChanges'>;
  /** Nothing is left to send. */
  noChanges: Base<'noChanges'>;
  /** {@link CrudManager.status} changed. */
  status: Base<'status'> & {
    status: SyncStatus;
    /** How many records have changes that the server hasn't confirmed. */
    pending: number;
    error: SyncError | null;
  };
  /** The server refused one record. */
  recordSyncFail: Base<'recordSyncFail'> & {
    record: Model | undefined;
    /** The server's words. */
    message: string;
    /** Whether its changes were taken back. */
    reverted: boolean;
  };
  /** An answer was odd; nothing was lost. */
  syncWarning: Base<'syncWarning'> & { message: string; records: Model[] };
  /** What became of some additions is unknown, and sending them again isn't safe. */
  syncUncertain: Base<'syncUncertain'> & { message: string; records: Model[] };
  /** A listener threw. */
  exception: Base<'exception'> & { eventName: string; error: unknown };
  /**
   * Changed records say that they aren't valid (`isValid`): they are kept back, with what depends
   * on them.
   */
  invalid: Base<'invalid'> & { records: Model[] };
  /**
   * The server has changed what the user has changed too. It may be decided already: see
   * `conflict.isResolved`.
   */
  conflict: Base<'conflict'> & { conflict: Conflict };
  /** A conflict is decided: by the strategy, by the app, or because its edits are no more. */
  conflictResolved: Base<'conflictResolved'> & {
    conflict: Conflict;
    strategy: Conflict['strategy'];
    /** Each field, with who has it. */
    fields: ResolvedField[];
  };
  /** The manager is about to be destroyed. */
  beforeDestroy: Base<'beforeDestroy'>;
}

/** @internal By `EventKind` in `src/engine/event.rs`. */
export const EVENTS = [
  'beforeLoad',
  'loadStart',
  'beforeSend',
  'beforeResponseApply',
  'beforeLoadApply',
  'requestDone',
  'load',
  'requestFail',
  'loadFail',
  'loadCanceled',
  'beforeSync',
  'syncStart',
  'beforeSyncApply',
  'sync',
  'syncFail',
  'syncCanceled',
  'syncDelayed',
  'hasChanges',
  'noChanges',
  'status',
  'recordSyncFail',
  'syncWarning',
  'syncUncertain',
  'exception',
  'invalid',
  'conflict',
  'conflictResolved',
] as const satisfies readonly (keyof CrudManagerEvents)[];

/** @internal */
export const RELAYED = STORE_EVENTS.map((name) => relayed('store', name));
