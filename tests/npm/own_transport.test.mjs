// Another way to the server, and another form of what goes there: sendRequest, cancelRequest,
// encode, decode.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AjaxHelper, CalendarProject, CrudManager, SyncError } from 'syncline';
import { defaultStores, muteConsole, rejection, setup, within } from './support/setup.mjs';

/** Waits until that is so. */
const until = (test, what) =>
  within(
    (async () => {
      while (!test()) await new Promise((resolve) => setTimeout(resolve, 1));
    })(),
    what,
  );

const ROWS = { success: true, revision: 7, events: { rows: [{ id: 1, name: 'one' }] } };

/** A manager of this class whose URLs lead nowhere. */
function make(t, Class, config = {}) {
  const manager = new Class({
    loadUrl: '/nowhere/load?tenant=7',
    syncUrl: '/nowhere/sync',
    crudStores: config.crudStores ?? defaultStores(),
    retry: { max: 0 },
    ...config,
  });
  t.after(() => manager.destroy());
  const events = manager.getCrudStore('events');
  return { manager, events };
}

/** A server in the page: answers by `success`, as other code does it. */
class InPage extends CrudManager {
  seen = [];
  answers = [];

  sendRequest(request) {
    this.seen.push(request);
    const answer = this.answers.shift() ?? ROWS;
    setTimeout(() => request.success.call(request.thisObj, answer, request), 1);
  }
}

test('a class that overrides sendRequest gets type, URL, parameters and the encoded pack', async (t) => {
  const { manager, events } = make(t, InPage);
  await manager.load({ request: { params: { page: 2 } }, events: { open: true } });
  const [load] = manager.seen;
  assert.equal(load.type, 'load');
  assert.equal(load.url, '/nowhere/load');
  assert.deepEqual(load.params, { tenant: '7', page: '2' });
  assert.deepEqual(JSON.parse(load.data).stores[0], { id: 'events', open: true });
  assert.equal(load.thisObj, manager);
  assert.equal(load.signal.aborted, false);
  assert.equal(load.requestConfig.method, 'GET');
  assert.equal(events.first.name, 'one');

  events.first.name = 'new';
  manager.answers.push({ success: true });
  await manager.sync();
  const sync = manager.seen[1];
  assert.deepEqual([sync.type, sync.url, sync.params], ['sync', '/nowhere/sync', {}]);
  const pack = JSON.parse(sync.data);
  assert.deepEqual(pack.events.updated, [{ id: 1, name: 'new' }]);
  assert.ok(Number.isSafeInteger(pack.requestId));
  assert.equal(pack.revision, 7);
  assert.equal(events.first.isModified, false);
});

test('sendRequest may give a promise: of text, bytes, an object, or a response', async (t) => {
  const text = JSON.stringify(ROWS);
  const kinds = [
    text,
    new TextEncoder().encode(text),
    ROWS,
    new Response(text, { status: 200, headers: { 'x-from': 'app' } }),
  ];
  for (const answer of kinds) {
    const { manager, events } = make(t, CrudManager, { sendRequest: async () => answer });
    const { response, rawResponse } = await manager.load();
    assert.equal(events.first.name, 'one');
    assert.equal(response.revision, 7);
    assert.ok(rawResponse instanceof Response);
    if (answer instanceof Response) assert.equal(rawResponse.headers.get('x-from'), 'app');
    manager.destroy();
    for (const store of [...manager.stores]) store.destroy();
  }
});

test('sendRequest can look at requests and let the manager send them', async (t) => {
  const seen = [];
  class Logging extends CrudManager {
    async sendRequest(request) {
      seen.push(request.type);
      request.requestConfig.headers.set('X-Traced', 'yes');
      request.params.traced = '1';
      const response = await super.sendRequest(request);
      seen.push(response.status);
      return response;
    }
  }
  const { server, events } = await setup(t);
  const stores = defaultStores();
  const manager = new Logging({ ...server.urls, crudStores: stores });
  t.after(() => manager.destroy());
  await manager.load();
  stores[0].first.name = 'new';
  await manager.sync();
  assert.deepEqual(seen, ['load', 200, 'sync', 200]);
  assert.equal(server.loads[0].query.get('traced'), '1');
  assert.equal(server.loads[0].headers['x-traced'], 'yes');
  assert.equal(server.syncs[0].pack.events.updated[0].name, 'new');
  assert.equal(events.count, 0, 'another manager has nothing of it');
});

test('older code that wraps success and calls super hears of the answer', async (t) => {
  const heard = [];
  class Wrapping extends CrudManager {
    sendRequest(request) {
      const { success } = request;
      request.success = (response, ...rest) => {
        heard.push(response.status);
        return success.call(request.thisObj, response, ...rest);
      };
      return super.sendRequest(request);
    }
  }
  const { server } = await setup(t);
  const manager = new Wrapping({ ...server.urls, crudStores: defaultStores() });
  t.after(() => manager.destroy());
  await manager.load();
  assert.deepEqual(heard, [200]);
});

