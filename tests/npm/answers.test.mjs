// What real servers answer, and what becomes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply, status } from './support/server.mjs';
import {
  loaded,
  next,
  recordEvents,
  rejection,
  setup,
  timersOf,
  when,
  within,
} from './support/setup.mjs';

const ONCE = { retry: { max: 0 } };

test('the words of the server are found wherever it puts them', async (t) => {
  const { server, manager } = await setup(t, ONCE);
  for (const [answer, expected] of [
    [{ success: false, message: 'in message' }, 'in message'],
    [{ success: false, error: 'in error' }, 'in error'],
    [{ success: false, detail: 'in detail' }, 'in detail'],
    [{ success: false, error: { message: 'deep' } }, 'deep'],
    [{ success: false, message: { name: ['too long', 'odd'] } }, 'name: too long, odd'],
    [{ success: false, errors: { name: ['is required'] } }, 'name: is required'],
    [reply({ status: 403, body: 'Forbidden', type: 'text/plain' }), 'Forbidden'],
  ]) {
    server.nextLoad(answer);
    assert.equal((await rejection(manager.load())).message, expected);
  }
});

test('any status from 200 to 299 is a success, any other is none, whatever the body says', async (t) => {
  const { server, manager } = await setup(t, ONCE);
  for (const code of [200, 201, 202, 203]) {
    server.nextLoad(status(code, { events: { rows: [] } }));
    assert.ok(await manager.load());
  }
  for (const code of [400, 401, 403, 410, 418, 502]) {
    server.nextLoad(status(code, { success: true, events: { rows: [{ id: 1 }] } }));
    assert.equal((await rejection(manager.load())).status, code);
  }
  assert.equal(manager.getStore('events').count, 0);
});

test('nothing of a failed answer is applied, neither ids nor rows nor the revision', async (t) => {
  const { server, manager, events } = await loaded(t, ONCE);
  const [added] = events.add({ name: 'new' });
  const { id: phantom } = added;
  const before = manager.revision;
  server.nextSync({
    success: false,
    message: 'rolled back',
    revision: 999,
    events: {
      rows: [
        { $PhantomId: phantom, id: 70 },
        { id: 1, name: 'half' },
      ],
      removed: [{ id: 2 }],
    },
  });
  await rejection(manager.sync());
  assert.equal(added.id, phantom);
  assert.equal(added.isPhantom, true);
  assert.equal(events.getById(1).name, 'Stand-up');
  assert.equal(events.count, 3);
  assert.equal(manager.revision, before);
});

test('the requestId of the answer may be a number, text, null or missing; another one is a warning', async (t) => {
  const { server, manager } = await setup(t);
  const warnings = recordEvents(manager, ['syncWarning']);
  for (const form of [(id) => id, (id) => String(id), () => null, () => undefined]) {
    server.nextLoad(({ pack }) => ({ success: true, requestId: form(pack.requestId) }));
    await manager.load();
  }
  assert.deepEqual(warnings.names, []);
  server.nextLoad({
    success: true,
    requestId: 'of another',
    events: { rows: [{ id: 8, name: 'x' }] },
  });
  await manager.load();
  assert.equal(warnings.names.length, 1);
  assert.equal(manager.getStore('events').first.name, 'x');
});

test('the revision may jump, go back, be text or be missing: the last one told counts', async (t) => {
  const { server, manager } = await loaded(t, { forceSync: true });
  const sent = [];
  for (const revision of [50, 'abc', 7, undefined]) {
    server.nextSync({ success: true, ...(revision !== undefined && { revision }) });
    await manager.sync();
    sent.push(server.syncs.at(-1).pack.revision);
  }
  assert.deepEqual(sent, [1, 50, 'abc', 7]);
  assert.equal(manager.revision, 7);
});

test('without a revision from the server none is sent', async (t) => {
  const { server, manager, events } = await setup(t);
  server.nextLoad({ events: { rows: [{ id: 1, name: 'a' }] } });
  await manager.load();
  assert.equal(manager.revision, null);
  events.first.name = 'b';
  await manager.sync();
  assert.ok(!('revision' in server.syncs[0].pack));
});

