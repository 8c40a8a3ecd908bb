import {
  AjaxHelper,
  type Emitter,
  type CrudManagerConfig,
  type CrudResult,
  CrudManager,
  type Model,
  Store,
  type StoreConfig,
  type StoreEvents,
  SyncError,
  type TransportRequest,
} from './slim.js';

/** What a request is for. */
export type AjaxAction = 'read' | 'create' | 'update' | 'delete';

/** Records by what was done to them. */
export interface AjaxChanges<R extends Model = Model> {
  added: R[];
  modified: R[];
  removed: R[];
}

/** Options of an {@link AjaxStore}: those of a store, and how it speaks with its server. */
export type AjaxStoreConfig<R extends Model = Model> = StoreConfig<R> & {
  /** Where records come from. */
  readUrl?: string;
  /** Where new records go: `{ "data": [row, …] }`; the answer has their ids, in the same order. */
  createUrl?: string;
  /** Where changed records go: `{ "data": [row, …] }`. */
  updateUrl?: string;
  /** Where the ids of removed records go: `{ "ids": [id, …] }`. */
  deleteUrl?: string;
  /** Read at once. */
  autoLoad?: boolean;
  /**
   * How long to wait after a change before it is sent by itself (`autoCommit`), in ms; 100 when not
   * given.
   */
  autoCommitTimeout?: number;
  /** Header names and values. */
  headers?: Record<string, string>;
  /** Parameters of every request. */
  params?: Record<string, unknown>;
  /** Methods; `GET` and `POST` when not given. */
  httpMethods?: Partial<Record<AjaxAction, string>>;
  /** What is sent goes as a form: `data=[…]`, `id=1,4,7`. */
  sendAsFormData?: boolean;
  /** What of an answer holds the rows; `data` when not given. */
  responseDataProperty?: string;
  /**
   * What says whether it is a success; `success` when not given. An answer that doesn't say is one.
   */
  responseSuccessProperty?: string;
  /** What says how many records the server has; `total` when not given. */
  responseTotalProperty?: string;
  /** Updates carry all fields. */
  writeAllFields?: boolean;
  /** Options of `fetch`. */
  fetchOptions?: Record<string, unknown>;
  /**
   * When a request whose outcome is unknown is tried again; see {@link CrudManagerConfig.retry}.
   */
  retry?: CrudManagerConfig['retry'];
  /** How long to wait for an answer, in ms; 30 s when not given. */
  timeout?: number;
};

const METHODS: Record<AjaxAction, string> = {
  read: 'GET',
  create: 'POST',
  update: 'POST',
  delete: 'POST',
};

const OWN = new Set([
  'readUrl',
  'createUrl',
  'updateUrl',
  'deleteUrl',
  'autoLoad',
  'autoCommit',
  'autoCommitTimeout',
  'headers',
  'params',
  'httpMethods',
  'sendAsFormData',
  'responseDataProperty',
  'responseSuccessProperty',
  'responseTotalProperty',
  'fetchOptions',
  'retry',
  'timeout',
]);

/** What an {@link AjaxStore} tells besides what all stores do. */
export interface AjaxStoreEvents<R extends Model = Model> {
  /** Records are about to be read. `false`, or a promise of it, prevents it. */
  beforeLoad: { source: AjaxStore<R>; type: 'beforeLoad'; params: Record<string, any> };
  /** Reading has begun. */
  loadStart: { source: AjaxStore<R>; type: 'loadStart' };
  /** A request is about to go out. */
  beforeRequest: {
    source: AjaxStore<R>;
    type: 'beforeRequest';
    action: AjaxAction;
    url: string | undefined;
    params: Record<string, unknown>;
    body: Record<string, any> | undefined;
  };
  /** A request has ended. */
  afterRequest: {
    source: AjaxStore<R>;
    type: 'afterRequest';
    action: AjaxAction;
    url: string | undefined;
    response: Response | undefined;
    error: SyncError | undefined;
  };
  /** A request failed (or a commit as a whole), or a listener threw. */
  exception: {
    source: Store<R>;
    type: 'exception';
    /** What was done; none where a listener threw. */
    action?: AjaxAction | 'commit';
    /** Whether there was no answer, or one that says no. */
    exceptionType?: 'network' | 'server';
    response?: Response | undefined;
    eventName: string;
    error: unknown;
  };
}

