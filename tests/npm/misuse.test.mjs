import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { CrudManager, EventModel, Model, Store, SyncError } from 'syncline';
import { raw, startServer } from './support/server.mjs';
import {
  loaded,
  muteConsole,
  next,
  recordEvents,
  rejection,
  setup,
  storeOf,
  thrownBy,
  within,
} from './support/setup.mjs';

/** The error is one of ours, with that code and a sentence. */
function isMistake(error, code) {
  assert.ok(error instanceof SyncError, `${error?.stack ?? error}`);
  assert.equal(error.name, 'SyncError');
  assert.equal(error.code, code);
  assert.equal(error.retryable, false);
  assert.ok(error.message.length > 10, error.message);
}

const throwsMistake = (call, code) => isMistake(thrownBy(call), code);

/** Proves that engine, manager and store still work. */
async function stillWorks({ server, manager, events }) {
  const [added] = events.add({ name: 'proof of life' });
  await within(manager.sync(), 'a sync');
  assert.equal(added.isPhantom, false);
  assert.equal(manager.changes, null);
  const [row] = server.syncs.at(-1).pack.events.added;
  assert.equal(row.name, 'proof of life');
}

// --- rows -----------------------------------------------------------------------------------

test('rows that are no objects are passed over, and a warning says so', async (t) => {
  const all = await setup(t);
  const warning = next(all.manager, 'syncWarning');
  const rows = [null, 1, 'x', true, [], [{ id: 9 }], { id: 1, name: 'good' }];
  all.server.nextLoad({ events: { rows } });
  await all.manager.load();
  assert.deepEqual(
    all.events.map(({ id }) => id),
    [1],
  );
  assert.match((await warning).message, /events/);
  await stillWorks(all);
});

test('rows that are no array at all fail the load as a whole or are passed over, with nothing lost', async (t) => {
  for (const events of ['rows', 7, true, { rows: 'x' }, { rows: { id: 1 } }, { data: 7 }]) {
    const all = await loaded(t, { retry: { max: 0 } });
    const heard = recordEvents(all.manager, ['syncWarning', 'loadFail']);
    all.server.nextLoad({ events });
    await all.manager.load().catch(() => {});
    assert.equal(heard.names.length, 1, JSON.stringify(events));
    assert.equal(all.events.count, 2, JSON.stringify(events));
    await stillWorks(all);
  }
});

