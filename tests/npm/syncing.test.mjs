import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, hangUp, status } from './support/server.mjs';
import {
  loaded,
  next,
  recordEvents,
  rejection,
  timersOf,
  watchRejections,
  within,
} from './support/setup.mjs';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

test('a sync is a POST of what has changed, and of nothing else', async (t) => {
  const { server, manager, events, assignments } = await loaded(t);
  events.getById(1).name = 'Renamed';
  const [added] = events.add({ name: 'New', startDate: new Date(Date.UTC(2026, 2, 4)) });
  const phantom = added.id;
  events.remove(events.getById(2));
  await manager.sync();
  const [{ method, headers, pack }] = server.syncs;
  assert.equal(method, 'POST');
  assert.match(headers['content-type'], /application\/json/);
  assert.equal(pack.type, 'sync');
  assert.ok(Number.isSafeInteger(pack.requestId));
  assert.deepEqual(pack.events.updated, [{ id: 1, name: 'Renamed' }]);
  assert.deepEqual(pack.events.removed, [{ id: 2 }]);
  const [row] = pack.events.added;
  assert.equal(row.$PhantomId, phantom);
  assert.match(String(phantom), UUID);
  assert.equal(row.name, 'New');
  assert.ok(!('id' in row));
  assert.equal(new Date(row.startDate).getTime(), Date.UTC(2026, 2, 4));
  assert.ok(!('resources' in pack));
  assert.equal(assignments.count, 1);
});

test('after a success everything is clean, and additions have their ids', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'New' });
  assert.equal(added.isPhantom, true);
  assert.equal(added.isPending, true);
  const { response, rawResponse } = await manager.sync();
  assert.equal(response.events.rows.length, 1);
  assert.ok(rawResponse instanceof Response);
  assert.equal(added.id, response.events.rows[0].id);
  assert.equal(added.isPhantom, false);
  assert.equal(added.isPending, false);
  assert.equal(added.isModified, false);
  assert.equal(manager.changes, null);
  assert.equal(manager.pendingCount, 0);
  assert.equal(manager.status, 'saved');
  assert.strictEqual(events.getById(added.id), added);
});

test('sync() with nothing to send resolves null and sends nothing', async (t) => {
  const { server, manager } = await loaded(t);
  assert.equal(await manager.sync(), null);
  assert.equal(server.syncs.length, 0);
});

test('forceSync sends also without changes, and can be switched at any time', async (t) => {
  const { server, manager } = await loaded(t);
  manager.forceSync = true;
  await manager.sync();
  assert.equal(server.syncs.length, 1);
  manager.forceSync = false;
  assert.equal(await manager.sync(), null);
  assert.equal(server.syncs.length, 1);
});

test('an edit back to what the server has is no change', async (t) => {
  const { server, manager, events } = await loaded(t);
  const record = events.getById(1);
  record.name = 'x';
  assert.equal(record.isModified, true);
  assert.equal(events.hasChanges, true);
  record.name = 'Stand-up';
  assert.equal(record.isModified, false);
  assert.equal(events.hasChanges, false);
  assert.equal(manager.changes, null);
  assert.equal(await manager.sync(), null);
  assert.equal(server.syncs.length, 0);
});

test('a record added and removed again appears nowhere', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'x' });
  events.remove(added);
  assert.equal(manager.changes, null);
  assert.equal(await manager.sync(), null);
});

test('an update and a removal of one record are a removal', async (t) => {
  const { server, manager, events } = await loaded(t);
  const record = events.getById(1);
  record.name = 'x';
  record.remove();
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.events, { removed: [{ id: 1 }] });
});

test('changes shows what a sync would send, and null when there is nothing', async (t) => {
  const { manager, events } = await loaded(t);
  assert.equal(manager.changes, null);
  events.getById(1).name = 'x';
  const [added] = events.add({ name: 'y' });
  const { changes } = manager;
  assert.deepEqual(Object.keys(changes), ['events']);
  assert.deepEqual(changes.events.updated, [{ id: 1, name: 'x' }]);
  assert.equal(changes.events.added[0].$PhantomId, added.id);
  assert.equal(manager.crudStoreHasChanges('events'), true);
  assert.equal(manager.crudStoreHasChanges(events), true);
  assert.equal(manager.crudStoreHasChanges('resources'), false);
  assert.equal(manager.crudStoreHasChanges(), true);
});

test('autoSync sends the changes of a burst in one request', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 25 });
  const done = next(manager, 'sync');
  const record = events.getById(1);
  record.name = 'a';
  record.name = 'ab';
  await Promise.resolve();
  events.getById(2).name = 'c';
  record.name = 'abc';
  await done;
  assert.equal(server.syncs.length, 1);
  assert.deepEqual(server.syncs[0].pack.events.updated, [
    { id: 1, name: 'abc' },
    { id: 2, name: 'c' },
  ]);
});

