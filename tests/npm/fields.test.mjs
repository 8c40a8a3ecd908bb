// What the options of a field do, on the way in, for the app, and on the way out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, Store } from 'syncline';
import { loaded, storeOf } from './support/setup.mjs';

/** A store of that class with rows, under a manager that can send it. */
async function storeFor(t, modelClass, rows, config = {}) {
  const store = new Store({ id: 'things', modelClass, ...config });
  const all = await loaded(t, { stores: [store], data: { things: rows } });
  return { ...all, store };
}

class Base extends Model {
  static fields = [{ name: 'name', type: 'string', defaultValue: 'Base' }];
}

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
      { name: 'owner', defaultValue: null },
    ];
  }
  const { server, manager, store } = await storeFor(t, WithDefaults, [{ id: 1 }]);
  assert.equal(manager.changes, null);
  const [one, two] = store.add([{}, { name: 'mine', rank: null }]);
  assert.deepEqual([one.name, one.rank, one.done], ['New task', 0, false]);
  assert.deepEqual([two.name, two.rank], ['mine', null]);
  assert.notDeepEqual(one.tags, two.tags);
  assert.equal(one.due.getTime(), Date.UTC(2026, 0, 1));
  assert.deepEqual([one.owner, new WithDefaults({}).owner], [null, null]);
  await manager.sync();
  const [sent] = server.syncs[0].pack.things.added;
  assert.equal(sent.name, 'New task');
  assert.equal(sent.done, false);
  assert.equal(sent.owner, null);
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
  assert.deepEqual([record.isModified, record.isPending], [true, false]);
  assert.equal(await manager.sync(), null);
  record.name = 'b';
  assert.equal(record.isPending, true);
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
  const rows = [
    { id: 1, name: 'a', lastModifiedBy: 'ada' },
    { id: 2, name: 'b', lastModifiedBy: 'eve' },
  ];
  const { server, manager, store } = await storeFor(t, WithUser, rows);
  assert.equal(await manager.sync(), null);
  store.getById(1).name = 'A';
  await manager.sync();
  assert.deepEqual(server.syncs[0].pack.things.updated, [
    { id: 1, name: 'A', lastModifiedBy: 'ada' },
  ]);
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
        serialize: (price, record) =>
          price == null ? null : { cents: price * 100, of: record.id },
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
  server.nextSync({
    things: { rows: [{ id: '1', text: 'changed', num: '2.5', int: 7.0, flag: '1' }] },
  });
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
  const texts = [
    '',
    ' ',
    'Ä',
    'naïve',
    '日本語',
    '👩‍👩‍👧',
    '"quoted" \\ back\\slash',
    'a\u0000b',
    '\u2028\u2029',
    'x'.repeat(70_000),
  ];
  const { server, manager, store } = await storeFor(
    t,
    Base,
    texts.map((name, id) => ({ id, name })),
  );
  texts.forEach((name, id) => assert.equal(store.getById(id).name, name));
  texts.forEach((name, id) => (store.getById(id).name = `${name}→${name}`));
  await manager.sync();
  const sent = server.syncs[0].pack.things.updated.map(({ name }) => name);
  assert.deepEqual(
    sent,
    texts.map((name) => `${name}→${name}`),
  );
  texts.forEach((name, id) => assert.equal(store.getById(id).name, `${name}→${name}`));
});

test('a default of null reads null, in what is added, loaded and made by hand', async (t) => {
  const fields = [{ name: 'note', defaultValue: null }, { name: 'size', type: 'number', defaultValue: null }, 'plain'];
  class Thing extends Model {
    static fields = fields;
  }
  const made = new Thing();
  const store = new Store({ id: 'things', modelClass: Thing, data: [{ id: 1 }, { id: 2, note: 'x' }] });
  t.after(() => store.destroy());
  const [added] = store.add({});
  const [given] = store.add({ note: 'own', size: 0 });
  const [put] = store.add(made);
  for (const record of [added, put, store.getById(1)]) {
    assert.deepEqual([record.note, record.size, record.plain], [null, null, undefined]);
  }
  assert.deepEqual([given.note, given.size], ['own', 0]);
  assert.equal(store.getById(2).note, 'x');
});

