// Who a record is, through ids, loads and relations; and trees.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel, Model, ResourceModel, Store } from 'syncline';
import { gate, status } from './support/server.mjs';
import {
  Assignment,
  SAMPLE,
  loaded,
  recordEvents,
  rejection,
  setup,
  thrownBy,
} from './support/setup.mjs';

// --- identity -------------------------------------------------------------------------------

test('a store gives the same object for the same record, however it is asked', async (t) => {
  const { events } = await loaded(t);
  const record = events.getById(1);
  assert.strictEqual(events.getById('1'), record);
  assert.strictEqual(events.getById(record), record);
  assert.strictEqual(events.first, record);
  assert.strictEqual(events.getAt(0), record);
  assert.strictEqual(events.records[0], record);
  assert.strictEqual([...events][0], record);
  assert.strictEqual(events.get(record.key), record);
  assert.strictEqual(
    events.find(({ id }) => id === 1),
    record,
  );
  assert.strictEqual(events.range(record.startDate, record.endDate)[0], record);
  assert.strictEqual(record.store, events);
});

test('numbers and texts that are equal as text are one id, and go back as they came', async (t) => {
  const data = {
    ...SAMPLE,
    events: [
      { id: '4037', name: 'text' },
      { id: 12, name: 'number' },
    ],
  };
  const { server, manager, events } = await loaded(t, { data });
  assert.strictEqual(events.getById(4037), events.getById('4037'));
  assert.strictEqual(events.getById('12'), events.getById(12));
  assert.equal(events.getById('04037'), undefined);
  events.getById(4037).name = 'a';
  events.getById('12').name = 'b';
  await manager.sync();
  assert.deepEqual(
    server.syncs[0].pack.events.updated.map(({ id }) => id),
    ['4037', 12],
  );
});

test('a record keeps its key when a phantom gets its id, and is found by both', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'x' });
  const { key, id: phantom } = added;
  assert.equal(key, String(phantom));
  const heard = recordEvents(events, ['idChange']);
  await manager.sync();
  assert.notEqual(added.id, phantom);
  assert.equal(added.key, key);
  assert.strictEqual(events.get(key), added);
  assert.strictEqual(events.getById(added.id), added);
  assert.strictEqual(events.records.at(-1), added);
  const [{ record, oldValue, value }] = heard.of('idChange');
  assert.strictEqual(record, added);
  assert.deepEqual([oldValue, value], [phantom, added.id]);
});

test('records and keys stay the same across loads', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [one, two] = events.records;
  const [added] = events.add({ name: 'x' });
  const { key } = added;
  await manager.sync();
  server.data = {
    ...SAMPLE,
    events: [
      { id: added.id, name: 'x, as loaded' },
      { ...SAMPLE.events[1], name: 'Planning, moved up' },
      { id: 99, name: 'new' },
      SAMPLE.events[0],
    ],
  };
  await manager.load();
  assert.strictEqual(events.getById(1), one);
  assert.strictEqual(events.getById(2), two);
  assert.equal(two.name, 'Planning, moved up');
  assert.strictEqual(events.getById(added.id), added);
  assert.equal(added.name, 'x, as loaded');
  assert.equal(added.key, key);
  assert.strictEqual(events.get(key), added);
  assert.deepEqual(
    events.map(({ id }) => id),
    [added.id, 2, 99, 1],
  );
  assert.strictEqual(events.records[3], one);
});

test('a record that a load does not bring back is gone, and one of the same place is another', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [one, two] = events.records;
  server.data = { ...SAMPLE, events: [{ id: 3, name: 'three' }, SAMPLE.events[1]] };
  await manager.load();
  assert.equal(one.isRemoved, true);
  assert.equal(one.name, 'Stand-up');
  assert.equal(events.getById(1), undefined);
  assert.equal(events.first.name, 'three');
  assert.notStrictEqual(events.first, one);
  assert.strictEqual(events.last, two);
  assert.equal(thrownBy(() => (one.name = 'x')).code, 'UNKNOWN_RECORD');
});

test('a removed record that is rejected comes back as the same object, in its place', async (t) => {
  const { manager, events } = await loaded(t);
  const [one, two] = events.records;
  one.remove();
  assert.equal(one.isRemoved, true);
  assert.deepEqual(events.records, [two]);
  assert.deepEqual(
    events.removed.map(({ id }) => id),
    [1],
  );
  manager.rejectChanges();
  assert.equal(one.isRemoved, false);
  assert.strictEqual(events.getById(1), one);
  assert.strictEqual(events.first, one);
  one.name = 'alive';
  assert.equal(events.first.name, 'alive');
});

