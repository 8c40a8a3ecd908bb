// Requests: sent with `fetch`, answered chunk by chunk, aborted when nobody waits any more. In
// JavaScript, for all of it is calls of the host: their glue and the machinery of futures would be
// several kilobytes of the module.

/** What is told of a request; `Step` in `http.rs`. */
const UNSENT = 0;
const HEAD = 1;
const CHUNK = 2;
const END = 3;
const FAILED = 4;

/**
 * How much of a body is copied into the module's memory at once. Memory never shrinks again, so the
 * copy stays small however large the pieces are that the network delivers.
 */
const COPY_BYTES = 128 * 1024;

/** The requests that are on their way, by their numbers. */
const running = new Map();

/**
 * Sends; what becomes of it is told.
 *
 * @param {any} facade makes requests and sends them (apps' tests answer some by themselves); gets
 * answers that are to be kept
 * @param {(step: number, request: number, status: number, value: unknown) => void} tell
 * @param {number} request
 * @param {string} http method, URL, headers and options of `fetch`, as JSON
 * @param {Uint8Array | undefined} body
 * @param {boolean} keep whether the answer is to be kept
 */
export async function send(facade, tell, request, http, body, keep) {
  let raw;
  const abort = new AbortController();
  try {
    const { method, url, headers: pairs, fetchOptions } = JSON.parse(http);
    const headers = new Headers();
    for (const [name, value] of pairs) headers.set(name, value);
    const init = Object.assign(Object(fetchOptions ?? {}), { method, headers, signal: abort.signal });
    if (body !== undefined) init.body = body;
    raw = facade.request(url, init, request);
  } catch (thrown) {
    // Not from here: the effects that were polled before must be carried out first.
    await null;
    tell(UNSENT, request, 0, words(thrown));
    return;
  }
  running.set(request, abort);
  await null;
  let failure;
  try {
    await exchange(facade, tell, request, raw, keep);
  } catch (thrown) {
    failure = { words: words(thrown) };
  }
  if (!running.delete(request)) return;
  if (failure === undefined) tell(END, request, 0, undefined);
  else tell(FAILED, request, 0, failure.words);
}

/**
 * Stops a request; its rest is not told any more.
 *
 * @param {number} request
 */
export function abort(request) {
  const controller = running.get(request);
  running.delete(request);
  controller?.abort();
}

async function exchange(facade, tell, request, raw, keep) {
  const response = await facade.fetch(raw);
  if (!running.has(request)) return;
  // Apps' tests replace `fetch` with something that gives no `Response`.
  if (!(response instanceof Response)) throw 'fetch gave something that is no Response';
  const kept = (name, value) => {
    try {
      facade[name](request, value);
    } catch (thrown) {
      facade.report(thrown);
    }
  };
  kept('head', response);
  tell(HEAD, request, response.status, undefined);
  const reader = response.body?.getReader();
  while (reader !== undefined && running.has(request)) {
    const { done, value } = await reader.read();
    if (done) return;
    // Not `instanceof`: simulated pages (jsdom) have a `Uint8Array` of their own beside that of
    // `fetch`.
    if (value?.BYTES_PER_ELEMENT !== 1) throw 'the body holds something other than bytes';
    if (keep) kept('chunk', value);
    for (let from = 0; from < value.length && running.has(request); from += COPY_BYTES) {
      tell(CHUNK, request, 0, value.subarray(from, from + COPY_BYTES));
    }
  }
}

/** What an exception says. */
function words(thrown) {
  try {
    const said = thrown?.message ?? thrown;
    if (typeof said === 'string') return said;
  } catch {
    // One that can't even be asked.
  }
  return 'the request failed';
}