const EVENTS = ['beforeLoad', 'loadStart', 'beforeRequest', 'afterRequest'];

/** Rows of a package. */
interface Package {
  added?: Record<string, any>[];
  updated?: Record<string, any>[];
  removed?: Record<string, any>[];
}

/** What the server has said to a request, good or bad. */
interface Said {
  rows: Record<string, any>[];
  total: number | undefined;
  error: SyncError | undefined;
}

/**
 * A store that speaks with a server by itself: it reads from one URL, and sends what is new,
 * changed and removed to others. It is a manager of one store inside, with what that brings: edits
 * during a request, one request at a time, repetitions, temporary ids.
 *
 * ```ts
 * import { AjaxStore } from 'syncline/ajax-store';
 * const people = new AjaxStore({
 *   id: 'people', fields: ['name'], readUrl: '/people', createUrl: '/people/new', autoLoad: true,
 * });
 * ```
 *
 * Besides the events of stores it fires `beforeLoad` (`false` prevents it), `loadStart`,
 * `beforeRequest`, `afterRequest`, `commit`, and for each request that failed `exception` with
 * `action`, `error` and `response`.
 */
export class AjaxStore<R extends Model = Model> extends Store<R> {
  /** Listens to an event of the store or of its requests. Gives a function that ends it. */
  declare on: Emitter<StoreEvents<R> & AjaxStoreEvents<R>>['on'];
  /** @internal */ static override readonly name: string = 'AjaxStore';
  /** @internal */ readonly _ajax: AjaxStoreConfig<R>;
  private readonly own: CrudManager;
  private committing = 0;
  private turning = false;
  /** What failed, by the number of the package. */
  private readonly failures = new Map<number, SyncError>();

  constructor(config: AjaxStoreConfig<R> = {}) {
    super(own(config, false));
    const given = (this._ajax = own(config, true) as AjaxStoreConfig<R>);
    const { autoCommit = false, autoCommitTimeout = 100, autoLoad = false, timeout } = given;
    try {
      this.own = new CrudManager({
        crudStores: [this],
        loadUrl: given.readUrl ?? '/',
        syncUrl: given.createUrl ?? given.updateUrl ?? given.deleteUrl ?? '/',
        ...(timeout !== undefined && { transport: { load: { timeout }, sync: { timeout } } }),
        ...(given.retry !== undefined && { retry: given.retry }),
        autoSync: autoCommit,
        autoSyncTimeout: autoCommitTimeout,
        sendRequest: (request) =>
          request.type === 'load' ? this.read(request) : this.write(request),
        onSyncFail: ({ error }) => this.told('commit', error, error.status === undefined ? undefined : error.rawResponse),
        onBeforeLoad: ({ pack }) => this.ask('beforeLoad', { params: pack }),
        onLoadStart: () => void this.ask('loadStart', {}),
      });
    } catch (thrown) {
      this.destroy();
      throw thrown;
    }
    for (const name of EVENTS) {
      const handler = (config as any)[`on${name[0]?.toUpperCase()}${name.slice(1)}`];
      if (handler != null) this.on(name as 'beforeLoad', handler);
    }
    if (autoLoad) queueMicrotask(() => !this.isDestroyed && void this.load().catch(() => {}));
  }

  /** Where records come from. */
  get readUrl(): string | undefined {
    return this._ajax.readUrl;
  }

  /** Where new records go. */
  get createUrl(): string | undefined {
    return this._ajax.createUrl;
  }

  /** Where changed records go. */
  get updateUrl(): string | undefined {
    return this._ajax.updateUrl;
  }

  /** Where the ids of removed records go. */
  get deleteUrl(): string | undefined {
    return this._ajax.deleteUrl;
  }

  /** Whether records are being read. */
  get isLoading(): boolean {
    return this.own.isLoading;
  }

  /** Whether changes are being sent. */
  get isCommitting(): boolean {
    return this.committing > 0 || this.own.isSyncing;
  }

  /**
   * Reads the records anew; a read that is under way is cancelled. Unsent edits stay on top.
   * Resolves when they are there; rejects with a {@link SyncError}.
   *
   * @param params further parameters of this request
   */
  load(params?: Record<string, unknown>): Promise<CrudResult> {
    this._alive();
    if (this.readUrl === undefined) return Promise.reject(noUrl('readUrl'));
    return this.own.load({ request: { params: params ?? {} } });
  }

