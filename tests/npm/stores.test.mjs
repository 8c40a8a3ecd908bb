// Stores: reading, order, events, batches, subscriptions, holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from 'syncline';
import { gate } from './support/server.mjs';
import { SAMPLE, loaded, muteConsole, recordEvents, storeOf } from './support/setup.mjs';

const STORE_EVENTS = ['add', 'update', 'remove', 'move', 'change', 'refresh', 'idChange', 'load'];

const numbered = (n) => Array.from({ length: n }, (_, i) => ({ id: i + 1, name: `n${i + 1}` }));
const ids = (records) => records.map(({ id }) => id);

/** Lets the microtasks run in which subscribers are told. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Collects what subscribers are told. */
function subscribe(store) {
  const batches = [];
  const end = store.subscribe((batch) => {
    batches.push(batch);
  });
  return { batches, end, forget: () => batches.splice(0) };
}

// --- reading --------------------------------------------------------------------------------

test('a store can be read in every way that lists can', () => {
  const store = storeOf(['id', 'name'], numbered(5));
  assert.equal(store.count, 5);
  assert.deepEqual([store.first.id, store.last.id, store.getAt(2).id], [1, 5, 3]);
  assert.deepEqual([store.indexOf(4), store.indexOf(store.first), store.indexOf(99)], [3, 0, -1]);
  assert.deepEqual(
    [store.includes(5), store.includes('5'), store.includes(6)],
    [true, true, false],
  );
  assert.equal(store.find(({ name }) => name === 'n3').id, 3);
  assert.equal(store.findRecord('name', 'n2').id, 2);
  assert.deepEqual(ids(store.query(({ id }) => id % 2)), [1, 3, 5]);
  assert.deepEqual(ids(store.query((_, index) => index > 2)), [4, 5]);
  assert.deepEqual(
    [store.some(({ id }) => id > 4), store.every(({ id }) => id > 4)],
    [true, false],
  );
  assert.equal(
    store.reduce((sum, { id }) => sum + id, 0),
    15,
  );
  const seen = [];
  store.forEach(({ id }) => {
    seen.push(id);
    return id < 3;
  });
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(ids([...store]), [1, 2, 3, 4, 5]);
  assert.deepEqual(store.toJSON()[0], { id: 1, name: 'n1' });
  assert.equal(store.getById(99), undefined);
  assert.equal(new Store({ id: 'empty' }).first, undefined);
});

test('data may be given as objects, as JSON text and as bytes', () => {
  const rows = numbered(2);
  const text = JSON.stringify(rows);
  for (const data of [rows, { rows }, text, new TextEncoder().encode(text)]) {
    const store = storeOf(['id', 'name'], data);
    assert.deepEqual(
      store.map(({ name }) => name),
      ['n1', 'n2'],
    );
    assert.equal(store.hasChanges, false);
    assert.equal(store.changes, null);
  }
});

test('setting data replaces everything and leaves nothing to send', () => {
  const store = storeOf(['id', 'name'], numbered(3));
  const heard = recordEvents(store, STORE_EVENTS);
  store.data = [
    { id: 3, name: 'kept' },
    { id: 9, name: 'new' },
  ];
  assert.deepEqual(ids(store.records), [3, 9]);
  assert.equal(store.hasChanges, false);
  assert.deepEqual(heard.names, ['refresh', 'change', 'load']);
  assert.equal(heard.of('change')[0].action, 'dataset');
});