test('a phantom that nobody read since a load is the same record when its id arrives', async (t) => {
  const { manager, events } = await loaded(t);
  const [added] = events.add({ name: 'x' });
  const { key } = added;
  await manager.load();
  await manager.sync();
  assert.strictEqual(events.get(key), added);
  assert.strictEqual(events.last, added);
  assert.deepEqual([added.key, added.isPhantom, added.isRemoved], [key, false, false]);
  assert.strictEqual(events.getById(added.id), added);
});

test('an addition whose answer was lost, and that a load brings in the meantime, is one record in the end', async (t) => {
  const { server, manager, events } = await loaded(t, {
    idempotentSync: true,
    retry: { base: 60_000, jitter: 0 },
  });
  const [added] = events.add({ name: 'x' });
  const { key, id: phantom } = added;
  server.nextSync(status(503));
  assert.equal((await rejection(manager.sync())).retryable, true);
  server.data = { ...SAMPLE, events: [...SAMPLE.events, { id: 700, name: 'x' }] };
  await manager.load();
  const twin = events.getById(700);
  server.nextSync({ events: { rows: [{ $PhantomId: phantom, id: 700 }] } });
  await manager.sync();
  assert.equal(events.count, 3);
  const survivor = events.getById(700);
  assert.strictEqual(survivor, added);
  assert.deepEqual(
    [added.id, added.isRemoved, added.isPhantom, added.key],
    [700, false, false, key],
  );
  assert.strictEqual(events.last, added);
  assert.strictEqual(events.get(key), added);
  assert.equal(twin.isRemoved, true);
  added.name = 'alive';
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 700, name: 'alive' }] } });
});

test('ids that the app gives are kept, and count as unknown to the server', async (t) => {
  const { server, manager, events } = await loaded(t);
  const [added] = events.add({ id: 'my-own', name: 'x' });
  assert.equal(added.id, 'my-own');
  assert.equal(added.isPhantom, true);
  await manager.sync();
  assert.match(server.syncs[0].pack.events.added[0].$PhantomId, /^[0-9a-f-]{36}$/);
  assert.notEqual(added.id, 'my-own');
  assert.equal(added.key, 'my-own');
});

test('records that are read cold and warm, after edits and loads, never lie', async (t) => {
  const rows = (n, version) =>
    Array.from({ length: n }, (_, id) => ({ id, name: `${version}-${id}`, startDate: id * 1000 }));
  const { server, manager, events } = await loaded(t, { data: { events: rows(1500, 'a') } });
  assert.equal(events.getById(1400).name, 'a-1400');
  for (let id = 0; id < 1500; id += 7) events.getById(id).allDay = true;
  let index = 0;
  for (const record of events) assert.equal(record.name, `a-${index++}`);
  assert.equal(index, 1500);
  await manager.sync();
  server.data = { events: rows(1500, 'b').reverse() };
  const kept = events.getById(3);
  await manager.load();
  assert.equal(kept.name, 'b-3');
  assert.equal(events.getAt(0).name, 'b-1499');
  for (const record of events) assert.equal(record.name, `b-${record.id}`);
  events.remove(events.records.slice(0, 1000));
  assert.equal(events.count, 500);
  assert.deepEqual(
    events.map(({ name }) => name),
    Array.from({ length: 500 }, (_, i) => `b-${499 - i}`),
  );
});

// --- relations ------------------------------------------------------------------------------

function related(extra = {}) {
  const events = new Store({ id: 'events', modelClass: EventModel });
  const resources = new Store({ id: 'resources', modelClass: ResourceModel });
  const relations = [
    { field: 'event', store: 'events', ...extra },
    { field: 'resource', store: 'resources', ...extra },
  ];
  const assignments = new Store({ id: 'assignments', modelClass: Assignment, relations });
  return [events, resources, assignments];
}

