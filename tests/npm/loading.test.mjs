import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrudManager, EventModel, Store } from 'syncline';
import { gate, reply, startServer, status } from './support/server.mjs';
import {
  SAMPLE,
  loaded,
  next,
  recordEvents,
  rejection,
  setup,
  thrownBy,
  timersOf,
  within,
} from './support/setup.mjs';

test('a load is a GET with the pack in the query parameter "data"', async (t) => {
  const { server, manager } = await setup(t);
  await manager.load();
  const [{ method, pack, text, headers }] = server.loads;
  assert.equal(method, 'GET');
  assert.equal(text, '');
  assert.equal(pack.type, 'load');
  assert.ok(Number.isSafeInteger(pack.requestId) && pack.requestId > 0);
  assert.deepEqual(pack.stores, ['events', 'resources', 'assignments']);
  assert.match(headers.accept, /application\/json/);
});

test('a load fills every store and leaves nothing to send', async (t) => {
  const { manager, events, resources, assignments } = await loaded(t);
  assert.deepEqual(
    [events.count, resources.count, assignments.count],
    [SAMPLE.events.length, SAMPLE.resources.length, SAMPLE.assignments.length],
  );
  const standUp = events.getById(1);
  assert.ok(standUp instanceof EventModel);
  assert.equal(standUp.name, 'Stand-up');
  assert.equal(standUp.startDate.toISOString(), '2026-03-02T09:00:00.000Z');
  assert.equal(standUp.isPhantom, false);
  assert.equal(manager.changes, null);
  assert.equal(manager.status, 'saved');
});

test('load() resolves with the response and the raw response', async (t) => {
  const { manager } = await setup(t);
  const { response, rawResponse } = await manager.load();
  assert.equal(response.success, true);
  assert.equal(response.events.rows.length, 2);
  assert.ok(rawResponse instanceof Response);
  assert.equal(rawResponse.status, 200);
});

test('the revision of the last success is kept and goes along with the next sync', async (t) => {
  const { server, manager, events } = await setup(t);
  server.revision = 42;
  await manager.load();
  assert.equal(manager.revision, 42);
  assert.equal(manager.crudRevision, 42);
  events.getById(1).name = 'Another';
  await manager.sync();
  assert.equal(server.syncs[0].pack.revision, 42);
  assert.equal(manager.revision, 43);
});

test('requests ids of two requests differ', async (t) => {
  const { server, manager } = await setup(t);
  await manager.load();
  await manager.load();
  assert.notEqual(server.loads[0].pack.requestId, server.loads[1].pack.requestId);
});

test('a load may go out by POST, with headers, parameters and another parameter name', async (t) => {
  const server = await startServer(t, SAMPLE);
  const stores = [new Store({ id: 'events', modelClass: EventModel })];
  const transport = (load) => ({ load: { url: server.urls.loadUrl, ...load } });
  const posting = new CrudManager({
    crudStores: stores,
    transport: transport({ method: 'POST', headers: { 'X-Team': 'blue' }, params: { year: 2026 } }),
  });
  t.after(() => posting.destroy());
  await posting.load();
  const [post] = server.loads;
  assert.equal(post.method, 'POST');
  assert.equal(post.pack.type, 'load');
  assert.equal(post.headers['x-team'], 'blue');
  assert.match(post.headers['content-type'], /application\/json/);
  assert.equal(post.query.get('year'), '2026');

  const named = new CrudManager({
    crudStores: [new Store({ id: 'events', modelClass: EventModel })],
    transport: transport({ paramName: 'q' }),
  });
  t.after(() => named.destroy());
  await named.load();
  assert.equal(JSON.parse(server.loads[1].query.get('q')).type, 'load');
});

test('options of load() become query parameters and parameters of single stores', async (t) => {
  const { server, manager } = await setup(t);
  await manager.load({
    request: { params: { team: 'blue' } },
    events: { startDate: '2026-03-01' },
  });
  const [{ query, pack }] = server.loads;
  assert.equal(query.get('team'), 'blue');
  assert.deepEqual(pack.stores[0], { id: 'events', startDate: '2026-03-01' });
  assert.equal(pack.stores[1], 'resources');
});

test('requestData goes into every pack and never takes the place of what the protocol needs', async (t) => {
  const requestData = { tenant: 7, type: 'other' };
  const { server, manager, events } = await loaded(t, { requestData });
  events.getById(1).name = 'x';
  await manager.sync();
  assert.deepEqual([server.loads[0].pack.tenant, server.loads[0].pack.type], [7, 'load']);
  assert.deepEqual([server.syncs[0].pack.tenant, server.syncs[0].pack.type], [7, 'sync']);
});