test('range gives what lies in a span of time, half open, by start', () => {
  const fields = ['id', { name: 'startDate', type: 'date' }, { name: 'endDate', type: 'date' }];
  const hour = 3_600_000;
  const store = storeOf(fields, [
    { id: 'late', startDate: 9 * hour, endDate: 10 * hour },
    { id: 'long', startDate: 0, endDate: 8 * hour },
    { id: 'point', startDate: 5 * hour },
    { id: 'early', startDate: hour, endDate: 2 * hour },
    { id: 'nothing' },
  ]);
  const of = (from, to) => ids(store.range(from * hour, to * hour));
  assert.deepEqual(of(0, 24), ['long', 'early', 'point', 'late']);
  assert.deepEqual(of(2, 5), ['long']);
  assert.deepEqual(of(5, 6), ['long', 'point']);
  assert.deepEqual(of(8, 9), []);
  assert.deepEqual(ids(store.range(new Date(9 * hour), new Date(24 * hour).toISOString())), [
    'late',
  ]);
  store.getById('late').set({ startDate: 2 * hour, endDate: 4 * hour });
  store.getById('early').remove();
  assert.deepEqual(of(2, 5), ['long', 'late']);
  store.add({ id: 'added', startDate: 3 * hour, endDate: 3 * hour });
  assert.deepEqual(of(3, 4), ['long', 'late', 'added']);
  store.rejectChanges();
  assert.deepEqual(of(0, 24), ['long', 'early', 'point', 'late']);
});

// --- changing -------------------------------------------------------------------------------

test('records are added at the end, inserted at a position, moved and put back', async (t) => {
  const { manager, events } = await loaded(t, { data: { events: numbered(4) } });
  const [end] = events.add({ name: 'end' });
  const [front, second] = events.insert(0, [{ name: 'front' }, { name: 'second' }]);
  assert.deepEqual(ids(events.records), [front.id, second.id, 1, 2, 3, 4, end.id]);
  events.move(events.getById(4), 0);
  assert.equal(events.first.id, 4);
  events.move(
    [1, 2].map((id) => events.getById(id)),
    events.getById(4),
  );
  assert.deepEqual(ids(events.records.slice(0, 3)), [1, 2, 4]);
  events.move(1);
  assert.equal(events.last.id, 1);
  manager.rejectChanges();
  assert.deepEqual(ids(events.records), [1, 2, 3, 4]);
});

test('added, modified and removed tell what is changed', async (t) => {
  const { events } = await loaded(t);
  assert.equal(events.changes, null);
  const [one, two] = events.records;
  one.name = 'x';
  const [added] = events.add({ name: 'y' });
  added.name = 'z';
  two.remove();
  assert.deepEqual(events.changes, { added: [added], modified: [one], removed: [two] });
  assert.equal(events.hasChanges, true);
  events.rejectChanges();
  assert.equal(events.changes, null);
  assert.equal(added.isRemoved, true);
  one.name = 'x';
  events.commit();
  assert.deepEqual([one.name, events.hasChanges], ['x', false]);
});

test('remove takes records, ids and lists of both; removeAll takes everything', async (t) => {
  const { manager, events } = await loaded(t, { data: { events: numbered(6) } });
  const [first] = events.records;
  assert.deepEqual(events.remove([first, 2, '3', first]), [first, ...events.removed.slice(1)]);
  assert.equal(events.count, 3);
  events.removeAll();
  assert.equal(events.count, 0);
  assert.equal(first.isRemoved, true);
  assert.equal(manager.changes.events.removed.length, 6);
  manager.rejectChanges();
  assert.deepEqual(ids(events.records), [1, 2, 3, 4, 5, 6]);
  assert.strictEqual(events.first, first);
});

test('a record removed and added again under its id is no change', async (t) => {
  const { manager, events } = await loaded(t, { data: { events: numbered(2) } });
  const { data } = events.getById(1);
  events.remove(1);
  events.add(data);
  assert.equal(manager.changes, null);
  events.remove(1);
  events.add({ ...data, name: 'other' });
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, name: 'other' }] } });
});

// --- events ---------------------------------------------------------------------------------

test('every change is told once by its own event and once by change', async (t) => {
  const { events } = await loaded(t);
  const heard = recordEvents(events, STORE_EVENTS);
  const [added] = events.add({ name: 'a' });
  added.name = 'b';
  events.move(added, 0);
  added.remove();
  assert.deepEqual(heard.names, [
    'add',
    'change',
    'update',
    'change',
    'move',
    'change',
    'remove',
    'change',
  ]);
  assert.deepEqual(
    heard.of('change').map(({ action }) => action),
    ['add', 'update', 'move', 'remove'],
  );
  for (const event of heard.of('change')) {
    assert.strictEqual(event.source, events);
    assert.deepEqual(event.records, [added]);
    assert.strictEqual(event.record, added);
    assert.equal(event.origin, 'local');
  }
  assert.deepEqual({ ...heard.of('update')[0].changes }, { name: { value: 'b', oldValue: 'a' } });
});

