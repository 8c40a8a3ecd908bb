// Options that decide what goes out and when, and the methods that belong to them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CalendarProject,
  CrudManager,
  EventModel,
  Model,
  ResourceModel,
  Store,
  SyncError,
  TaskBoardProject,
} from 'syncline';
import { gate, status } from './support/server.mjs';
import {
  defaultStores,
  loaded,
  next,
  recordEvents,
  rejection,
  setup,
  storeOf,
  thrownBy,
} from './support/setup.mjs';

const DAY = 86_400_000;

test('polling asks for news by itself, and can be changed and switched off', async (t) => {
  const { server, manager, events } = await setup(t, { polling: { interval: 30 } });
  await server.request('load', 2);
  server.data.events[0] = { ...server.data.events[0], name: 'News' };
  await server.request('load', server.loads.length + 2);
  assert.equal(events.getById(1).name, 'News');
  manager.polling = null;
  assert.equal(manager.polling, null);
  const count = server.loads.length;
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.ok(server.loads.length <= count + 1, 'one may have been on its way');
  manager.polling = { interval: 20, mode: 'sync' };
  assert.deepEqual(manager.polling, { interval: 20, mode: 'sync' });
  await server.request('sync', 2);
  assert.equal(server.syncs[0].pack.type, 'sync');
  assert.equal(thrownBy(() => (manager.polling = { interval: -1 })).code, 'INVALID_CONFIG');
  assert.equal(thrownBy(() => (manager.polling = { interval: 1, mode: 'x' })).code, 'INVALID_CONFIG');
});

test('polling: 5000 is an interval', async (t) => {
  const { manager } = await setup(t, { polling: 5000 });
  assert.deepEqual(manager.polling, { interval: 5000 });
});

test('a conflict reloads and sends the edits on top, and the promise waits for it', async (t) => {
  const { server, manager, events } = await loaded(t, { onConflict: 'reload' });
  const fails = [];
  manager.on('syncFail', ({ error, retryIn }) => {
    fails.push([error.code, retryIn]);
  });
  events.getById(1).name = 'Mine';
  server.nextSync(status(409, { success: false, message: 'newer' }));
  server.data.events[1] = { ...server.data.events[1], name: 'Theirs' };
  const { response } = await manager.sync();
  assert.equal(response.success, true);
  assert.deepEqual(fails, [['CONFLICT', 0]]);
  assert.equal(server.loads.length, 2);
  assert.equal(server.syncs.length, 2);
  assert.equal(events.getById(2).name, 'Theirs');
  assert.equal(manager.changes, null);
});

test('what counts as a conflict can be configured', async (t) => {
  const { server, manager, events } = await loaded(t, { conflictCodes: [412, 'STALE'] });
  events.getById(1).name = 'Mine';
  server.nextSync(status(409, { success: false }), { success: false, code: 'stale' });
  assert.equal((await rejection(manager.sync())).code, 'HTTP');
  assert.equal((await rejection(manager.sync())).code, 'CONFLICT');
});

test('phases and portions are one call of sync()', async (t) => {
  const { server, manager, events, resources, assignments } = await loaded(t, {
    phasedSync: true,
    maxSyncBytes: 300,
    stores: [
      new Store({ id: 'events', fields: ['name'] }),
      new Store({ id: 'resources', modelClass: ResourceModel }),
      new Store({
        id: 'assignments',
        fields: ['event', 'resource'],
        relations: [
          { field: 'event', store: 'events' },
          { field: 'resource', store: 'resources' },
        ],
      }),
    ],
  });
  const [event] = events.add({ name: 'x'.repeat(200) });
  const [resource] = resources.add({ name: 'y'.repeat(200) });
  assignments.add({ event: event.id, resource: resource.id });
  const heard = recordEvents(manager, ['beforeSync', 'sync']);
  await manager.sync();
  assert.equal(server.syncs.length, 3);
  assert.deepEqual(heard.names, Array(3).fill(['beforeSync', 'sync']).flat());
  const [row] = server.syncs[2].pack.assignments.added;
  assert.deepEqual([row.event, row.resource], [event.id, resource.id]);
  assert.equal(event.isPhantom, false);
  assert.equal(manager.changes, null);
});

