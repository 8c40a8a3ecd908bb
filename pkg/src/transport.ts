import { makeRequest, sendRequest, standIns } from './ajax-helper.js';
import type { CrudTransport } from './crud-transport.js';
import { SyncError } from './errors.js';
import type { Exchange, RequestType } from './exchange.js';
import { ParamUrl, texts } from './param-url.js';

/** What answers a request: a response, the answer's text or bytes, or what it says. */
export type TransportAnswer = Response | string | Uint8Array | object;

/** A request as {@link CrudManager.sendRequest} gets it. */
export interface TransportRequest {
  type: RequestType;
  /** Where it goes, without the parameters. */
  url: string;
  /** The pack, as {@link CrudManager.encode} wrote it. */
  data: string;
  /** The parameters of the query string, but the one that carries the pack. */
  params: Record<string, string>;
  /** What `fetch` is told: `method`, `headers`, `body`, `signal` and its other options. */
  requestConfig: Record<string, any>;
  /** Aborts when nobody waits for the answer any more: it was cancelled, or takes too long. */
  signal: AbortSignal;
  /** Tells the answer, where the promise doesn't give it. */
  success(answer: TransportAnswer, ..._: unknown[]): void;
  /** Tells that it failed: a response that says so, or why there is none. */
  failure(reason?: unknown, ..._: unknown[]): void;
  /** The manager. */
  thisObj: unknown;
}

/** @internal Sends what was made. */
export interface Sending {
  send(): Promise<Response>;
}

/**
 * @internal How a request goes out where its manager's class has ways of its own; `undefined` where
 * it hasn't.
 */
export function ownWay(
  exchange: Exchange | undefined,
  url: string,
  init: Record<string, any>,
): Sending | undefined {
  const manager = exchange?.manager;
  if (exchange === undefined || manager === undefined) return undefined;
  const sends = manager._replaces('sendRequest');
  const decodes = manager._replaces('decode');
  // What stands for the server gets no requests.
  if ((!sends && !decodes) || standIns.has(new ParamUrl(url).path)) return undefined;
  const made = sends ? undefined : makeRequest(url, init);
  return {
    async send() {
      const answer =
        made === undefined ? await handOver(manager, exchange.kind, url, init) : await sendRequest(made);
      if (!(answer instanceof Response)) return responseOf(answer);
      return decodes ? decoded(manager, exchange, answer) : answer;
    },
  };
}

/** Lets the app send it. The first word counts, but what the promise gives is the last. */
function handOver(
  manager: CrudTransport,
  type: RequestType,
  url: string,
  init: Record<string, any>,
): Promise<TransportAnswer> {
  return new Promise((resolve, reject) => {
    const signal = init.signal as AbortSignal;
    let told: TransportAnswer | undefined;
    let returned = false;
    const end = () => {
      if (told !== undefined) resolve(told);
    };
    const failed = (reason: unknown = 'the request failed') => {
      if (told !== undefined) end();
      else if (reason instanceof Response && !reason.ok) resolve(reason);
      else reject(reason);
    };
    const { path, params } = new ParamUrl(url);
    const name = manager._packName(type);
    const { [name]: inQuery, ...rest } = params;
    const body = typeof init.body === 'object' ? new TextDecoder().decode(init.body) : init.body;
    const form = manager._isForm(type) ? new URLSearchParams(body).get(name) : undefined;
    const promise = (async () =>
      manager.sendRequest({
        type,
        url: path,
        data: form ?? body ?? inQuery ?? '',
        params: body === undefined ? rest : params,
        requestConfig: { ...init, ...(body !== undefined && { body }) },
        signal,
        success(answer) {
          told ??= answer ?? '';
          if (returned) end();
        },
        failure: failed,
        thisObj: manager,
      }))();
    promise.then((answer) => {
      returned = true;
      if (answer !== undefined && answer !== null) resolve(answer as TransportAnswer);
      else end();
    }, failed);
    signal.addEventListener('abort', () => {
      if (manager._replaces('cancelRequest')) manager.cancelRequest(promise, reject);
      reject(signal.reason);
    });
  });
}

/**
 * @internal Sends a request that an app may have changed, and tells what became of it by its
 * functions too.
 */
export async function sendAgain(
  manager: CrudTransport,
  request: TransportRequest,
): Promise<Response> {
  try {
    const response = await carryOut(manager, request);
    const tell = response.ok ? 'success' : 'failure';
    request[tell]?.call(request.thisObj, response, request.requestConfig, request);
    return response;
  } catch (thrown) {
    request?.failure?.call(request.thisObj, thrown);
    throw thrown;
  }
}

function carryOut(manager: CrudTransport, request: TransportRequest): Promise<Response> {
  const { type, url, data, params, requestConfig } = Object(request) as TransportRequest;
  if ((type !== 'load' && type !== 'sync') || typeof url !== 'string') {
    throw new SyncError('INVALID_ARGUMENT', 'sendRequest() wants a request that was handed to it');
  }
  const name = manager._packName(type);
  const init = { ...requestConfig };
  const query = texts(params);
  if (init.body === undefined) query[name] = data;
  else if (manager._isForm(type)) {
    const form = new URLSearchParams(init.body);
    form.set(name, data);
    init.body = String(form);
  } else init.body = data;
  return sendRequest(makeRequest(new ParamUrl(url).compose(url, query), init));
}

function responseOf(answer: unknown): Response {
  const given = typeof answer === 'string' || (answer as Uint8Array).BYTES_PER_ELEMENT === 1;
  const body = given ? (answer as string) : JSON.stringify(answer);
  return new Response(body, { headers: { 'Content-Type': 'application/json' } });
}

/** An answer that the app reads: the engine gets what it says as JSON. */
async function decoded(
  manager: CrudTransport,
  exchange: Exchange,
  response: Response,
): Promise<Response> {
  const text = await response.text();
  let said: unknown = null;
  try {
    said = manager.decode(text) ?? null;
  } catch (thrown) {
    manager._threw('decode', thrown);
  }
  exchange.take(response, text, said);
  const { status } = response;
  // What can't be read may look like what can.
  const body = said === null && !/^\s*[[{]/.test(text) ? text : JSON.stringify(said);
  return new Response([204, 205, 304].includes(status) ? null : body, { status });
}
