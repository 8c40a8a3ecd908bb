// Classes of records, and what can be done with a record.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel, Model, Store, TaskModel } from 'syncline';
import { loaded, recordEvents, setup, storeOf, thrownBy } from './support/setup.mjs';

/** A store of that class with rows, under a manager that can send it. */
async function storeFor(t, modelClass, rows, config = {}) {
  const store = new Store({ id: 'things', modelClass, ...config });
  const all = await loaded(t, { stores: [store], data: { things: rows } });
  return { ...all, store };
}

// --- classes --------------------------------------------------------------------------------

class Base extends Model {
  static fields = [
    { name: 'name', type: 'string', defaultValue: 'Base' },
    { name: 'size', type: 'number', defaultValue: 1 },
  ];

  get label() {
    return `${this.name} (${this.size})`;
  }

  grow(by = 1) {
    this.size += by;
    return this;
  }
}

class Derived extends Base {
  static fields = [{ name: 'size', defaultValue: 5 }, 'colour'];

  get label() {
    return `${super.label}!`;
  }
}

class Plain extends Derived {}

test('fields are inherited and merged: a subclass changes what it names and keeps the rest', async (t) => {
  const { store } = await storeFor(t, Derived, [{ id: 1, name: 'a', size: '2' }]);
  const record = store.getById(1);
  assert.deepEqual(record.fieldNames, ['id', 'name', 'size', 'colour']);
  assert.strictEqual(record.size, 2);
  const [made] = store.add({});
  assert.equal(made.size, 5);
  assert.equal(made.name, 'Base');
  assert.equal(made.colour, undefined);
  assert.equal(new Base().size, 1);
  assert.equal(new Plain().size, 5);
});

test('getters and methods of the class work, with super', async (t) => {
  const { store } = await storeFor(t, Derived, [{ id: 1, name: 'a', size: 2 }]);
  const record = store.getById(1);
  assert.equal(record.label, 'a (2)!');
  assert.equal(record.grow(3).size, 5);
  assert.equal(record.label, 'a (5)!');
  assert.ok(record instanceof Derived && record instanceof Base && record instanceof Model);
  assert.equal(record.constructor, Derived);
});

test('a field that has the name of a method or getter leaves it, and can be had by get', async (t) => {
  class Odd extends Model {
    static fields = ['remove', 'label', { name: 'store' }, 'get'];

    get label() {
      return 'own';
    }
  }
  const rows = [{ id: 1, remove: 'r', label: 'l', store: 's', get: 'g' }];
  const { store } = await storeFor(t, Odd, rows);
  const record = store.getById(1);
  assert.equal(record.label, 'own');
  assert.equal(typeof record.remove, 'function');
  assert.strictEqual(record.store, store);
  assert.deepEqual(
    ['remove', 'label', 'store', 'get'].map((name) => record.get(name)),
    ['r', 'l', 's', 'g'],
  );
});

test('fields that only the data knows are there as properties and by get', async (t) => {
  const { store } = await storeFor(t, Base, [{ id: 1, location: 'Room 1' }, { id: 2 }]);
  assert.equal(store.getById(1).location, 'Room 1');
  assert.equal(store.getById(1).get('location'), 'Room 1');
  assert.equal(store.getById(2).location, undefined);
  store.getById(2).location = 'Room 2';
  assert.equal(store.getById(2).get('location'), 'Room 2');
  assert.equal(store.getById(2).isModified, true);
  assert.equal(new Base().location, undefined);
});

test('a change of a field that only the data knows is told, also before anybody has read a record', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(events, ['update']);
  const batches = [];
  events.subscribe(({ changes }) => batches.push(...changes.map(({ id, fields }) => [id, fields])));
  manager.applyChangeset({ events: { updated: [{ id: 1, unheardOf: 'x' }] } });
  await null;
  assert.deepEqual({ ...heard.of('update')[0]?.changes }, { unheardOf: { value: 'x', oldValue: undefined } });
  assert.deepEqual(batches, [[1, ['unheardOf']]]);
  assert.equal(events.getById(1).unheardOf, 'x');
});

test('the same class in two stores keeps what their data brings apart', () => {
  const one = new Store({ id: 'one', modelClass: Base, data: [{ id: 1, extra: 'x' }] });
  const two = new Store({ id: 'two', modelClass: Base, data: [{ id: 1, other: 'y', extra: 'z' }] });
  assert.equal(one.first.extra, 'x');
  assert.equal(two.first.extra, 'z');
  assert.equal(one.first.other, undefined);
  assert.equal('other' in one.first, false);
});