test('autoLoad loads after construction, so that stores can still be added', async (t) => {
  const server = await startServer(t, SAMPLE);
  const manager = new CrudManager({ crudStores: [], ...server.urls, autoLoad: true });
  t.after(() => manager.destroy());
  const done = next(manager, 'load');
  const events = new Store({ id: 'events', modelClass: EventModel });
  manager.addCrudStore(events);
  await done;
  assert.deepEqual(server.loads[0].pack.stores, ['events']);
  assert.equal(events.count, 2);
});

test('the first load of autoLoad and autoSync sends nothing back', async (t) => {
  const { server, manager, events } = await setup(t, {
    autoLoad: true,
    autoSync: true,
    autoSyncTimeout: 10,
  });
  const heard = recordEvents(manager, ['beforeSync', 'hasChanges']);
  await next(manager, 'load');
  assert.equal(manager.changes, null);
  await timersOf(t, 30);
  assert.deepEqual(heard.names, []);
  assert.equal(server.syncs.length, 0);
  assert.equal(events.count, 2);
});

test('every shape of an answer that servers are known to use is read', async (t) => {
  const rows = [
    { id: 1, name: 'a' },
    { id: 2, name: 'b' },
  ];
  const shapes = {
    rows: { events: { rows } },
    data: { events: { data: rows } },
    'rows below data': { events: { data: { rows, total: 2 } } },
    'a bare array': { events: rows },
    'with things that nobody knows': {
      zebra: { rows: [1] },
      events: { rows, total: 99 },
      project: 1,
    },
    'a blank and a newline before': ' \n' + JSON.stringify({ events: { rows } }),
  };
  for (const [shape, answer] of Object.entries(shapes)) {
    const { server, manager, events } = await setup(t);
    server.loadWith(reply({ body: answer, type: 'text/html' }));
    await manager.load();
    assert.deepEqual(
      events.map((record) => record.name),
      ['a', 'b'],
      shape,
    );
    assert.equal(manager.changes, null, shape);
  }
});

test('a store that the answer does not name stays as it is; an empty section empties it', async (t) => {
  const { server, manager, events, resources } = await loaded(t);
  server.nextLoad({ success: true, events: { rows: [] } });
  await manager.load();
  assert.equal(events.count, 0);
  assert.equal(resources.count, 2);
});

test('an older load that is answered late changes nothing', async (t) => {
  const { server, manager, events } = await setup(t);
  const first = gate();
  server.nextLoad(first, { events: { rows: [{ id: 7, name: 'new' }] } });
  const heard = recordEvents(manager, ['loadCanceled', 'load', 'loadFail']);
  const old = manager.load();
  const rejected = rejection(old);
  await first.asked;
  await manager.load();
  const error = await rejected;
  assert.equal(error.cancelled, true);
  first.answer({ events: { rows: [{ id: 8, name: 'old' }] } });
  await timersOf(t, 20);
  assert.deepEqual(
    events.map(({ name }) => name),
    ['new'],
  );
  assert.deepEqual(heard.names, ['loadCanceled', 'load']);
});

test('edits that wait survive a load of the same records', async (t) => {
  const { server, manager, events } = await loaded(t);
  const standUp = events.getById(1);
  standUp.name = 'Mine';
  const [added] = events.add({ name: 'Added' });
  server.data = {
    ...SAMPLE,
    events: [{ ...SAMPLE.events[0], name: 'Theirs', location: 'Room 5' }, SAMPLE.events[1]],
  };
  await manager.load();
  assert.equal(events.getById(1).name, 'Mine');
  assert.equal(events.getById(1).get('location'), 'Room 5');
  assert.ok(events.includes(added));
  await manager.sync();
  const { updated, added: sent } = server.syncs[0].pack.events;
  assert.deepEqual(updated, [{ id: 1, name: 'Mine' }]);
  assert.equal(sent.length, 1);
});

test('isLoading tells when a load runs', async (t) => {
  const { server, manager } = await setup(t);
  const answer = gate();
  server.nextLoad(answer);
  assert.equal(manager.isLoading, false);
  const load = manager.load();
  await answer.asked;
  assert.equal(manager.isLoading, true);
  assert.equal(manager.isCrudManagerLoading, true);
  assert.equal(manager.status, 'loading');
  answer.answer({ success: true });
  await load;
  assert.equal(manager.isLoading, false);
  assert.equal(manager.isCrudManagerLoading, false);
});

