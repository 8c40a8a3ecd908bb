// A server that speaks the load/sync protocol as a test tells it to, and remembers what it was
// asked.

import { createServer } from 'node:http';

/**
 * An answer that isn't plain JSON with status 200.
 *
 * @param {object} how `status`, `type`, `body` (text or bytes; anything else becomes JSON), `delay`
 * in ms; or `pieces`: bytes that come one small piece after the other
 */
export function reply(how) {
  return { [REPLY]: true, status: 200, type: 'application/json', ...how };
}

/** An answer with that status and JSON body. */
export const status = (code, body = {}) => reply({ status: code, body });

/** An answer of exactly this text. */
export const raw = (body, how = {}) => reply({ body, ...how });

/** Never an answer; the connection stays open until the client or the server ends. */
export const silence = () => ({ [REPLY]: true, silent: true });

/** The connection breaks before there is an answer. */
export const hangUp = () => ({ [REPLY]: true, broken: true });

/** The head and a part of the body come, then the connection breaks. */
export const breakOff = (part) => ({ [REPLY]: true, part });

/** An answer that comes when the test says so: `await gate.asked`, then `gate.answer(…)`. */
export function gate() {
  let asked;
  let answer;
  const it = {
    [REPLY]: true,
    asked: new Promise((resolve) => (asked = resolve)),
    answered: new Promise((resolve) => (answer = resolve)),
    answer: (what) => answer(what),
    open: (request) => asked(request),
  };
  return it;
}

const REPLY = Symbol('reply');

/**
 * Starts a server on a free port of 127.0.0.1; it ends with the test.
 *
 * `loadWith` and `syncWith` set the standing answer: what to answer, or a function of the request.
 * `nextLoad` and `nextSync` set the answers to the next requests only, one after the other. Without
 * them, a load is answered by `data` and a sync is carried out: additions get ids, the revision
 * grows.
 *
 * `pages`: what else it serves, by path: `{ type, body }`, or nothing.
 */
export async function startServer(t, data = {}, pages = () => undefined) {
  const server = new StubServer(data, pages);
  await server.listen();
  t.after(() => server.close());
  return server;
}

class StubServer {
  requests = [];
  revision = 1;
  #http = createServer((req, res) => this.#serve(req, res));
  #sockets = new Set();
  #standing = {};
  #next = { load: [], sync: [] };
  #waiting = [];
  #ids = 1000;

  constructor(data, pages) {
    this.data = data;
    this.pages = pages;
  }

  async listen() {
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#http.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#http.once('listening', resolve));
    this.origin = `http://127.0.0.1:${this.#http.address().port}`;
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** The options of a manager that speaks with this server. */
  get urls() {
    return { loadUrl: `${this.origin}/load`, syncUrl: `${this.origin}/sync` };
  }

  get loads() {
    return this.requests.filter(({ kind }) => kind === 'load');
  }

  get syncs() {
    return this.requests.filter(({ kind }) => kind === 'sync');
  }

  loadWith(answer) {
    this.#standing.load = answer;
  }

  syncWith(answer) {
    this.#standing.sync = answer;
  }

  nextLoad(...answers) {
    this.#next.load.push(...answers);
  }

  nextSync(...answers) {
    this.#next.sync.push(...answers);
  }

  /** Nothing is answered out of the ordinary any more. */
  forgetAnswers() {
    this.#standing = {};
    this.#next = { load: [], sync: [] };
  }

  /** The request of that kind and number (from 1), once it has come. */
  request(kind, number) {
    const found = this.requests.filter((request) => request.kind === kind)[number - 1];
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ kind, number, resolve }));
  }

  async #serve(req, res) {
    const page = await this.pages(new URL(req.url, this.origin).pathname);
    if (page) {
      res.writeHead(200, { 'content-type': page.type });
      return res.end(page.body);
    }
    return this.#exchange(req, res);
  }

  async #exchange(req, res) {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const request = this.#read(req, Buffer.concat(chunks));
    this.requests.push(request);
    const answer = this.#next[request.kind]?.shift() ?? this.#standing[request.kind] ?? CARRY_OUT;
    const count = this.requests.filter(({ kind }) => kind === request.kind).length;
    const heard = this.#waiting.filter((it) => it.kind === request.kind && it.number <= count);
    this.#waiting = this.#waiting.filter((it) => !heard.includes(it));
    for (const { resolve } of heard) resolve(request);
    await this.#answer(request, res, answer);
  }

  #read(req, bytes) {
    const url = new URL(req.url, this.origin);
    const text = bytes.toString('utf8');
    const form = req.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    const fields = form ? new URLSearchParams(text) : url.searchParams;
    const carried = text === '' || form ? fields.get('data') : text;
    let pack;
    try {
      pack = JSON.parse(carried);
    } catch {
      pack = undefined;
    }
    const { method, headers } = req;
    const kind = url.pathname.split('/').at(-1);
    return { kind, method, url, query: url.searchParams, headers, text, pack };
  }

  async #answer(request, res, answer) {
    let what = answer;
    while (typeof what === 'function') what = await what(request, this);
    if (what?.[REPLY] && what.answered) {
      what.open(request);
      return this.#answer(request, res, await what.answered);
    }
    if (what?.[REPLY] && what.silent) return undefined;
    if (what?.[REPLY] && what.broken) return res.destroy();
    if (what?.[REPLY] && what.part !== undefined) {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000_000 });
      return res.write(what.part, () => res.destroy());
    }
    const {
      status: code,
      type,
      body,
      delay,
      pieces,
    } = what?.[REPLY] ? what : reply({ body: what });
    if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
    if (pieces) return this.#piecewise(res, type, pieces);
    const plain = typeof body === 'string' || body instanceof Uint8Array;
    res.writeHead(code, { 'content-type': type });
    return res.end(plain ? body : JSON.stringify(body));
  }

  /** Writes bytes in pieces that cut characters and numbers apart. */
  async #piecewise(res, type, bytes) {
    res.writeHead(200, { 'content-type': type });
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 1021) {
      res.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    res.end();
  }

  /** What a well-behaved server answers. */
  carryOut({ kind, pack }) {
    const head = { success: true, requestId: pack?.requestId, revision: this.revision };
    if (kind === 'load') {
      const sections = Object.entries(this.data).map(([store, rows]) => [store, { rows }]);
      return { ...head, ...Object.fromEntries(sections) };
    }
    const answer = { ...head, revision: ++this.revision };
    for (const [store, { added }] of Object.entries(pack)) {
      if (!added) continue;
      const rows = added.map(({ $PhantomId }) => ({ $PhantomId, id: ++this.#ids }));
      answer[store] = { rows };
    }
    return answer;
  }
}

const CARRY_OUT = (request, server) => server.carryOut(request);