test('private members and constructors of the class work', () => {
  class Counting extends Model {
    static fields = ['name'];
    #reads = 0;

    constructor(...args) {
      super(...args);
      this.made = true;
    }

    get title() {
      this.#reads++;
      return `${this.name} ${this.#reads}`;
    }
  }
  const store = new Store({ id: 'c', modelClass: Counting, data: [{ id: 1, name: 'a' }] });
  const [added] = store.add(new Counting({ name: 'b' }));
  assert.equal(store.first.title, 'a 1');
  assert.equal(store.first.title, 'a 2');
  assert.equal(store.first.made, true);
  assert.equal(added.title, 'b 1');
});

// --- set, modifications, revert -------------------------------------------------------------

test('set takes a field and a value, or an object, and gives the record', async (t) => {
  const { events } = await loaded(t);
  const record = events.getById(1);
  assert.strictEqual(record.set('name', 'a'), record);
  assert.equal(record.name, 'a');
  record.set({ name: 'b', allDay: true });
  assert.deepEqual([record.name, record.allDay], ['b', true]);
  record.name = 'c';
  assert.equal(record.get('name'), 'c');
  record.set('name', null);
  assert.equal(record.name, null);
  record.set({});
  record.set('name', 'd', true);
  record.set({ name: 'e' }, { silent: true });
  assert.equal(record.name, 'e');
});

test('silent sets tell no listener, and are sent all the same', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(events, ['update', 'change', 'add', 'remove']);
  const record = events.getById(1);
  record.set('name', 'a', true);
  record.set({ allDay: true }, { silent: true });
  events.add({ name: 'b' }, true);
  events.remove(2, { silent: true });
  assert.deepEqual(heard.names, []);
  assert.deepEqual([record.name, record.allDay, events.count], ['a', true, 2]);
  const { updated, added, removed } = manager.changes.events;
  assert.deepEqual([updated.length, added.length, removed.length], [1, 1, 1]);
});

test('an object given to set is one update with all its changes', async (t) => {
  const { events } = await loaded(t);
  const heard = recordEvents(events, ['update', 'change']);
  const record = events.getById(1);
  const start = record.startDate;
  record.set({ name: 'a', allDay: true, startDate: new Date(0) });
  assert.deepEqual(heard.names, ['update', 'change']);
  const [{ record: told, changes }] = heard.of('update');
  assert.strictEqual(told, record);
  assert.deepEqual(Object.keys(changes).sort(), ['allDay', 'name', 'startDate']);
  assert.deepEqual(changes.name, { value: 'a', oldValue: 'Stand-up' });
  assert.deepEqual(changes.startDate, { value: new Date(0), oldValue: start });
});

test('isModified, isFieldModified and modifications tell what is changed', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  assert.deepEqual([record.isModified, record.modifications], [false, null]);
  record.set({ name: 'a', allDay: true });
  assert.equal(record.isModified, true);
  assert.equal(record.isFieldModified('name'), true);
  assert.equal(record.isFieldModified('startDate'), false);
  assert.deepEqual(record.modifications, { id: 1, name: 'a', allDay: true });
  record.name = 'Stand-up';
  assert.deepEqual(record.modifications, { id: 1, allDay: true });
  await manager.sync();
  assert.deepEqual([record.isModified, record.modifications], [false, null]);
});

test('revertChanges takes one record back, acceptChanges confirms one', async (t) => {
  const { manager, events } = await loaded(t);
  const [one, two] = [events.getById(1), events.getById(2)];
  one.set({ name: 'a', location: 'x' });
  two.name = 'b';
  one.revertChanges();
  assert.equal(one.name, 'Stand-up');
  assert.equal(one.get('location') ?? null, null);
  assert.deepEqual(manager.changes.events.updated, [{ id: 2, name: 'b' }]);
  two.acceptChanges();
  assert.equal(two.name, 'b');
  assert.equal(manager.changes, null);
});

test('a record in a batch holds its changes back, and gives them as one', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  const heard = recordEvents(events, ['update']);
  record.beginBatch();
  record.name = 'a';
  record.set({ allDay: true });
  assert.equal(record.get('name'), 'a');
  assert.equal(manager.changes, null);
  assert.deepEqual(heard.names, []);
  record.endBatch();
  assert.deepEqual(heard.names, ['update']);
  assert.deepEqual(manager.changes.events.updated, [{ id: 1, name: 'a', allDay: true }]);
  record.beginBatch();
  record.name = 'b';
  record.cancelBatch();
  assert.equal(record.name, 'a');
  assert.equal(record.get('name'), 'a');
});

