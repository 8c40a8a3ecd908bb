// Which events come, in which order, with what; and what listeners can do by them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from 'syncline';
import { raw, status } from './support/server.mjs';
import {
  SAMPLE,
  loaded,
  muteConsole,
  next,
  recordEvents,
  rejection,
  setup,
  timersOf,
  within,
} from './support/setup.mjs';

// --- order and payloads ---------------------------------------------------------------------

test('a load tells its events in their order', async (t) => {
  const { manager } = await setup(t);
  const heard = recordEvents(manager);
  const load = manager.load().then(() => heard.heard.push(['settled']));
  await load;
  assert.deepEqual(heard.names, [
    'beforeLoad',
    'loadStart',
    'beforeSend',
    'beforeResponseApply',
    'beforeLoadApply',
    'requestDone',
    'load',
    'settled',
  ]);
});

test('a sync tells its events in their order, noChanges before the promise settles', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(manager);
  events.getById(1).name = 'x';
  await manager.sync().then(() => heard.heard.push(['settled']));
  assert.deepEqual(heard.names, [
    'hasChanges',
    'beforeSync',
    'syncStart',
    'beforeSend',
    'beforeResponseApply',
    'beforeSyncApply',
    'requestDone',
    'sync',
    'noChanges',
    'settled',
  ]);
});

test('a failure tells requestFail, then the specific event, then the promise rejects', async (t) => {
  const { server, manager, events } = await loaded(t);
  events.getById(1).name = 'x';
  for (const [kind, specific] of [
    ['Sync', 'syncFail'],
    ['Load', 'loadFail'],
  ]) {
    const heard = recordEvents(manager, ['requestFail', specific, 'requestDone']);
    server[`next${kind}`]({ success: false, message: 'no' });
    const call = manager[kind.toLowerCase()]();
    await call.then(
      () => assert.fail('it resolved'),
      () => heard.heard.push(['settled']),
    );
    assert.deepEqual(heard.names, ['requestFail', specific, 'settled']);
  }
});

test('the events of a load carry what they promise', async (t) => {
  const { manager } = await setup(t);
  const heard = recordEvents(manager);
  await manager.load();
  const of = (name) => heard.of(name)[0];
  for (const [name, event] of heard.heard) {
    assert.equal(event.type, name === 'beforeSend' ? 'load' : name);
    assert.strictEqual(event.source, manager, name);
  }
  assert.equal(of('beforeLoad').pack.type, 'load');
  const { crudManager, params, requestType, requestConfig } = of('beforeSend');
  assert.strictEqual(crudManager, manager);
  assert.equal(requestType, 'load');
  assert.equal(typeof params, 'object');
  assert.match(requestConfig.url, /\/load/);
  assert.equal(typeof requestConfig.headers, 'object');
  assert.equal(of('beforeResponseApply').requestType, 'load');
  assert.equal(of('requestDone').requestType, 'load');
  for (const name of ['beforeResponseApply', 'beforeLoadApply', 'requestDone', 'load']) {
    assert.equal(of(name).response.events.rows.length, 2, name);
  }
  for (const name of ['requestDone', 'load']) {
    assert.ok(of(name).rawResponse instanceof Response, name);
    const { method, url, headers } = of(name).requestOptions;
    assert.deepEqual([method, headers.Accept], ['GET', 'application/json'], name);
    assert.match(url, /\/load/);
  }
});

test('the events of a failure carry the response, its text, the raw response and the error', async (t) => {
  const { server, manager } = await setup(t);
  const heard = recordEvents(manager, ['requestFail', 'loadFail']);
  server.nextLoad(status(422, { success: false, message: 'bad', code: 17 }));
  const error = await rejection(manager.load());
  for (const [, event] of heard.heard) {
    assert.equal(event.response.code, 17);
    assert.match(event.responseText, /"message":"bad"/);
    assert.ok(event.rawResponse instanceof Response);
    assert.equal(event.rawResponse.status, 422);
    assert.ok(event.error instanceof SyncError);
    assert.equal(event.error.message, 'bad');
  }
  assert.equal(heard.of('requestFail')[0].requestType, 'load');
  assert.equal(error.response.code, 17);
  assert.equal(error.rawResponse.status, 422);
  assert.deepEqual([error.code, error.status], ['HTTP', 422]);
});

