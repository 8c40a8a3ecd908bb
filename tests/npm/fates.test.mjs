import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, status } from './support/server.mjs';
import { loaded, rejection, storeOf, watchRejections, within } from './support/setup.mjs';

const refuse = () => status(422, { success: false, message: 'no' });

test('settled() resolves when all so far is confirmed, and rejects with the reason', async (t) => {
  const { server, manager, events } = await loaded(t);
  const event = events.getById(1);
  await within(event.settled(), 'a clean record');
  event.name = 'A';
  const first = event.settled();
  await manager.sync();
  await within(first, 'the first edit');
  event.name = 'B';
  const second = manager.settled(event);
  server.syncWith(refuse());
  await rejection(manager.sync());
  const error = await rejection(second);
  assert.equal(error.code, 'HTTP');
  assert.equal(error.message, 'no');
  assert.equal(event.name, 'B', 'nothing is taken back');
});

test('settled() settles also on destroy, on removal and for records of no manager', async (t) => {
  const { manager, events } = await loaded(t);
  const event = events.getById(1);
  event.name = 'A';
  const waiting = event.settled();
  events.remove(event);
  const gone = event.settled();
  manager.destroy();
  assert.equal((await rejection(waiting)).code, 'DESTROYED');
  assert.equal((await rejection(gone)).code, 'DESTROYED');
  const store = storeOf(['name'], [{ id: 1, name: 'x' }]);
  const record = store.getById(1);
  record.set('name', 'y');
  const lone = record.settled();
  store.acceptChanges();
  await within(lone, 'accepted');
  record.set('name', 'z');
  const lost = record.settled();
  store.destroy();
  assert.equal((await rejection(lost)).code, 'DESTROYED');
});

test('update() shows at once, and resolves with the record when it is confirmed', async (t) => {
  const { server, manager, events } = await loaded(t);
  const event = events.getById(1);
  const changes = [];
  events.on('update', ({ changes: them, origin }) => changes.push([Object.keys(them), origin]));
  const promise = manager.update(event, { name: 'A', note: 'x' });
  assert.equal(event.name, 'A');
  assert.deepEqual(changes, [[['name', 'note'], 'local']], 'one event');
  await manager.sync();
  assert.equal(await promise, event);
  assert.deepEqual(server.syncs[0].pack.events.updated, [{ id: 1, name: 'A', note: 'x' }]);
});

test('a refused update() takes back its own fields alone', async (t) => {
  const { server, manager, events } = await loaded(t);
  const event = events.getById(1);
  const before = event.name;
  event.set('note', 'plain');
  const held = gate();
  server.nextSync(held);
  const first = manager.update(event, { name: 'A', place: 'here' });
  const syncing = rejection(manager.sync());
  await held.asked;
  const second = manager.update(event, { place: 'there' });
  manager.applyChangeset({ events: { updated: [{ id: 1, room: 5 }] } });
  held.answer(refuse());
  await syncing;
  const error = await rejection(first);
  assert.equal(error.code, 'HTTP');
  assert.equal(event.name, before);
  assert.equal(event.get('place'), 'there');
  assert.equal(event.get('note'), 'plain');
  assert.equal(event.get('room'), 5);
  server.syncWith(undefined);
  await manager.sync();
  assert.equal(await second, event);
  assert.equal(manager.changes, null);
});

test('with optimistic: false an edit shows only when it is confirmed', async (t) => {
  const seen = watchRejections(t);
  const { server, manager, events } = await loaded(t);
  const event = events.getById(1);
  const before = event.name;
  event.set({ name: 'A' }, { optimistic: false });
  assert.equal(event.name, before);
  assert.equal(event.isPending, true);
  assert.equal(manager.crudStoreHasChanges(), true);
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.events.updated, [{ id: 1, name: 'A' }]);
  assert.equal(event.name, 'A');
  assert.equal(event.isPending, false);
  server.syncWith(refuse());
  event.set('name', 'B', { optimistic: false });
  const [added] = events.add({ name: 'New' }, { optimistic: false });
  events.remove(2, { optimistic: false });
  const promise = manager.update(event, { note: 'x' }, { optimistic: false });
  assert.equal(added.name, 'New');
  assert.equal(events.count, 2);
  await rejection(manager.sync());
  assert.equal((await rejection(promise)).code, 'HTTP');
  assert.equal(event.name, 'A');
  assert.equal(events.count, 2);
  assert.equal(manager.changes, null);
  server.syncWith(undefined);
  const [second] = events.add({ name: 'New' }, { optimistic: false });
  events.remove(2, { optimistic: false });
  assert.notEqual(events.getById(2), undefined);
  const arrived = [];
  events.on('add', ({ records }) => arrived.push(...records));
  await manager.sync();
  assert.equal(events.getById(2), undefined);
  assert.equal(events.count, 2);
  assert.equal(second.isPhantom, false);
  assert.equal(events.getById(second.id), second);
  assert.deepEqual(arrived, [second]);
  assert.deepEqual(seen, []);
});