test('data is a new plain object each time, JSON.stringify uses it', async (t) => {
  const { events } = await loaded(t);
  const record = events.getById(1);
  const { data } = record;
  data.name = 'changed in the copy';
  assert.equal(record.name, 'Stand-up');
  assert.notStrictEqual(record.data, data);
  const parsed = JSON.parse(JSON.stringify(record));
  assert.equal(parsed.name, 'Stand-up');
  assert.equal(new Date(parsed.startDate).getTime(), Date.UTC(2026, 2, 2, 9));
});

test('copy makes a record of its own, without the id', async (t) => {
  const { events } = await loaded(t);
  const copy = events.getById(1).copy({ name: 'Copy' });
  assert.ok(copy instanceof EventModel);
  assert.equal(copy.store, undefined);
  const [added] = events.add(copy);
  assert.equal(added.name, 'Copy');
  assert.equal(added.startDate.getTime(), Date.UTC(2026, 2, 2, 9));
  assert.notEqual(added.id, 1);
  assert.equal(added.isPhantom, true);
});

test('a record made with new becomes the record of the store that it is added to', async (t) => {
  const { events } = await setup(t);
  const made = new EventModel({ name: 'made', startDate: '2026-03-02T09:00:00Z' });
  assert.equal(made.name, 'made');
  assert.ok(made.startDate instanceof Date);
  made.name = 'changed before';
  const [added] = events.add(made);
  assert.strictEqual(added, made);
  assert.strictEqual(made.store, events);
  assert.equal(made.name, 'changed before');
  made.name = 'changed after';
  assert.equal(events.first.name, 'changed after');
});

test('a record of a class of its own keeps its class in the store', () => {
  const store = new Store({ id: 'tasks', modelClass: TaskModel });
  const [added] = store.add({ name: 'x' });
  assert.ok(added instanceof TaskModel);
  assert.ok(!(added instanceof EventModel));
  assert.equal(thrownBy(() => store.add(3)).code, 'INVALID_ARGUMENT');
});

test('meta is the app’s own: no change, never sent, one object as long as the record lives', async (t) => {
  const { events, manager } = await loaded(t);
  const record = events.first;
  record.meta.selected = true;
  assert.equal(record.meta.selected, true);
  assert.deepEqual([record.isModified, manager.changes], [false, null]);
  await manager.load();
  assert.strictEqual(events.first, record);
  assert.equal(record.meta.selected, true);
  assert.deepEqual(events.last.meta, {});
});

test('a record tells its store and its JSON', async (t) => {
  const { events } = await loaded(t);
  const record = events.first;
  assert.deepEqual([record.firstStore, record.stores], [events, [events]]);
  assert.equal(JSON.parse(record.json).name, 'Stand-up');
  events.remove(record);
  assert.deepEqual(record.stores, []);
  assert.deepEqual(new EventModel({ name: 'x' }).stores, []);
});

test('modify changes records by objects with their ids', async (t) => {
  const { events, manager } = await loaded(t);
  const heard = [];
  events.on('update', ({ record, changes }) => heard.push([record.id, Object.keys(changes)]));
  const modified = events.modify([
    { id: 1, name: 'a', allDay: true },
    { id: 99, name: 'x' },
  ]);
  assert.deepEqual(modified, [events.first]);
  assert.deepEqual(heard, [[1, ['name', 'allDay']]]);
  assert.equal(events.modify({ id: 2, name: 'b' }, true).length, 1);
  assert.equal(heard.length, 1);
  assert.deepEqual(events.modify(events.first), [events.first]);
  assert.equal(manager.changes.events.updated.length, 2);
  assert.throws(() => events.modify(7), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => events.modify(null), { code: 'INVALID_ARGUMENT' });
});

test('a class may make the ids of new records', async (t) => {
  let next = 0;
  class Numbered extends EventModel {
    generateId() {
      return `new-${this.name ?? 'data'}-${++next}`;
    }
  }
  const stores = [new Store({ id: 'events', modelClass: Numbered })];
  const { events, manager, server } = await loaded(t, { stores });
  const [plain, own] = events.add([{ name: 'a' }, { id: 'mine', name: 'b' }]);
  const [made] = events.add(new Numbered({ name: 'c' }));
  assert.deepEqual([plain.id, own.id, made.id], ['new-a-1', 'mine', 'new-c-2']);
  assert.equal(plain.isPhantom, true);
  await manager.sync();
  assert.equal(server.requests.at(-1).pack.events.added.length, 3);
  assert.deepEqual(
    [plain, own, made].map(({ isPhantom }) => isPhantom),
    [false, false, false],
  );
});
