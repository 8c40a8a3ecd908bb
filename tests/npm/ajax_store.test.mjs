// A store that speaks with its server by itself.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { CrudManager, Model, Store, SyncError, init } from 'syncline';
import { AjaxStore } from 'syncline/ajax-store';
import { muteConsole, rejection, within } from './support/setup.mjs';

await init();

class Person extends Model {
  static fields = ['name', { name: 'born', type: 'date', format: 'YYYY-MM-DD' }];
}

const until = (test, what) =>
  within(
    (async () => {
      while (!test()) await new Promise((resolve) => setTimeout(resolve, 1));
    })(),
    what,
  );

const ROWS = [
  { id: 1, name: 'Ada', born: '1815-12-10' },
  { id: 2, name: 'Grace', born: '1906-12-09' },
];

/** A server of a resource: reads, creates, updates, deletes; `next` answers instead. */
async function serve(t) {
  const it = { seen: [], next: {}, ids: 100 };
  const usual = {
    read: () => ({ success: true, total: 2, data: ROWS }),
    create: ({ data }) => ({ success: true, data: data.map((row) => ({ ...row, id: ++it.ids })) }),
    update: () => ({ success: true }),
    delete: () => ({ success: true }),
  };
  const server = createServer((req, res) => {
    const pieces = [];
    req.on('data', (piece) => pieces.push(piece));
    req.on('end', async () => {
      const url = new URL(req.url, 'http://x');
      const action = url.pathname.slice(1);
      const text = Buffer.concat(pieces).toString();
      let body;
      try {
        body = JSON.parse(text);
      } catch {
        body = text === '' ? undefined : text;
      }
      it.seen.push({ action, method: req.method, query: Object.fromEntries(url.searchParams), body, headers: req.headers });
      const answer = it.next[action]?.shift() ?? usual[action];
      const said = await (typeof answer === 'function' ? answer(body) : answer);
      if (said === 'hang up') return res.destroy();
      const { status = 200, text: raw, ...json } = said.status || said.text ? said : { json: said };
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(raw ?? JSON.stringify(json.json ?? json));
      return undefined;
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  const origin = `http://127.0.0.1:${server.address().port}`;
  it.urls = Object.fromEntries(
    ['read', 'create', 'update', 'delete'].map((action) => [`${action}Url`, `${origin}/${action}`]),
  );
  it.of = (action) => it.seen.filter((one) => one.action === action);
  return it;
}

async function make(t, config = {}) {
  const server = await serve(t);
  const store = new AjaxStore({ id: 'people', modelClass: Person, ...server.urls, ...config });
  t.after(() => store.destroy());
  return { server, store };
}

async function loaded(t, config) {
  const all = await make(t, config);
  await all.store.load();
  return all;
}

test('it reads from its URL, with parameters, and knows how many there are', async (t) => {
  const { server, store } = await make(t, { params: { tenant: 7 }, headers: { 'X-Who': 'me' } });
  const promise = store.load({ page: 2 });
  assert.equal(store.isLoading, true);
  await promise;
  assert.equal(store.isLoading, false);
  const [{ method, query, headers }] = server.seen;
  assert.deepEqual([method, query, headers['x-who']], ['GET', { tenant: '7', page: '2' }, 'me']);
  assert.deepEqual(store.map(({ name }) => name), ['Ada', 'Grace']);
  assert.equal(store.totalCount, 2);
  assert.deepEqual([store.changes, store.first.born.getFullYear()], [null, 1815]);
  assert.ok(store instanceof Store);
});

test('autoLoad reads at once; a bare list is data too', async (t) => {
  const server = await serve(t);
  server.next.read = [ROWS.slice(0, 1)];
  const store = new AjaxStore({ ...server.urls, modelClass: Person, autoLoad: true });
  t.after(() => store.destroy());
  await until(() => store.count === 1, 'the record');
});

test('commit sends what is new, changed and removed, each to its URL, and takes the ids over in order', async (t) => {
  const { server, store } = await loaded(t);
  const [a, b] = store.add([{ name: 'Alan', born: '1912-06-23' }, { name: 'Edsger' }]);
  const made = a.id;
  store.first.name = 'Ada L.';
  store.remove(2);
  const promise = store.commit();
  assert.deepEqual([promise.added.length, promise.modified.length, promise.removed.length], [2, 1, 1]);
  assert.equal(store.isCommitting, true);
  const changes = await promise;
  assert.equal(changes.added[0], a);
  assert.equal(store.isCommitting, false);
  assert.deepEqual(server.seen.map(({ action, method }) => [action, method]), [
    ['read', 'GET'],
    ['create', 'POST'],
    ['update', 'POST'],
    ['delete', 'POST'],
  ]);
  assert.deepEqual(server.of('create')[0].body.data[0], { id: made, name: 'Alan', born: '1912-06-23' });
  assert.deepEqual(server.of('update')[0].body, { data: [{ id: 1, name: 'Ada L.' }] });
  assert.deepEqual(server.of('delete')[0].body, { ids: [2] });
  assert.deepEqual([a.id, b.id, a.isPhantom, store.changes], [101, 102, false, null]);
  assert.equal(await store.commit(), null, 'nothing is left');
});

test('what is edited and added during a commit is not cleared by it, and one commit follows for all that ask', async (t) => {
  const { server, store } = await loaded(t);
  let answer;
  server.next.update = [() => new Promise((resolve) => (answer = resolve))];
  store.first.name = 'one';
  const first = store.commit();
  await until(() => answer !== undefined, 'the request');
  store.first.name = 'two';
  const [late] = store.add({ name: 'late' });
  const others = [store.commit(), store.commit()];
  answer({ success: true, data: [{ id: 1, name: 'ONE' }] });
  await first;
  assert.equal(store.first.name, 'two');
  assert.equal(late.isPhantom, true);
  await Promise.all(others);
  assert.deepEqual(server.of('update').map(({ body }) => body.data[0].name), ['one', 'two']);
  assert.equal(server.of('create').length, 1);
  assert.equal(store.changes, null);
});

test('each operation that fails is an exception, and one more the commit; what succeeded is committed, the rest kept', async (t) => {
  const { server, store } = await loaded(t);
  server.next.update = [{ status: 422, message: 'name is taken' }];
  server.next.delete = [{ success: false, message: 'in use' }];
  const exceptions = [];
  store.on('exception', ({ action, error, response, exceptionType }) =>
    exceptions.push([action, error.message, response?.status, exceptionType]),
  );
  store.add({ name: 'new' });
  store.first.name = 'taken';
  const gone = store.getById(2);
  store.remove(gone);
  const error = await rejection(store.commit());
  assert.ok(error instanceof SyncError);
  assert.deepEqual([error.code, error.status, error.message], ['HTTP', 422, 'name is taken']);
  assert.equal(error.rawResponse.status, 422);
  assert.deepEqual(exceptions, [
    ['update', 'name is taken', 422, 'server'],
    ['delete', 'in use', 200, 'server'],
    ['commit', 'name is taken', 422, 'server'],
  ]);
  assert.deepEqual([store.added.length, store.modified.length], [0, 1]);
  assert.equal(store.getById(1).syncError, 'name is taken');
  assert.ok(store.getById(2), 'a refused removal brings the record back');
  await store.commit();
  assert.deepEqual(server.of('update')[1].body, { data: [{ id: 1, name: 'taken' }] });
  assert.equal(server.of('create').length, 1, 'what was created is not created again');
});

test('a line that breaks before anything is known keeps all, and what adds nothing goes out again by itself', async (t) => {
  const { server, store } = await loaded(t, { retry: { base: 1, cap: 5 } });
  server.next.update = ['hang up'];
  store.first.name = 'kept';
  const error = await rejection(store.commit());
  assert.equal(error.code, 'NETWORK');
  assert.equal(store.first.isPending, true);
  await until(() => store.changes === null, 'the repetition');
  assert.deepEqual(server.of('update').map(({ body }) => body.data), [
    [{ id: 1, name: 'kept' }],
    [{ id: 1, name: 'kept' }],
  ]);
});

test('an addition whose answer was lost is looked for before it is sent again', async (t) => {
  const { server, store } = await loaded(t, { retry: { base: 1, cap: 5 }, naturalKey: ['name'] });
  server.next.create = ['hang up'];
  const [alan] = store.add({ name: 'Alan' });
  const promise = rejection(store.commit());
  server.next.read = [{ success: true, data: [...ROWS, { id: 50, name: 'Alan' }] }];
  await promise;
  await until(() => store.changes === null, 'the end of doubt');
  assert.equal(alan.id, 50);
  assert.equal(server.of('create').length, 1);
  assert.equal(store.count, 3);
});

test('autoCommit sends by itself, after its time; suspended it waits', async (t) => {
  const { server, store } = await loaded(t, { autoCommit: true, autoCommitTimeout: 5 });
  assert.equal(store.autoCommit, true);
  store.suspendAutoCommit();
  store.first.name = 'a';
  store.first.name = 'b';
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(server.of('update').length, 0);
  store.resumeAutoCommit();
  await until(() => store.changes === null, 'the commit');
  assert.deepEqual(server.of('update').map(({ body }) => body.data), [[{ id: 1, name: 'b' }]]);
  store.autoCommit = false;
  store.first.name = 'c';
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(server.of('update').length, 1);
});

test('as a form: data=[…] and id=1,2; other methods, other names in the answers', async (t) => {
  const { server, store } = await make(t, {
    sendAsFormData: true,
    httpMethods: { update: 'PUT', delete: 'DELETE' },
    responseDataProperty: 'people',
    responseTotalProperty: 'count',
    responseSuccessProperty: 'ok',
  });
  server.next.read = [{ ok: true, count: 9, people: ROWS }];
  await store.load();
  assert.equal(store.totalCount, 9);
  store.first.name = 'x';
  store.remove(2);
  await store.commit();
  const [{ method, body }] = server.of('update');
  assert.equal(method, 'PUT');
  assert.deepEqual(JSON.parse(new URLSearchParams(body).get('data')), [{ id: 1, name: 'x' }]);
  const [gone] = server.of('delete');
  assert.deepEqual([gone.method, new URLSearchParams(gone.body).get('id')], ['DELETE', '2']);
  server.next.update = [{ ok: false, message: 'no' }];
  store.first.name = 'y';
  assert.equal((await rejection(store.commit())).message, 'no');
});

test('listeners can prevent reads and commits, with time to think, and hear of each request', async (t) => {
  const { server, store } = await loaded(t);
  const heard = [];
  store.on('beforeRequest', ({ action }) => heard.push(`> ${action}`));
  store.on('afterRequest', ({ action, response }) => heard.push(`< ${action} ${response.status}`));
  store.on('loadStart', () => heard.push('loadStart'));
  store.on('commit', ({ changes }) => heard.push(`commit ${changes.modified.length}`));
  const off = store.on('beforeLoad', async () => false);
  assert.equal((await rejection(store.load())).cancelled, true);
  off();
  await store.load();
  const veto = store.on('beforeCommit', async () => false);
  store.first.name = 'x';
  assert.equal(await store.commit(), null);
  assert.equal(store.first.isModified, true);
  veto();
  await store.commit();
  assert.deepEqual(heard, ['loadStart', '> read', '< read 200', '> update', '< update 200', 'commit 1']);
  assert.equal(server.of('update').length, 1);
});

test('a read that fails says why; a newer one takes its place', async (t) => {
  const { server, store } = await make(t, { retry: { max: 0 } });
  for (const [answer, code, message] of [
    [{ status: 403, message: 'not for you' }, 'HTTP', 'not for you'],
    [{ success: false, message: 'closed' }, 'REFUSED', 'closed'],
    [{ status: 200, text: '<html>' }, 'BAD_RESPONSE', /./],
    ['hang up', 'NETWORK', /./],
  ]) {
    server.next.read = [answer];
    const error = await rejection(store.load());
    assert.equal(error.code, code);
    if (typeof message === 'string') assert.equal(error.message, message);
  }
  server.next.read = [() => new Promise(() => {})];
  const first = rejection(store.load());
  await until(() => server.of('read').length === 5, 'the request');
  await store.load();
  assert.equal((await first).cancelled, true);
  assert.equal(store.count, 2);
});

test('an assignment in a store of its own names an event by the id that its store was given', async (t) => {
  const events = await serve(t);
  const assignments = await serve(t);
  const eventStore = new AjaxStore({ id: 'ajaxEvents', modelClass: Person, ...events.urls });
  const assignmentStore = new AjaxStore({
    id: 'ajaxAssignments',
    fields: ['event'],
    relations: [{ field: 'event', store: 'ajaxEvents' }],
    ...assignments.urls,
  });
  t.after(() => (eventStore.destroy(), assignmentStore.destroy()));
  const [event] = eventStore.add({ name: 'new' });
  const [assignment] = assignmentStore.add({ event: event.id });
  await eventStore.commit();
  assert.equal(assignment.get('event'), 101);
  await assignmentStore.commit();
  assert.equal(assignments.of('create')[0].body.data[0].event, 101);
});

test('what can not be sent says so, and is kept', async (t) => {
  muteConsole(t);
  const server = await serve(t);
  const { readUrl } = server.urls;
  const store = new AjaxStore({ readUrl, modelClass: Person });
  t.after(() => store.destroy());
  await store.load();
  store.first.name = 'x';
  assert.match((await rejection(store.commit())).message, /updateUrl/);
  assert.equal(store.first.isModified, true);
  const bare = new AjaxStore();
  t.after(() => bare.destroy());
  assert.match((await rejection(bare.load())).message, /readUrl/);
  assert.throws(() => new AjaxStore(null), SyncError);
  assert.throws(() => new AjaxStore({ onBeforeLoad: 5 }), SyncError);
  assert.throws(() => new CrudManager({ crudStores: [store] }), SyncError);
  await store.load();
  assert.equal(store.count, 2, 'the store that could not be taken over works on');
});

test('destroyed, its requests end and its promises are cancelled', async (t) => {
  const { server, store } = await make(t);
  server.next.read = [() => new Promise(() => {})];
  const load = rejection(store.load());
  await until(() => server.seen.length === 1, 'the request');
  store.destroy();
  store.destroy();
  assert.equal((await load).cancelled, true);
  assert.throws(() => store.commit(), SyncError);
});