test('hasChanges comes with every change while dirty, noChanges on the way back only', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(manager, ['hasChanges', 'noChanges']);
  const record = events.getById(1);
  record.name = 'a';
  record.name = 'a';
  record.set({ name: 'b', location: 'c' });
  assert.deepEqual(heard.names, ['hasChanges', 'hasChanges']);
  record.set({ name: 'Stand-up', location: null });
  record.revertChanges();
  assert.equal(heard.names.at(-1), 'noChanges');
  heard.forget();
  manager.rejectChanges();
  await manager.load();
  assert.deepEqual(heard.names, []);
});

// --- vetoes ---------------------------------------------------------------------------------

for (const [how, no] of [
  ['at once', () => false],
  ['later', async () => false],
]) {
  test(`beforeLoad can veto ${how}: nothing is sent, loadCanceled, a rejection`, async (t) => {
    const { server, manager } = await setup(t);
    manager.on('beforeLoad', no);
    const heard = recordEvents(manager, ['loadCanceled', 'loadFail', 'loadStart']);
    const error = await rejection(manager.load());
    assert.deepEqual([error.code, error.cancelled], ['VETOED', true]);
    assert.deepEqual(heard.names, ['loadCanceled']);
    assert.equal(heard.of('loadCanceled')[0].pack.type, 'load');
    assert.equal(server.requests.length, 0);
    assert.equal(manager.isLoading, false);
  });

  test(`beforeSync can veto ${how}: changes stay and can be sent later`, async (t) => {
    const { server, manager, events } = await loaded(t);
    events.getById(1).name = 'x';
    const off = manager.on('beforeSync', no);
    const heard = recordEvents(manager, ['syncCanceled', 'syncFail', 'syncStart', 'noChanges']);
    const error = await rejection(manager.sync());
    assert.deepEqual([error.code, error.cancelled], ['VETOED', true]);
    assert.deepEqual(heard.names, ['syncCanceled']);
    assert.equal(heard.of('syncCanceled')[0].pack.type, 'sync');
    assert.equal(events.getById(1).isModified, true);
    off();
    await manager.sync();
    assert.equal(server.syncs.length, 1);
    assert.equal(manager.changes, null);
  });

  for (const event of ['beforeResponseApply', 'beforeLoadApply']) {
    test(`${event} can veto ${how}: what is there stays as it is`, async (t) => {
      const { server, manager, events } = await loaded(t);
      const off = manager.on(event, no);
      server.nextLoad({ events: { rows: [{ id: 9, name: 'vetoed' }] } });
      const error = await rejection(manager.load());
      assert.equal(error.cancelled, true);
      assert.equal(events.count, 2);
      assert.equal(manager.isLoading, false);
      off();
      await manager.load();
      assert.equal(events.count, 2);
    });
  }

  test(`beforeSyncApply can veto ${how}: the edits are not lost`, async (t) => {
    const { manager, events } = await loaded(t, { retry: { base: 5, jitter: 0 } });
    events.getById(1).name = 'x';
    const off = manager.on('beforeSyncApply', no);
    const error = await rejection(manager.sync());
    assert.equal(error.cancelled, true);
    assert.equal(manager.isSyncing, false);
    assert.equal(events.getById(1).name, 'x');
    assert.notEqual(manager.changes, null);
    off();
    await manager.sync();
    assert.equal(manager.changes, null);
    assert.equal(events.getById(1).name, 'x');
  });

  test(`a veto ${how} under autoSync leaves no unhandled rejection`, async (t) => {
    const unhandled = [];
    const note = (reason) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    t.after(() => process.off('unhandledRejection', note));
    const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
    manager.on('beforeSync', no);
    const canceled = next(manager, 'syncCanceled');
    events.getById(1).name = 'x';
    await canceled;
    await timersOf(t, 20);
    assert.deepEqual(unhandled, []);
    assert.equal(server.syncs.length, 0);
    assert.notEqual(manager.changes, null);
  });
}

