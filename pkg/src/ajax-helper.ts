import { SyncError } from './errors.js';

/** Options of a request by {@link AjaxHelper}: those of `fetch`, and these. */
export type AjaxOptions = Omit<RequestInit, 'headers' | 'body'> & {
  headers?: Record<string, string>;
  body?: unknown;
  /** Go into the query string. */
  queryParams?: Record<string, unknown>;
  /** They go into the body, as a form, instead. */
  addQueryParamsToBody?: boolean;
  /** Whether the answer is parsed; it is `parsedJson` of the response then. */
  parseJson?: boolean;
  /** Ends the request. */
  abortController?: AbortController;
};

/** What a request by {@link AjaxHelper} gives. */
export type AjaxResponse = Response & {
  /** The answer, where it was to be parsed. */
  parsedJson?: any;
};

/** An answer that is made up. */
export interface MockResponse {
  /** Its body; or what its body says as JSON. */
  responseText?: string;
  responseJson?: unknown;
  /** 200 when not given. */
  status?: number;
  statusText?: string;
  headers?: Record<string, string>;
  /** How long it takes, in ms; 0 when not given. */
  delay?: number;
  /** Taken from older code: answers come as soon as they can. */
  synchronous?: boolean;
}

/** Makes an answer of the request. */
export type MockFunction = (
  url: string,
  params: Record<string, string>,
  options: Record<string, any>,
) => MockResponse | Promise<MockResponse>;

/** A request whose answer is made up. */
interface Mocked {
  url: string;
  init: Record<string, any>;
  answer: MockResponse | MockFunction;
}

const mocks = new Map<string, MockResponse | MockFunction>();

/** @internal What answers in the place of a server, by URL; apps' tests don't reach it. */
export const standIns = new Map<string, MockFunction>();
const mocked = new WeakSet<object>();

/**
 * Requests of apps, and what they and those of managers have in common: `DEFAULT_FETCH_OPTIONS`,
 * and answers that are made up, for tests.
 */
export class AjaxHelper {
  /** @internal Minified code has other names. */ static readonly name: string = 'AjaxHelper';

  /** Options of every request that doesn't say otherwise, those of managers included. */
  static DEFAULT_FETCH_OPTIONS: Omit<RequestInit, 'headers'> & {
    headers?: Record<string, string>;
  } = {};

  /**
   * Sends a request. Rejects with a {@link SyncError} when there is no answer, or one that is to be
   * parsed and can't be.
   */
  static async fetch(url: string, options?: AjaxOptions | null): Promise<AjaxResponse> {
    const { queryParams, addQueryParamsToBody, parseJson, abortController, body, ...rest } =
      options ?? ({} as AjaxOptions);
    const init: Record<string, any> = { ...rest };
    if (abortController !== undefined) init.signal = abortController.signal;
    let address = url;
    let content = body;
    if (queryParams !== undefined) {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(queryParams)) {
        if (value != null) params.append(name, String(value));
      }
      if (addQueryParamsToBody === true && content === undefined) content = params;
      else if (params.size !== 0) address += (url.includes('?') ? '&' : '?') + String(params);
    }
    if (content != null) init.body = bodyOf(content, init);
    let response: AjaxResponse;
    try {
      response = await sendRequest(makeRequest(address, init));
    } catch (thrown) {
      throw failure(thrown);
    }
    if (parseJson === true) {
      const text = await response.text();
      try {
        response.parsedJson = JSON.parse(text);
      } catch (thrown) {
        throw failure(thrown, response);
      }
    }
    return response;
  }

  /** A GET request. */
  static get(url: string, options?: AjaxOptions): Promise<AjaxResponse> {
    return this.fetch(url, { ...options, method: 'GET' });
  }

  /** A POST request. Objects go as JSON; text, form data and the like as they are. */
  static post(url: string, payload: unknown, options?: AjaxOptions): Promise<AjaxResponse> {
    return this.fetch(url, { ...options, method: 'POST', body: payload });
  }

  /**
   * Answers requests of a URL, whatever their query string, without sending them; those of managers
   * too. A URL with a query string stands for that one alone.
   */
  static mockUrl(url: string, response: MockResponse | MockFunction): void {
    if (
      typeof url !== 'string' ||
      response === null ||
      (typeof response !== 'object' && typeof response !== 'function')
    ) {
      throw new SyncError('INVALID_ARGUMENT', 'mockUrl() wants a URL, and an answer or a function');
    }
    mocks.set(url, response);
  }

  /** Sends requests of that URL again; without one, those of all. */
  static unmockUrl(url?: string): void {
    if (url === undefined) mocks.clear();
    else mocks.delete(url);
  }
}

function bodyOf(content: unknown, init: Record<string, any>): unknown {
  const prototype = typeof content === 'object' ? Object.getPrototypeOf(content) : undefined;
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(content))
    return content;
  const named = Object.keys(init.headers ?? {}).some((name) => /^content-type$/i.test(name));
  if (!named) init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  return JSON.stringify(content);
}

function failure(thrown: unknown, response?: Response): SyncError {
  const aborted = (thrown as any)?.name === 'AbortError';
  const code = response !== undefined ? 'BAD_RESPONSE' : aborted ? 'CANCELLED' : 'NETWORK';
  const error = new SyncError(
    code,
    String((thrown as any)?.message ?? thrown),
    code === 'NETWORK',
    response?.status,
  );
  error.cause = thrown;
  if (response !== undefined) Object.defineProperty(error, 'rawResponse', { value: response });
  return error;
}

/** @internal A request with what all have in common. Throws when it can't be made. */
export function makeRequest(url: string, init: Record<string, any>): Request {
  const { headers, ...defaults } = AjaxHelper.DEFAULT_FETCH_OPTIONS ?? {};
  const full: Record<string, any> = { ...defaults, ...init };
  if (headers !== undefined) {
    const all = new Headers(headers);
    new Headers(init.headers).forEach((value, name) => all.set(name, value));
    full.headers = all;
  }
  const plain = plainUrl(url);
  const answer = mocks.get(url) ?? mocks.get(plain) ?? standIns.get(plain);
  if (answer === undefined) return new Request(url, full);
  const request: Mocked = { url, init: full, answer };
  mocked.add(request);
  // Who sends it knows what it is.
  return request as unknown as Request;
}

/** @internal Sends it, or makes its answer up. */
export function sendRequest(request: Request): Promise<Response> {
  // Looked up at every request: apps' tests replace it.
  return mocked.has(request) ? madeUp(request as unknown as Mocked) : globalThis.fetch(request);
}

async function madeUp({ url, init, answer }: Mocked): Promise<Response> {
  const { signal } = init as { signal?: AbortSignal };
  const params = Object.fromEntries(new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? ''));
  let made = answer as MockResponse;
  if (typeof answer === 'function') {
    const { body } = init;
    const options = {
      ...init,
      body: body instanceof Uint8Array ? new TextDecoder().decode(body) : body,
    };
    made = await answer(plainUrl(url), params, options);
  }
  await new Promise<void>((resolve, reject) => {
    const end = () => reject(signal?.reason);
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    setTimeout(resolve, made.delay ?? 0);
  });
  const { responseText, responseJson, status, statusText, headers } = made;
  const text = responseText ?? (responseJson === undefined ? '' : JSON.stringify(responseJson));
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : text, {
    ...(status !== undefined && { status }),
    ...(statusText !== undefined && { statusText }),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

function plainUrl(url: string): string {
  return /^[^?#]*/.exec(url)?.[0] ?? url;
}
