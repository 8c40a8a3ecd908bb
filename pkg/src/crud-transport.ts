import { standIns } from './ajax-helper.js';
import { openCall } from './calls.js';
import {
  type CrudManagerConfig,
  type CrudManagerOptions,
  type TransportSection,
  checkedTransport,
  engineConfig,
  engineTransport,
  transportOf,
} from './crud-config.js';
import { partParams } from './crud-policies.js';
import { CrudState } from './crud-state.js';
import { SyncError, checkFunction, checkOptions } from './errors.js';
import type { RequestType } from './exchange.js';
import { engine, writeJson } from './runtime.js';
import { type TransportRequest, sendAgain } from './transport.js';

let nextUrl = 0;

/** What apps may put in the place of a manager's own. */
const REPLACEABLE = ['sendRequest', 'cancelRequest', 'encode', 'decode'] as const;

/** How a manager's requests go out, and its other options. */
export abstract class CrudTransport extends CrudState {
  /** @internal */ _number = -1;
  /** @internal */ readonly _options: CrudManagerOptions;
  /** @internal */ _transports: { load: TransportSection; sync: TransportSection };
  protected destroyed = false;
  /** How loads go out when no function stands for the server. */
  private ownLoad: TransportSection = {};

  constructor(config: CrudManagerConfig) {
    super();
    checkOptions('a manager', config, ['crudStores', 'stores']);
    const options = config as CrudManagerOptions;
    this._options = { ...options };
    this._transports = transportOf(options);
    for (const name of REPLACEABLE) {
      const own: unknown = (options as Record<string, unknown>)[name];
      if (own === undefined) continue;
      checkFunction(name, own);
      (this as Record<string, unknown>)[name] = own;
    }
    if (typeof config.requestData === 'function') this._answerBy(config.requestData);
  }

  // --- requests ----------------------------------------------------------------------------------

  /**
   * Sends a request: by `fetch`, and by {@link AjaxHelper.mockUrl}. Override it (or give it as an
   * option) for another way to the server, and give the answer: as a promise, or by
   * `request.success()`. A promise that rejects, or `request.failure()`, says that nobody knows
   * what became of the request: it is repeated as `retry` says. There is one request at a time, and
   * each ends: by its answer, or when its `timeout` is over, with `request.signal` aborted.
   */
  sendRequest(request: TransportRequest): Promise<unknown> | unknown {
    return sendAgain(this, request);
  }

  /**
   * Ends the request of a promise that {@link CrudManager.load} or {@link CrudManager.sync} gave;
   * without one, the request that is under way. What waits for it rejects as cancelled. What a sync
   * was to send is kept.
   */
  cancelRequest(promise?: Promise<unknown> | null, _reject?: unknown): void {
    const call = promise == null ? -1 : openCall(promise);
    if (call !== undefined) engine().cancel(this._alive(), call);
  }

  /** Writes a pack as text. What can't be written is `null`: the request isn't sent then. */
  encode(pack: object): string | null {
    try {
      return JSON.stringify(pack) ?? null;
    } catch {
      return null;
    }
  }

  /** Reads an answer. What can't be read is `null`: the request has failed then. */
  decode(text: string): object | null {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // --- options -----------------------------------------------------------------------------------

  /** Where loads go. */
  get loadUrl(): string | undefined {
    return this._transports.load.url;
  }

  set loadUrl(url: string) {
    this.transport = { load: { ...this._transports.load, url } };
  }

  /** Where syncs go. */
  get syncUrl(): string | undefined {
    return this._transports.sync.url;
  }

  set syncUrl(url: string) {
    this.transport = { sync: { ...this._transports.sync, url } };
  }

  /** How loads and syncs go out. What is set takes the place of the section. */
  get transport(): { load?: TransportSection; sync?: TransportSection } {
    return this._transports;
  }

  set transport(transport: { load?: TransportSection; sync?: TransportSection }) {
    const next = { ...this._transports, ...checkedTransport(transport) };
    engine().configure(this._alive(), writeJson(this._forEngine(this._options, next)));
    this._transports = next;
    this._listenersChanged();
  }

  /** Properties that go into every pack; or the function that stands for the server. */
  get requestData(): CrudManagerOptions['requestData'] {
    return this._options.requestData ?? this._options.encoder?.requestData;
  }

  set requestData(requestData: CrudManagerOptions['requestData']) {
    const before = this._options.requestData;
    const load = typeof before === 'function' ? this.ownLoad : this._transports.load;
    this._option({ requestData } as CrudManagerOptions);
    if (typeof before === 'function') standIns.delete(String(this._transports.load.url));
    this._transports.load = load;
    if (typeof requestData === 'function') this._answerBy(requestData);
    this.transport = {};
  }

  // --- private -----------------------------------------------------------------------------------

  /** @internal */
  override _alive(): number {
    if (this.destroyed) throw new SyncError('DESTROYED', 'the manager has been destroyed');
    return this._number;
  }

  /** @internal */
  protected override get _isGone(): boolean {
    return this.destroyed;
  }

  /** @internal New options: all of them, or none. */
  override _option(patch: CrudManagerOptions): void {
    const number = this._alive();
    const next = { ...this._options, ...patch };
    engine().configure(number, writeJson(this._forEngine(next, this._transports)));
    Object.assign(this._options, patch);
    this._listenersChanged();
  }

  /** @internal */ _forEngine(options: CrudManagerOptions, transports: typeof this._transports): object {
    const loadData = this._pageData(options);
    const transport = engineTransport(transports, options.sendAsFormData === true);
    return { ...engineConfig(options), transport, loadData };
  }

  /** @internal Whether the app has put something in the place of a method. */
  _replaces(name: (typeof REPLACEABLE)[number]): boolean {
    return this[name] !== CrudTransport.prototype[name];
  }

  /** @internal The parameter, or field of a form, that carries the pack. */
  _packName(type: RequestType): string {
    return this._transports[type].paramName ?? 'data';
  }

  /** @internal Whether what is sent in a body is a form. */
  _isForm(type: RequestType): boolean {
    const { sendAsFormData } = this._options;
    return sendAsFormData === true || this._transports[type].addQueryParamsToBody === true;
  }

  /** @internal No function stands for the server any longer. */
  protected _endStandIn(): void {
    if (typeof this._options.requestData === 'function') {
      standIns.delete(String(this._transports.load.url));
    }
  }

  /** A function stands for the server: requests go to a URL that nobody else has. */
  /** @internal */ _answerBy(requestData: (params: any) => object | Promise<object>): void {
    const url = `requestData:${++nextUrl}`;
    standIns.set(url, async (_url: string, params: any) => ({
      responseJson: await requestData.call(this, partParams(JSON.parse(params.data))),
    }));
    this.ownLoad = this._transports.load;
    this._transports.load = { url };
  }
}