test('every edit starts the wait of autoSync anew', async (t) => {
  const wait = 120;
  const { manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: wait });
  let last;
  const waited = next(manager, 'beforeSync').then(() => performance.now() - last);
  for (let i = 0; i < 4; i++) {
    await timersOf(t, 30);
    events.getById(1).name = `edit ${i}`;
    last = performance.now();
  }
  const ms = await waited;
  // Timers of a host may be early by a part of a millisecond.
  assert.ok(ms >= wait - 2, `sent ${ms} ms after the edit before it`);
});

test('what changes while a sync runs goes out by itself afterwards', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'first';
  await answer.asked;
  events.getById(1).name = 'second';
  assert.equal(server.syncs.length, 1);
  answer.answer({ success: true });
  const { pack } = await within(server.request('sync', 2), 'the second sync');
  assert.deepEqual(pack.events.updated, [{ id: 1, name: 'second' }]);
  assert.equal(events.getById(1).name, 'second');
});

test('an edit made during a sync keeps only that edit dirty', async (t) => {
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  const record = events.getById(1);
  record.name = 'sent';
  const sync = manager.sync();
  await answer.asked;
  record.set('location', 'Room 1');
  answer.answer({ events: { rows: [{ id: 1, name: 'as the server has it' }] } });
  await sync;
  assert.equal(record.name, 'as the server has it');
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, location: 'Room 1' }] } });
});

test('a record added during a sync stays to be sent, the one on the wire gets its id', async (t) => {
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  const [first] = events.add({ name: 'first' });
  const phantom = first.id;
  const sync = manager.sync();
  await answer.asked;
  const [second] = events.add({ name: 'second' });
  first.name = 'first, edited';
  answer.answer({ events: { rows: [{ $PhantomId: phantom, id: 77 }] } });
  await sync;
  assert.equal(first.id, 77);
  assert.equal(second.isPhantom, true);
  assert.deepEqual(manager.changes.events.updated, [{ id: 77, name: 'first, edited' }]);
  assert.equal(manager.changes.events.added.length, 1);
});

test('an addition that is removed while it is on the wire is removed on the server next', async (t) => {
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  const [added] = events.add({ name: 'x' });
  const phantom = added.id;
  const sync = manager.sync();
  await answer.asked;
  events.remove(added);
  answer.answer({ events: { rows: [{ $PhantomId: phantom, id: 78 }] } });
  await sync;
  assert.equal(events.getById(78), undefined);
  assert.deepEqual(manager.changes, { events: { removed: [{ id: 78 }] } });
});

test('calls of sync() during a sync become one follow-up, made when it starts', async (t) => {
  const { server, manager, events } = await loaded(t);
  const heard = recordEvents(manager, ['syncDelayed']);
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'a';
  const first = manager.sync();
  await answer.asked;
  events.getById(1).name = 'b';
  const second = manager.sync();
  const third = manager.sync();
  events.getById(2).name = 'c';
  answer.answer({ success: true });
  const results = await within(Promise.all([first, second, third]), 'all three');
  assert.equal(heard.names.length, 2);
  assert.equal(server.syncs.length, 2);
  assert.deepEqual(server.syncs[1].pack.events.updated, [
    { id: 1, name: 'b' },
    { id: 2, name: 'c' },
  ]);
  assert.equal(results[1].response.requestId, results[2].response.requestId);
});

test('a follow-up runs also after a sync that failed', async (t) => {
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'a';
  const first = rejection(manager.sync());
  await answer.asked;
  const second = manager.sync();
  answer.answer({ success: false, message: 'not now' });
  assert.equal((await first).message, 'not now');
  await within(second, 'the follow-up');
  assert.deepEqual(server.syncs[1].pack.events.updated, [{ id: 1, name: 'a' }]);
  assert.equal(manager.changes, null);
});

test('suspended autoSync sends nothing until as many resumes have come', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  manager.suspendAutoSync();
  manager.suspendAutoSync();
  events.getById(1).name = 'a';
  manager.resumeAutoSync();
  await timersOf(t, 25);
  assert.equal(server.syncs.length, 0);
  const done = next(manager, 'sync');
  manager.resumeAutoSync();
  await done;
  assert.equal(server.syncs.length, 1);
});

test('resumeAutoSync(false) leaves what has gathered for the next change', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  manager.suspendAutoSync();
  events.getById(1).name = 'a';
  manager.resumeAutoSync(false);
  await timersOf(t, 25);
  assert.equal(server.syncs.length, 0);
  const done = next(manager, 'sync');
  events.getById(2).name = 'b';
  await done;
  assert.equal(server.syncs[0].pack.events.updated.length, 2);
});

