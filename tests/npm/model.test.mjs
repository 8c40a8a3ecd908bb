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

// --- classes ----------------------------------------------------------------------------------------

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
  assert.deepEqual(['remove', 'label', 'store', 'get'].map((name) => record.get(name)), ['r', 'l', 's', 'g']);
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

// --- what fields do ------------------------------------------------------------------------------------

test('dataSource maps names on the wire, in both directions and into nested objects', async (t) => {
  class Mapped extends Model {
    static fields = [
      { name: 'name', dataSource: 'title' },
      { name: 'start', dataSource: 'time.start', type: 'date' },
      { name: 'end', dataSource: 'time.end', type: 'date' },
      { name: 'room', dataSource: 'place.room.number', type: 'number' },
    ];
  }
  const { server, manager, store } = await storeFor(t, Mapped, [
    {
      id: 1,
      title: 'a',
      time: { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' },
      place: { room: { number: 12 } },
    },
    { id: 2, title: 'b', time: null, place: 'nowhere' },
  ]);
  const record = store.getById(1);
  assert.equal(record.name, 'a');
  assert.equal(record.start.getTime(), Date.UTC(2026, 2, 2, 9));
  assert.equal(record.room, 12);
  assert.equal(store.getById(2).room ?? null, null);
  record.set({ name: 'A', room: 13, start: new Date(Date.UTC(2026, 2, 2, 8)) });
  store.add({ name: 'new', room: 1 });
  await manager.sync();
  const { updated, added } = server.syncs[0].pack.things;
  assert.deepEqual(Object.keys(updated[0]).sort(), ['id', 'place', 'time', 'title']);
  assert.equal(updated[0].title, 'A');
  assert.deepEqual(updated[0].place, { room: { number: 13 } });
  assert.equal(new Date(updated[0].time.start).getTime(), Date.UTC(2026, 2, 2, 8));
  assert.ok(!('end' in updated[0].time));
  assert.equal(added[0].title, 'new');
  assert.equal(added[0].place.room.number, 1);
});

test('the id may have another name on the wire', async (t) => {
  const { server, manager, store } = await storeFor(t, Base, [{ Id: 'x-1', name: 'a' }], {
    idField: 'Id',
    phantomIdField: 'tmp',
  });
  assert.equal(store.getById('x-1').name, 'a');
  assert.equal(store.getById('x-1').id, 'x-1');
  store.getById('x-1').name = 'b';
  const [added] = store.add({ name: 'new' });
  const phantom = added.id;
  server.nextSync(({ pack }) => ({
    things: { rows: [{ Id: 'x-2', tmp: pack.things.added[0].tmp }] },
  }));
  await manager.sync();
  const { updated, added: sent } = server.syncs[0].pack.things;
  assert.deepEqual(updated, [{ Id: 'x-1', name: 'b' }]);
  assert.equal(sent[0].tmp, phantom);
  assert.ok(!('Id' in sent[0]));
  assert.equal(added.id, 'x-2');
  assert.equal(manager.changes, null);
});

test('defaults are for records that say nothing, and are sent; loaded rows stay as they are', async (t) => {
  let made = 0;
  class WithDefaults extends Model {
    static fields = [
      { name: 'name', defaultValue: 'New task' },
      { name: 'rank', type: 'number', defaultValue: 0 },
      { name: 'done', type: 'boolean', defaultValue: false },
      { name: 'tags', type: 'array', defaultValue: () => [`tag ${++made}`] },
      { name: 'due', type: 'date', defaultValue: new Date(Date.UTC(2026, 0, 1)) },
    ];
  }
  const { server, manager, store } = await storeFor(t, WithDefaults, [{ id: 1 }]);
  assert.equal(manager.changes, null);
  const [one, two] = store.add([{}, { name: 'mine', rank: null }]);
  assert.deepEqual([one.name, one.rank, one.done], ['New task', 0, false]);
  assert.deepEqual([two.name, two.rank], ['mine', null]);
  assert.notDeepEqual(one.tags, two.tags);
  assert.equal(one.due.getTime(), Date.UTC(2026, 0, 1));
  await manager.sync();
  const [sent] = server.syncs[0].pack.things.added;
  assert.equal(sent.name, 'New task');
  assert.equal(sent.done, false);
  assert.deepEqual(sent.tags, ['tag 1']);
});

test('what has persist: false is never sent and makes nothing dirty for the server', async (t) => {
  class WithLocal extends Model {
    static fields = ['name', { name: 'open', type: 'boolean', persist: false }];
  }
  const { server, manager, store } = await storeFor(t, WithLocal, [{ id: 1, name: 'a' }]);
  const record = store.getById(1);
  record.open = true;
  assert.equal(record.open, true);
  assert.equal(manager.changes, null);
  assert.equal(await manager.sync(), null);
  record.name = 'b';
  store.add({ name: 'c', open: true });
  await manager.sync();
  const { updated, added } = server.syncs[0].pack.things;
  assert.deepEqual(updated, [{ id: 1, name: 'b' }]);
  assert.ok(!('open' in added[0]));
  assert.equal(record.open, true);
});

test('what has alwaysWrite goes along with every update, and alone sends nothing', async (t) => {
  class WithUser extends Model {
    static fields = ['name', { name: 'lastModifiedBy', alwaysWrite: true }];
  }
  const rows = [{ id: 1, name: 'a', lastModifiedBy: 'ada' }, { id: 2, name: 'b', lastModifiedBy: 'eve' }];
  const { server, manager, store } = await storeFor(t, WithUser, rows);
  assert.equal(await manager.sync(), null);
  store.getById(1).name = 'A';
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.things.updated, [{ id: 1, name: 'A', lastModifiedBy: 'ada' }]);
});

