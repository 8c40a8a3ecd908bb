import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conflict, CrudManager, EventModel, Store } from 'syncline';
import { SAMPLE, loaded, muteConsole, next, rejection, setup } from './support/setup.mjs';

/** A manager whose event 1 has the edit `name: 'mine'`, and what its events told. */
async function edited(t, options = {}) {
  const all = await loaded(t, options);
  const told = [];
  for (const name of ['conflict', 'conflictResolved']) {
    all.manager.on(name, (event) => told.push([name, event]));
  }
  const event = all.events.getById(1);
  event.name = 'mine';
  const push = (changes) =>
    all.manager.applyChangeset({ events: { updated: [{ id: 1, ...changes }] } });
  return { ...all, event, told, push };
}

test('without an option the user wins, and it is said', async (t) => {
  const { manager, event, told, push } = await edited(t);
  push({ name: 'theirs', room: 5 });
  assert.equal(event.name, 'mine');
  assert.equal(event.get('room'), 5);
  const [[first, found], [second, resolved]] = told;
  assert.deepEqual([first, second], ['conflict', 'conflictResolved']);
  assert.ok(found.conflict instanceof Conflict);
  assert.equal(found.conflict, resolved.conflict);
  assert.equal(resolved.strategy, 'client-wins');
  assert.deepEqual(resolved.fields, [
    {
      field: 'name',
      base: 'Stand-up',
      mine: 'mine',
      theirs: 'theirs',
      from: 'mine',
      value: 'mine',
    },
  ]);
  assert.deepEqual(manager.conflicts, []);
});

test('server-wins takes the field, and update() rejects', async (t) => {
  const { manager, event, told, push } = await edited(t, { conflictResolution: 'server-wins' });
  const update = manager.update(event, { note: 'x' });
  push({ name: 'theirs', note: 'y' });
  assert.equal(event.name, 'theirs');
  assert.equal(event.get('note'), 'y');
  assert.equal((await rejection(update)).code, 'CONFLICT');
  assert.equal(manager.changes, null);
  const { fields } = told.at(-1)[1];
  assert.deepEqual(
    fields.map(({ field, from }) => [field, from]),
    [
      ['name', 'theirs'],
      ['note', 'theirs'],
    ],
  );
});

test('manual: the record keeps both until resolve(), and is not sent before', async (t) => {
  const { server, manager, event, told, push } = await edited(t, {
    conflictResolution: 'manual',
  });
  const start = new Date(Date.UTC(2026, 2, 9));
  event.startDate = start;
  push({ name: 'theirs', startDate: '2026-03-08T00:00:00Z' });
  const [conflict] = manager.conflicts;
  assert.equal(conflict.record, event);
  assert.equal(conflict.kind, 'update');
  assert.equal(conflict.recordId, 1);
  assert.equal(conflict.recordType, 'events');
  assert.deepEqual(conflict.conflictingFields, ['name', 'startDate']);
  assert.deepEqual(conflict.serverChanges.name, { old: 'Stand-up', new: 'theirs' });
  assert.equal(conflict.fields[1].mine.getTime(), start.getTime());
  assert.equal(conflict.fields[1].theirs.getTime(), Date.UTC(2026, 2, 8));
  assert.equal(event.isHeldBack, true);
  assert.equal(await manager.sync(), null);
  assert.equal(manager.hasUnsavedChanges, true);
  assert.throws(() => conflict.resolve('both'), { code: 'INVALID_ARGUMENT' });
  assert.equal(conflict.resolve({ name: 'both', startDate: conflict.fields[1].theirs }), true);
  assert.equal(conflict.resolve('mine'), false);
  assert.equal(conflict.isResolved, true);
  assert.deepEqual(manager.conflicts, []);
  assert.equal(event.name, 'both');
  assert.equal(event.startDate.getTime(), Date.UTC(2026, 2, 8));
  const { fields } = told.at(-1)[1];
  assert.deepEqual(
    fields.map(({ from, value }) => [from, value instanceof Date ? value.getTime() : value]),
    [
      ['merged', 'both'],
      ['theirs', Date.UTC(2026, 2, 8)],
    ],
  );
  await manager.sync();
  assert.deepEqual(server.syncs.at(-1).pack.events.updated, [{ id: 1, name: 'both' }]);
});

test('a conflict can be decided after a load has given its record another place', async (t) => {
  const data = structuredClone(SAMPLE);
  const options = { conflictResolution: 'manual', data };
  const { manager, events, event, push } = await edited(t, options);
  push({ name: 'theirs' });
  events.remove(2);
  manager.applyChangeset({ events: { updated: [{ id: 2, name: 'theirs too' }] } });
  const [kept, removed] = manager.conflicts;
  data.events[0].name = 'theirs';
  data.events[1].name = 'theirs too';
  data.events.unshift({ id: 3, name: 'New' }, { id: 4, name: 'New as well' });
  await manager.load();
  assert.equal(kept.resolve('mine'), true);
  assert.equal(event.name, 'mine');
  assert.equal(removed.resolve('theirs'), true);
  assert.equal(events.getById(2).name, 'theirs too');
  assert.deepEqual(manager.conflicts, []);
});

test('merge joins what does not clash, and asks mergeFields for what does', async (t) => {
  const { manager, event, told, push } = await edited(t, {
    conflictResolution: 'merge',
    mergeFields: { name: (mine, theirs, base) => `${base}: ${mine} & ${theirs}` },
  });
  event.set('note', 'mine');
  push({ name: 'theirs', note: 'theirs', room: 5 });
  assert.equal(event.name, 'Stand-up: mine & theirs');
  assert.equal(event.get('note'), 'theirs', 'the newer');
  assert.equal(event.get('room'), 5);
  const { fields, strategy } = told.at(-1)[1];
  assert.equal(strategy, 'merge');
  assert.deepEqual(
    fields.map(({ from }) => from),
    ['merged', 'theirs'],
  );
  assert.deepEqual(manager.conflicts, []);
});

