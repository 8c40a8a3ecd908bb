import type { ChannelConfig } from './channel-config.js';
import { type ConflictOptions, engineStrategy } from './conflicts.js';
import type { CrudManager } from './crud-manager.js';
import type { CrudManagerEvents } from './crud-events.js';
import type { Listeners, OnListeners } from './emitter.js';
import { SyncError, checkObject } from './errors.js';
import {
  type DataPartParams,
  type LazyLoadConfig,
  type PollingConfig,
  type SyncDataOnLoadConfig,
  engineDifferences,
  engineLazy,
  enginePolling,
} from './crud-policies.js';
import type { StoreConfig } from './store-config.js';
import type { Store } from './store.js';
import type { TransportRequest } from './transport.js';

type OrFunction<T> = T | (() => T | Promise<T>);

/** Options of `fetch`, passed on. */
export interface FetchOptions {
  credentials?: NonNullable<RequestInit['credentials']>;
  mode?: NonNullable<RequestInit['mode']>;
  cache?: NonNullable<RequestInit['cache']>;
  redirect?: NonNullable<RequestInit['redirect']>;
  referrer?: string;
  referrerPolicy?: NonNullable<RequestInit['referrerPolicy']>;
  integrity?: string;
  keepalive?: boolean;
  /** Ends requests: they reject as cancelled, like all that follow. */
  signal?: AbortSignal;
  /** Whose signal ends requests. */
  abortController?: AbortController;
}

/** One kind of request. */
export interface TransportSection extends FetchOptions {
  url?: string;
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** Header names and values. Functions are asked at every request; promises are awaited. */
  headers?: OrFunction<Record<string, OrFunction<string>>>;
  /** Further query parameters. Functions are asked at every request; promises are awaited. */
  params?: OrFunction<Record<string, OrFunction<unknown>>>;
  /** The same as `params`. */
  queryParams?: OrFunction<Record<string, OrFunction<unknown>>>;
  /**
   * A request with a body carries `params` in it: as a form, in which the pack is the field
   * `paramName`, or `data`.
   */
  addQueryParamsToBody?: boolean;
  /** The query parameter that carries the pack; `data` for GET. */
  paramName?: string;
  /** How long to wait for the answer, in ms; 0 waits for ever. 30 s when not given. */
  timeout?: number;
  /** Options of `fetch`, as an alternative to naming them directly. */
  fetchOptions?: FetchOptions;
}

/** When a request whose outcome is unknown is tried again. */
export interface RetryConfig {
  /** How many times by itself; 8 when not given. */
  max?: number;
  /** The first wait, in ms; 1000 when not given. */
  base?: number;
  /** By how much waits grow; 2 when not given. */
  factor?: number;
  /** The longest wait, in ms; 60000 when not given. */
  cap?: number;
  /** The random part of a wait, 0 to 1; 0.5 when not given. */
  jitter?: number;
}

/** A store with what the manager is to know about it. */
export interface CrudStoreDescriptor {
  /** Its section on the wire. */
  storeId?: string;
  store: Store<any>;
  /** The wire name of a phantom's client id. */
  phantomIdField?: string;
  /** The wire name of the id. */
  idField?: string;
  /** Whether an update carries all persistable fields. */
  writeAllFields?: boolean;
}

/**
 * What can be put under a manager: a store, the id of one, a descriptor, or options to make one
 * from.
 */
export type CrudStoreInput = Store<any> | string | CrudStoreDescriptor | StoreConfig<any>;