test('rows whose id is null or missing are kept, under ids of our own', async (t) => {
  const all = await setup(t);
  all.server.nextLoad({
    events: { rows: [{ id: null, name: 'a' }, { name: 'b' }, { id: 3, name: 'c' }] },
  });
  await all.manager.load();
  const { events, manager } = all;
  assert.deepEqual(
    events.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  const ids = events.map(({ id }) => id);
  assert.equal(new Set(ids.map(String)).size, 3);
  for (const id of ids) assert.ok(events.getById(id));
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('of rows with the same id the last one counts, and a warning says so', async (t) => {
  const all = await setup(t);
  const warning = next(all.manager, 'syncWarning');
  const rows = [
    { id: 1, name: 'a' },
    { id: '1', name: 'b' },
    { id: 2, name: 'c' },
  ];
  all.server.nextLoad({ events: { rows } });
  await all.manager.load();
  assert.equal(all.events.count, 2);
  assert.equal(all.events.getById(1).name, 'b');
  await warning;
  await stillWorks(all);
});

test('ids and fields called __proto__, constructor or toString are names like any other', async (t) => {
  const all = await setup(t);
  const text = `{"events":{"rows":[
    {"id":"__proto__","name":"a","__proto__":{"polluted":true},"constructor":"c","hasOwnProperty":1},
    {"id":"constructor","name":"b","toString":"t"}]},
    "__proto__":{"polluted":true}}`;
  all.server.nextLoad(raw(text));
  await all.manager.load();
  const { events, manager } = all;
  assert.equal(events.count, 2);
  const record = events.getById('__proto__');
  assert.equal(record.name, 'a');
  assert.deepEqual(record.get('__proto__'), { polluted: true });
  assert.equal(record.get('constructor'), 'c');
  assert.equal(events.get('constructor').name, 'b');
  assert.ok(record instanceof EventModel);
  assert.equal({}.polluted, undefined);
  assert.equal(record.polluted, undefined);
  assert.equal(Object.getPrototypeOf(record.data), Object.prototype);
  assert.ok(Object.hasOwn(record.data, '__proto__'));
  record.set('__proto__', 'changed');
  assert.equal(record.get('__proto__'), 'changed');
  record.set({ name: 'x' });
  const [sent] = manager.changes.events.updated;
  assert.equal(Object.getOwnPropertyDescriptor(sent, '__proto__').value, 'changed');
  await manager.sync();
  assert.match(all.server.syncs[0].text, /"__proto__":"changed"/);
  await stillWorks(all);
});

test('dates that are nonsense read as null and go back as they came', async (t) => {
  const all = await setup(t);
  const nonsense = [
    'not a date',
    '2026-13-45',
    '',
    '0000-00-00 00:00:00',
    '31.12.2026',
    true,
    {},
    [],
  ];
  const rows = nonsense.map((startDate, i) => ({ id: i + 1, name: 'x', startDate }));
  all.server.nextLoad({ events: { rows } });
  await all.manager.load();
  const { events, manager } = all;
  for (const record of events) assert.equal(record.startDate ?? null, null, `row ${record.id}`);
  assert.equal(manager.changes, null);
  assert.deepEqual(events.range(0, Date.UTC(2100, 0)), []);
  manager.writeAllFields = true;
  events.getById(1).name = 'y';
  await manager.sync();
  assert.equal(all.server.syncs[0].pack.events.updated[0].startDate, 'not a date');
  await stillWorks(all);
});

for (const [what, text] of [
  [
    'of arrays',
    '{"events":{"rows":[{"id":1,"a":' + '['.repeat(5_000_000) + ']'.repeat(5_000_000) + '}]}}',
  ],
  ['of objects', '{"events":' + '{"rows":'.repeat(1_200_000) + '1' + '}'.repeat(1_200_001)],
  ['that never ends', '['.repeat(10_000_000)],
]) {
  test(`10 MB of nesting ${what} are refused, without a crash`, async (t) => {
    const all = await loaded(t, { retry: { max: 0 } });
    all.server.nextLoad(raw(text));
    const error = await rejection(all.manager.load());
    assert.equal(error.code, 'BAD_RESPONSE');
    assert.equal(all.events.count, 2);
    await stillWorks(all);
  });
}

test('huge ids keep their digits, and an id beyond all bounds is none', async (t) => {
  const all = await setup(t);
  const huge = '123456789012345678901234567890';
  const text = `{"events":{"rows":[{"id":1e400,"name":"a"},{"id":-0,"name":"b"},{"id":${huge},
    "name":"\\ud800 lone"},{"id":"${'x'.repeat(100_000)}","name":"long id"},{"id":9007199254740993,"name":"c"}]}}`;
  all.server.nextLoad(raw(text));
  const { events, manager, server } = all;
  await manager.load();
  assert.equal(events.count, 5);
  assert.equal(typeof events.getAt(0).id, 'string', 'one of our own');
  assert.equal(events.getById(0).name, 'b');
  assert.equal(events.getById('x'.repeat(100_000)).name, 'long id');
  assert.equal(events.getById(huge).name, '\ufffd lone');
  assert.equal(events.getById(huge).id, huge);
  assert.equal(events.getById('9007199254740993').name, 'c');
  assert.equal(events.getById('9007199254740992'), undefined);
  events.getById(huge).name = 'd';
  events.getById('9007199254740993').set({ name: 'e', owner: 9007199254740995n, size: 7n });
  await manager.sync();
  assert.match(server.syncs.at(-1).text, new RegExp(`"id":${huge},"name":"d"`));
  assert.match(server.syncs.at(-1).text, /"id":9007199254740993,"name":"e"/);
  assert.match(server.syncs.at(-1).text, /"owner":9007199254740995,"size":7/);
  assert.equal(events.getById('9007199254740993').get('owner'), '9007199254740995');
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('an id of the app\'s choice is kept until the server gives one, and references follow it', async (t) => {
  for (const id of [7, 'my-id']) {
    const all = await loaded(t);
    const { manager, events, server } = all;
    const [added] = events.add({ id, name: 'mine' });
    const { key } = added;
    assert.equal(added.id, id);
    assert.equal(added.isPhantom, true);
    const [sent] = manager.changes.events.added;
    assert.match(sent.$PhantomId, /^[0-9a-f-]{36}$/);
    assert.equal('id' in sent, false);
    await manager.sync();
    assert.equal(added.isPhantom, false);
    assert.notEqual(added.id, id);
    assert.equal(added.key, key);
    assert.equal(events.getById(added.id), added);
    assert.equal(server.syncs.length, 1);
    await stillWorks(all);
  }
});

test('a record that a load brings under the id of an added one is another', async (t) => {
  const all = await loaded(t);
  const { manager, events, server } = all;
  const [added] = events.add({ id: 7, name: 'mine' });
  const warning = next(manager, 'syncWarning');
  server.nextLoad({ events: { rows: [{ id: 1, name: 'one' }, { id: 7, name: 'theirs' }] } });
  await manager.load();
  assert.match((await warning).message, /another record of id 7/);
  assert.deepEqual(events.map(({ name }) => name), ['one', 'theirs', 'mine']);
  assert.equal(events.getById(7).name, 'theirs');
  assert.equal(added.name, 'mine');
  assert.equal(added.isPhantom, true);
  assert.notEqual(added.id, 7);
  assert.equal(events.getById(7).isModified, false);
  assert.equal(manager.changes.events.updated, undefined);
  await manager.sync();
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('numbers that are none and days that are instants are taken as what their fields hold', async (t) => {
  const all = await loaded(t);
  const fields = ['id', { name: 'text', type: 'string' }, { name: 'day', type: 'date', format: 'YYYY-MM-DD' },
    { name: 'at', type: 'date' }];
  const store = new Store({ id: 'kinds', fields });
  const [record] = store.add({ text: Number.NaN, day: new Date(2026, 2, 1, 9, 30) });
  assert.equal(record.text ?? null, null);
  assert.equal(record.day.getTime(), new Date(2026, 2, 1).getTime());
  for (const none of [Number.NaN, Number.POSITIVE_INFINITY]) {
    record.text = 'x';
    record.text = none;
    assert.equal(record.text, null);
  }
  record.day = new Date(2026, 2, 2, 23, 59).getTime();
  assert.equal(record.day.getTime(), new Date(2026, 2, 2).getTime());
  record.at = new Date(Date.UTC(12026, 0, 1));
  const [sent] = store.changes ? [JSON.parse(JSON.stringify(record.toJSON()))] : [];
  assert.equal(new Date(sent.at).getTime(), Date.UTC(12026, 0, 1));
  all.events.getById(1).startDate = new Date(Date.UTC(12026, 0, 1));
  const { startDate } = all.manager.changes.events.updated[0];
  assert.match(startDate, /^\+012026-01-01T/);
  await stillWorks(all);
});

test('an answer may hold what no store and no field expects', async (t) => {
  const all = await setup(t);
  const rows = [
    { id: 1, name: { first: 'a' }, startDate: 12.5, allDay: 'maybe', eventColor: [1, 2] },
  ];
  all.server.nextLoad({
    success: 'yes',
    revision: { a: 1 },
    requestId: [],
    message: 7,
    events: { rows },
  });
  await all.manager.load();
  assert.equal(all.events.count, 1);
  assert.ok(all.events.first.startDate === null || all.events.first.startDate instanceof Date);
  await stillWorks(all);
});

// --- options --------------------------------------------------------------------------------

test('a store that does not exist is refused', async (t) => {
  const { urls } = await startServer(t);
  throwsMistake(() => new CrudManager({ crudStores: ['nowhere'], ...urls }), 'UNKNOWN_STORE');
  for (const wrong of [7, null, true]) {
    throwsMistake(() => new CrudManager({ crudStores: [wrong], ...urls }), 'INVALID_CONFIG');
  }
});

test('two stores of one name can not be under one manager', async (t) => {
  const { urls } = await startServer(t);
  const twice = [new Store({ id: 'a' }), new Store({ id: 'a' })];
  throwsMistake(() => new CrudManager({ crudStores: twice, ...urls }), 'INVALID_CONFIG');
});

for (const [what, config] of [
  ['a negative timeout', { transport: { sync: { timeout: -1 } } }],
  ['a negative delay', { autoSyncTimeout: -5 }],
  ['a delay that is no number', { autoSyncTimeout: 'soon' }],
  ['a delay that is NaN', { autoSyncTimeout: Number.NaN }],
  ['a URL that does not parse', { loadUrl: 'http://' }],
  ['a URL with a port that is none', { syncUrl: 'http://localhost:99999/x' }],
  ['a URL that is no text', { syncUrl: 7 }],
  ['a method that sends nothing', { transport: { load: { method: 'DELETE' } } }],
  ['a header name with a blank', { transport: { load: { headers: { 'a b': 'c' } } } }],
  ['a word that is none of those allowed', { onRecordError: 'panic' }],
  ['another word that is none of those allowed', { syncConflictResolution: 'both' }],
  ['a retry that shrinks', { retry: { factor: 0.5 } }],
  ['a flag that is no boolean', { autoSync: 'yes' }],
  ['a transport that is no object', { transport: 5 }],
  ['a section of the transport that is text', { transport: { load: '/load' } }],
  ['a transport of another name', { transport: { send: { url: '/x' } } }],
  ['headers that are text', { transport: { load: { headers: 'a: b' } } }],
  ['headers that are a list', { transport: { sync: { headers: ['a'] } } }],
  ['parameters that are a number', { transport: { load: { params: 7 } } }],
  ['a timeout that is NaN', { transport: { load: { timeout: Number.NaN } } }],
  ['a timeout that is text', { transport: { load: { timeout: '5' } } }],
  ['a timeout without end', { transport: { load: { timeout: Number.POSITIVE_INFINITY } } }],
  ['fetch options that are text', { transport: { load: { fetchOptions: 'cors' } } }],
  ['a retry that is a number', { retry: 3 }],
  ['a negative wait', { retry: { base: -1 } }],
  ['a wait that is NaN', { retry: { cap: Number.NaN } }],
  ['request data that is text', { requestData: 'x' }],
  ['an encoder that is text', { encoder: 'json' }],
  ['a sequence that is text', { syncApplySequence: 'events' }],
  ['a URL with a blank in its host', { loadUrl: 'http://my host/x' }],
  ['listeners that are a number', { listeners: 5 }],
  ['listeners that are a function', { listeners: () => {} }],
  ['a listener that is a number', { listeners: { load: 5 } }],
  ['a handler that is a number', { onLoad: 5 }],
  ['a handler that is an object', { onSync: {} }],
]) {
  test(`${what} is refused by the constructor, which names the option`, async () => {
    const error = thrownBy(() => new CrudManager({ crudStores: [], ...config }));
    isMistake(error, 'INVALID_CONFIG');
  });
}

test('an option that can not be used leaves a living manager as it is', async (t) => {
  const all = await loaded(t, { autoSyncTimeout: 50 });
  const { manager } = all;
  throwsMistake(() => (manager.autoSyncTimeout = -1), 'INVALID_CONFIG');
  assert.equal(manager.autoSyncTimeout, 50);
  throwsMistake(() => (manager.loadUrl = 'http://'), 'INVALID_CONFIG');
  assert.equal(manager.loadUrl, all.server.urls.loadUrl);
  await stillWorks(all);
});

test('wrong options of stores and fields are refused', () => {
  throwsMistake(() => new Store({ id: 'a', modelClass: class {} }), 'INVALID_CONFIG');
  throwsMistake(() => new Store({ id: 'a', modelClass: {} }), 'INVALID_CONFIG');
  throwsMistake(() => storeOf([{ name: 'x', type: 'colour' }]), 'INVALID_CONFIG');
  throwsMistake(() => storeOf([{ type: 'string' }]), 'INVALID_CONFIG');
  throwsMistake(() => storeOf([7]), 'INVALID_CONFIG');
  throwsMistake(() => storeOf(['id'], 'no json'), 'INVALID_ARGUMENT');
  throwsMistake(() => storeOf(['id'], 7), 'INVALID_ARGUMENT');
  throwsMistake(() => storeOf([{ name: 'd', type: 'date', format: 'QQ!' }]), 'INVALID_CONFIG');
  for (const dataSource of ['', 'a..b', '.a', 'a.', 7]) {
    throwsMistake(() => storeOf([{ name: 'd', dataSource }]), 'INVALID_CONFIG');
  }
  throwsMistake(() => storeOf([{ name: 'a' }, { name: 'b', dataSource: 'a' }]), 'INVALID_CONFIG');
  const twice = [{ name: 'a', dataSource: 'x.y' }, { name: 'b', dataSource: 'x.y' }];
  throwsMistake(() => storeOf(twice), 'INVALID_CONFIG');
  for (const wrong of [
    { id: 5 },
    { id: {} },
    { tree: 5 },
    { interval: 5 },
    { interval: ['a'] },
    { relations: 5 },
    { relations: [{ field: 'a' }] },
    { relations: [{ field: 'a', store: 'b', onRemove: 'explode' }] },
    { idField: 5 },
    { idField: '' },
    { phantomIdField: 5 },
    { phantomIdField: '' },
    { writeAllFields: 'yes' },
    { keepUncommittedChanges: 1 },
    { naturalKey: 'name' },
    { listeners: 5 },
    { listeners: { add: {} } },
    { onAdd: 5 },
  ]) {
    const made = thrownBy(() => new Store({ id: 'wrong', ...wrong }));
    assert.equal(made?.code, 'INVALID_CONFIG', JSON.stringify(wrong));
    assert.equal(Store.getStore('wrong'), undefined, JSON.stringify(wrong));
  }
});

test('a header that can not be had fails the request: nothing is sent without it, nothing is lost', async (t) => {
  muteConsole(t);
  const all = await loaded(t);
  const { manager, events, server } = all;
  let token = null;
  const headers = () => {
    if (token === null) throw new Error('no token yet');
    return { authorization: token };
  };
  manager.transport = { sync: { ...manager.transport.sync, headers } };
  events.getById(1).name = 'kept';
  const error = await rejection(manager.sync());
  isMistake(error, 'INVALID_CONFIG');
  assert.match(error.message, /no token yet/);
  assert.equal(server.syncs.length, 0);
  assert.equal(manager.changes.events.updated[0].name, 'kept');
  token = 'Bearer x';
  await within(manager.sync(), 'a sync');
  assert.equal(server.requests.at(-1).headers.authorization, 'Bearer x');
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('an address that no request can be made of is a mistake, not a failure of the network', async (t) => {
  const all = await loaded(t);
  const { manager, events } = all;
  const url = manager.syncUrl;
  manager.syncUrl = '/relative/where/there/is/no/page';
  events.getById(1).name = 'kept';
  isMistake(await rejection(manager.sync()), 'INVALID_CONFIG');
  assert.equal(manager.changes.events.updated[0].name, 'kept');
  manager.syncUrl = url;
  await within(manager.sync(), 'a sync');
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('options of load() that have another shape are refused', async (t) => {
  const all = await loaded(t);
  for (const options of [7, { request: 7 }, { request: { params: 'x' } }, { events: 7 }]) {
    const error = await rejection(all.manager.load(options));
    isMistake(error, 'INVALID_ARGUMENT');
  }
  assert.equal(all.server.loads.length, 1);
  await stillWorks(all);
});

// --- before and after -----------------------------------------------------------------------

test('before init() everything says that init() is missing, and works afterwards', () => {
  const program = `
    import { CalendarProject, CrudManager, EventModel, Store, init } from 'syncline';
    const codes = [];
    for (const make of [
      () => new Store({ id: 'a' }),
      () => new CrudManager({}),
      () => new CalendarProject({}),
    ]) {
      try { make(); codes.push('none'); } catch (error) { codes.push(error.code); }
    }
    const event = new EventModel({ name: 'made early' });
    await init();
    const [record] = new Store({ id: 'a', modelClass: EventModel }).add(event);
    console.log(JSON.stringify([...codes, record.name]));
  `;
  const args = ['--input-type=module', '--eval', program];
  const said = execFileSync('node', args, { cwd: import.meta.dirname, encoding: 'utf8' });
  const missing = 'NOT_INITIALIZED';
  assert.deepEqual(JSON.parse(said), [missing, missing, missing, 'made early']);
});

test('init() can be called again, at once and later', async () => {
  const { init } = await import('syncline');
  await Promise.all([init(), init(), init()]);
  await init();
});

test('a manager that is destroyed says so, its stores live on', async (t) => {
  const { manager, events } = await loaded(t);
  manager.destroy();
  for (const call of [
    () => manager.addCrudStore(new Store({ id: 'late' })),
    () => manager.loadCrudManagerData({}),
    () => manager.applyChangeset({}),
    () => manager.suspendAutoSync(),
    () => manager.acceptChanges(),
    () => manager.rejectChanges(),
    () => (manager.autoSync = true),
  ]) {
    throwsMistake(call, 'DESTROYED');
  }
  events.getById(1).name = 'still here';
  assert.equal(events.getById(1).name, 'still here');
  const other = await setup(t, { stores: [events] });
  await other.manager.sync();
  assert.deepEqual(other.server.syncs[0].pack.events.updated, [{ id: 1, name: 'still here' }]);
});

test('a store that is destroyed says so, its records keep what they had', async (t) => {
  const all = await loaded(t);
  const { events, manager } = all;
  const record = events.getById(1);
  const { name } = record;
  const spare = storeOf(['id', 'name'], [{ id: 1, name: 'a' }]);
  const kept = spare.getById(1);
  spare.destroy();
  spare.destroy();
  assert.equal(spare.isDestroyed, true);
  for (const call of [
    () => spare.add({ name: 'b' }),
    () => spare.getById(1),
    () => spare.count,
    () => spare.remove(1),
    () => spare.loadData([]),
    () => spare.range(0, 1),
    () => spare.beginBatch(),
    () => spare.subscribe(() => {}),
  ]) {
    throwsMistake(call, 'DESTROYED');
  }
  assert.equal(kept.name, 'a');
  throwsMistake(() => kept.set('name', 'b'), 'DESTROYED');
  throwsMistake(() => (kept.name = 'b'), 'DESTROYED');
  assert.equal(record.name, name);
  manager.removeCrudStore(all.resources);
  all.resources.destroy();
  await stillWorks(all);
});

test('a store destroyed under its manager does not take the manager along', async (t) => {
  const all = await loaded(t);
  all.resources.destroy();
  await stillWorks(all);
  await all.manager.load();
  assert.equal(all.events.count, 2);
});

// --- records --------------------------------------------------------------------------------

test('a record of another store is refused', async (t) => {
  const all = await loaded(t);
  const { events, resources } = all;
  const foreign = resources.first;
  throwsMistake(() => events.remove(foreign), 'FOREIGN_RECORD');
  throwsMistake(() => events.move(foreign, 0), 'FOREIGN_RECORD');
  throwsMistake(() => events.add(foreign), 'FOREIGN_RECORD');
  throwsMistake(() => events.add(events.first), 'FOREIGN_RECORD');
  assert.equal(events.includes(foreign), false);
  assert.equal(resources.count, 2);
  assert.equal(all.manager.changes, null);
  await stillWorks(all);
});

test('a record that was removed keeps its values and can not be changed', async (t) => {
  const all = await loaded(t);
  const { events } = all;
  const record = events.getById(1);
  record.remove();
  assert.equal(record.isRemoved, true);
  assert.equal(record.name, 'Stand-up');
  assert.equal(record.id, 1);
  throwsMistake(() => (record.name = 'x'), 'UNKNOWN_RECORD');
  throwsMistake(() => record.set({ name: 'x' }), 'UNKNOWN_RECORD');
  assert.deepEqual(events.remove(record), []);
  assert.deepEqual(events.remove(404), []);
  await stillWorks(all);
});

test('a record never shows what another one that came to its place has', async (t) => {
  const { manager, events } = await loaded(t);
  const gone = events.getById(1);
  gone.remove();
  await manager.sync();
  const [fresh] = events.add({ name: 'in its place' });
  assert.equal(gone.name, 'Stand-up');
  assert.equal(gone.isRemoved, true);
  assert.equal(fresh.name, 'in its place');
  assert.notStrictEqual(gone, fresh);
});

test('an id that is there already is refused, and nothing of the call is done', async (t) => {
  const all = await loaded(t);
  throwsMistake(() => all.events.add([{ id: 77 }, { id: 1 }]), 'DUPLICATE_ID');
  assert.equal(all.events.getById(77), undefined);
  throwsMistake(() => all.events.add([{ id: 78 }, { id: '78' }]), 'INVALID_ARGUMENT');
  assert.equal(all.events.count, 2);
  const [added] = all.events.add({ name: 'x' });
  throwsMistake(() => (added.id = 1), 'DUPLICATE_ID');
  all.events.remove(added);
  // The protocol has no words for a new id of a record that the server knows.
  throwsMistake(() => (all.events.getById(2).id = 3), 'INVALID_ARGUMENT');
  assert.equal(all.manager.changes, null);
  await stillWorks(all);
});

test('what is no record is refused by add and insert', async (t) => {
  const all = await loaded(t);
  for (const wrong of [null, undefined, 7, 'x', [null], [7], [[{ id: 9 }]]]) {
    throwsMistake(() => all.events.add(wrong), 'INVALID_ARGUMENT');
    throwsMistake(() => all.events.insert(0, wrong), 'INVALID_ARGUMENT');
  }
  throwsMistake(() => all.events.insert(-1, {}), 'INVALID_ARGUMENT');
  throwsMistake(() => all.events.insert(0.5, {}), 'INVALID_ARGUMENT');
  assert.equal(all.events.count, 2);
  assert.equal(all.manager.changes, null);
  await stillWorks(all);
});

test('values that can not be sent are refused, and nothing of the call is done', async (t) => {
  const all = await loaded(t);
  const record = all.events.getById(1);
  const circular = {};
  circular.self = circular;
  throwsMistake(() => record.set('name', () => {}), 'INVALID_ARGUMENT');
  throwsMistake(() => record.set({ name: 'half', note: Symbol('x') }), 'INVALID_ARGUMENT');
  throwsMistake(() => record.set({ name: 'half', note: circular }), 'INVALID_ARGUMENT');
  throwsMistake(() => record.set(null), 'INVALID_ARGUMENT');
  throwsMistake(() => record.set(7), 'INVALID_ARGUMENT');
  throwsMistake(() => all.events.add({ name: 'x', note: circular }), 'INVALID_ARGUMENT');
  assert.equal(record.name, 'Stand-up');
  assert.equal(all.manager.changes, null);
  await stillWorks(all);
});

test('odd values are taken as what JSON makes of them', async (t) => {
  const all = await loaded(t);
  const record = all.events.getById(1);
  record.set({
    a: Number.NaN,
    b: Number.POSITIVE_INFINITY,
    c: undefined,
    d: 10n ** 20n,
    e: '\ud800',
    f: -0,
  });
  assert.equal(record.get('a') ?? null, null);
  assert.equal(record.get('b') ?? null, null);
  assert.equal(record.get('c') ?? null, null);
  assert.equal(record.get('d'), '100000000000000000000');
  await all.manager.sync();
  assert.doesNotThrow(() => JSON.parse(all.server.syncs[0].text));
  await stillWorks(all);
});

test('ranges and positions that make no sense are refused or empty', async (t) => {
  const { events } = await loaded(t);
  throwsMistake(() => events.range('never', 'ever'), 'INVALID_ARGUMENT');
  assert.deepEqual(events.range(Date.UTC(2026, 3), Date.UTC(2026, 2)), []);
  assert.equal(events.getAt(-1), undefined);
  assert.equal(events.getAt(99), undefined);
  for (const wrong of [1.5, Number.NaN, '1', null, undefined, {}]) {
    throwsMistake(() => events.getAt(wrong), 'INVALID_ARGUMENT');
  }
  throwsMistake(() => events.move(404, 0), 'UNKNOWN_RECORD');
  throwsMistake(() => events.move(1, -1), 'INVALID_ARGUMENT');
  for (const id of [null, undefined, {}, '', Number.NaN, Symbol.iterator]) {
    assert.equal(events.getById(id), undefined);
  }
});

test('what is no function can not listen, what is no key can not be held', async (t) => {
  const listeners = { load: { fn: () => {}, once: true } };
  assert.doesNotThrow(() => new CrudManager({ crudStores: [], listeners }).destroy());
  const all = await loaded(t);
  const { manager, events } = all;
  for (const wrong of [5, null, undefined, {}, 'name']) {
    throwsMistake(() => events.subscribe(wrong), 'INVALID_ARGUMENT');
  }
  for (const wrong of [null, undefined, 5, {}]) {
    throwsMistake(() => events.hold(wrong), 'INVALID_ARGUMENT');
  }
  for (const emitter of [manager, events]) {
    throwsMistake(() => emitter.on('x'), 'INVALID_ARGUMENT');
    for (const wrong of [5, null, undefined, true]) {
      throwsMistake(() => emitter.on(wrong), 'INVALID_ARGUMENT');
      throwsMistake(() => emitter.un(wrong), 'INVALID_ARGUMENT');
    }
  }
  throwsMistake(() => (manager.onSync = 5), 'INVALID_ARGUMENT');
  throwsMistake(() => (events.onChange = {}), 'INVALID_ARGUMENT');
  manager.onSync = null;
  events.onChange = undefined;
  for (const transport of [5, null, { load: 5 }, { load: { headers: 5 } }]) {
    throwsMistake(() => (manager.transport = transport), 'INVALID_CONFIG');
  }
  await stillWorks(all);
});

test('headers and parameters that a function gives in another shape fail the request', async (t) => {
  for (const name of ['headers', 'params']) {
    const all = await loaded(t);
    const { manager, server } = all;
    const before = manager.transport;
    manager.transport = { load: { ...before.load, [name]: () => 'a: b' } };
    isMistake(await rejection(manager.load()), 'INVALID_CONFIG');
    assert.equal(server.loads.length, 1);
    manager.transport = before;
    await stillWorks(all);
  }
});

test('changesets and answers of a wrong shape are refused and change nothing', async (t) => {
  const all = await loaded(t);
  const { manager, events } = all;
  for (const wrong of ['no json', '[]', '{"events":']) {
    isMistake(
      thrownBy(() => manager.loadCrudManagerData(wrong)),
      'BAD_RESPONSE',
    );
  }
  for (const wrong of [null, 7, [], 'text']) {
    assert.ok(thrownBy(() => manager.applyChangeset(wrong)) instanceof SyncError);
  }
  manager.applyChangeset({ nowhere: { added: [{ id: 1 }] } });
  manager.applyChangeset({
    events: { updated: [{ id: 404, name: 'x' }], removed: [{ id: 405 }, null] },
  });
  assert.equal(events.getById(1).name, 'Stand-up');
  assert.equal(manager.changes, null);
  await stillWorks(all);
});

test('a listener of a store that throws stops nothing', async (t) => {
  const said = [];
  t.mock.method(console, 'error', (...words) => said.push(words));
  const all = await loaded(t);
  for (const name of ['add', 'update', 'change', 'beforeAdd', 'idChange']) {
    all.events.on(name, () => {
      throw new Error(name);
    });
  }
  all.events.subscribe(() => {
    throw new Error('subscriber');
  });
  await stillWorks(all);
  assert.ok(said.length >= 4);
});

test('Model objects of no store work, and a class is not called without new', () => {
  const model = new Model({ id: 1, name: 'x' });
  assert.equal(model.get('name'), 'x');
  assert.equal(model.isModified, false);
  assert.equal(model.store, undefined);
  assert.throws(() => Model({ id: 1 }), TypeError);
});

test('options that are no object, or lists that are none, are refused by name', () => {
  for (const Made of [Store, CrudManager]) {
    for (const options of [null, 5, 'events']) throwsMistake(() => new Made(options), 'INVALID_CONFIG');
  }
  throwsMistake(() => new Store({ fields: {} }), 'INVALID_CONFIG');
  throwsMistake(() => new CrudManager({ crudStores: 5 }), 'INVALID_CONFIG');
  throwsMistake(() => new CrudManager({ stores: {} }), 'INVALID_CONFIG');
});

test('a store whose constructor throws is not left behind', () => {
  for (const options of [{ data: '{' }, { listeners: { add: 5 } }]) {
    assert.ok(thrownBy(() => new Store({ id: 'half-made', ...options })) instanceof SyncError);
    assert.equal(Store.getStore('half-made'), undefined);
  }
});