test('an answer that the app makes of the one that came is what counts', async (t) => {
  class Unwrapping extends CrudManager {
    async sendRequest(request) {
      const response = await super.sendRequest(request);
      const { payload } = JSON.parse(await response.text());
      return { success: true, ...payload };
    }
  }
  const { server } = await setup(t);
  server.loadWith({ payload: { events: { rows: [{ id: 5, name: 'wrapped' }] } } });
  const stores = defaultStores();
  const manager = new Unwrapping({ ...server.urls, crudStores: stores });
  t.after(() => manager.destroy());
  await manager.load();
  assert.equal(stores[0].getById(5).name, 'wrapped');
});

test('one request at a time, whatever way they go: syncs share the one that follows', async (t) => {
  let open = 0;
  let most = 0;
  let packs = 0;
  const { manager, events } = make(t, CrudManager, {
    async sendRequest({ type, data }) {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      open--;
      if (type === 'load') return ROWS;
      packs++;
      const ids = JSON.parse(data).events.updated.map(({ id }) => id);
      return { success: true, events: { rows: ids.map((id) => ({ id })) } };
    },
  });
  await manager.load();
  events.first.name = 'a';
  const first = manager.sync();
  events.first.name = 'b';
  await Promise.all([first, manager.sync(), manager.sync(), manager.sync()]);
  assert.deepEqual([most, packs, manager.changes], [1, 2, null]);
});

test('a rejection, a throw and failure() are answers that nobody got: the edits stay and go out again', async (t) => {
  const ways = [
    () => Promise.reject(new Error('no line')),
    () => {
      throw new Error('no line');
    },
    ({ failure }) => failure(new Error('no line')),
    ({ failure }) => failure(),
  ];
  for (const way of ways) {
    let broken = true;
    const ids = [];
    const { manager, events } = make(t, CrudManager, {
      retry: { max: 5, base: 1, cap: 5 },
      sendRequest(request) {
        if (request.type === 'load') return ROWS;
        ids.push(JSON.parse(request.data).requestId);
        return broken ? way(request) : { success: true };
      },
    });
    await manager.load();
    events.first.name = 'kept';
    const error = await rejection(manager.sync());
    assert.ok(error instanceof SyncError);
    assert.equal(error.code, 'NETWORK');
    assert.equal(events.first.isPending, true);
    broken = false;
    await until(() => manager.changes === null, 'the repetition');
    assert.equal(new Set(ids).size, 1, 'the same request');
    for (const store of [...manager.stores]) store.destroy();
    manager.destroy();
  }
});

test('failure() with a response that says no is a refusal', async (t) => {
  const { manager, events } = make(t, CrudManager, {
    sendRequest: ({ type, success, failure }) =>
      type === 'load'
        ? success(ROWS)
        : failure(new Response('{"message":"not allowed"}', { status: 403 })),
  });
  await manager.load();
  events.first.name = 'x';
  const error = await rejection(manager.sync());
  assert.deepEqual([error.status, error.message, error.retryable], [403, 'not allowed', false]);
  assert.equal(error.rawResponse.status, 403);
});

test('a request that the app never answers ends when its time is over, with its signal aborted', async (t) => {
  let signal;
  const { manager } = make(t, CrudManager, {
    transport: { load: { timeout: 20 } },
    sendRequest(request) {
      signal = request.signal;
      return new Promise(() => {});
    },
  });
  const error = await rejection(manager.load());
  assert.equal(error.code, 'TIMEOUT');
  assert.equal(signal.aborted, true);
  assert.equal(manager.isLoading, false);
});

test('cancelRequest of the class is called with what sendRequest gave when a load is superseded', async (t) => {
  const cancelled = [];
  const promises = [];
  class Cancelling extends CrudManager {
    sendRequest({ data }) {
      const promise = new Promise((resolve) => setTimeout(() => resolve(ROWS), promises.length * 5));
      promises.push(JSON.parse(data).requestId);
      return promise;
    }
    cancelRequest(promise, reject) {
      cancelled.push([promise instanceof Promise, typeof reject]);
      super.cancelRequest(promise, reject);
    }
  }
  const { manager, events } = make(t, Cancelling);
  const first = rejection(manager.load());
  await until(() => promises.length === 1, 'the first load');
  const second = manager.load();
  assert.equal((await first).cancelled, true);
  await second;
  assert.deepEqual(cancelled, [[true, 'function']]);
  assert.equal(events.count, 1);
});