test('with syncDataOnLoad records stay the same objects and each difference is told', async (t) => {
  const { server, manager, events } = await loaded(t, { syncDataOnLoad: true });
  const first = events.getById(1);
  const told = recordEvents(events, ['add', 'update', 'remove', 'refresh']);
  server.data = {
    ...server.data,
    events: [{ id: 3, name: 'New' }, { ...server.data.events[0], name: 'Renamed' }],
  };
  await manager.load();
  assert.strictEqual(events.getById(1), first);
  assert.equal(first.name, 'Renamed');
  assert.equal(first.isRemoved, false);
  assert.equal(events.getById(2), undefined);
  assert.deepEqual(events.map(({ id }) => id), [3, 1]);
  assert.deepEqual([...told.names].sort(), ['add', 'remove', 'update']);
  told.heard.length = 0;
  await manager.load();
  assert.deepEqual(told.names, [], 'nothing was different');
});

test('a store takes data over by its differences too', () => {
  const store = storeOf(['name', 'n'], [{ id: 1, name: 'a', n: 1 }, { id: 2, name: 'b' }], {
    syncDataOnLoad: { keepMissingValues: false },
  });
  const record = store.getById(1);
  const told = recordEvents(store, ['refresh', 'update', 'remove', 'add']);
  store.data = [{ id: 1, name: 'A' }, { id: 3, name: 'c' }];
  assert.equal(record.name, 'A');
  assert.equal(record.n, null);
  assert.deepEqual(store.map(({ id }) => id), [1, 3]);
  assert.ok(!told.names.includes('refresh'), String(told.names));
  const whole = storeOf(['name'], [{ id: 1 }], { id: 'whole', syncDataOnLoad: { threshold: '50%' } });
  const heard = recordEvents(whole, ['refresh', 'add']);
  whole.data = [{ id: 1 }, { id: 2 }];
  assert.deepEqual(heard.names, ['refresh']);
  const bad = thrownBy(() => storeOf([], [], { syncDataOnLoad: { threshold: 'much' } }));
  assert.equal(bad.code, 'INVALID_CONFIG');
});

test('a changeset of a single store makes nothing dirty, with a manager or without', async (t) => {
  const lone = storeOf(['name'], [{ id: 1, name: 'a' }, { id: 2, name: 'b' }]);
  lone.applyChangeset({
    added: [{ id: 3, name: 'c' }],
    updated: [{ id: 1, name: 'A' }],
    removed: [{ id: 2 }],
  });
  assert.deepEqual(lone.map(({ id, name }) => [id, name]), [[1, 'A'], [3, 'c']]);
  assert.equal(lone.changes, null);
  for (const wrong of [null, 7, [], 'text']) {
    assert.equal(thrownBy(() => lone.applyChangeset(wrong)).code, 'INVALID_ARGUMENT');
  }
  for (const wrong of [{ added: 7 }, { updated: [null] }, { removed: {} }]) {
    const error = thrownBy(() => lone.applyChangeset(wrong, null, undefined, false));
    assert.equal(error.code, 'INVALID_ARGUMENT');
  }
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 0 });
  events.applyChangeset({ modified: [{ id: 1, name: 'Pushed' }] }, (given) => ({
    updated: given.modified.map((row) => ({ ...row, name: `${row.name}!` })),
  }));
  assert.equal(events.getById(1).name, 'Pushed!');
  const [phantom] = events.add({ name: 'mine' });
  events.applyChangeset({ added: [{ tmp: phantom.id, id: 77 }] }, null, 'tmp');
  assert.equal(phantom.id, 77);
  assert.equal(phantom.isPhantom, false);
  assert.equal(manager.changes === null || manager.changes.events.added === undefined, true);
  assert.equal(server.syncs.filter(({ pack }) => pack.events?.added).length, 0);
});