test('writeAllFields sends all persistable fields of an update, for a store or a manager', async (t) => {
  class Wide extends Model {
    static fields = ['name', 'size', { name: 'open', persist: false }];
  }
  const rows = [{ id: 1, name: 'a', size: 1, open: true }];
  const { server, manager, store } = await storeFor(t, Wide, rows, { writeAllFields: true });
  store.getById(1).name = 'A';
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.things.updated, [{ id: 1, name: 'A', size: 1 }]);
});

test('dates are read in every form that servers send', () => {
  const utc = Date.UTC(2026, 2, 2, 9, 30);
  const local = new Date(2026, 2, 2, 9, 30).getTime();
  const forms = [
    ['2026-03-02T09:30:00Z', utc],
    ['2026-03-02T09:30Z', utc],
    ['2026-03-02 09:30:00Z', utc],
    ['2026-03-02T10:30:00+01:00', utc],
    ['2026-03-02T10:30:00+0100', utc],
    ['2026-03-02T09:30:00.000000Z', utc],
    ['2026-03-02T09:30:00.5Z', utc + 500],
    ['2026-03-02T09:30:00', local],
    ['2026-03-02 09:30:00', local],
    ['2026-03-02', new Date(2026, 2, 2).getTime()],
    [utc, utc],
  ];
  const store = storeOf(
    ['id', { name: 'at', type: 'date' }],
    forms.map(([at], id) => ({ id, at })),
  );
  forms.forEach(([form, ms], id) => {
    const { at } = store.getById(id);
    assert.ok(at instanceof Date, String(form));
    assert.equal(at.getTime(), ms, String(form));
  });
});

test('dates are written in the form of the field', async (t) => {
  class Dated extends Model {
    static fields = [
      { name: 'day', type: 'date', format: 'YYYY-MM-DD' },
      { name: 'stamp', type: 'date', format: 'YYYY-MM-DD HH:mm:ss' },
      { name: 'moment', type: 'date' },
    ];
  }
  const { server, manager, store } = await storeFor(t, Dated, [
    { id: 1, day: '2026-03-02', stamp: '2026-03-02 09:30:00', moment: '2026-03-02T09:30:00Z' },
  ]);
  const record = store.getById(1);
  assert.equal(record.day.getTime(), new Date(2026, 2, 2).getTime());
  const at = new Date(2026, 6, 14, 23, 45, 6);
  record.set({ day: at, stamp: at, moment: at });
  await manager.sync();
  const [sent] = server.syncs[0].pack.things.updated;
  assert.equal(sent.day, '2026-07-14');
  assert.equal(sent.stamp, '2026-07-14 23:45:06');
  assert.equal(new Date(sent.moment).getTime(), at.getTime());
  assert.match(sent.moment, /(Z|[+-]\d\d:\d\d)$/);
});

test('setting a date to the same moment in another form is no change', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  record.startDate = new Date(record.startDate.getTime());
  record.startDate = '2026-03-02T10:00:00+01:00';
  record.startDate = record.startDate.getTime();
  assert.equal(record.isModified, false);
  assert.equal(manager.changes, null);
});