  /**
   * Sends what is changed: first what is new, then what is changed, then what is removed. During a
   * commit, one more follows that sends what was changed since. Resolves with what was sent
   * (`null`: nothing); rejects with the first error. What failed stays changed.
   */
  override commit(): Promise<AjaxChanges<R> | null> & AjaxChanges<R> {
    this._alive();
    const { changes } = this;
    const sent = changes ?? { added: [], modified: [], removed: [] };
    const done = changes === null ? Promise.resolve(null) : this.send(changes);
    return Object.assign(done, sent);
  }

  private async send(changes: AjaxChanges<R>): Promise<AjaxChanges<R> | null> {
    this.committing++;
    try {
      const verdict = this.ask('beforeCommit', { changes });
      if ((typeof verdict === 'boolean' ? verdict : await verdict) === false) return null;
      const result = await this.own.sync();
      const failure = this.failures.get(result?.response?.requestId);
      if (failure !== undefined) throw failure;
      this.ask('commit', { changes });
      return changes;
    } finally {
      this.committing--;
    }
  }

  /** Whether changes are sent by themselves, `autoCommitTimeout` after the last. */
  override get autoCommit(): boolean {
    return this.own?.autoSync ?? false;
  }

  override set autoCommit(autoCommit: boolean) {
    this.own.autoSync = autoCommit;
    if (autoCommit && this.changes !== null) void this.commit().catch(() => {});
  }

  /** Nothing is sent by itself until as many resumes have come. */
  override suspendAutoCommit(): void {
    this.turn(() => this.own.suspendAutoSync());
  }

  /** Undoes one suspend; the last one sends what was changed meanwhile, unless told otherwise. */
  override resumeAutoCommit(doCommit = true): void {
    this.turn(() => this.own.resumeAutoSync(doCommit));
  }

  /** Managers hold the commits of their stores, too: that of this one is it itself. */
  private turn(act: () => void): void {
    if (this.turning) return;
    this.turning = true;
    try {
      act();
    } finally {
      this.turning = false;
    }
  }

  /** Ends the store: requests are aborted, promises reject as cancelled. */
  override destroy(): void {
    if (this.isDestroyed) return;
    this.own?.destroy();
    super.destroy();
  }

  // --- requests ----------------------------------------------------------------------------------

  private async read(request: TransportRequest): Promise<object> {
    const { type: _type, requestId: _id, stores: _stores, ...part } = JSON.parse(request.data);
    const { rows, total, error } = await this.request('read', request, undefined, {
      ...part,
      ...request.params,
    });
    if (error === undefined) return { success: true, [this.id]: { rows, total } };
    if (error.status === undefined) throw error;
    // What it says is judged like any answer.
    const said = error.response === null ? error.responseText : { success: false, message: error.message };
    return new Response(typeof said === 'string' ? said : JSON.stringify(said), { status: error.status });
  }

  /** Carries a package out, request by request, and puts together what became of each record. */
  private async write(request: TransportRequest): Promise<object> {
    const pack = JSON.parse(request.data) as { requestId: number };
    const { requestId } = pack;
    const changes = ((pack as object) as Record<string, Package>)[this.id] ?? {};
    const { added = [], updated = [], removed = [] } = changes;
    const phantom = this._phantomIdName;
    const id = this._idName;
    const rows: object[] = [];
    const gone: object[] = [];
    /** Nobody knows what became of a request: the others wait. */
    let lost: SyncError | undefined;
    const carryOut = async (
      action: AjaxAction,
      records: readonly Record<string, any>[],
      payload: object,
      keep: (answer: Said) => void,
    ) => {
      if (records.length === 0) return;
      const said =
        lost === undefined
          ? await this.request(action, request, payload, request.params)
          : { rows: [], total: undefined, error: lost };
      const { error } = said;
      if (error === undefined) {
        keep(said);
        return;
      }
      // The whole package goes out again, by the rules for such.
      if (lost === undefined && error.retryable && rows.length + gone.length === 0) throw error;
      if (error.retryable) lost = error;
      if (!this.failures.has(requestId)) this.failures.set(requestId, error);
      const into = action === 'delete' ? gone : rows;
      for (const record of records) {
        const name = action === 'create' ? phantom : id;
        into.push({ [name]: record[name], success: false, error: error.message });
      }
    };
    this.failures.clear();
    const created = added.map(({ [phantom]: made, ...row }) => ({ ...row, [id]: made }));
    await carryOut('create', added, { data: created }, (said) => {
      // What the answer doesn't name keeps its temporary id, and is warned about.
      added.forEach((row, at) => rows.push({ ...said.rows[at], [phantom]: row[phantom] }));
    });
    await carryOut('update', updated, { data: updated }, (said) => rows.push(...said.rows));
    const ids = removed.map((row) => row[id]);
    await carryOut('delete', removed, { ids }, () => gone.push(...removed));
    const failure = this.failures.get(requestId);
    if (failure !== undefined) this.told('commit', failure, failure.rawResponse);
    return { success: true, requestId, [this.id]: { rows, removed: gone } };
  }