test('phantom ids are rewritten in every record that refers to them', async (t) => {
  const { server, manager, events, resources, assignments } = await loaded(t, {
    stores: related(),
  });
  const [event] = events.add({ name: 'new event' });
  const [resource] = resources.add({ name: 'new resource' });
  const [assignment] = assignments.add({ event: event.id, resource: resource.id });
  assignments.getById(1).event = event.id;
  const phantom = event.id;
  await manager.sync();
  const { pack } = server.syncs[0];
  assert.equal(pack.assignments.added[0].event, phantom);
  assert.equal(pack.assignments.updated[0].event, phantom);
  assert.equal(assignment.event, event.id);
  assert.equal(assignment.resource, resource.id);
  assert.equal(assignments.getById(1).event, event.id);
  assert.notEqual(event.id, phantom);
  assert.equal(manager.changes, null);
});

test('a reference that is made while the phantom is on the wire is sent with the real id', async (t) => {
  const { server, manager, events, assignments } = await loaded(t, { stores: related() });
  const answer = gate();
  server.nextSync(answer);
  const [event] = events.add({ name: 'new' });
  const phantom = event.id;
  const sync = manager.sync();
  await answer.asked;
  const [assignment] = assignments.add({ event: event.id, resource: 'r1' });
  answer.answer({ events: { rows: [{ $PhantomId: phantom, id: 500 }] } });
  await sync;
  assert.equal(assignment.event, 500);
  await manager.sync();
  assert.equal(server.syncs[1].pack.assignments.added[0].event, 500);
});

test('where the server kept the phantom in a reference, the right id is sent to it', async (t) => {
  const { server, manager, events, assignments } = await loaded(t, { stores: related() });
  const [event] = events.add({ name: 'new' });
  assignments.getById(1).event = event.id;
  const phantom = event.id;
  server.nextSync({
    events: { rows: [{ $PhantomId: phantom, id: 501 }] },
    assignments: { rows: [{ id: 1, event: phantom }] },
  });
  await manager.sync();
  assert.equal(assignments.getById(1).event, 501);
  assert.deepEqual(manager.changes, { assignments: { updated: [{ id: 1, event: 501 }] } });
});

test('removing an event removes its assignments here, the server does it by itself', async (t) => {
  const { server, manager, events, assignments } = await loaded(t, { stores: related() });
  const heard = recordEvents(assignments, ['remove']);
  events.remove(1);
  assert.equal(assignments.count, 0);
  assert.equal(heard.of('remove').length, 1);
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.events.removed, [{ id: 1 }]);
  assert.ok(!('assignments' in server.syncs[0].pack));
  assert.equal(manager.changes, null);
});

test('onRemove and sendCascade say what becomes of those who refer', async (t) => {
  const nulling = await loaded(t, { stores: related({ onRemove: 'setNull' }) });
  nulling.events.remove(1);
  assert.equal(nulling.assignments.getById(1).event, null);
  const sending = await loaded(t, { stores: related({ sendCascade: true }) });
  sending.events.remove(1);
  await sending.manager.sync();
  assert.deepEqual(sending.server.syncs[0].pack.assignments, { removed: [{ id: 1 }] });
  const none = await loaded(t, { stores: related({ onRemove: 'none' }) });
  none.events.remove(1);
  assert.equal(none.assignments.getById(1).event, 1);
});

test('rejecting the removal of an event brings its assignments back', async (t) => {
  const { manager, events, assignments } = await loaded(t, { stores: related() });
  events.remove(1);
  manager.rejectChanges();
  assert.equal(assignments.getById(1).event, 1);
  assert.equal(manager.changes, null);
});

test('an event whose removal is taken back too late is added again with its assignments', async (t) => {
  const { server, manager, events, assignments } = await loaded(t, { stores: related() });
  const answer = gate();
  server.nextSync(answer);
  events.remove(1);
  const sync = manager.sync();
  await answer.asked;
  manager.rejectChanges();
  assert.equal(assignments.count, 1);
  // The server has removed the assignments of the event, too, as servers do.
  answer.answer({ success: true });
  await sync;
  assert.deepEqual([events.count, assignments.count], [2, 1]);
  await manager.sync();
  const { pack } = server.syncs[1];
  assert.deepEqual(
    pack.events.added.map(({ name }) => name),
    ['Stand-up'],
  );
  assert.deepEqual(
    pack.assignments.added.map(({ event, resource }) => [event, resource]),
    [[pack.events.added[0].$PhantomId, 'r1']],
  );
  assert.equal(assignments.first.event, events.find(({ name }) => name === 'Stand-up').id);
  assert.equal(manager.changes, null);
});