test('a minimal answer confirms everything, and so does one about other records', async (t) => {
  for (const answer of [
    { success: true },
    {},
    { events: { rows: [{ id: 2, name: 'other' }] } },
    { events: {} },
    { events: [] },
  ]) {
    const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 2 });
    server.nextSync(answer);
    const clean = next(manager, 'noChanges');
    events.getById(1).name = 'x';
    await clean;
    assert.equal(manager.changes, null, JSON.stringify(answer));
    await timersOf(t, 10);
    assert.equal(server.syncs.length, 1, JSON.stringify(answer));
  }
});

test('a whole row echoed after an update leaves its record clean', async (t) => {
  const { server, manager, events } = await loaded(t);
  events.getById(1).set({ name: '  padded ', allDay: true });
  server.nextSync(({ pack }) => {
    const [row] = pack.events.updated;
    const startDate = '2026-03-02T10:00:00+01:00';
    return {
      events: { rows: [{ ...row, id: '1', name: 'padded', allDay: 1, startDate, extra: null }] },
    };
  });
  await manager.sync();
  assert.equal(events.getById(1).name, 'padded');
  assert.equal(events.getById(1).allDay, true);
  assert.equal(manager.changes, null);
});

test('an answer may mix mapping rows, patches, new records and removals, in any order', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [a, b] = events.add([{ name: 'a' }, { name: 'b' }]);
  server.nextSync({
    events: {
      rows: [
        { id: 1, name: 'patched' },
        { name: 'b, by the server', id: 91, $PhantomId: b.id },
        { id: 92, name: 'from elsewhere' },
        null,
        { $PhantomId: a.id, id: 90 },
        { $PhantomId: 'of nobody', id: 93, name: 'of another client' },
      ],
      removed: [{ id: 2 }, { id: 404 }, null],
    },
  });
  await manager.sync();
  assert.deepEqual([a.id, b.id, b.name], [90, 91, 'b, by the server']);
  assert.equal(events.getById(1).name, 'patched');
  assert.equal(events.getById(2), undefined);
  assert.equal(events.getById(92).isPhantom, false);
  assert.equal(events.getById(93).isPhantom, false);
  assert.equal(manager.changes, null);
});

test('an answer that maps the same phantom twice makes one record', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [added] = events.add({ name: 'a' });
  const { id: phantom } = added;
  server.nextSync({ events: { rows: [{ $PhantomId: phantom, id: 90 }] } });
  await manager.sync();
  server.nextSync({ events: { rows: [{ $PhantomId: phantom, id: 90, name: 'again' }] } });
  manager.forceSync = true;
  await manager.sync();
  assert.equal(events.count, 3);
  assert.equal(added.name, 'again');
  assert.equal(manager.changes, null);
});

test('an id that the server gives twice is never two records', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [added] = events.add({ name: 'a' });
  server.nextSync({ success: true, events: { rows: [{ $PhantomId: added.id, id: 1 }] } });
  await manager.sync().catch(() => {});
  const ids = events.map(({ id }) => String(id));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(events.getById(1));
  await within(manager.load(), 'a load');
  assert.equal(events.getById(2).name, 'Planning');
});

test('a 404 under autoSync is told once per attempt and never loops', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 2 });
  server.syncWith(status(404, 'gone'));
  const heard = recordEvents(manager, ['syncFail']);
  const failed = next(manager, 'syncFail');
  events.getById(1).name = 'x';
  await failed;
  await timersOf(t, 25);
  assert.equal(server.syncs.length, 1);
  assert.equal(heard.names.length, 1);
  assert.equal(manager.status, 'failed');
  server.syncWith(undefined);
  await manager.sync();
  assert.equal(manager.status, 'saved');
});

test('what fails with 5xx is tried again by itself, more and more seldom, and not for ever', async (t) => {
  const { server, manager, events } = await loaded(t, {
    retry: { max: 3, base: 4, factor: 2, jitter: 0 },
  });
  server.syncWith(status(503));
  const waits = [];
  const given = new Promise((resolve) => {
    manager.on('syncFail', ({ retryIn }) => {
      waits.push(retryIn);
      if (retryIn === null) resolve();
    });
  });
  events.getById(1).name = 'x';
  await rejection(manager.sync());
  assert.equal(manager.status, 'retrying');
  await within(given, 'the last attempt');
  assert.deepEqual(waits, [4, 8, 16, null]);
  assert.equal(server.syncs.length, 4);
  assert.equal(manager.status, 'failed');
  assert.notEqual(manager.changes, null);
});