test('several records at once are one event', async (t) => {
  const { events } = await loaded(t, { data: { events: numbered(5) } });
  const heard = recordEvents(events, STORE_EVENTS);
  events.add([{ name: 'a' }, { name: 'b' }]);
  events.remove([1, 2, 3]);
  assert.deepEqual(heard.names, ['add', 'change', 'remove', 'change']);
  assert.equal(heard.of('add')[0].records.length, 2);
  assert.deepEqual(ids(heard.of('remove')[0].records), [1, 2, 3]);
});

test('an edit that changes nothing tells nothing', async (t) => {
  const { events } = await loaded(t);
  const heard = recordEvents(events, STORE_EVENTS);
  const record = events.getById(1);
  record.name = 'Stand-up';
  record.set({ name: 'Stand-up', startDate: record.startDate });
  events.remove([]);
  events.add([]);
  assert.deepEqual(heard.names, []);
});

test('listeners of a store find its records as the event says', async (t) => {
  const { events } = await loaded(t);
  const seen = [];
  events.on('update', ({ record }) => {
    seen.push([record.name, events.getById(1).name, record.isModified]);
  });
  const record = events.getById(1);
  record.name = 'x';
  assert.deepEqual(seen, [['x', 'x', true]]);
});

test('a listener may edit from inside of an event, and every event comes once', async (t) => {
  const { events } = await loaded(t);
  const [one, two] = events.records;
  const told = [];
  events.on('update', ({ record }) => {
    told.push(`${record.id}:${record.name}`);
    if (record === one) two.name = `${record.name}, too`;
  });
  one.name = 'x';
  assert.deepEqual(told, ['1:x', '2:x, too']);
  assert.equal(two.name, 'x, too');
});

test('before… listeners of a store can say no', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(events, STORE_EVENTS);
  const record = events.getById(1);
  events.on({
    beforeAdd: ({ records }) => records[0].name !== 'no',
    beforeUpdate: ({ changes }) => changes.name?.value !== 'no',
    beforeRemove: ({ records }) => records[0].id !== 1,
  });
  assert.deepEqual(events.add({ name: 'no' }), []);
  record.name = 'no';
  record.set({ name: 'no', allDay: true });
  events.remove(record);
  events.removeAll();
  assert.equal(manager.changes, null);
  assert.equal(events.count, 2);
  assert.deepEqual(heard.names, []);
  const [added] = events.add({ name: 'yes' });
  assert.equal(added.name, 'yes');
  record.name = 'yes';
  assert.equal(record.name, 'yes');
  events.remove(2);
  assert.equal(events.getById(2), undefined);
});

test('onChange may be given with the options of a store', () => {
  const actions = [];
  const store = storeOf(['id', 'name'], numbered(1), {
    onChange({ action }) {
      actions.push(action);
    },
    listeners: {
      update: ({ record }) => {
        actions.push(`listener ${record.name}`);
      },
    },
  });
  store.first.name = 'x';
  store.add({ name: 'y' });
  assert.deepEqual(
    actions.filter((action) => action !== 'dataset'),
    ['listener x', 'update', 'add'],
  );
});

test('suspended events of a store are not told, what changes is tracked all the same', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(events, STORE_EVENTS);
  events.suspendEvents();
  events.suspendEvents();
  events.getById(1).name = 'a';
  events.resumeEvents();
  events.add({ name: 'b' });
  events.resumeEvents();
  assert.deepEqual(heard.names, []);
  assert.equal(events.getById(1).name, 'a');
  assert.deepEqual(Object.keys(manager.changes.events).sort(), ['added', 'updated']);
  events.getById(2).name = 'c';
  assert.deepEqual(heard.names, ['update', 'change']);
});