test('what refers to an addition that was taken back goes with it, also when a load had shown it', async (t) => {
  const retry = { base: 60_000, jitter: 0 };
  const options = { stores: related(), idempotentSync: true, retry };
  const { server, manager, events, assignments } = await loaded(t, options);
  const [added] = events.add({ name: 'x' });
  const { id: phantom } = added;
  server.nextSync(status(503));
  await rejection(manager.sync());
  server.data = { ...SAMPLE, events: [...SAMPLE.events, { id: 700, name: 'x' }] };
  await manager.load();
  manager.rejectChanges();
  assignments.add({ event: 700, resource: 'r2' });
  server.nextSync({ events: { rows: [{ $PhantomId: phantom, id: 700 }] } });
  await manager.sync();
  await manager.sync();
  assert.equal(manager.changes, null);
  for (const { event } of assignments)
    assert.ok(events.getById(event), `there is no event ${event}`);
  const removed = server.syncs.some(({ pack }) =>
    pack.events?.removed?.some(({ id }) => id === 700),
  );
  const sent = server.syncs.some(({ pack }) =>
    pack.assignments?.added?.some((it) => it.event === 700),
  );
  assert.ok(!(removed && sent), 'an assignment to an event that is removed with it');
});

test('a record that the server removes before anybody has read it is told of by its id', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = [];
  const batches = [];
  events.on('remove', ({ records, origin }) => {
    for (const { id, key, isRemoved } of records) heard.push([id, key, isRemoved, origin]);
  });
  events.subscribe(({ changes }) => {
    for (const { op, id, key } of changes) batches.push([op, id, key]);
  });
  manager.applyChangeset({ events: { removed: [{ id: 2 }] } });
  assert.deepEqual(heard, [[2, '2', true, 'remote']]);
  await Promise.resolve();
  assert.deepEqual(batches, [['remove', 2, '2']]);
  assert.equal(events.getById(2), undefined);
  manager.applyChangeset({ events: { added: [{ id: 2, name: 'again' }] } });
  assert.equal(events.getById(2).name, 'again');
  assert.equal(events.getById(2).isRemoved, false);
});

// --- trees ----------------------------------------------------------------------------------

class Node extends Model {
  static fields = ['name', 'parentId', { name: 'rank', type: 'number' }];
}

const tree = () => new Store({ id: 'nodes', modelClass: Node, tree: true });

test('nested children are flattened, parents are set, and nothing is dirty', async (t) => {
  const rows = [
    { id: 1, name: 'a', children: [{ id: 2, name: 'b', children: [{ id: 3, name: 'c' }] }] },
    { id: 4, name: 'd', children: [] },
    { id: 5, name: 'e', children: null },
    { id: 6, name: 'f', children: true, leaf: false, expanded: 1 },
  ];
  const store = tree();
  const { manager } = await loaded(t, { stores: [store], data: { nodes: rows } });
  assert.equal(store.isTree, true);
  assert.equal(store.count, 6);
  assert.deepEqual(
    store.map(({ parentId }) => parentId ?? null),
    [null, 1, 2, null, null, null],
  );
  assert.deepEqual(
    store.childrenOf(1).map(({ id }) => id),
    [2],
  );
  assert.deepEqual(
    store.childrenOf(null).map(({ id }) => id),
    [1, 4, 5, 6],
  );
  assert.strictEqual(store.parentOf(store.getById(3)), store.getById(2));
  assert.equal(store.parentOf(store.getById(1)), undefined);
  assert.equal(manager.changes, null);
});

test('flat rows make a tree too, children before parents', async (t) => {
  const rows = [
    { id: 3, parentId: '1' },
    { id: 1, parentId: null },
    { id: 2, parentId: 1 },
  ];
  const store = tree();
  await loaded(t, { stores: [store], data: { nodes: rows } });
  assert.deepEqual(
    store.childrenOf(1).map(({ id }) => id),
    [3, 2],
  );
  assert.strictEqual(store.parentOf(store.getById(3)), store.getById(1));
});