test('loadCrudManagerData applies an answer that came by another way', async (t) => {
  const { server, manager, events } = await setup(t);
  manager.loadCrudManagerData({ events: { rows: [{ id: 5, name: 'Five' }] }, revision: 9 });
  assert.equal(events.getById(5).name, 'Five');
  assert.equal(manager.revision, 9);
  assert.equal(manager.changes, null);
  assert.equal(server.requests.length, 0);
  const bytes = new TextEncoder().encode('{"events":{"rows":[{"id":6,"name":"Grüße"}]}}');
  manager.loadCrudManagerData(bytes);
  assert.equal(events.getById(6).name, 'Grüße');
  const error = thrownBy(() => manager.loadCrudManagerData('{"events":{"rows":['));
  assert.equal(error.code, 'BAD_RESPONSE');
  assert.equal(events.getById(6).name, 'Grüße');
});

test('the snapshot of a manager can be loaded into another', async (t) => {
  const { manager } = await loaded(t);
  const other = await setup(t);
  other.manager.loadCrudManagerData(JSON.parse(JSON.stringify(manager)));
  assert.equal(other.events.getById(2).name, 'Planning');
  assert.equal(other.events.getById(2).startDate.getTime(), Date.UTC(2026, 2, 3, 13));
  assert.equal(other.manager.changes, null);
});

test('a load during a sync waits for it', async (t) => {
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'Mine';
  const sync = manager.sync();
  await answer.asked;
  const load = manager.load();
  assert.equal(server.loads.length, 1);
  answer.answer({ success: true });
  await within(Promise.all([sync, load]), 'the sync and the load');
  assert.equal(server.loads.length, 2);
});

test('a load that failed can be repeated at once', async (t) => {
  const { server, manager, events } = await setup(t, { retry: { max: 0 } });
  server.nextLoad(status(503, { message: 'asleep' }));
  const error = await rejection(manager.load());
  assert.equal(error.message, 'asleep');
  assert.equal(error.retryable, true);
  await manager.load();
  assert.equal(events.count, 2);
});

test('rows without an id get one, unless the store wants all of them to have theirs', async (t) => {
  const rows = [{ id: 1, name: 'a' }, { name: 'nameless' }];
  const server = await startServer(t, { things: rows });
  const store = new Store({ id: 'things', fields: ['name'], allowNoId: false, data: [{ id: 9 }] });
  const other = new Store({ id: 'others', fields: ['name'] });
  const manager = new CrudManager({ ...server.urls, crudStores: [store, other] });
  t.after(() => (manager.destroy(), store.destroy(), other.destroy()));
  server.loadWith({ success: true, others: { rows: [{ id: 1 }] }, things: { rows } });
  const error = await rejection(manager.load());
  assert.equal(error.code, 'BAD_RESPONSE');
  assert.match(error.message, /things/);
  assert.deepEqual([store.count, store.first.id, other.count], [1, 9, 0], 'nothing is half applied');
  assert.throws(() => store.loadData(rows), /without an id/);
  assert.throws(() => manager.loadCrudManagerData({ things: { rows } }), /without an id/);
  store.loadData([{ id: 2 }]);
  assert.equal(store.first.id, 2);
  assert.equal(store.add({ name: 'new' }).length, 1, 'what the user adds needs none');

  const warnings = [];
  const lax = new Store({ id: 'things', fields: ['name'] });
  const second = new CrudManager({ ...server.urls, crudStores: [lax] });
  t.after(() => (second.destroy(), lax.destroy()));
  second.on('syncWarning', ({ message }) => warnings.push(message));
  await second.load();
  assert.equal(lax.count, 2);
  assert.deepEqual(warnings, ['things: 1 row(s) came without an id']);
});

test('loaded ids that a client made up are warned about, unless the store says not to', async (t) => {
  const server = await startServer(t, { things: [{ id: '_generatedClass_0x1' }, { id: 'generated' }] });
  for (const [verifyNoGeneratedIds, expected] of [
    [undefined, ['things: 1 row(s) came with an id that a client made up']],
    [false, []],
  ]) {
    const store = new Store({ id: 'things', ...(verifyNoGeneratedIds === false && { verifyNoGeneratedIds }) });
    const manager = new CrudManager({ ...server.urls, crudStores: [store] });
    const warnings = [];
    manager.on('syncWarning', ({ message }) => warnings.push(message));
    await manager.load();
    assert.deepEqual(warnings, expected);
    assert.equal(store.count, 2);
    manager.destroy();
    store.destroy();
  }
});
