// Keys name one record each, also when ids of the app's choice are the server's ids of other
// records.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel } from 'syncline';
import { SAMPLE, loaded } from './support/setup.mjs';

/** Every record has a key of its own, and is found by it. */
function distinct(store) {
  const records = [...store];
  const byKey = new Map(records.map((record) => [record.key, record]));
  assert.equal(byKey.size, records.length, records.map(({ key }) => key).join());
  for (const [key, record] of byKey) assert.strictEqual(store.get(key), record, key);
}

test('an answer that gives another record the id that the app chose leaves every record its key', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [first] = events.add({ name: 'first' });
  const [own] = events.add({ id: 1008, name: 'own' });
  const keys = [first.key, own.key];
  assert.equal(own.key, '1008');
  const [a, b] = manager.changes.events.added;
  server.nextSync({
    events: {
      rows: [
        { $PhantomId: a.$PhantomId, id: 1008 },
        { $PhantomId: b.$PhantomId, id: 1009 },
      ],
    },
  });
  await manager.sync();
  assert.deepEqual([first.id, own.id], [1008, 1009]);
  assert.deepEqual([first.key, own.key], keys);
  assert.strictEqual(events.getById(1008), first);
  distinct(events);
});

test('a record of the server under the id that the app chose has another key', async (t) => {
  const { manager, events } = await loaded(t);
  const [own] = events.add({ id: 1008, name: 'own' });
  assert.equal(own.key, '1008');
  manager.applyChangeset({ events: { added: [{ id: 1008, name: 'theirs' }] } });
  const theirs = events.getById(1008);
  assert.equal(theirs.name, 'theirs');
  assert.equal(own.key, '1008');
  assert.notEqual(theirs.key, '1008');
  const { key } = theirs;
  distinct(events);
  // It stays when the other one goes.
  events.remove(own);
  assert.equal(theirs.key, key);
  distinct(events);
});

test('a load that brings a record under the id that the app chose leaves the added one what it was', async (t) => {
  for (const read of [true, false]) {
    const { server, manager, events } = await loaded(t);
    const [own] = events.add({ id: 1008, name: 'own' });
    if (read) assert.equal(own.key, '1008');
    server.data = { ...SAMPLE, events: [...SAMPLE.events, { id: 1008, name: 'theirs' }] };
    await manager.load();
    assert.equal(own.name, 'own');
    assert.equal(own.key, '1008');
    assert.equal(own.isPhantom, true);
    assert.equal(events.getById(1008).name, 'theirs');
    assert.equal(events.getById(own.id), own);
    distinct(events);
    await manager.sync();
    assert.equal(own.isPhantom, false);
    distinct(events);
  }
});

test('an id that the app chooses again is another key', async (t) => {
  const { manager, events } = await loaded(t);
  const made = [];
  for (let round = 0; round < 3; round++) {
    made.push(...events.add({ id: 'draft', name: `draft ${round}` }));
    await manager.sync();
    distinct(events);
  }
  assert.equal(new Set(made.map(({ key }) => key)).size, 3);
});

test('syncId gives a new record the id that the server has for it: no change, nothing to send of it', async (t) => {
  const { server, manager, events, assignments } = await loaded(t);
  const [event] = events.add({ name: 'new' });
  const [assignment] = assignments.add({ event: event.id, resource: 'r1' });
  const { key } = event;
  const heard = [];
  events.on('idChange', ({ value }) => heard.push(value));
  event.syncId(77);
  assert.deepEqual([event.id, event.isPhantom, event.key, events.getById(77)], [77, false, key, event]);
  assert.deepEqual(heard, [77]);
  assert.deepEqual(events.added, []);
  event.syncId('77');
  event.name = 'newer';
  server.nextSync({ success: true });
  await manager.sync().catch(() => {});
  const { pack } = server.syncs[0];
  assert.equal(pack.events.added, undefined);
  assert.deepEqual(pack.events.updated.map(({ id, name }) => [id, name]), [[77, 'newer']]);
  assert.ok(assignment.isPhantom || assignment.get('event') === 77);
  assert.throws(() => event.syncId(78), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => event.syncId(null), { code: 'INVALID_ARGUMENT' });
  const lone = new EventModel({ name: 'x' });
  lone.syncId(5);
  assert.equal(lone.id, 5);
  const [chosen] = events.add({ id: 'draft-1', name: 'mine' });
  chosen.syncId(79);
  assert.deepEqual([chosen.id, chosen.isPhantom], [79, false]);
});
