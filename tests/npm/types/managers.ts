// Options, events and results of managers.

import {
  CrudManager,
  type CrudManagerConfig,
  type CrudManagerEvents,
  type CrudResult,
  EventModel,
  type Model,
  ResourceModel,
  Store,
  SyncError,
  type SyncStatus,
  init,
} from 'syncline';
import { type Equal, type Expect, isType } from './expect.js';

class Meeting extends EventModel {
  declare agenda: string;
}

export type Started = Expect<Equal<ReturnType<typeof init>, Promise<void>>>;

const events = new Store({ id: 'events', modelClass: Meeting });
const manager = new CrudManager<{ events: Meeting; resources: ResourceModel }>({
  loadUrl: '/api/load',
  syncUrl: '/api/sync',
  autoLoad: true,
  autoSync: true,
  autoSyncTimeout: 300,
  crudStores: [
    events,
    'by-id',
    { id: 'made', modelClass: ResourceModel },
    { storeId: 'x', store: events },
  ],
  transport: {
    load: {
      method: 'POST',
      headers: { Authorization: () => 'Bearer x' },
      params: () => ({ a: 1 }),
    },
    sync: { credentials: 'include', fetchOptions: { mode: 'cors' }, timeout: 5000, paramName: 'q' },
  },
  retry: { max: 3, base: 100 },
  onRecordError: 'revert',
  requestData: { tenant: 7 },
  listeners: {
    prio: 10,
    beforeSync: ({ pack }) => pack.events !== undefined,
    load: 'onLoad',
    noChanges: () => undefined,
  },
  onSyncFail({ error, response, responseText, rawResponse, retryIn }) {
    isType<SyncError>(error);
    isType<string>(responseText);
    isType<Response>(rawResponse);
    isType<number | null>(retryIn);
    void response?.message;
    // A handler of the options is called with the manager as `this`.
    this.rejectChanges();
  },
  onBeforeSend: async ({ requestConfig, requestType, params }) => {
    requestConfig.headers = { ...requestConfig.headers, 'X-Request-Type': requestType };
    params['team'] = 'blue';
  },
});

export type Named = Expect<Equal<ReturnType<typeof manager.getStore<'events'>>, Store<Meeting>>>;
isType<string>(manager.getCrudStore('events').first?.agenda ?? '');
isType<Store<ResourceModel>>(manager.getStore('resources'));

const loose = new CrudManager();
isType<Store<Model> | undefined>(loose.getStore('anything'));

export async function results(): Promise<void> {
  const load = await manager.load({ request: { params: { a: 1 } }, events: { startDate: 'x' } });
  isType<CrudResult>(load);
  const sync = await manager.sync();
  isType<CrudResult | null>(sync);
  // @ts-expect-error there may have been nothing to send
  void sync.response;
  try {
    await manager.load();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    isType<boolean>(error.cancelled);
    isType<boolean>(error.retryable);
    isType<number | undefined>(error.status);
    if (error.code === 'TIMEOUT' || error.code === 'HTTP') return;
    // @ts-expect-error there is no such code
    if (error.code === 'TIME_OUT') return;
  }
}

isType<SyncStatus>(manager.status);
isType<number>(manager.pendingCount);
isType<number | string | null>(manager.revision);
isType<Uint8Array | null>(manager.changesAsBytes());
manager.autoSync = false;
manager.loadUrl = '/other';
manager.transport = { sync: { url: '/x' } };

const off = manager.on('status', ({ status, pending, error }) => {
  isType<SyncStatus>(status);
  isType<number>(pending);
  isType<SyncError | null>(error);
});
off();
manager.once(
  'recordSyncFail',
  ({ record, message, reverted }) => {
    isType<Model | undefined>(record);
    isType<string>(message);
    isType<boolean>(reverted);
  },
  { prio: 5, thisObj: {} },
);
manager.on({
  beforeLoadApply({ response }) {
    response.events.rows = [];
    return Promise.resolve(true);
  },
  sync: ({ source }) => isType<CrudManager<any>>(source),
});
manager.onSync = ({ response }) => void response;
manager.onLoad = 'reload';
manager.un('load', () => undefined);
isType<() => void>(manager.guardUnload());