test('autoSync can be switched on and off at any time', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSyncTimeout: 5 });
  events.getById(1).name = 'a';
  const done = next(manager, 'sync');
  manager.autoSync = true;
  assert.equal(manager.autoSync, true);
  await done;
  manager.autoSync = false;
  events.getById(1).name = 'b';
  await timersOf(t, 25);
  assert.equal(server.syncs.length, 1);
});

test('what the server changes is clean and is not sent back', async (t) => {
  const { server, manager, events } = await loaded(t);
  events.getById(1).name = 'x';
  server.nextSync({
    events: {
      rows: [
        { id: 2, name: 'by the server' },
        { id: 50, name: 'new on the server' },
      ],
      removed: [],
    },
  });
  await manager.sync();
  assert.equal(events.getById(2).name, 'by the server');
  assert.equal(events.getById(50).isPhantom, false);
  assert.equal(manager.changes, null);
  assert.equal(await manager.sync(), null);
});

test('what the server removed goes, also when it was never heard of', async (t) => {
  const { server, manager, events } = await loaded(t, { forceSync: true });
  server.nextSync({ events: { removed: [{ id: '2' }, { id: 404 }] } });
  await manager.sync();
  assert.equal(events.getById(2), undefined);
  assert.equal(events.count, 1);
  assert.equal(manager.changes, null);
});

test('an addition that the answer does not mention stays to be sent, and a warning says so', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [added] = events.add({ name: 'forgotten' });
  const heard = recordEvents(manager, ['syncWarning']);
  server.nextSync({ success: true });
  await manager.sync();
  assert.equal(added.isPhantom, true);
  assert.notEqual(manager.changes, null);
  assert.equal(heard.names.length, 1);
  await manager.sync();
  assert.equal(added.isPhantom, false);
});

test('a refused record keeps its edit and says why, the others are saved', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  one.name = 'refused';
  two.name = 'accepted';
  const failed = next(manager, 'recordSyncFail');
  server.nextSync({
    success: false,
    message: 'Validation failed',
    events: {
      rows: [
        { id: 1, success: false, error: 'No approval' },
        { id: 2, success: true },
      ],
    },
  });
  const error = await rejection(manager.sync());
  assert.equal(error.message, 'Validation failed');
  const { record, message, reverted } = await failed;
  assert.strictEqual(record, one);
  assert.deepEqual([message, reverted], ['No approval', false]);
  assert.equal(one.syncError, 'No approval');
  assert.equal(one.name, 'refused');
  assert.equal(two.isModified, false);
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, name: 'refused' }] } });
});

test("with onRecordError 'revert' a refused record goes back, and a refused removal comes back", async (t) => {
  const { server, manager, events } = await loaded(t, { onRecordError: 'revert' });
  const [one, two] = [events.getById(1), events.getById(2)];
  one.name = 'refused';
  two.remove();
  server.nextSync({
    success: true,
    events: {
      rows: [
        { id: 1, success: false, error: 'no' },
        { id: 2, success: false, error: 'no' },
      ],
    },
  });
  const heard = recordEvents(manager, ['recordSyncFail']);
  await manager.sync();
  assert.equal(one.name, 'Stand-up');
  assert.ok(events.getById(2));
  assert.deepEqual(
    heard.of('recordSyncFail').map(({ reverted }) => reverted),
    [true, true],
  );
  assert.equal(manager.changes, null);
});

test('rejectChanges takes everything back, and noChanges says so', async (t) => {
  const { manager, events } = await loaded(t);
  const order = events.map(({ id }) => id);
  const standUp = events.getById(1);
  standUp.set({ name: 'x', startDate: new Date(0) });
  events.add({ name: 'y' });
  events.remove(events.getById(2));
  const heard = recordEvents(manager, ['noChanges']);
  manager.rejectChanges();
  assert.deepEqual(
    events.map(({ id }) => id),
    order,
  );
  assert.equal(standUp.name, 'Stand-up');
  assert.equal(standUp.startDate.getTime(), Date.UTC(2026, 2, 2, 9));
  assert.equal(manager.changes, null);
  assert.deepEqual(heard.names, ['noChanges']);
  manager.revertChanges();
  assert.deepEqual(heard.names, ['noChanges']);
});

test('acceptChanges declares everything to be confirmed', async (t) => {
  const { server, manager, events } = await loaded(t);
  events.getById(1).name = 'x';
  const heard = recordEvents(manager, ['noChanges']);
  manager.acceptChanges();
  assert.equal(events.getById(1).name, 'x');
  assert.equal(manager.changes, null);
  assert.deepEqual(heard.names, ['noChanges']);
  assert.equal(await manager.sync(), null);
  assert.equal(server.syncs.length, 0);
});