  private async request(
    action: AjaxAction,
    { signal }: TransportRequest,
    payload: Record<string, any> | undefined,
    params: Record<string, unknown>,
  ): Promise<Said> {
    const { headers, httpMethods, params: always, fetchOptions, sendAsFormData } = this._ajax;
    const url = this._ajax[`${action}Url`];
    const form = sendAsFormData === true && payload !== undefined;
    const fields = form ? asForm(payload) : payload;
    const options = {
      ...fetchOptions,
      method: httpMethods?.[action] ?? METHODS[action],
      headers: { Accept: 'application/json', ...headers },
      queryParams: { ...always, ...params },
      signal,
      ...(fields !== undefined && { body: fields }),
    };
    this.ask('beforeRequest', { action, url, params: options.queryParams, body: payload });
    let response: Response | undefined;
    let said: Said;
    try {
      if (url === undefined) throw noUrl(`${action}Url`);
      response = await AjaxHelper.fetch(url, options);
      said = this.judge(response, await response.text());
    } catch (thrown) {
      said = { rows: [], total: undefined, error: thrown as SyncError };
    }
    if (said.error !== undefined && !signal.aborted) this.told(action, said.error, response);
    this.ask('afterRequest', { action, url, response, error: said.error });
    return said;
  }

  private judge(response: Response, text: string): Said {
    const {
      responseDataProperty: data = 'data',
      responseSuccessProperty: success = 'success',
      responseTotalProperty: total = 'total',
    } = this._ajax;
    let json: any;
    try {
      json = text.trim() === '' ? {} : JSON.parse(text);
    } catch {
      json = undefined;
    }
    let error: SyncError | undefined;
    if (!response.ok || json === undefined || json === null || json[success] === false) {
      const { status } = response;
      const message = json?.message ?? json?.error ?? (text.trim().slice(0, 500) || `status ${status}`);
      const retryable = status >= 500;
      const code = response.ok ? (json == null ? 'BAD_RESPONSE' : 'REFUSED') : 'HTTP';
      error = new SyncError(code as never, String(message), retryable, status);
      Object.defineProperty(error, 'rawResponse', { value: response });
      Object.defineProperty(error, 'response', { value: json ?? null });
      Object.defineProperty(error, 'responseText', { value: text });
    }
    const rows: unknown = Array.isArray(json) ? json : json?.[data];
    const list = Array.isArray(rows) ? rows : rows != null && typeof rows === 'object' ? [rows] : [];
    return { rows: list, total: json?.[total], error };
  }

  private told(action: AjaxAction | 'commit', error: SyncError, response?: Response): void {
    const exceptionType = response === undefined ? 'network' : 'server';
    this.ask('exception', { action, eventName: action, error, response, exceptionType });
  }

  /** Fires an event that isn't among those of stores. */
  private ask(name: string, event: object): any {
    return (this as { _fire(name: string, event: object): unknown })._fire(name, event);
  }
}

function own(config: AjaxStoreConfig<any>, mine: boolean): object {
  if (config === null || typeof config !== 'object') return config;
  return Object.fromEntries(Object.entries(config).filter(([name]) => OWN.has(name) === mine));
}

function asForm(payload: Record<string, any>): URLSearchParams {
  const { data, ids } = payload;
  return new URLSearchParams(ids === undefined ? { data: JSON.stringify(data) } : { id: ids.join(',') });
}

function noUrl(name: string): SyncError {
  return new SyncError('INVALID_CONFIG', `the store has no ${name}`);
}