test('what is no date is refused on a date field, whoever of the app gives it, and nothing is half done', (t) => {
  class Dated extends Model {
    static fields = [
      'name',
      { name: 'at', type: 'date' },
      { name: 'day', type: 'date', format: 'DD.MM.YYYY' },
    ];
  }
  const store = new Store({ id: 'dated', modelClass: Dated, data: [{ id: 1, name: 'a', at: '2026-03-01T08:00:00Z' }] });
  t.after(() => store.destroy());
  const record = store.first;
  const before = record.at.getTime();
  const refused = (call) =>
    assert.throws(call, (error) => error.code === 'INVALID_ARGUMENT' && /at|day/.test(error.message));
  for (const wrong of ['next tuesday', 'x', true, {}, [], new Date(Number.NaN)]) {
    refused(() => (record.at = wrong));
    refused(() => record.set('at', wrong));
    refused(() => record.set({ day: wrong }));
    refused(() => store.add({ name: 'new', at: wrong }));
    refused(() => store.add([{ name: 'good' }, { at: wrong }]));
  }
  for (const wrong of ['next tuesday', true, new Date(Number.NaN)]) {
    refused(() => new Dated({ at: wrong }));
    refused(() => record.copy({ at: wrong }));
  }
  assert.deepEqual([record.at.getTime(), record.isModified, store.count], [before, false, 1]);
  for (const empty of [null, undefined, '', ' ']) {
    record.at = '2026-04-01T08:00:00Z';
    record.at = empty;
    assert.equal(record.at, null);
    assert.equal(new Dated({ at: empty }).at ?? null, null);
  }
  record.day = '24.12.2026';
  assert.equal(record.day.getMonth(), 11);
  const [added] = store.add(new Dated({ day: '31.12.2026', at: 0 }));
  assert.deepEqual([added.day.getDate(), added.at.getTime()], [31, 0]);
  refused(() => store.add(new Dated({ day: 'not one' })));
});

test('nonsense of the server in a date field stays what it is: null here, its words there', (t) => {
  const store = storeOf([{ name: 'at', type: 'date' }, 'name'], [{ id: 1, at: 'whenever', name: 'a' }], {
    writeAllFields: true,
  });
  t.after(() => store.destroy());
  assert.equal(store.first.get('at'), null);
  store.first.set('name', 'b');
  store.applyChangeset({ updated: [{ id: 1, at: 'some day' }] });
  assert.equal(store.first.get('at'), null);
  assert.throws(() => store.first.set('at', 'some day'), { code: 'INVALID_ARGUMENT' });
});

test('a number field holds whatever numbers come after whole ones, by every way in which they come', () => {
  const numbers = [1.5, -0, 2 ** 30, 2 ** 31, -(2 ** 30) - 1, 1e300, Number.MIN_VALUE];
  const data = numbers.map((_, id) => ({ id, size: id }));
  for (const way of ['set', 'several', 'heard', 'load']) {
    const store = storeOf([{ name: 'size', type: 'number' }], data);
    const { records } = store;
    assert.deepEqual(records.map(({ size }) => size), [0, 1, 2, 3, 4, 5, 6]);
    let heard = 0;
    if (way === 'heard') store.on('update', ({ record, changes }) => (heard += record.size === changes.size.value));
    numbers.forEach((size, id) => {
      if (way === 'several') records[id].set({ size, name: 'x' });
      else if (way !== 'load') records[id].size = size;
    });
    if (way === 'load') store.loadData(numbers.map((size, id) => ({ id, size })));
    // Zero below zero may come back as zero.
    numbers.forEach((size, id) => assert.ok(records[id].size === size, `${way}: ${records[id].size} for ${size}`));
    if (way === 'heard') assert.equal(heard, numbers.length);
    records[0].size = null;
    assert.strictEqual(records[0].size, null);
    assert.strictEqual(records[2].size, 2 ** 30);
    store.destroy();
  }
});

test('ids beyond 31 bits are read as they are, also where the first were small', async (t) => {
  const { manager, events } = await loaded(t);
  assert.deepEqual(events.map(({ id }) => id), [1, 2]);
  const [added] = events.add({ name: 'new' });
  const removed = [];
  events.on('remove', ({ records }) => removed.push(...records.map(({ id }) => id)));
  manager.applyChangeset({ events: { added: [{ id: 2 ** 40 + 1 }, { id: 2 ** 40 + 2 }] } });
  assert.equal(events.getById(2 ** 40 + 1).id, 2 ** 40 + 1);
  manager.applyChangeset({ events: { removed: [{ id: 2 ** 40 + 2 }] } });
  assert.deepEqual(removed, [2 ** 40 + 2]);
  assert.equal(typeof added.id, 'string');
  assert.deepEqual(events.map(({ id }) => id), [1, 2, added.id, 2 ** 40 + 1]);
});