test('children of a phantom are sent with the phantom of their parent, and get its id', async (t) => {
  const store = tree();
  const { server, manager } = await loaded(t, { stores: [store], data: { nodes: [{ id: 1 }] } });
  const [parent] = store.add({ name: 'parent', parentId: 1 });
  const [child] = store.add({ name: 'child', parentId: parent.id });
  const phantom = parent.id;
  await manager.sync();
  const [first, second] = server.syncs[0].pack.nodes.added;
  assert.equal(first.$PhantomId, phantom);
  assert.equal(first.parentId, 1);
  assert.ok(!('$PhantomParentId' in first));
  assert.equal(second.$PhantomParentId, phantom);
  assert.equal(child.parentId, parent.id);
  assert.notEqual(parent.id, phantom);
  assert.strictEqual(store.parentOf(child), parent);
  assert.equal(manager.changes, null);
});

test('nested children can be added at once', async (t) => {
  const store = tree();
  const { manager } = await setup(t, { stores: [store] });
  const added = store.add({ name: 'a', children: [{ name: 'b', children: [{ name: 'c' }] }] });
  assert.equal(store.count, 3);
  const [a, b, c] = store.records;
  assert.deepEqual([a.name, b.name, c.name], ['a', 'b', 'c']);
  assert.deepEqual([b.parentId, c.parentId], [a.id, b.id]);
  assert.strictEqual(added[0], a);
  await manager.sync();
  assert.deepEqual([b.parentId, c.parentId], [a.id, b.id]);
  assert.equal(a.isPhantom || b.isPhantom || c.isPhantom, false);
});

test('removing a parent removes its descendants, which are listed or not as configured', async (t) => {
  const data = { nodes: [{ id: 1 }, { id: 2, parentId: 1 }, { id: 3, parentId: 2 }, { id: 4 }] };
  const listing = tree();
  const one = await loaded(t, { stores: [listing], data });
  const gone = listing.remove(1);
  assert.deepEqual(gone.map(({ id }) => id).sort(), [1, 2, 3]);
  assert.deepEqual(
    listing.map(({ id }) => id),
    [4],
  );
  await one.manager.sync();
  assert.deepEqual(one.server.syncs[0].pack.nodes.removed.map(({ id }) => id).sort(), [1, 2, 3]);

  const brief = tree();
  const two = await loaded(t, { stores: [brief], data, includeChildrenInRemoveRequest: false });
  brief.remove(1);
  await two.manager.sync();
  assert.deepEqual(two.server.syncs[0].pack.nodes.removed, [{ id: 1 }]);
  assert.equal(two.manager.changes, null);
});

test('a subtree whose removal is taken back too late is added again as a whole', async (t) => {
  const store = tree();
  const data = {
    nodes: [
      { id: 1, name: 'a' },
      { id: 2, name: 'b', parentId: 1 },
      { id: 3, name: 'c', parentId: 2 },
    ],
  };
  const { server, manager } = await loaded(t, { stores: [store], data });
  const answer = gate();
  server.nextSync(answer);
  store.remove(1);
  const sync = manager.sync();
  await answer.asked;
  manager.rejectChanges();
  assert.equal(store.count, 3);
  answer.answer({ success: true });
  await sync;
  assert.deepEqual(
    store.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  await manager.sync();
  const { added, updated } = server.syncs[1].pack.nodes;
  assert.deepEqual(
    added.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.equal(updated, undefined);
  assert.strictEqual(store.parentOf(store.getAt(2)), store.getAt(1));
  assert.strictEqual(store.parentOf(store.getAt(1)), store.getAt(0));
  assert.equal(manager.changes, null);
});

test('a move to another parent is an update, and is taken back with the parent', async (t) => {
  const store = tree();
  const data = { nodes: [{ id: 1 }, { id: 2, parentId: 1 }, { id: 3 }] };
  const { manager } = await loaded(t, { stores: [store], data });
  store.getById(2).parentId = 3;
  assert.deepEqual(
    store.childrenOf(3).map(({ id }) => id),
    [2],
  );
  assert.deepEqual(manager.changes.nodes.updated, [{ id: 2, parentId: 3 }]);
  manager.rejectChanges();
  assert.equal(store.getById(2).parentId, 1);
  assert.equal(manager.changes, null);
});

test('a tree that a server made into a circle does no harm', async (t) => {
  const store = tree();
  const data = {
    nodes: [
      { id: 1, parentId: 2 },
      { id: 2, parentId: 1 },
      { id: 3, parentId: 3 },
    ],
  };
  const { manager } = await loaded(t, { stores: [store], data });
  assert.equal(store.count, 3);
  store.remove(1);
  await manager.sync();
  assert.equal(manager.changes, null);
});