/** A manager's options. */
export interface CrudManagerOptions extends ConflictOptions {
  /** Shortcut for `transport.load.url`. */
  loadUrl?: string;
  /** Shortcut for `transport.sync.url`. */
  syncUrl?: string;
  /** How loads and syncs go out. */
  transport?: { load?: TransportSection; sync?: TransportSection };
  /** The stores, in the order in which loads are applied. */
  crudStores?: readonly CrudStoreInput[];
  /** The same as `crudStores`. */
  stores?: readonly CrudStoreInput[];
  /** Load on the next turn after creation. */
  autoLoad?: boolean;
  /** Sync by itself after changes. */
  autoSync?: boolean;
  /** How long to wait after the last change, in ms; 100 when not given. */
  autoSyncTimeout?: number;
  /** Send a sync also when nothing has changed. */
  forceSync?: boolean;
  /** Updates carry all persistable fields. */
  writeAllFields?: boolean;
  /** The wire name of a phantom's client id. */
  phantomIdField?: string;
  /** The wire name of a phantom parent's client id. */
  phantomParentIdField?: string;
  /** Added rows carry no `id` (default). */
  resetIdsBeforeSync?: boolean;
  /** An answer need not mention what it confirms (default). */
  supportShortSyncResponse?: boolean;
  /** Answers without `success` are successes (default). */
  skipSuccessProperty?: boolean;
  /**
   * A load may be answered by a sync answer and the other way round, as the answer's `type` says.
   */
  trackResponseType?: boolean;
  /** Who wins a field that both sides changed while a sync was on the wire. */
  syncConflictResolution?: 'local' | 'remote';
  /** Removing a parent lists its descendants too (default). */
  includeChildrenInRemoveRequest?: boolean;
  /** What becomes of changes that the server refused for one record; `keep` when not given. */
  onRecordError?: 'keep' | 'revert';
  /** Whether the server is known to answer a repeated `requestId` with its first answer. */
  idempotentSync?: boolean;
  /** When to try again. */
  retry?: RetryConfig;
  /** Packs in a request's body go as a form field, named by the section's `paramName` or `data`. */
  sendAsFormData?: boolean;
  /**
   * Properties that go into every pack; or a function that stands for the server: it gives load
   * answers.
   */
  requestData?: Record<string, unknown> | ((params: DataPartParams) => object | Promise<object>);
  /** `requestData`, where other code has it. */
  encoder?: { requestData?: Record<string, unknown> };
  /** The order in which sync answers are applied. */
  syncApplySequence?: readonly string[];
  /** The order in which load answers are applied. */
  loadApplySequence?: readonly string[];
  /** A live channel to the server: its URL, or its options. */
  channel?: string | ChannelConfig | false | null;
  /** The same as `channel`. */
  live?: string | ChannelConfig | false | null;
  /** When to ask the server for news; a number is an interval in ms. */
  polling?: PollingConfig | number | false | null;
  /**
   * Records that refer to new ones are sent once those have their ids: for servers that take
   * references as they come.
   */
  phasedSync?: boolean;
  /** Most bytes of a package; larger ones are sent in portions. */
  maxSyncBytes?: number;
  /**
   * What follows a sync that the server refused because its data is newer: edits wait (`keep`, when
   * not given); a load, on top of which they go out again (`reload`); what was sent is taken back,
   * and a load follows (`revert`).
   */
  onConflict?: 'keep' | 'reload' | 'revert';
  /**
   * How many times in a row `reload` is tried at once; 3 when not given. Further attempts wait, as
   * `retry` says.
   */
  maxConflictRetries?: number;
  /** The HTTP statuses and `code`s of answers that say so; 409 and `CONFLICT` when not given. */
  conflictCodes?: readonly (number | string)[];
  /** Loaded data is taken over by what is different in it: for stores that don't say. */
  syncDataOnLoad?: boolean | SyncDataOnLoadConfig;
  /** Loads bring a part of the data, {@link CrudManager.ensureLoaded} what else is wanted. */
  lazyLoad?: boolean | LazyLoadConfig;
  /** Loads bring a page. */
  remotePaging?: boolean;
  /** How many records a page has; 50 when not given. */
  pageSize?: number;
  /** The console tells what is wrong with the form of answers. */
  validateResponse?: boolean;
  /** The property of a store that names its section on the wire; `id` when not given. */
  storeIdProperty?: string;
  /** Whether the manager fires the events of its stores too: `add` as `storeAdd`. */
  relayStoreEvents?: boolean;
  /** Confirmed data to begin with, as a load answer has it. */
  inlineData?: object | string | Uint8Array;
}