test('applyChangeset writes what the server has: nothing is sent, edits stay', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  manager.suspendAutoSync();
  events.getById(1).name = 'mine';
  manager.applyChangeset({
    events: {
      added: [{ id: 60, name: 'theirs' }],
      updated: [{ id: 1, location: 'Room 9' }],
      removed: [{ id: 2 }],
    },
  });
  assert.equal(events.getById(1).name, 'mine');
  assert.equal(events.getById(1).get('location'), 'Room 9');
  assert.equal(events.getById(60).isPhantom, false);
  assert.equal(events.getById(2), undefined);
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, name: 'mine' }] } });
  manager.resumeAutoSync();
  await within(server.request('sync', 1), 'the sync of the edit');
  assert.deepEqual(Object.keys(server.syncs[0].pack.events), ['updated']);
});

test('applyChangeset takes `modified` for `updated`, and an answer that comes twice is one record', async (t) => {
  const { manager, events } = await loaded(t);
  manager.applyChangeset({ events: { modified: [{ id: 1, name: 'm' }] } });
  assert.equal(events.getById(1).name, 'm');
  const twice = { events: { added: [{ $PhantomId: 'p-1', id: 61, name: 'once' }] } };
  manager.applyChangeset(twice);
  manager.applyChangeset(twice);
  assert.equal(events.count, 3);
  assert.equal(manager.changes, null);
});

test('autoSync that fails keeps the changes and leaves no unhandled rejection', async (t) => {
  const unhandled = watchRejections(t);
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  server.nextSync({ success: false, message: 'no' });
  const failed = next(manager, 'syncFail');
  events.getById(1).name = 'kept';
  await failed;
  await timersOf(t, 20);
  assert.deepEqual(unhandled, []);
  assert.equal(events.getById(1).name, 'kept');
  assert.notEqual(manager.changes, null);
  assert.equal(manager.status, 'failed');
  // A definite refusal isn't repeated by itself; the next edit sends both.
  assert.equal(server.syncs.length, 1);
  const done = next(manager, 'sync');
  events.getById(2).name = 'too';
  await done;
  assert.equal(server.syncs[1].pack.events.updated.length, 2);
});

test('an unknown outcome is repeated with the same requestId and the same package', async (t) => {
  const { server, manager, events } = await loaded(t, { retry: { base: 5, jitter: 0 } });
  server.nextSync(status(503), hangUp());
  events.getById(1).name = 'x';
  const heard = recordEvents(manager, ['syncFail']);
  const error = await rejection(manager.sync());
  assert.equal(error.retryable, true);
  events.getById(2).name = 'edited meanwhile';
  await within(server.request('sync', 3), 'the third attempt');
  const [first, second, third] = server.syncs;
  assert.equal(second.text, first.text);
  assert.equal(third.text, first.text);
  assert.equal(heard.names.length, 2);
  await manager.sync();
  assert.deepEqual(server.syncs.at(-1).pack.events.updated, [{ id: 2, name: 'edited meanwhile' }]);
  assert.equal(manager.changes, null);
});

test('additions of unknown outcome are sent again only where the server deduplicates', async (t) => {
  const retry = { base: 5, jitter: 0 };
  const safe = await loaded(t, { retry, idempotentSync: true });
  safe.server.nextSync(status(503));
  const [added] = safe.events.add({ name: 'once' });
  await rejection(safe.manager.sync());
  await within(safe.server.request('sync', 2), 'the second attempt');
  assert.equal(safe.server.syncs[1].text, safe.server.syncs[0].text);
  await safe.manager.sync();
  assert.equal(added.isPhantom, false);

  const unsafe = await loaded(t, { retry });
  unsafe.server.nextSync(status(503));
  const uncertain = next(unsafe.manager, 'syncUncertain');
  const [doubtful] = unsafe.events.add({ name: 'perhaps twice' });
  await rejection(unsafe.manager.sync());
  const { records } = await uncertain;
  assert.deepEqual(records, [doubtful]);
  assert.equal(unsafe.server.syncs.length, 1);
  assert.equal(doubtful.isPhantom, true);
  await unsafe.manager.sync();
  assert.equal(unsafe.server.syncs.length, 2);
  assert.equal(doubtful.isPhantom, false);
});

test('status goes through saving and back, and counts what is pending', async (t) => {
  const { server, manager, events } = await loaded(t);
  const told = [];
  manager.on('status', ({ status: now, pending }) => {
    told.push([now, pending]);
  });
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'x';
  assert.deepEqual([manager.status, manager.pendingCount], ['pending', 1]);
  const sync = manager.sync();
  await answer.asked;
  assert.deepEqual([manager.status, manager.isSyncing], ['saving', true]);
  assert.equal(manager.isCrudManagerSyncing, true);
  answer.answer({ success: true });
  await sync;
  assert.deepEqual(told, [
    ['pending', 1],
    ['saving', 1],
    ['saved', 0],
  ]);
  assert.equal(manager.isSyncing, false);
});