export const shared: CrudManagerConfig = { autoSync: true };
export type LoadEvent = CrudManagerEvents['load'];
isType<'load'>({} as LoadEvent['type']);

// @ts-expect-error an option of another type
new CrudManager({ autoSync: 'yes' });
// @ts-expect-error an option of another type
new CrudManager({ autoSyncTimeout: '100' });
// @ts-expect-error an option that doesn't exist
new CrudManager({ autoSink: true });
// @ts-expect-error not one of the words
new CrudManager({ onRecordError: 'panic' });
// @ts-expect-error not a method that sends
new CrudManager({ transport: { load: { method: 'DELETE' } } });
// @ts-expect-error an event that doesn't exist
manager.on('synced', () => undefined);
// @ts-expect-error an event that doesn't exist
new CrudManager({ listeners: { synced: () => undefined } });
// @ts-expect-error an event that doesn't exist
new CrudManager({ onSynced: () => undefined });
// @ts-expect-error the payload of `sync` has no pack
manager.on('sync', ({ pack }) => pack);
// @ts-expect-error the payload of `status` has no response
manager.on({ status: ({ response }) => response });
// @ts-expect-error hasChanges has only a source
new CrudManager({ onHasChanges: ({ records }) => records });
// @ts-expect-error a listener is a function or the name of one
manager.on('load', 7);
// @ts-expect-error the manager's type doesn't name that store
manager.getStore('tasks');
// @ts-expect-error a store by that name has other records
isType<Store<ResourceModel>>(manager.getStore('events'));
// @ts-expect-error read-only
manager.status = 'saved';
// @ts-expect-error there may be no store of that id
manager.addCrudStore(Store.getStore('x'));
// @ts-expect-error what belongs to the inside stays there
void manager._number;
// @ts-expect-error promises settle by the manager
void manager._call;

// Policies: what they take, and what they don't.
const polls = new CrudManager({
  polling: { interval: 5000, mode: 'sync', pauseWhenHidden: true, skipWhileDirty: false },
  onConflict: 'reload',
  maxConflictRetries: 2,
  conflictCodes: [409, 'STALE'],
  phasedSync: true,
  maxSyncBytes: 100_000,
  syncDataOnLoad: { threshold: '20%', keepMissingValues: false },
  lazyLoad: { chunkSize: 50, bufferUnit: 'weeks', bufferAmount: 2 },
  remotePaging: true,
  pageSize: 20,
  validateResponse: true,
  storeIdProperty: 'wireName',
  inlineData: { events: { rows: [] } },
  requestData: async ({ startDate, stores }) => {
    startDate satisfies Date | undefined;
    stores satisfies string[];
    return {};
  },
});
polls.polling = 1000;
polls.polling = null;
polls.ensureLoaded({ startDate: new Date(), endDate: '2026-03-01' }) satisfies Promise<
  CrudResult | null
>;
polls.load('/elsewhere') satisfies Promise<CrudResult>;
polls.nextPage() satisfies Promise<CrudResult>;
new CrudManager({ onConflict: ({ type }) => void (type satisfies 'conflict') });
polls.maxSyncBytes = 5;
polls.totalCount satisfies number | undefined;
polls.requestId satisfies number;
// @ts-expect-error there is no such policy
new CrudManager({ onConflict: 'shout' });
// @ts-expect-error a unit of time is wanted
new CrudManager({ lazyLoad: { bufferUnit: 'moon' } });
// @ts-expect-error polling needs an interval
new CrudManager({ polling: { mode: 'load' } });
// @ts-expect-error a part is named by its members
polls.ensureLoaded({ from: 1 });
// @ts-expect-error the number of requests is read-only
polls.requestId = 4;
// @ts-expect-error a threshold is a number or a part
new Store({ syncDataOnLoad: { threshold: 'much' } });