/** A manager's options, its listeners among them. */
export type CrudManagerConfig<This = CrudManager<any>> = Omit<CrudManagerOptions, 'onConflict'> & {
  /** Listeners by event name. */
  listeners?: Listeners<CrudManagerEvents, This>;
  /** The same as overriding {@link CrudManager.sendRequest}. */
  sendRequest?: (this: This, request: TransportRequest) => unknown;
  /**
   * The same as overriding {@link CrudManager.cancelRequest}: also called when nobody waits any
   * more for what `sendRequest` gave.
   */
  cancelRequest?: (this: This, promise?: Promise<unknown> | null, reject?: unknown) => void;
  /** The same as overriding {@link CrudManager.encode}. */
  encode?: (this: This, pack: any) => string | null;
  /** The same as overriding {@link CrudManager.decode}. */
  decode?: (this: This, text: string) => object | null;
  /**
   * A policy (see {@link CrudManagerOptions.onConflict}), or a listener of the event `conflict`.
   */
  onConflict?:
    | CrudManagerOptions['onConflict']
    | ((this: This, event: CrudManagerEvents['conflict']) => unknown);
} & Omit<OnListeners<CrudManagerEvents, This>, 'onConflict'>;

/** Options that can be read and set at any time. */
export type CrudManagerSettings = Required<
  Pick<
    CrudManagerOptions,
    | 'autoSync'
    | 'autoSyncTimeout'
    | 'forceSync'
    | 'writeAllFields'
    | 'phantomIdField'
    | 'phantomParentIdField'
    | 'resetIdsBeforeSync'
    | 'supportShortSyncResponse'
    | 'skipSuccessProperty'
    | 'trackResponseType'
    | 'syncConflictResolution'
    | 'includeChildrenInRemoveRequest'
    | 'onRecordError'
    | 'idempotentSync'
    | 'retry'
    | 'sendAsFormData'
    | 'phasedSync'
    | 'maxSyncBytes'
    | 'maxConflictRetries'
    | 'conflictCodes'
    | 'syncDataOnLoad'
    | 'lazyLoad'
    | 'validateResponse'
    | 'remotePaging'
    | 'pageSize'
    | 'storeIdProperty'
  >
> &
  ConflictOptions;

/** @internal What they are when nobody gave them. */
export const SETTINGS: CrudManagerSettings = {
  autoSync: false,
  autoSyncTimeout: 100,
  forceSync: false,
  writeAllFields: false,
  phantomIdField: '$PhantomId',
  phantomParentIdField: '$PhantomParentId',
  resetIdsBeforeSync: true,
  supportShortSyncResponse: true,
  skipSuccessProperty: true,
  trackResponseType: false,
  syncConflictResolution: 'local',
  includeChildrenInRemoveRequest: true,
  onRecordError: 'keep',
  idempotentSync: false,
  retry: {},
  sendAsFormData: false,
  phasedSync: false,
  maxSyncBytes: 0,
  maxConflictRetries: 3,
  conflictCodes: [409, 'CONFLICT'],
  syncDataOnLoad: false,
  lazyLoad: false,
  validateResponse: false,
  remotePaging: false,
  pageSize: 50,
  storeIdProperty: 'id',
  conflictResolution: undefined as never,
  mergeFields: undefined as never,
};

const PASSED_ON = [
  'autoLoad',
  'autoSync',
  'autoSyncTimeout',
  'forceSync',
  'writeAllFields',
  'phantomIdField',
  'phantomParentIdField',
  'resetIdsBeforeSync',
  'supportShortSyncResponse',
  'skipSuccessProperty',
  'trackResponseType',
  'syncConflictResolution',
  'includeChildrenInRemoveRequest',
  'onRecordError',
  'idempotentSync',
  'retry',
  'phasedSync',
  'maxSyncBytes',
  'maxConflictRetries',
  'conflictCodes',
  'syncApplySequence',
  'loadApplySequence',
] as const;

const FETCH_OPTIONS = [
  'credentials',
  'mode',
  'cache',
  'redirect',
  'referrer',
  'referrerPolicy',
  'integrity',
  'keepalive',
] as const;

/** @internal The two kinds of requests, shortcuts folded in. */
export function transportOf(
  config: CrudManagerOptions,
): Required<NonNullable<CrudManagerOptions['transport']>> {
  const { load, sync, ...others } = checkedTransport(config.transport ?? {});
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new SyncError('INVALID_CONFIG', `transport has load and sync, no ${other}`);
  }
  checkObject('encoder', config.encoder);
  return {
    load: { ...load, ...(config.loadUrl !== undefined && { url: config.loadUrl }) },
    sync: { ...sync, ...(config.syncUrl !== undefined && { url: config.syncUrl }) },
  };
}