test('a draft that is restored is to be sent, under the names of the wire', async (t) => {
  class Task extends Model {
    static fields = ['name', { name: 'desc', dataSource: 'text.long' }];
  }
  const make = () => new Store({ id: 'tasks', modelClass: Task, idField: 'Id' });
  const data = { tasks: [{ Id: 1, name: 'a' }, { Id: 2, name: 'b' }] };
  const first = await loaded(t, { stores: [make()], data });
  first.tasks.getById(1).desc = 'long';
  first.tasks.add({ name: 'new', desc: 'n' });
  first.tasks.remove(2);
  const draft = first.manager.changes;
  const phantom = draft.tasks.added[0].$PhantomId;
  const { manager, tasks } = await loaded(t, { stores: [make()], data });
  manager.applyChangeset(draft, null, undefined, false);
  assert.deepEqual(manager.changes, draft);
  assert.equal(tasks.getById(phantom).desc, 'n');
  tasks.rejectChanges();
  tasks.applyChangeset(draft.tasks, null, undefined, false);
  assert.deepEqual(manager.changes, draft);
});

test('parts of the data are loaded when they are wanted, and once', async (t) => {
  const { server, manager, events } = await setup(t, {
    lazyLoad: { bufferUnit: 'days', bufferAmount: 1, chunkSize: 20 },
  });
  const start = new Date(10 * DAY);
  const [first, same] = await Promise.all([
    manager.ensureLoaded({ startDate: start, endDate: new Date(12 * DAY) }),
    manager.ensureLoaded({ startDate: new Date(11 * DAY), endDate: new Date(12 * DAY) }),
  ]);
  assert.equal(same, null);
  assert.equal(first.response.events.rows.length, 2);
  assert.equal(await manager.ensureLoaded({ startDate: 9 * DAY, endDate: 13 * DAY }), null);
  const [{ pack }] = server.loads;
  assert.equal(new Date(pack.startDate).getTime(), 9 * DAY);
  assert.equal(new Date(pack.endDate).getTime(), 13 * DAY);
  events.getById(1).name = 'Mine';
  await manager.ensureLoaded({ startIndex: 30, count: 5 });
  assert.deepEqual([server.loads[1].pack.startIndex, server.loads[1].pack.count], [20, 20]);
  assert.equal(events.getById(1).name, 'Mine');
  await manager.ensureLoaded({ parentId: 7 });
  assert.equal(server.loads[2].pack.parentId, 7);
  assert.equal((await rejection(manager.ensureLoaded({}))).code, 'INVALID_ARGUMENT');
  assert.equal((await rejection(manager.ensureLoaded())).code, 'INVALID_ARGUMENT');
  const wrong = manager.ensureLoaded({ startDate: 'nonsense', endDate: 5 });
  assert.equal((await rejection(wrong)).code, 'INVALID_ARGUMENT');
  assert.equal(
    thrownBy(() => new CrudManager({ lazyLoad: { bufferUnit: 'moon' } })).code,
    'INVALID_CONFIG',
  );
});

test('a function can stand for the server of loads', async (t) => {
  const asked = [];
  const store = new Store({ id: 'events', fields: ['name'] });
  const manager = new CrudManager({
    crudStores: [store],
    lazyLoad: true,
    async requestData(params) {
      asked.push(params);
      assert.strictEqual(this, manager);
      return { events: { data: { rows: [{ id: asked.length, name: 'made' }] } } };
    },
  });
  t.after(() => manager.destroy());
  const { response, rawResponse } = await manager.ensureLoaded({
    startDate: new Date(DAY),
    endDate: new Date(2 * DAY),
  });
  assert.equal(response.events.data.rows[0].name, 'made');
  assert.ok(rawResponse instanceof Response);
  assert.equal(store.getById(1).name, 'made');
  assert.deepEqual(asked[0].stores, ['events']);
  assert.ok(asked[0].startDate instanceof Date);
  const failing = new CrudManager({
    crudStores: [new Store({ id: 'others' })],
    requestData() {
      throw new Error('no data today');
    },
  });
  t.after(() => failing.destroy());
  const error = await rejection(failing.load());
  assert.equal(error.code, 'NETWORK');
  assert.match(error.message, /no data today/);
});