test('encode and decode of the class form what goes out and read what comes, both ways of sending', async (t) => {
  const { server } = await setup(t);
  const wrap = (value) => `)]}',\n${JSON.stringify(value)}`;
  class Guarded extends CrudManager {
    encode(pack) {
      return `v1:${super.encode(pack)}`;
    }
    decode(text) {
      return super.decode(text.replace(/^\)\]\}',\n/, ''));
    }
  }
  server.loadWith(wrap(ROWS));
  const stores = defaultStores();
  const manager = new Guarded({ ...server.urls, crudStores: stores });
  t.after(() => manager.destroy());
  const raw = [];
  manager.on('load', ({ response, responseText, rawResponse }) => raw.push(response.revision, responseText, rawResponse.url));
  const loaded = await manager.load();
  assert.match(server.loads[0].query.get('data'), /^v1:\{"type":"load"/);
  assert.equal(loaded.responseText, wrap(ROWS), 'the text is what came');
  assert.equal(raw[0], 7);
  assert.equal(stores[0].first.name, 'one');

  stores[0].first.name = 'new';
  server.nextSync(wrap({ success: true }));
  await manager.sync();
  assert.match(server.syncs[0].text, /^v1:\{"type":"sync"/);
  assert.equal(manager.changes, null);

  manager.sendAsFormData = true;
  stores[0].first.name = 'newer';
  server.nextSync(wrap({ success: true }));
  await manager.sync();
  assert.match(new URLSearchParams(server.syncs[1].text).get('data'), /^v1:\{"type":"sync"/);
});

test('an answer that decode can not read fails, also when it throws, and nothing is lost', async (t) => {
  muteConsole(t);
  for (const decode of [() => null, () => undefined, () => { throw new Error('what is this'); }]) {
    const { server } = await setup(t);
    const stores = defaultStores();
    const manager = new CrudManager({ ...server.urls, crudStores: stores, retry: { max: 0 }, decode });
    t.after(() => manager.destroy());
    const error = await rejection(manager.load());
    assert.equal(error.code, 'BAD_RESPONSE');
    assert.equal(error.rawResponse.status, 200);
    assert.equal(error.response, null);
    assert.match(error.responseText, /Stand-up/);
    for (const store of stores) store.destroy();
  }
});

test('a pack that encode can not write is not sent, and the edits wait', async (t) => {
  muteConsole(t);
  for (const encode of [() => null, () => 5, () => { throw new Error('no'); }]) {
    const { server } = await setup(t);
    const stores = defaultStores();
    const manager = new CrudManager({ ...server.urls, crudStores: stores });
    t.after(() => manager.destroy());
    await manager.load();
    manager.encode = encode;
    manager.on('beforeSend', () => {});
    stores[0].first.name = 'kept';
    const error = await rejection(manager.sync());
    assert.match(error.message, /encode/);
    assert.equal(server.syncs.length, 0);
    assert.equal(stores[0].first.isModified, true);
    delete manager.encode;
    await manager.sync();
    assert.equal(server.syncs[0].pack.events.updated[0].name, 'kept');
    for (const store of stores) store.destroy();
  }
});

test('encode writes circular objects as null, decode reads nonsense as null', (t) => {
  const { manager } = make(t, CrudManager);
  const circle = {};
  circle.self = circle;
  assert.equal(manager.encode(circle), null);
  assert.equal(manager.encode(undefined), null);
  assert.equal(manager.encode({ a: 1 }), '{"a":1}');
  assert.equal(manager.decode('<html>'), null);
  assert.deepEqual(manager.decode('{"a":1}'), { a: 1 });
});

test('projects have them too, and what a function stands for stays with the function', async (t) => {
  const seen = [];
  class Mine extends CalendarProject {
    sendRequest({ type }) {
      seen.push(type);
      return { success: true };
    }
    encode(pack) {
      return super.encode({ ...pack, encoded: true });
    }
  }
  const project = new Mine({
    syncUrl: '/nowhere',
    requestData: (params) => {
      assert.deepEqual(params.stores.slice(0, 1), ['calendars']);
      return { events: { rows: [{ id: 1, name: 'here' }] } };
    },
  });
  t.after(() => project.destroy());
  await project.load();
  project.eventStore.first.name = 'x';
  await project.sync();
  assert.deepEqual(seen, ['sync']);
});

test('super.sendRequest reaches answers that are made up', async (t) => {
  AjaxHelper.mockUrl('/nowhere/load', { responseJson: ROWS });
  t.after(() => AjaxHelper.unmockUrl());
  const { manager, events } = make(t, class extends CrudManager {
    sendRequest(request) {
      return super.sendRequest(request);
    }
  });
  await manager.load();
  assert.equal(events.first.name, 'one');
});

test('a destroyed manager lets go of what is on its way', async (t) => {
  let request;
  const { manager } = make(t, CrudManager, {
    sendRequest: (given) => {
      request = given;
    },
  });
  const error = rejection(manager.load());
  await until(() => request !== undefined, 'the request');
  manager.destroy();
  assert.equal((await error).cancelled, true);
  assert.equal(request.signal.aborted, true);
  request.success(ROWS);
  request.failure();
});

test('what is no function can be none of them', () => {
  for (const name of ['sendRequest', 'cancelRequest', 'encode', 'decode']) {
    assert.throws(
      () => new CrudManager({ [name]: 5 }),
      (error) => error instanceof SyncError && error.message.includes(name),
    );
  }
});