test('a function decides, at once or later; one that throws leaves the conflict open', async (t) => {
  muteConsole(t);
  const answers = [
    () => 'theirs',
    () => Promise.resolve({ name: 'later' }),
    () => {
      throw new Error('mine');
    },
    () => Promise.reject(new Error('later')),
    () => undefined,
  ];
  const { manager, event, push } = await edited(t, {
    conflictResolution(conflict) {
      assert.equal(this, manager);
      assert.equal(conflict.strategy, 'function');
      return answers.shift()();
    },
  });
  push({ name: 'a' });
  assert.equal(event.name, 'a');
  event.name = 'mine';
  push({ name: 'b' });
  assert.equal(manager.conflicts.length, 1);
  await next(manager, 'conflictResolved');
  assert.equal(event.name, 'later');
  const threw = [];
  manager.on('exception', ({ eventName }) => threw.push(eventName));
  push({ name: 'c' });
  assert.equal(manager.conflicts.length, 1);
  push({ name: 'd' });
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  push({ name: 'e' });
  assert.deepEqual(threw, ['conflictResolution', 'conflictResolution']);
  assert.equal(manager.conflicts[0].fields[0].theirs, 'e');
  manager.conflicts[0].resolve('mine');
  assert.equal(event.name, 'later');
});

test('a record that one side removed is a conflict of its own kind', async (t) => {
  const { server, manager, events, event } = await edited(t, { conflictResolution: 'manual' });
  manager.applyChangeset({ events: { removed: [{ id: 1 }] } });
  const [gone] = manager.conflicts;
  assert.equal(gone.kind, 'remoteRemove');
  assert.equal(gone.record, event);
  assert.equal(event.isRemoved, false);
  gone.resolve('mine');
  await manager.sync();
  assert.equal(server.syncs.at(-1).pack.events.added[0].name, 'mine');
  events.remove(2);
  manager.applyChangeset({ events: { updated: [{ id: 2, name: 'theirs' }] } });
  const [kept] = manager.conflicts;
  assert.equal(kept.kind, 'localRemove');
  assert.equal(await manager.sync(), null, 'held back');
  kept.resolve('theirs');
  assert.equal(events.getById(2).name, 'theirs');
  assert.equal(manager.changes, null);
});

test('a store can have a strategy of its own', async (t) => {
  const stores = [new Store({ id: 'events', modelClass: EventModel, conflictResolution: 'manual' })];
  const { manager, push } = await edited(t, { stores, conflictResolution: 'server-wins' });
  push({ name: 'theirs' });
  assert.equal(manager.conflicts.length, 1);
  manager.destroy();
  assert.deepEqual(manager.conflicts, []);
  for (const conflictResolution of ['mine', 7]) {
    assert.throws(() => new Store({ conflictResolution }), { code: 'INVALID_CONFIG' });
    assert.throws(() => new CrudManager({ conflictResolution }), { code: 'INVALID_CONFIG' });
  }
});

class Meeting extends EventModel {
  static fields = [{ name: 'size', type: 'number' }];
  get isValid() {
    return !(this.size < 0);
  }
}

test('records that say false are kept back from syncs, and so is what refers to them', async (t) => {
  const events = new Store({ id: 'events', modelClass: Meeting });
  const assignments = new Store({
    id: 'assignments',
    fields: ['event'],
    relations: [{ field: 'event', store: 'events' }],
  });
  const { server, manager } = await setup(t, { stores: [events, assignments] });
  await manager.load();
  const told = [];
  manager.on('invalid', ({ records }) => told.push(records));
  const [bad] = events.add({ name: 'bad', size: -1 });
  const [helper] = assignments.add({ event: bad.id });
  events.getById(1).name = 'good';
  events.getById(2).size = -5;
  assert.deepEqual(manager.invalidRecords, [bad, events.getById(2)]);
  await manager.sync();
  const { pack } = server.syncs.at(-1);
  assert.deepEqual(pack.events, { updated: [{ id: 1, name: 'good' }] });
  assert.equal('assignments' in pack, false);
  assert.deepEqual(told, [[bad, events.getById(2)]]);
  assert.deepEqual([bad.isHeldBack, helper.isHeldBack], [true, true]);
  assert.equal(manager.pendingCount, 3);
  assert.equal(await manager.sync(), null);
  assert.equal(told.length, 1, 'told once');
  bad.size = 4;
  events.getById(2).revertChanges();
  assert.deepEqual(manager.invalidRecords, []);
  await manager.sync();
  assert.equal(server.syncs.at(-1).pack.events.added.length, 1);
  assert.equal(server.syncs.at(-1).pack.assignments.added.length, 1);
  assert.equal(manager.changes, null);
});

test('a record whose isValid throws is kept back, and the exception is told', async (t) => {
  muteConsole(t);
  class Odd extends EventModel {
    get isValid() {
      throw new Error('odd');
    }
  }
  const events = new Store({ id: 'events', modelClass: Odd });
  const { manager } = await setup(t, { stores: [events] });
  await manager.load();
  const threw = [];
  manager.on('exception', ({ eventName }) => threw.push(eventName));
  events.getById(1).name = 'x';
  assert.equal(await manager.sync(), null);
  assert.deepEqual(threw, ['isValid']);
});