test('a batch is one refresh, and autoSync waits for its end', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  const heard = recordEvents(events, STORE_EVENTS);
  const synced = new Promise((resolve) => manager.once('sync', resolve));
  events.beginBatch();
  events.beginBatch();
  events.getById(1).name = 'a';
  events.endBatch();
  const [added] = events.add({ name: 'b' });
  events.remove(2);
  assert.deepEqual(heard.names, []);
  assert.equal(events.getById(1).name, 'a');
  assert.equal(added.name, 'b');
  // Longer than autoSync waits.
  await new Promise((resolve) => setTimeout(resolve, 25));
  assert.equal(server.syncs.length, 0);
  events.endBatch();
  assert.deepEqual(heard.names, ['refresh', 'change']);
  assert.equal(heard.of('refresh')[0].action, 'batch');
  assert.strictEqual(events.records[1], added);
  await synced;
  const { updated, removed, added: sent } = server.syncs[0].pack.events;
  assert.deepEqual([updated.length, removed.length, sent.length], [1, 1, 1]);
});

// --- subscribers ----------------------------------------------------------------------------

test('subscribers are told once a turn, with one change per record', async (t) => {
  const { events } = await loaded(t);
  const { batches, end } = subscribe(events);
  const [one, two] = events.records;
  one.name = 'a';
  one.set({ name: 'b', allDay: true });
  const [added] = events.add({ name: 'c' });
  added.name = 'd';
  two.remove();
  const [brief] = events.add({ name: 'gone at once' });
  brief.remove();
  assert.deepEqual(batches, []);
  await turn();
  assert.equal(batches.length, 1);
  const [{ origin, changes, reset }] = batches;
  assert.deepEqual([origin, reset], ['local', false]);
  assert.deepEqual(
    changes.map(({ op, key }) => [op, key]),
    [
      ['update', one.key],
      ['add', added.key],
      ['remove', two.key],
    ],
  );
  const [update, add, remove] = changes;
  assert.deepEqual(update.fields.sort(), ['allDay', 'name']);
  assert.deepEqual([update.record, update.id, update.pending], [one, 1, true]);
  assert.strictEqual(add.record, added);
  assert.deepEqual([remove.record, remove.id], [null, 2]);
  end();
  one.name = 'e';
  await turn();
  assert.equal(batches.length, 1);
});

test('subscribers hear of a removal once, and nothing more when it is confirmed', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches } = subscribe(events);
  events.remove(events.getById(2));
  await turn();
  await manager.sync();
  await turn();
  const told = batches.flatMap(({ changes }) => changes.map(({ op, key }) => [op, key]));
  assert.deepEqual(told, [['remove', '2']]);
});

test('subscribers are told why: local, remote, rollback, load', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches, forget } = subscribe(events);
  const origins = async (act) => {
    forget();
    await act();
    await turn();
    return batches.map(({ origin }) => origin);
  };
  assert.deepEqual(await origins(() => (events.getById(1).name = 'x')), ['local']);
  assert.deepEqual(await origins(() => manager.rejectChanges()), ['rollback']);
  const theirs = { events: { updated: [{ id: 1, name: 'theirs' }] } };
  assert.deepEqual(await origins(() => manager.applyChangeset(theirs)), ['remote']);
  assert.deepEqual(await origins(() => manager.load()), ['load']);
  assert.equal(batches[0].reset, true);
});

test('a batch says of each change why, and mixed of itself when they differ', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches, forget } = subscribe(events);
  const theirs = (id) => manager.applyChangeset({ events: { updated: [{ id, location: 'there' }] } });
  const why = async () => {
    await turn();
    const [{ origin, changes }] = batches;
    forget();
    return [origin, changes.map((change) => [change.id, change.origin])];
  };
  events.getById(1).name = 'mine';
  theirs(2);
  assert.deepEqual(await why(), ['mixed', [[1, 'local'], [2, 'remote']]]);
  // Of one record, who was last.
  events.getById(1).name = 'mine again';
  theirs(1);
  assert.deepEqual(await why(), ['remote', [[1, 'remote']]]);
});