test('the engine waits for a listener that takes its time', async (t) => {
  const { server, manager } = await setup(t);
  let proceed;
  const asked = new Promise((resolve) => {
    manager.on('beforeLoad', () => {
      resolve();
      return new Promise((answer) => (proceed = answer));
    });
  });
  const load = manager.load();
  await asked;
  await timersOf(t, 10);
  assert.equal(server.requests.length, 0);
  proceed();
  await load;
  assert.equal(server.loads.length, 1);
});

test('a listener that answers only after destroy is no longer heard', async (t) => {
  const { server, manager } = await setup(t);
  let proceed;
  manager.on('beforeLoad', () => new Promise((answer) => (proceed = answer)));
  const rejected = rejection(manager.load());
  await timersOf(t, 1);
  manager.destroy();
  assert.equal((await rejected).cancelled, true);
  proceed(true);
  await timersOf(t, 10);
  assert.equal(server.requests.length, 0);
});

// --- packs, requests and responses in the hands of listeners --------------------------------

test('what a listener does to the pack is what goes out', async (t) => {
  const { server, manager, events } = await setup(t);
  manager.on({
    beforeLoad({ pack }) {
      pack.extra = { user: 'Zoë' };
    },
    beforeSync({ pack }) {
      pack.revision = 4711;
    },
  });
  await manager.load();
  assert.deepEqual(server.loads[0].pack.extra, { user: 'Zoë' });
  events.getById(1).name = 'x';
  await manager.sync();
  assert.equal(server.syncs[0].pack.revision, 4711);
});

test('beforeSend may change the request, also after a while', async (t) => {
  const { server, manager } = await setup(t);
  manager.on('beforeSend', async ({ requestConfig, requestType, params }) => {
    await Promise.resolve();
    requestConfig.headers = {
      ...requestConfig.headers,
      Authorization: 'Bearer abc',
      'X-Request-Type': requestType,
    };
    params.team = 'blue';
  });
  await manager.load();
  const [{ headers, query }] = server.loads;
  assert.equal(headers.authorization, 'Bearer abc');
  assert.equal(headers['x-request-type'], 'load');
  assert.equal(query.get('team'), 'blue');
});

test('the response is an object like any other: keys, JSON, spread, in', async (t) => {
  const { manager } = await setup(t);
  const loadEvent = next(manager, 'load');
  await manager.load();
  const { response } = await loadEvent;
  const names = ['success', 'requestId', 'revision', 'events', 'resources', 'assignments'];
  assert.deepEqual(Object.keys(response), names);
  const copy = JSON.parse(JSON.stringify(response));
  assert.deepEqual(copy.events.rows, SAMPLE.events);
  assert.deepEqual({ ...response }, copy);
  assert.ok('events' in response);
  assert.ok(!('zebra' in response));
  assert.equal(response.zebra?.rows, undefined);
  assert.equal(response.events.rows.map(({ name }) => name).join(), 'Stand-up,Planning');
});

test('a response that nobody looks at is never parsed', async (t) => {
  const { manager, events } = await setup(t);
  recordEvents(manager);
  const parse = t.mock.method(JSON, 'parse');
  const result = await manager.load();
  const ofAnswer = () => parse.mock.calls.filter(({ arguments: [text] }) => /"rows"/.test(text));
  assert.equal(events.first.name, 'Stand-up');
  assert.equal(ofAnswer().length, 0);
  assert.equal(result.response.events.rows.length, 2);
  assert.equal(result.response, result.response);
  assert.equal(ofAnswer().length, 1);
});

test('all events of one request show the same response object', async (t) => {
  const { manager } = await setup(t);
  const heard = recordEvents(manager);
  const { response } = await manager.load();
  const shown = heard.heard.map(([, event]) => event.response).filter(Boolean);
  assert.ok(shown.length >= 4);
  for (const one of shown) assert.strictEqual(one, response);
});