test('a date that is read is the same object until the value changes', async (t) => {
  const { events } = await loaded(t);
  const record = events.getById(1);
  const first = record.startDate;
  assert.strictEqual(record.startDate, first);
  record.name = 'x';
  assert.strictEqual(record.startDate, first);
  record.startDate = new Date(0);
  assert.notStrictEqual(record.startDate, first);
});

test('convert makes what the app sees, serialize what is sent', async (t) => {
  class Money extends Model {
    static fields = [
      {
        name: 'price',
        convert: (cents) => (cents == null ? null : cents / 100),
        serialize: (price, record) => (price == null ? null : { cents: price * 100, of: record.id }),
      },
      'name',
    ];
  }
  const { server, manager, store } = await storeFor(t, Money, [{ id: 1, price: 250, name: 'a' }]);
  const record = store.getById(1);
  assert.equal(record.price, 2.5);
  assert.equal(record.get('price'), 2.5);
  assert.equal(record.data.price, 2.5);
  record.name = 'b';
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.things.updated, [{ id: 1, name: 'b' }]);
  record.price = 300;
  assert.equal(record.price, 3);
  await manager.sync();
  assert.deepEqual(server.syncs[1].pack.things.updated, [{ id: 1, price: { cents: 300, of: 1 } }]);
  assert.equal(manager.changes, null);
});

test('types are normalised: what a server makes of a value is no change', async (t) => {
  class Typed extends Model {
    static fields = [
      { name: 'text', type: 'string' },
      { name: 'num', type: 'number' },
      { name: 'int', type: 'integer' },
      { name: 'flag', type: 'boolean' },
    ];
  }
  const { server, manager, store } = await storeFor(t, Typed, [
    { id: 1, text: 5, num: '2.50', int: '7', flag: 1 },
    { id: 2, text: null, num: 'x', int: 7.9, flag: '0' },
  ]);
  const [one, two] = store.records;
  assert.deepEqual([one.text, one.num, one.int, one.flag], ['5', 2.5, 7, true]);
  assert.equal(two.flag, false);
  one.set({ text: '5', num: 2.5, int: 7, flag: true });
  assert.equal(manager.changes, null);
  one.text = 'changed';
  server.nextSync({ things: { rows: [{ id: '1', text: 'changed', num: '2.5', int: 7.0, flag: '1' }] } });
  await manager.sync();
  assert.equal(one.isModified, false);
  assert.equal(manager.changes, null);
});

test('objects and arrays are values: what is the same in content is no change', async (t) => {
  const fields = ['id', { name: 'meta', type: 'object' }, { name: 'tags', type: 'array' }];
  const store = storeOf(fields, [{ id: 1, meta: { a: [1, { b: 2 }] }, tags: ['x', 'y'] }]);
  const record = store.getById(1);
  assert.deepEqual(record.meta, { a: [1, { b: 2 }] });
  assert.strictEqual(record.meta, record.meta);
  assert.equal(record.get('meta.a')[1].b, 2);
  record.set({ meta: { a: [1, { b: 2 }] }, tags: ['x', 'y'] });
  assert.equal(record.isModified, false);
  record.tags = ['x', 'y', 'z'];
  assert.deepEqual(record.tags, ['x', 'y', 'z']);
  assert.deepEqual(record.modifications, { id: 1, tags: ['x', 'y', 'z'] });
  record.revertChanges();
  assert.deepEqual(record.tags, ['x', 'y']);
});

test('texts of all kinds come and go unchanged', async (t) => {
  const texts = ['', ' ', 'Ä', 'naïve', '日本語', '👩‍👩‍👧', '"quoted" \\ back\\slash', 'a\u0000b', '\u2028\u2029', 'x'.repeat(70_000)];
  const { server, manager, store } = await storeFor(t, Base, texts.map((name, id) => ({ id, name })));
  texts.forEach((name, id) => assert.equal(store.getById(id).name, name));
  texts.forEach((name, id) => (store.getById(id).name = `${name}→${name}`));
  await manager.sync();
  const sent = server.syncs[0].pack.things.updated.map(({ name }) => name);
  assert.deepEqual(sent, texts.map((name) => `${name}→${name}`));
  texts.forEach((name, id) => assert.equal(store.getById(id).name, `${name}→${name}`));
});

// --- set, modifications, revert -----------------------------------------------------------------------------

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
