// A server with a room, for tests of channels: the wire of docs/live.md over WebSockets and event
// streams, as far as they need it.

import { createServer } from 'node:http';
import { tool } from './package.mjs';

const { default: ws } = await tool('ws', 'tests');
const { WebSocketServer } = ws;

// Not every version of Node has one.
globalThis.WebSocket ??= ws;

/** Starts a server on a free port of 127.0.0.1; it ends with the test. */
export async function startRoom(t, options = {}) {
  const room = new Room(options);
  await room.listen();
  t.after(() => room.close());
  return room;
}

class Room {
  /** What clients sent, in order. */
  received = [];
  /** The URLs that were asked for. */
  asked = [];
  headers = [];
  revision = 1;
  rows = { events: new Map([[1, { id: 1, name: 'one' }], [2, { id: 2, name: 'two' }]]), resources: new Map() };
  locks = new Map();
  log = [];
  #next = 100;
  #waiting = [];
  /** `{ socket | response, clientId }` of those in the room. */
  members = new Set();

  constructor({ greets = true, mute = false, token } = {}) {
    this.greets = greets;
    this.mute = mute;
    this.token = token;
    this.http = createServer((request, response) => this.#serve(request, response));
    this.sockets = new WebSocketServer({ server: this.http });
    this.sockets.on('connection', (socket, request) => this.#connect(socket, request));
  }

  async listen(port = 0) {
    await new Promise((resolve) => this.http.listen(port, '127.0.0.1', resolve));
    this.port = this.http.address().port;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get urls() {
    return { loadUrl: `${this.origin}/load`, syncUrl: `${this.origin}/sync` };
  }

  close() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.http.closeAllConnections();
    this.http.close();
  }

  /** Waits for a message. */
  async message(matches) {
    const found = this.received.find(matches);
    if (found) return found;
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  /** Says something to all who are in the room. */
  say(message) {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    for (const member of this.members) member.send(text);
  }

  /** Somebody else changes something. */
  change(data, more = {}) {
    this.say(this.#entry(data, { clientId: 'other', userId: 'eve', userName: 'Eve', requestId: null, ...more }));
  }

  /** All connections break. */
  cut(code) {
    for (const socket of this.sockets.clients) code ? socket.close(code) : socket.terminate();
    for (const { response } of this.members) response?.destroy();
  }

  load() {
    const sections = Object.entries(this.rows).map(([name, rows]) => [name, { rows: [...rows.values()] }]);
    return { success: true, revision: this.revision, ...Object.fromEntries(sections) };
  }

  #entry(data, who) {
    for (const [store, { added = [], updated = [], removed = [] }] of Object.entries(data)) {
      const rows = this.rows[store];
      for (const row of added) rows.set(row.id, row);
      for (const row of updated) rows.set(row.id, { ...rows.get(row.id), ...row });
      for (const row of removed) rows.delete(row.id);
    }
    const previous = this.revision++;
    const entry = { type: 'sync', project: 'calendar', revision: this.revision, previous, data, ...who };
    this.log.push(entry);
    return entry;
  }

  sync(pack) {
    const data = {};
    const answer = { success: true, requestId: pack.requestId, idempotent: true };
    for (const store of Object.keys(this.rows)) {
      const section = pack[store];
      if (!section) continue;
      const added = (section.added ?? []).map((row) => ({ ...row, id: this.#next++ }));
      data[store] = { ...section, added };
      if (added.length > 0) {
        answer[store] = { rows: added.map(({ id, $PhantomId }) => ({ id, $PhantomId })) };
      }
    }
    this.say(this.#entry(data, { clientId: pack.clientId, requestId: pack.requestId }));
    return { ...answer, revision: this.revision };
  }

  #subscribe(member, since) {
    const missed = since === undefined ? [] : this.log.filter((it) => it.revision > since);
    const locks = [...this.locks.values()];
    member.send(JSON.stringify({ type: 'subscribed', project: 'calendar', epoch: 'e', revision: this.revision, catchUp: missed.length, locks }));
    for (const entry of missed) member.send(JSON.stringify(entry));
    member.send(JSON.stringify({ type: 'live', revision: this.revision }));
  }

  #enter(member, url) {
    const { clientId, since } = Object.fromEntries(url.searchParams);
    member.clientId = clientId;
    this.members.add(member);
    if (!this.greets || this.mute) return;
    member.send(JSON.stringify({ type: 'hello', clientId, epoch: 'e', revision: this.revision, expiresAt: null }));
    this.#subscribe(member, since === undefined ? undefined : Number(since));
  }

  #connect(socket, request) {
    const url = new URL(request.url, this.origin);
    this.asked.push(url);
    const member = { send: (text) => socket.send(text) };
    if (this.token === undefined) this.#enter(member, url);
    else socket.send('{"type":"authRequired","timeoutMs":1000}');
    socket.on('close', () => this.members.delete(member));
    socket.on('message', (text) => {
      const message = JSON.parse(text);
      if (message.type === 'auth' && this.token !== undefined) {
        if (message.token === this.token) this.#enter(member, url);
        else socket.close(4401, 'wrong token');
      }
      const answer = this.#hear(message, member);
      if (answer && !this.mute) socket.send(JSON.stringify(answer));
    });
  }

  #hear(message, member) {
    this.received.push(message);
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      if (!matches(message)) return true;
      resolve(message);
      return false;
    });
    const { type, requestId, data } = message;
    if (!this.greets) return undefined;
    if (type === 'ping') return { type: 'pong', revisions: { calendar: this.revision } };
    if (type === 'subscribe') this.#subscribe(member, message.since);
    if (type === 'sync') {
      const answer = this.sync({ clientId: member.clientId, ...message, ...data });
      return { type: 'ack', requestId, success: true, status: 200, data: answer };
    }
    if (type === 'lock') {
      const key = `${data.type}/${data.id}`;
      const held = this.locks.get(key);
      const mine = { recordType: data.type, recordId: data.id, clientId: member.clientId, userId: member.clientId };
      if (held && held.clientId !== member.clientId) {
        return { type: 'ack', requestId, success: false, code: 'LOCKED', message: 'taken', data: held };
      }
      this.locks.set(key, mine);
      this.say({ type: 'lock', data: mine });
      return { type: 'ack', requestId, success: true, data: mine };
    }
    if (type === 'unlock') {
      const key = `${data.type}/${data.id}`;
      this.say({ type: 'unlock', data: { ...this.locks.get(key), reason: 'released' } });
      this.locks.delete(key);
      return { type: 'ack', requestId, success: true, data: {} };
    }
    if (type === 'presence') {
      this.say({ type: 'presence', data: [{ clientId: member.clientId, userId: 'me', ...data }] });
    }
    return undefined;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.origin);
    this.headers.push(request.headers);
    let body = '';
    for await (const chunk of request) body += chunk;
    const json = (answer, status = 200) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
    };
    if (url.pathname === '/load') return json(this.load());
    if (url.pathname === '/sync') {
      const pack = JSON.parse(body);
      this.received.push(pack);
      return json(this.sync(pack));
    }
    if (url.pathname === '/live') {
      const member = [...this.members].find((it) => it.clientId === url.searchParams.get('clientId'));
      return json(this.#hear(JSON.parse(body), member) ?? {});
    }
    this.asked.push(url);
    if (this.status) return json({}, this.status);
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    response.write(': hello\r\n\r\n');
    // Lines of an event stream end in three ways.
    const member = {
      response,
      send: (text) => response.write(`id: e:${this.revision}\r\ndata: ${text.replaceAll(',"', ',\r\ndata: "')}\r\n\r\n`),
    };
    response.on('close', () => this.members.delete(member));
    this.#enter(member, url);
  }
}

/** A socket of `socket.io-client`, and the server's end of it. */
export class FakeSocket {
  connected = false;
  active = true;
  emitted = [];
  /** How often it was ended from this side. */
  disconnects = 0;
  #listeners = new Map();
  answer = () => undefined;

  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  off(event, listener) {
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter((it) => it !== listener));
  }

  /** How many listeners there are. */
  get listening() {
    return [...this.#listeners.values()].flat().length;
  }

  emit(event, content, ack) {
    this.emitted.push([event, content]);
    const answer = this.answer(event, content);
    if (answer !== undefined) queueMicrotask(() => ack?.(answer));
  }

  /** The server, or the library, says something. */
  say(event, ...content) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...content);
  }

  connect() {
    this.connected = true;
    this.say('connect');
  }

  disconnect() {
    this.disconnects += 1;
    this.drop('io client disconnect');
  }

  drop(reason = 'transport close') {
    this.connected = false;
    this.say('disconnect', reason);
  }
}