test('pages are turned, and edits survive it', async (t) => {
  const { server, manager, resources } = await setup(t, { remotePaging: true, pageSize: 2 });
  server.loadWith(({ pack: { page, pageSize } }) => ({
    success: true,
    resources: {
      rows: [1, 2].map((n) => ({ id: (page - 1) * pageSize + n, name: `page ${page}` })),
      total: 5,
    },
  }));
  assert.equal(manager.totalCount, undefined);
  await manager.load();
  assert.deepEqual([manager.currentPage, manager.lastPage, manager.totalCount], [1, 3, 5]);
  resources.getById(1).name = 'Mine';
  await manager.nextPage();
  assert.equal(manager.currentPage, 2);
  assert.equal(server.loads[1].pack.page, 2);
  assert.equal(server.loads[1].pack.pageSize, 2);
  assert.deepEqual(resources.map(({ id }) => id).sort(), [1, 3, 4]);
  assert.equal(resources.getById(1).name, 'Mine');
  server.nextLoad(status(404, 'none'));
  await rejection(manager.loadPage(3));
  assert.equal(manager.currentPage, 2, 'nothing came of it');
  await manager.previousPage();
  assert.equal(manager.currentPage, 1);
  assert.equal((await rejection(manager.previousPage())).code, 'INVALID_ARGUMENT');
});

test('load() takes a URL, and members of the pack', async (t) => {
  const { server, manager } = await setup(t);
  const seen = [];
  manager.on('beforeLoadApply', ({ options }) => {
    seen.push(options);
  });
  await manager.load(`${server.origin}/load?archive=1`);
  assert.equal(server.loads[0].query.get('archive'), '1');
  const options = { request: { data: { view: 'week' }, params: { x: 1 } }, events: { from: 'a' } };
  await manager.load(options);
  assert.equal(server.loads[1].pack.view, 'week');
  assert.equal(server.loads[1].query.get('x'), '1');
  assert.equal(server.loads[1].query.get('archive'), null);
  await manager.load();
  assert.deepEqual(seen, [{ request: { url: `${server.origin}/load?archive=1` } }, options, {}]);
  assert.equal((await rejection(manager.load('http://'))).code, 'INVALID_ARGUMENT');
});

test('validateResponse tells developers what is wrong, and changes nothing', async (t) => {
  const { warn } = console;
  const said = [];
  console.warn = (text) => said.push(text);
  t.after(() => (console.warn = warn));
  const { server, manager, events } = await setup(t, { validateResponse: true });
  server.nextLoad({
    success: true,
    events: { rows: [{ id: 1 }, { id: 1 }, { name: 'nameless' }], total: 'two' },
    resources: { rows: {} },
    others: { rows: [] },
  });
  await manager.load();
  const all = said.join('\n');
  for (const part of ['requestId', 'another one has', 'no "id"', 'total', 'no array', 'no such store', '"assignments" is missing']) {
    assert.ok(all.includes(part), `${part}: ${all}`);
  }
  said.length = 0;
  await manager.load();
  assert.deepEqual(said, [], 'a good one is passed in silence');
  assert.equal(events.count, 2);
});

test('storeIdProperty names the section of a store', async (t) => {
  const store = new Store({ id: 'local', fields: ['name'] });
  store.wireName = 'things';
  const { server, manager } = await setup(t, {
    stores: [store],
    storeIdProperty: 'wireName',
    data: { things: [{ id: 1, name: 'a' }] },
  });
  await manager.load();
  assert.deepEqual(server.loads[0].pack.stores, ['things']);
  assert.equal(store.count, 1);
  assert.strictEqual(manager.getCrudStore('things'), store);
});