test('transact() is one package, and goes back together', async (t) => {
  const { server, manager, events, assignments } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  const names = [one.name, two.name];
  server.nextSync(
    status(422, {
      success: false,
      rolledBack: true,
      message: 'no',
      events: { rows: [{ id: 2, success: false, error: 'not this one' }] },
    }),
  );
  const count = assignments.count;
  const group = manager.transact(() => {
    one.name = 'A';
    two.name = 'B';
    events.add({ name: 'New' });
    return 'done';
  });
  assert.deepEqual([one.name, two.name], ['A', 'B']);
  assert.equal(events.count, 3);
  await rejection(manager.sync());
  const error = await rejection(group);
  assert.equal(error.message, 'not this one');
  assert.deepEqual([one.name, two.name], names);
  assert.equal(events.count, 2);
  assert.equal(assignments.count, count);
  server.syncWith(undefined);
  const good = manager.transact(() => {
    one.name = 'C';
    two.name = 'D';
    return 'done';
  });
  await manager.sync();
  assert.equal(await good, 'done');
});

test('transact() takes everything back when its function throws', async (t) => {
  const { manager, events } = await loaded(t);
  const event = events.getById(1);
  event.name = 'plain';
  const thrown = new Error('mine');
  const promise = manager.transact(() => {
    event.name = 'A';
    events.removeAll();
    throw thrown;
  });
  assert.equal(await rejection(promise), thrown);
  assert.equal(event.name, 'plain');
  assert.equal(events.count, 2);
  assert.equal(event.isRemoved, false);
  // So are additions that the server has never heard of.
  const [added] = events.add({ name: 'made before' });
  const again = manager.transact(() => {
    events.remove(added);
    assert.equal(added.isRemoved, true);
    throw thrown;
  });
  assert.equal(await rejection(again), thrown);
  assert.deepEqual([added.isRemoved, added.name, events.includes(added)], [false, 'made before', true]);
  events.remove(added);
  const late = manager.transact(async () => {
    event.name = 'B';
  });
  assert.equal((await rejection(late)).code, 'INVALID_ARGUMENT');
  assert.equal(event.name, 'plain');
});

test('edits inside of an edit belong to it; what listeners do does not', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  const name = two.name;
  events.on('update', ({ record }) => {
    if (record === one && two.get('note') !== 'listener') two.set('note', 'listener');
  });
  let inner;
  const outer = manager.transact(() => {
    one.name = 'A';
    inner = manager.update(two, { name: 'B' });
  });
  server.syncWith(refuse());
  await rejection(manager.sync());
  assert.equal((await rejection(outer)).code, 'HTTP');
  assert.equal((await rejection(inner)).code, 'HTTP');
  assert.equal(two.name, name);
  assert.equal(two.get('note'), 'listener');
});

test('update() refuses what makes no sense, and a veto', async (t) => {
  const { manager, events } = await loaded(t);
  const event = events.getById(1);
  const other = storeOf(['name'], [{ id: 1 }]);
  assert.equal((await rejection(manager.update(other.getById(1), {}))).code, 'FOREIGN_RECORD');
  assert.equal((await rejection(manager.update(null, {}))).code, 'FOREIGN_RECORD');
  assert.equal((await rejection(manager.update(event, null))).code, 'INVALID_ARGUMENT');
  assert.equal(await manager.update(event, {}), event);
  events.on('beforeUpdate', () => false);
  const error = await rejection(manager.update(event, { name: 'A' }));
  assert.equal(error.code, 'VETOED');
  assert.equal(manager.changes, null);
});
