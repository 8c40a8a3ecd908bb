import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel, Store } from 'syncline';
import { loaded, next, recordEvents, storeOf } from './support/setup.mjs';

test('commit() declares changes to be confirmed, gives them, and can be vetoed', async (t) => {
  const { manager, events } = await loaded(t);
  const told = [];
  let veto = true;
  events.on('beforeCommit', ({ changes }) => {
    told.push(['before', changes.modified.length]);
    return !veto;
  });
  events.on('commit', ({ changes }) => told.push(['after', changes.modified.length]));
  assert.equal(events.commit(), null);
  const event = events.getById(1);
  event.name = 'A';
  assert.equal(events.commit(), null);
  assert.equal(event.isModified, true);
  veto = false;
  assert.deepEqual(events.commit().modified, [event]);
  assert.equal(event.isModified, false);
  assert.equal(manager.changes, null);
  assert.deepEqual(told, [
    ['before', 1],
    ['before', 1],
    ['after', 1],
  ]);
});

test('autoCommit commits every change by itself, but for the time that it is suspended', () => {
  const store = storeOf(['name', 'n'], [{ id: 1, name: 'a' }], { autoCommit: true });
  const commits = [];
  store.on('commit', ({ changes }) => commits.push(changes));
  const record = store.getById(1);
  record.set('name', 'b');
  assert.equal(record.isModified, false);
  const [added] = store.add({ name: 'c' });
  assert.equal(added.isPhantom, false);
  store.remove(record);
  assert.equal(store.changes, null);
  assert.deepEqual(
    commits.map(({ added: a, modified, removed }) => [a.length, modified.length, removed.length]),
    [
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
    ],
  );
  store.suspendAutoCommit();
  store.suspendAutoCommit();
  added.set({ name: 'd', n: 1 });
  store.resumeAutoCommit();
  assert.equal(added.isModified, true);
  store.resumeAutoCommit();
  assert.equal(added.isModified, false);
  assert.equal(commits.length, 4);
  store.beginBatch();
  added.set('name', 'e');
  added.set('name', 'f');
  store.endBatch();
  assert.equal(commits.length, 5);
  store.autoCommit = false;
  added.set('name', 'g');
  assert.equal(added.isModified, true);
  store.autoCommit = true;
  assert.equal(added.isModified, false);
});

test('while autoSync of its manager is suspended a store commits nothing by itself', async (t) => {
  const { manager, events } = await loaded(t, {
    stores: [new Store({ id: 'events', modelClass: EventModel, autoCommit: true })],
  });
  manager.suspendAutoSync();
  manager.suspendAutoSync();
  events.first.name = 'x';
  manager.resumeAutoSync();
  assert.equal(events.first.isModified, true);
  manager.resumeAutoSync();
  assert.equal(events.first.isModified, false);
  manager.suspendAutoSync();
  events.first.name = 'y';
  manager.resumeAutoSync(false);
  assert.equal(events.first.isModified, true);
});

test('while change tracking is suspended edits are what the server has', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  one.set('note', 'tracked');
  const told = [];
  events.on('change', ({ action }) => told.push(action));
  events.suspendChangeTracking();
  events.suspendChangeTracking();
  one.name = 'A';
  const [added] = events.add({ id: 77, name: 'new' });
  events.remove(two);
  events.resumeChangeTracking();
  assert.equal(events.isChangeTrackingSuspended, true);
  one.set({ location: 'here' });
  events.resumeChangeTracking();
  assert.equal(events.isChangeTrackingSuspended, false);
  assert.deepEqual(told, ['update', 'add', 'remove', 'update']);
  assert.equal(added.isPhantom, false);
  assert.equal(events.getById(2), undefined);
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, note: 'tracked' }] } });
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.events, { updated: [{ id: 1, note: 'tracked' }] });
  one.name = 'B';
  assert.equal(one.getUnmodified('name'), 'A');
  one.revertChanges();
  assert.equal(one.name, 'A');
});

test('what is changed can be had by field and as it goes out', () => {
  class Meeting extends EventModel {
    static fields = [
      { name: 'place', dataSource: 'where.room' },
      { name: 'code', alwaysWrite: true },
      { name: 'local', persist: false },
      { name: 'tags', serialize: (value) => value.join('+') },
    ];
  }
  const store = new Store({
    modelClass: Meeting,
    data: [{ id: 1, name: 'a', where: { room: 'x' }, code: 7, tags: ['p'] }],
  });
  const record = store.getById(1);
  assert.equal(record.modificationData, null);
  assert.equal(record.modificationDataToWrite, null);
  assert.equal(record.rawModifications, null);
  record.local = 'only here';
  assert.equal(record.isModified, true);
  assert.deepEqual(record.rawModifications, { local: 'only here' });
  assert.equal(record.modificationData, null);
  record.place = 'y';
  record.tags = ['p', 'q'];
  record.startDate = new Date(Date.UTC(2026, 2, 1));
  assert.deepEqual(record.modifications, {
    id: 1,
    local: 'only here',
    place: 'y',
    tags: ['p', 'q'],
    startDate: new Date(Date.UTC(2026, 2, 1)),
  });
  const data = {
    id: 1,
    startDate: '2026-03-01T00:00:00.000Z',
    where: { room: 'y' },
    tags: 'p+q',
  };
  assert.deepEqual(record.modificationData, data);
  assert.deepEqual(record.modificationDataToWrite, { ...data, code: 7 });
  assert.equal('local' in record.persistableData, false);
  assert.equal(record.persistableData.name, 'a');
  assert.equal(record.isPersistable, true);
  record.clearChanges();
  assert.equal(record.modifications, null);
});