test('a refused record does not keep the others from being saved', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 2 });
  const refuse = ({ pack }, stub) => {
    const bad = (pack.events.updated ?? []).filter(({ name }) => name === 'bad');
    if (bad.length === 0) return stub.carryOut({ kind: 'sync', pack });
    const rows = bad.map(({ id }) => ({ id, success: false, error: 'bad name' }));
    return status(422, { success: false, rolledBack: true, message: 'no', events: { rows } });
  };
  server.syncWith(refuse);
  const refused = next(manager, 'recordSyncFail');
  events.getById(1).name = 'bad';
  events.getById(2).name = 'good';
  await refused;
  if (events.getById(2).isPending) {
    await when(manager, 'sync', () => !events.getById(2).isPending);
  }
  assert.equal(events.getById(1).syncError, 'bad name');
  assert.equal(events.getById(1).isPending, true);
  await timersOf(t, 20);
  const attempts = server.syncs.length;
  await timersOf(t, 20);
  assert.equal(server.syncs.length, attempts, 'it loops');
  events.getById(1).name = 'better';
  await next(manager, 'noChanges');
  assert.equal(events.getById(1).syncError, null);
});

test('a record that was refused has failed, whatever else is saved, until it is edited', async (t) => {
  const { server, manager, events } = await loaded(t);
  server.nextSync({ success: true, events: { rows: [{ id: 1, success: false, error: 'bad name' }] } });
  events.getById(1).name = 'bad';
  events.getById(2).name = 'good';
  await manager.sync();
  assert.deepEqual([manager.status, manager.pendingCount], ['failed', 1]);
  events.getById(1).name = 'better';
  assert.equal(manager.status, 'pending');
  await manager.sync();
  assert.equal(manager.status, 'saved');
});

test('a refusal whose edits all went back leaves nothing that failed', async (t) => {
  const { server, manager, events } = await loaded(t, { onRecordError: 'revert' });
  const rows = [{ id: 1, success: false, error: 'bad name' }];
  server.nextSync(status(422, { success: false, message: 'no', events: { rows } }));
  const heard = recordEvents(manager, ['syncFail', 'recordSyncFail']);
  events.getById(1).name = 'bad';
  await rejection(manager.sync());
  assert.deepEqual(heard.names, ['syncFail', 'recordSyncFail']);
  assert.equal(events.getById(1).syncError, 'bad name');
  assert.deepEqual([manager.changes, manager.status, manager.pendingCount], [null, 'saved', 0]);
});

test('answers that come in pieces of any size are put together', async (t) => {
  const { server, manager, events } = await setup(t);
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, name: `名前 ${id} – ä` }));
  const text = JSON.stringify({ success: true, events: { rows } });
  server.nextLoad(reply({ pieces: Buffer.from(text) }));
  await manager.load();
  assert.equal(events.count, 300);
  assert.equal(events.getById(299).name, '名前 299 – ä');
});

test('an answer can be read long after it came, also by those who did not look at it then', async (t) => {
  const { server, manager, events } = await loaded(t);
  const heard = [];
  const failed = [];
  manager.on('sync', (event) => heard.push(event));
  manager.on('syncFail', (event) => failed.push(event));
  const results = [];
  for (const name of ['a', 'b', 'c']) {
    events.getById(1).name = name;
    server.nextSync({ said: name });
    results.push(await manager.sync());
  }
  events.getById(1).name = 'd';
  server.nextSync({ success: false, message: 'no', said: 'd' });
  const error = await rejection(manager.sync());
  await manager.load();
  assert.deepEqual(heard.map(({ response }) => response.said), ['a', 'b', 'c']);
  assert.deepEqual(results.map(({ response }) => response.said), ['a', 'b', 'c']);
  assert.equal(failed[0].response.said, 'd');
  assert.equal(error.response.said, 'd');
  manager.destroy();
  assert.equal(heard[0].response.said, 'a');
  assert.equal(heard[2].rawResponse.status, 200);
});