/** @internal Refuses what isn't a transport. */
export function checkedTransport(
  transport: NonNullable<CrudManagerOptions['transport']>,
): NonNullable<CrudManagerOptions['transport']> {
  if (transport == null) throw new SyncError('INVALID_CONFIG', 'transport must be an object');
  checkObject('transport', transport);
  checkObject('transport.load', transport.load);
  checkObject('transport.sync', transport.sync);
  return transport;
}

/** @internal The options as the engine wants them. */
export function engineConfig(config: CrudManagerOptions): object {
  const { requestData = config.encoder?.requestData } = config;
  const options: Record<string, unknown> = {
    // A function is a listener.
    onConflict: typeof config.onConflict === 'string' ? config.onConflict : undefined,
    requestData: typeof requestData === 'function' ? undefined : requestData,
    polling: enginePolling(config.polling),
    syncDataOnLoad: engineDifferences(config.syncDataOnLoad),
    lazyLoad: engineLazy(config.lazyLoad),
    conflictResolution: engineStrategy(config),
  };
  for (const name of PASSED_ON) if (config[name] !== undefined) options[name] = config[name];
  return options;
}

/** @internal */
export function engineTransport(
  { load, sync }: { load: TransportSection; sync: TransportSection },
  asForm: boolean,
): object {
  return {
    load: engineSection(load, (load.method ?? 'GET') !== 'GET' && asForm),
    sync: engineSection(sync, sync.method !== 'GET' && asForm),
  };
}

function engineSection(section: TransportSection, asForm: boolean): object {
  const { url, method, paramName, timeout, params, queryParams } = section;
  for (const [name, value] of Object.entries({ url, method, paramName })) {
    if (value !== undefined && typeof value !== 'string') {
      throw new SyncError('INVALID_CONFIG', `transport: ${name} must be text`);
    }
  }
  if (timeout !== undefined && !Number.isFinite(timeout)) {
    throw new SyncError('INVALID_CONFIG', 'transport: timeout must be a number of ms');
  }
  for (const name of ['headers', 'params', 'queryParams'] as const) {
    if (typeof section[name] !== 'function') checkObject(`transport: ${name}`, section[name]);
  }
  checkObject('transport: fetchOptions', section.fetchOptions);
  const { signal: _, abortController: __, ...others } = section.fetchOptions ?? {};
  const fetchOptions: Record<string, unknown> = others;
  for (const name of FETCH_OPTIONS) {
    if (section[name] !== undefined) fetchOptions[name] = section[name];
  }
  return {
    url,
    method,
    // In a form it names a field of the body.
    paramName: asForm || section.addQueryParamsToBody ? undefined : paramName,
    timeout,
    headers: plain(section.headers),
    params: { ...plain(queryParams), ...plain(params) },
    fetchOptions: Object.keys(fetchOptions).length > 0 ? fetchOptions : undefined,
  };
}

/** What needn't be asked at every request. */
function plain(
  values: OrFunction<Record<string, OrFunction<unknown>>> | undefined,
): object | undefined {
  if (values == null || typeof values === 'function') return undefined;
  const fixed = Object.entries(values).filter(([, value]) => typeof value !== 'function');
  return Object.fromEntries(fixed);
}

/** @internal What has to be asked at every request. */
export async function asked(
  values: OrFunction<Record<string, OrFunction<unknown>>> | undefined,
): Promise<Record<string, unknown>> {
  if (values == null) return {};
  const asks = typeof values === 'function';
  const given = asks ? await values() : values;
  checkObject('what a function gives for headers or params', given);
  const pairs = Object.entries(given ?? {}).filter(([, one]) => asks || typeof one === 'function');
  const made = pairs.map(async ([name, one]) => [
    name,
    typeof one === 'function' ? await (one as () => unknown)() : one,
  ]);
  return Object.fromEntries(await Promise.all(made));
}

/** @internal Whether anything has to be asked at every request. */
export function asksAnything(section: TransportSection): boolean {
  const { headers, params, queryParams } = section;
  return [headers, params, queryParams].some(
    (values) =>
      typeof values === 'function' ||
      (values != null && Object.values(values).some((value) => typeof value === 'function')),
  );
}

/** @internal What ends the requests of a section. */
export function signalOf(section: TransportSection): AbortSignal | undefined {
  const given = [section, section.fetchOptions ?? {}];
  const signals = given.map(({ signal, abortController }) => signal ?? abortController?.signal);
  return signals.find((signal) => signal != null);
}