test('signals are held back while change tracking is suspended', async (t) => {
  const { manager, events } = await loaded(t);
  const { names } = recordEvents(manager, ['hasChanges', 'noChanges']);
  const heard = recordEvents(manager, ['hasChanges', 'noChanges']);
  manager.suspendChangeTracking();
  manager.suspendChangeTracking();
  events.getById(1).name = 'a';
  assert.equal(manager.isChangeTrackingSuspended, true);
  manager.resumeChangeTracking();
  assert.deepEqual(heard.names, []);
  manager.resumeChangeTracking();
  assert.deepEqual(heard.names, ['hasChanges']);
  manager.resumeChangeTracking();
  assert.deepEqual(heard.names, ['hasChanges'], 'one too many does nothing');
  manager.rejectChanges();
  assert.deepEqual(heard.names, ['hasChanges', 'noChanges']);
  assert.deepEqual(names, []);
});

test('snapshots, request ids and sequences', async (t) => {
  const { server, manager, events } = await loaded(t);
  assert.deepEqual(JSON.parse(manager.json), JSON.parse(JSON.stringify(manager.toJSON())));
  assert.deepEqual(Object.keys(manager.crudStoresJSON), ['events', 'resources', 'assignments']);
  const ids = new Set(Array.from({ length: 100 }, () => manager.requestId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.ok(Number.isSafeInteger(id) && id > 0);
  assert.deepEqual(manager.syncApplySequence, ['events', 'resources', 'assignments']);
  manager.addStoreToApplySequence('assignments', 0);
  assert.deepEqual(manager.syncApplySequence, ['assignments', 'events', 'resources']);
  manager.addStoreToApplySequence(events);
  assert.deepEqual(manager.syncApplySequence, ['assignments', 'resources', 'events']);
  manager.removeCrudStore('resources');
  assert.deepEqual(manager.syncApplySequence, ['assignments', 'events']);
  const order = [];
  manager.getCrudStore('assignments').on('add', () => order.push('assignments'));
  events.on('add', () => order.push('events'));
  server.nextSync({ events: { rows: [{ id: 9 }] }, assignments: { rows: [{ id: 8 }] } });
  events.getById(1).name = 'x';
  await manager.sync();
  assert.deepEqual(order, ['assignments', 'events']);
});

test('inlineData is there from the beginning, in projects too', () => {
  const inlineData = { events: { rows: [{ id: 1, name: 'a' }] } };
  const stores = defaultStores();
  const manager = new CrudManager({ crudStores: stores, inlineData });
  assert.equal(stores[0].getById(1).name, 'a');
  assert.equal(manager.changes, null);
  manager.destroy();
  const project = new CalendarProject({ inlineData });
  assert.equal(project.eventStore.getById(1).name, 'a');
  project.destroy();
  const board = new TaskBoardProject({ inlineData: JSON.stringify({ tasks: [{ id: 5 }] }) });
  assert.equal(board.taskStore.count, 1);
  board.destroy();
});

test('data that comes by another way can be changed and prevented', async () => {
  const manager = new CrudManager({ crudStores: defaultStores() });
  const events = manager.getCrudStore('events');
  const data = { events: { rows: [{ id: 1, name: 'a' }] } };
  const off = manager.on('beforeLoadApply', ({ response, options }) => {
    assert.deepEqual(options, { how: 1 });
    response.events.rows.push({ id: 2 });
  });
  manager.loadCrudManagerData(structuredClone(data), { how: 1 });
  assert.equal(events.count, 2);
  off();
  manager.on('beforeResponseApply', () => false, { once: true });
  manager.loadCrudManagerData({ events: { rows: [] } });
  assert.equal(events.count, 2, 'vetoed');
  let say;
  const said = new Promise((resolve) => (say = resolve));
  manager.on('beforeResponseApply', () => said, { once: true });
  const refreshed = next(events, 'refresh');
  manager.loadCrudManagerData(JSON.stringify({ events: { rows: [] } }));
  assert.equal(events.count, 2, 'not yet');
  say(true);
  await refreshed;
  assert.equal(events.count, 0);
  manager.destroy();
});

test('stores are put where they belong, in the middle of a request too', async (t) => {
  const { server, manager, events } = await setup(t);
  const order = () => manager.stores.map(({ id }) => id);
  const store = (id) => new Store({ id, fields: ['name'] });
  manager.addCrudStore(store('before'), 0, 'resources');
  manager.addCrudStore(store('after'), 1, events);
  manager.addCrudStore([store('x'), store('y')], 0);
  assert.deepEqual(order(), ['x', 'y', 'events', 'after', 'before', 'resources', 'assignments']);
  const answer = gate();
  server.nextLoad(answer);
  const load = manager.load();
  await answer.asked;
  const late = store('late');
  manager.addCrudStore(late);
  manager.removeCrudStore('x');
  answer.answer({ late: { rows: [{ id: 1 }] }, y: { rows: [{ id: 1 }] } });
  await load;
  assert.equal(manager.getCrudStore('y').count, 1);
  assert.equal(late.count, 0, 'the load was not for it');
  late.add({ name: 'dirty' });
  manager.removeCrudStore(late);
  assert.equal(manager.changes, null, 'its changes go with it');
  assert.equal(late.changes.added.length, 1);
  manager.addCrudStore(late);
  assert.equal(manager.changes.late.added.length, 1, 'and come back with it');
});

test('options that make no sense are refused by name', () => {
  for (const [options, part] of [
    [{ onConflict: 'rebase' }, 'onConflict'],
    [{ maxSyncBytes: -1 }, 'maxSyncBytes'],
    [{ maxConflictRetries: 1.5 }, 'maxConflictRetries'],
    [{ conflictCodes: [{}] }, 'conflictCodes'],
    [{ lazyLoad: { chunkSize: 0 } }, 'chunkSize'],
    [{ lazyLoad: { bufferAmount: -1 } }, 'buffer'],
    [{ polling: 'often' }, 'polling'],
    [{ phasedSync: 'yes' }, 'phasedSync'],
    [{ syncDataOnLoad: { threshold: '-1%' } }, 'threshold'],
  ]) {
    const error = thrownBy(() => new CrudManager(options));
    assert.ok(error instanceof SyncError, String(error));
    assert.equal(error.code, 'INVALID_CONFIG');
    assert.match(error.message, new RegExp(part), error.message);
  }
});

test('additions can carry fields that have no value', async (t) => {
  const things = new Store({
    id: 'things',
    fields: ['name', 'note', { name: 'own', persist: false }],
    writeUnsetFields: true,
  });
  const { server, manager } = await loaded(t, { stores: [things], data: { things: [] } });
  things.add({ name: 'a' });
  await manager.sync();
  const [{ $PhantomId: _, ...row }] = server.syncs[0].pack.things.added;
  assert.deepEqual(row, { name: 'a', note: null });
});

test('a field can be sent under another name than it comes with', async (t) => {
  const things = new Store({
    id: 'things',
    fields: [{ name: 'owner', dataSource: 'owner.name', writeSource: 'ownerName' }],
  });
  const data = { things: [{ id: 1, owner: { name: 'Ada' } }] };
  const { server, manager } = await loaded(t, { stores: [things], data });
  assert.equal(things.getById(1).owner, 'Ada');
  things.getById(1).owner = 'Grace';
  const draft = manager.changes;
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.things.updated, [{ id: 1, ownerName: 'Grace' }]);
  things.getById(1).owner = 'x';
  things.rejectChanges();
  manager.acceptChanges();
  things.loadData([{ id: 1, owner: 'Ada' }]);
  manager.applyChangeset(draft, null, undefined, false);
  assert.equal(things.getById(1).owner, 'Grace');
});

test('options can be read and set at any time, and a bad value changes nothing', async (t) => {
  const { server, manager, events } = await loaded(t, {
    autoSyncTimeout: 50,
    onConflict: 'reload',
  });
  assert.equal(manager.supportShortSyncResponse, true);
  assert.equal(manager.autoSyncTimeout, 50);
  assert.deepEqual(manager.conflictCodes, [409, 'CONFLICT']);
  manager.maxConflictRetries = 5;
  manager.phantomIdField = '$temp';
  manager.skipSuccessProperty = false;
  assert.equal(manager.maxConflictRetries, 5);
  assert.equal(thrownBy(() => (manager.maxConflictRetries = 0.5)).code, 'INVALID_CONFIG');
  assert.equal(thrownBy(() => (manager.autoSyncTimeout = -1)).code, 'INVALID_CONFIG');
  assert.equal(manager.maxConflictRetries, 5);
  assert.equal(manager.autoSyncTimeout, 50);
  events.add({ name: 'new' });
  server.nextSync(status(409, { success: false }), ({ pack }) => ({
    success: true,
    events: { rows: pack.events.added.map(({ $temp }) => ({ $temp, id: 50 })) },
  }));
  server.loadWith((request, it) => ({ ...it.carryOut(request), success: true }));
  await manager.sync();
  assert.equal(events.getById(50).name, 'new');
  manager.loadUrl = `${server.origin}/load?again`;
  await manager.load();
  assert.equal(manager.phantomIdField, '$temp', 'other options stay as they are');
  server.nextSync({ events: {} });
  events.getById(1).name = 'x';
  assert.equal((await rejection(manager.sync())).code, 'REFUSED', 'success is missing');
});

test('what the server calls its state can be set, and made unknown', async (t) => {
  const { server, manager, events } = await loaded(t);
  manager.revision = 'r7';
  manager.revision = undefined;
  events.getById(1).name = 'a';
  await manager.sync();
  assert.equal(server.syncs[0].pack.revision, 'r7');
  manager.revision = null;
  assert.equal(manager.revision, null);
  events.getById(1).name = 'b';
  await manager.sync();
  assert.ok(!('revision' in server.syncs[1].pack));
  assert.equal(thrownBy(() => (manager.revision = {})).code, 'INVALID_ARGUMENT');
});

test('a store asks for parts of its data only where the manager loads by parts', async (t) => {
  const part = { startDate: 0, endDate: DAY };
  assert.equal(await storeOf(['name']).ensureLoaded(part), null);
  const whole = await loaded(t);
  assert.equal(await whole.events.ensureLoaded(part), null);
  assert.equal(whole.server.loads.length, 1);
  const { server, events } = await setup(t, { lazyLoad: true });
  await events.ensureLoaded(part);
  assert.equal(server.loads.length, 1);
  assert.equal(events.count, 2);
});

test('policies, pages and what goes into packs can be set on a living manager', async (t) => {
  const { server, manager, events } = await loaded(t, { pageSize: 10 });
  assert.deepEqual([manager.pageSize, manager.remotePaging, manager.onConflict], [10, false, undefined]);
  manager.pageSize = 2;
  manager.remotePaging = true;
  manager.requestData = { tenant: 7 };
  await manager.load();
  const { pack } = server.loads.at(-1);
  assert.deepEqual([pack.page, pack.pageSize, pack.tenant], [1, 2, 7]);
  manager.requestData = ({ page, stores }) => ({ events: { rows: [{ id: page, name: stores[0] }] } });
  const before = server.loads.length;
  await manager.load();
  assert.equal(server.loads.length, before, 'a function stands for the server');
  assert.deepEqual(events.map(({ id, name }) => [id, name]), [[1, 'events']]);
  manager.requestData = undefined;
  await manager.load();
  assert.equal(server.loads.length, before + 1, 'it does no more');
  assert.equal('tenant' in server.loads.at(-1).pack, false);

  let told = 0;
  manager.onConflict = () => told++;
  manager.onConflict = 'reload';
  assert.equal(manager.onConflict instanceof Function, true, 'the handler stays');
  server.nextSync(status(409));
  events.first.name = 'mine';
  await manager.sync();
  assert.equal(server.syncs.length, 2);
  manager.onConflict = null;
  assert.equal(manager.onConflict, 'reload');
  manager.onConflict = 'keep';
  server.nextSync(status(409));
  events.first.name = 'mine again';
  assert.equal((await rejection(manager.sync())).code, 'CONFLICT');
  manager.conflictResolution = 'server-wins';
  assert.equal(manager.conflictResolution, 'server-wins');
  assert.equal(thrownBy(() => (manager.conflictResolution = 'fight')).code, 'INVALID_CONFIG');
  assert.equal(manager.conflictResolution, 'server-wins');
});

test('loadApplySequence can be set, and read as it is', async (t) => {
  const { manager, events, resources } = await setup(t);
  assert.deepEqual(manager.loadApplySequence, ['events', 'resources', 'assignments']);
  manager.loadApplySequence = ['resources'];
  const order = [];
  for (const store of [events, resources]) store.on('load', () => order.push(store.id));
  await manager.load();
  assert.deepEqual(order, ['resources', 'events']);
  assert.equal(thrownBy(() => (manager.loadApplySequence = 'events')).code, 'INVALID_ARGUMENT');
});

test('a snapshot has the names of the wire, and is taken in again as it was', () => {
  let made = 0;
  const make = () =>
    new CrudManager({
      crudStores: [
        new Store({
          id: 'events',
          idField: 'Id',
          tree: 'boss',
          fields: [
            { name: 'city', dataSource: 'address.city' },
            { name: 'when', type: 'date', dataSource: 'due', format: 'YYYY-MM-DD' },
            { name: 'code', dataSource: 'nr', defaultValue: () => ++made },
            { name: 'boss', dataSource: 'above' },
          ],
        }),
      ],
      inlineData: {
        events: {
          rows: [
            { Id: 1, address: { city: 'Delft', zip: 'x' }, due: '2026-03-02', children: [{ Id: 2 }] },
          ],
        },
      },
    });
  const [manager, other] = [make(), make()];
  const rows = JSON.parse(manager.json).events.rows;
  assert.deepEqual(
    rows.map(({ Id, address, nr, above }) => [Id, address, nr, above]),
    [
      [1, { city: 'Delft', zip: 'x' }, undefined, undefined],
      [2, undefined, undefined, 1],
    ],
  );
  other.inlineData = JSON.parse(manager.json);
  const [one, two] = other.getStore('events').records;
  assert.deepEqual([one.id, one.city, one.when.getDate(), two.parent], [1, 'Delft', 2, one]);
  assert.equal(other.json, manager.json);
  assert.equal(other.changes, null);
  assert.equal(made, 0);
  for (const it of [manager, other]) it.destroy();
});

test('isHeldBack follows what records say of themselves at once, and what depends on them', async (t) => {
  class Judged extends EventModel {
    get isValid() {
      return this.name !== 'bad';
    }
  }
  const events = new Store({ id: 'events', modelClass: Judged });
  const relations = [{ field: 'event', store: 'events' }];
  const assignments = new Store({ id: 'assignments', fields: ['event', 'resource'], relations });
  const { manager } = await loaded(t, { stores: [events, assignments] });
  const [fresh] = events.add({ name: 'bad' });
  const [depends] = assignments.add({ event: fresh.id, resource: 'r1' });
  assert.deepEqual([fresh.isHeldBack, depends.isHeldBack], [true, true]);
  fresh.name = 'good';
  assert.deepEqual([depends.isHeldBack, fresh.isHeldBack], [false, false]);
  const known = events.getById(1);
  known.name = 'bad';
  assert.equal(known.isHeldBack, true);
  known.revertChanges();
  assert.equal(known.isHeldBack, false, 'what is as the server has it is not held back');
  fresh.name = 'bad';
  assert.equal(manager.invalidRecords.length, 1);
  assert.equal(depends.isHeldBack, true);
  fresh.beginBatch();
  fresh.set('name', 'good');
  assert.equal(fresh.isHeldBack, true, 'an open batch holds it back');
  fresh.endBatch();
  assert.equal(fresh.isHeldBack, false);
  await manager.sync();
  assert.equal(manager.changes, null);
});