test('subscribers hear when a phantom gets its id, under the same key', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'x' });
  await turn();
  const { batches } = subscribe(events);
  await manager.sync();
  await turn();
  const changes = batches.flatMap((batch) => batch.changes);
  const last = changes.at(-1);
  assert.deepEqual([last.key, last.id, last.pending], [added.key, added.id, false]);
  assert.notEqual(String(last.id), last.key);
  assert.ok(changes.every(({ op, key }) => op === 'update' && key === added.key));
});

test('subscribers hear when a record is sent and confirmed, so that its mark can go', async (t) => {
  const { server, manager, events } = await loaded(t);
  const record = events.getById(1);
  record.name = 'x';
  await turn();
  const { batches } = subscribe(events);
  const answer = gate();
  server.nextSync(answer);
  const sync = manager.sync();
  await answer.asked;
  answer.answer({ success: true });
  await sync;
  await turn();
  const last = batches.flatMap((batch) => batch.changes).at(-1);
  assert.deepEqual(
    [last.key, last.op, last.pending, last.fields],
    [record.key, 'update', false, []],
  );
});

test('hold keeps the changes of others to one record back until it is released', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches, forget } = subscribe(events);
  const [one, two] = events.records;
  const release = events.hold(one.key);
  manager.applyChangeset({
    events: {
      updated: [
        { id: 1, name: 'theirs' },
        { id: 2, name: 'theirs too' },
      ],
    },
  });
  await turn();
  assert.deepEqual(
    batches.flatMap(({ changes }) => changes).map(({ key }) => key),
    [two.key],
  );
  forget();
  // The user's own drag is shown at once.
  events.getById(2).allDay = true;
  await turn();
  assert.equal(batches.length, 1);
  forget();
  release();
  release();
  await turn();
  const [{ origin, changes }] = batches;
  assert.equal(origin, 'remote');
  assert.deepEqual([changes[0].key, changes[0].record.name], [one.key, 'theirs']);
});

test('what the user does to a record that is held is told at once, holds are counted by key', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches, forget } = subscribe(events);
  const record = events.getById(1);
  const releases = [events.hold(record.key), events.hold(record.key)];
  record.name = 'mine';
  await turn();
  assert.deepEqual(batches.map(({ origin }) => origin), ['local']);
  forget();
  manager.applyChangeset({ events: { updated: [{ id: 1, location: 'there' }] } });
  releases[0]();
  await turn();
  assert.deepEqual(batches, []);
  releases[1]();
  await turn();
  assert.deepEqual(batches.map(({ origin }) => origin), ['remote']);
});

test('a hold on everything keeps loads back, too; holds are counted', async (t) => {
  const { manager, events } = await loaded(t);
  const { batches } = subscribe(events);
  const releases = [events.hold('*'), events.hold('*')];
  manager.applyChangeset({ events: { removed: [{ id: 2 }] } });
  await manager.load();
  releases[0]();
  await turn();
  assert.deepEqual(batches, []);
  releases[1]();
  await turn();
  assert.equal(batches.length, 1);
  assert.equal(batches[0].reset, true);
  assert.equal(events.count, SAMPLE.events.length);
});

test('a subscriber that throws does not keep the others from hearing', async (t) => {
  const said = muteConsole(t);
  const { events } = await loaded(t);
  events.subscribe(() => {
    throw new Error('subscriber');
  });
  const { batches } = subscribe(events);
  events.getById(1).name = 'x';
  await turn();
  assert.equal(batches.length, 1);
  assert.equal(said.length, 1);
});

test('the removal of records that nobody had read is told with the records', async (t) => {
  const { events } = await loaded(t, { data: { events: numbered(4) } });
  const heard = recordEvents(events, ['remove', 'change']);
  const { batches } = subscribe(events);
  events.remove([2, 3]);
  assert.deepEqual(
    heard.of('remove').map(({ records }) => records.map(({ name }) => name)),
    [['n2', 'n3']],
  );
  await turn();
  const keys = batches.flatMap(({ changes }) => changes).map(({ key, op }) => `${op} ${key}`);
  assert.deepEqual(keys, ['remove 2', 'remove 3']);
});