test('what a listener does to the response in beforeLoadApply is what gets applied', async (t) => {
  const { manager, events } = await setup(t);
  manager.on('beforeLoadApply', ({ response }) => {
    response.events.rows = response.events.rows.map((row) => ({
      ...row,
      name: row.name.toUpperCase(),
    }));
    response.revision = 99;
  });
  await manager.load();
  assert.deepEqual(
    events.map(({ name }) => name),
    ['STAND-UP', 'PLANNING'],
  );
  assert.equal(manager.revision, 99);
  assert.equal(manager.changes, null);
});

test('what a listener does deep inside of the response is applied too', async (t) => {
  const { manager, events } = await setup(t);
  manager.on('beforeLoadApply', ({ response }) => {
    response.events.rows[0].name = 'changed in place';
    response.events.rows.push({ id: 3, name: 'pushed' });
    delete response.resources;
  });
  await manager.load();
  assert.deepEqual(
    events.map(({ name }) => name),
    ['changed in place', 'Planning', 'pushed'],
  );
});

test('what a listener does to the response in beforeSyncApply is what gets applied', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'x' });
  manager.on('beforeSyncApply', async ({ response }) => {
    await Promise.resolve();
    response.events.rows[0].id = 4321;
    response.events.rows[0].name = 'by the listener';
  });
  await manager.sync();
  assert.equal(added.id, 4321);
  assert.equal(added.name, 'by the listener');
  assert.equal(manager.changes, null);
});

test('a listener may make a refusal of a success', async (t) => {
  const { manager, events } = await loaded(t);
  events.getById(1).name = 'x';
  manager.on(
    'beforeResponseApply',
    ({ response }) => {
      response.success = false;
      response.message = 'refused by a listener';
    },
    { once: true },
  );
  const error = await rejection(manager.sync());
  assert.equal(error.message, 'refused by a listener');
  assert.deepEqual(manager.changes.events.updated, [{ id: 1, name: 'x' }]);
});

test('a response that a listener makes unusable fails and changes nothing', async (t) => {
  const { manager, events } = await loaded(t, { retry: { max: 0 } });
  const off = manager.on('beforeLoadApply', ({ response }) => {
    response.events.rows = [];
    response.self = response;
  });
  muteConsole(t);
  const error = await rejection(manager.load());
  assert.ok(error instanceof SyncError);
  assert.equal(events.count, 2);
  off();
  await manager.load();
  assert.equal(events.count, 2);
});

for (const [what, spoil] of [
  ['circular', (pack) => (pack.self = pack)],
  ['something that JSON has no words for', (pack) => (pack.big = 10n)],
]) {
  test(`a pack that a listener makes ${what} does not leave the sync stuck`, async (t) => {
    muteConsole(t);
    const { server, manager, events } = await loaded(t, { retry: { max: 0 } });
    const off = manager.on('beforeSync', ({ pack }) => {
      spoil(pack);
    });
    events.getById(1).name = 'x';
    const outcome = manager.sync().then(
      () => 'sent',
      (error) => error,
    );
    const result = await within(outcome, 'an end of the sync');
    assert.ok(result === 'sent' || result instanceof SyncError);
    off();
    await within(manager.sync(), 'the next sync');
    assert.equal(manager.changes, null);
    assert.equal(server.syncs[0].pack.events.updated[0].name, 'x');
  });
}

test('the raw response has its status and headers, and tells who asks for its body', async (t) => {
  const { server, manager } = await setup(t);
  server.nextLoad(raw('{"success":true}', { type: 'application/json; charset=utf-8' }));
  const { rawResponse } = await manager.load();
  assert.ok(rawResponse instanceof Response);
  assert.equal(rawResponse.status, 200);
  assert.equal(rawResponse.ok, true);
  assert.match(rawResponse.headers.get('content-type'), /^application\/json/);
});