test('batches of a record nest, and can be called off as a whole', () => {
  const store = storeOf(['name', 'n'], [{ id: 1, name: 'a', n: 1 }]);
  const record = store.getById(1);
  const told = [];
  store.on('update', ({ changes }) => told.push(Object.keys(changes)));
  record.beginBatch();
  record.set('name', 'b');
  record.beginBatch();
  record.set('n', 2);
  assert.equal(record.isBatchUpdating, true);
  assert.equal(record.isPersistable, false);
  record.endBatch();
  assert.deepEqual(told, []);
  assert.equal(record.get('n'), 2);
  record.endBatch();
  assert.deepEqual(told, [['name', 'n']]);
  record.beginBatch();
  record.beginBatch();
  record.set('name', 'c');
  record.cancelBatch();
  assert.equal(record.get('name'), 'b');
  record.beginBatch();
  record.set('name', 'd');
  record.endBatch();
  assert.equal(record.get('name'), 'd');
});

test('what is taken back or accepted in one record leaves the others alone', async (t) => {
  const { manager, events } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  one.name = 'A';
  two.name = 'B';
  one.revertChanges();
  assert.equal(one.name, 'Stand-up');
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 2, name: 'B' }] } });
  two.acceptChanges();
  assert.equal(two.name, 'B');
  assert.equal(manager.changes, null);
});

test('10,000 edits in one batch are one notification and one sync', async (t) => {
  const data = { events: Array.from({ length: 10_000 }, (_, i) => ({ id: i + 1, name: `e${i}` })) };
  const { server, manager, events } = await loaded(t, { data, autoSync: true, autoSyncTimeout: 5 });
  const told = [];
  for (const name of ['change', 'update', 'refresh']) events.on(name, () => told.push(name));
  let signals = 0;
  manager.on('hasChanges', () => signals++);
  const synced = next(manager, 'sync');
  events.beginBatch();
  events.forEach((record) => {
    record.name += '!';
  });
  events.endBatch();
  assert.deepEqual(told, ['refresh', 'change']);
  assert.equal(signals, 1);
  await synced;
  assert.equal(server.syncs.length, 1);
  assert.equal(server.syncs[0].pack.events.updated.length, 10_000);
  assert.equal(manager.changes, null);
  events.beginBatch();
  events.getById(1).name = 'x';
  events.remove(2);
  events.endBatch();
  assert.equal(events.getById(1).name, 'x');
  assert.equal(events.first.name, 'x');
  assert.equal(events.getAt(1).id, 3, 'what was not only set is read anew');
  manager.rejectChanges();
  assert.equal(events.getById(1).name, 'e0!');
  assert.equal(events.count, 10_000);
});

test('a record that is there for a trial is kept back until it is confirmed', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 1 });
  const heard = recordEvents(events, ['addConfirmed']);
  const [trial] = events.add({ name: 'trial' });
  trial.isCreating = true;
  assert.deepEqual([trial.isCreating, trial.isPersistable, trial.isHeldBack], [true, false, true]);
  events.first.name = 'goes out';
  await next(manager, 'sync');
  assert.equal(server.syncs.length, 1);
  assert.deepEqual(Object.keys(server.syncs[0].pack.events), ['updated']);
  trial.name = 'meant';
  assert.equal(await manager.sync(), null);
  const synced = next(manager, 'sync');
  trial.isCreating = false;
  assert.deepEqual(heard.of('addConfirmed').map(({ record }) => record), [trial]);
  await synced;
  assert.deepEqual(server.syncs[1].pack.events.added.map(({ name }) => name), ['meant']);
  assert.equal(trial.isPhantom, false);

  const made = new events.modelClass({ name: 'other' });
  made.isCreating = true;
  events.add(made);
  assert.equal(await manager.sync(), null);
  events.remove(made);
  made.isCreating = false;
  assert.equal(manager.changes, null);
});

test('a batch of a record is told as it grows, to who wants to follow', async (t) => {
  const { manager, events } = await loaded(t);
  const [record] = events.records;
  const heard = recordEvents(events, ['batchedUpdate', 'update']);
  record.beginBatch();
  record.name = 'a';
  record.set({ name: 'ab', allDay: true });
  assert.deepEqual(
    heard.of('batchedUpdate').map(({ changes }) => ({ ...changes })),
    [
      { name: { value: 'a', oldValue: 'Stand-up' } },
      { name: { value: 'ab', oldValue: 'a' }, allDay: { value: true, oldValue: undefined } },
    ],
  );
  assert.equal(record.name, 'Stand-up');
  assert.equal(manager.changes, null);
  record.cancelBatch();
  assert.equal(heard.names.includes('update'), false);
});

test('a record is not sent while a batch is open for it, whatever was changed before', async (t) => {
  for (const end of ['endBatch', 'cancelBatch']) {
    const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 1 });
    const [added] = events.add({ name: 'half' });
    added.beginBatch();
    added.beginBatch();
    events.first.name = 'goes out';
    await next(manager, 'sync');
    assert.deepEqual(Object.keys(server.syncs[0].pack.events), ['updated']);
    assert.equal(added.isPersistable, false);
    added.name = 'whole';
    if (end === 'endBatch') added.endBatch();
    assert.equal(await manager.sync(), null, 'one is still open');
    const synced = next(manager, 'sync');
    added.isCreating = true;
    added[end]();
    assert.equal(await manager.sync(), null, 'another reason');
    added.isCreating = false;
    await synced;
    const name = end === 'endBatch' ? 'whole' : 'half';
    assert.deepEqual(server.syncs[1].pack.events.added.map((row) => row.name), [name]);
    assert.equal(manager.changes, null);
    manager.destroy();
  }
});
