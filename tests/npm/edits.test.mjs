// Edits that nobody listens to: whoever asks has to find them, whenever that is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loaded, next, storeOf, thrownBy } from './support/setup.mjs';

const FIELDS = [
  'id',
  { name: 'count', type: 'number' },
  { name: 'text', type: 'string' },
  { name: 'any' },
];

test('an edit is there for whoever asks in the same turn', () => {
  const store = storeOf(FIELDS, [{ id: 1, count: 5, text: 'five', any: 5 }]);
  const record = store.getById(1);
  record.count = 6;
  assert.equal(record.count, 6);
  assert.equal(record.isModified, true);
  record.text = 'six';
  record.any = 'six';
  assert.deepEqual(record.modifications, { id: 1, count: 6, text: 'six', any: 'six' });
  assert.equal(record.getUnmodified('count'), 5);
  record.count = 5;
  record.text = 'five';
  record.any = 5;
  assert.equal(store.hasChanges, false, 'it is back to what the server has');
  record.count = 7;
  assert.deepEqual(store.modified, [record]);
  store.rejectChanges();
  assert.equal(record.count, 5);
  store.destroy();
});

test('texts of every kind are kept as they were set', () => {
  const texts = ['', 'plain', 'Übergabe', '東京', 'x'.repeat(64), 'y'.repeat(65), 'z'.repeat(9), '\u0000', '👋 end'];
  const store = storeOf(
    FIELDS,
    texts.map((_, id) => ({ id, text: 'before' })),
  );
  texts.forEach((text, id) => (store.getById(id).text = text));
  store.acceptChanges();
  // What was accepted is read from the engine.
  assert.deepEqual(
    store.records.map(({ text }) => text),
    texts,
  );
  store.destroy();
});

test('more edits in one turn than can be written down are all kept, the last one last', () => {
  const rows = Array.from({ length: 5000 }, (_, id) => ({ id, count: 0, text: '' }));
  const store = storeOf(FIELDS, rows);
  const { records } = store;
  for (let round = 1; round <= 3; round++) {
    for (const record of records) {
      record.count = record.id * 0.5 + round;
      record.text = `text ${record.id} of round ${round}`;
    }
  }
  assert.equal(store.modified.length, 5000);
  store.acceptChanges();
  for (const record of store.records) {
    assert.equal(record.count, record.id * 0.5 + 3);
    assert.equal(record.text, `text ${record.id} of round 3`);
  }
  store.destroy();
});

test('edits, additions and removals stay in their order', () => {
  const store = storeOf(FIELDS, [{ id: 1, count: 1 }, { id: 2, count: 2 }]);
  const [first, second] = store.records;
  first.count = 10;
  const [added] = store.add({ count: 3 });
  added.count = 30;
  second.count = 20;
  store.remove(second);
  assert.equal(thrownBy(() => (second.count = 21)).code, 'UNKNOWN_RECORD');
  first.count = 11;
  assert.deepEqual(store.changes.added, [added]);
  assert.deepEqual(store.changes.modified, [first]);
  assert.deepEqual(store.changes.removed, [second]);
  assert.deepEqual([first.count, added.count], [11, 30]);
  store.destroy();
  assert.equal(thrownBy(() => (first.count = 12)).code, 'DESTROYED');
});

test('an edit before a load of new data is laid on top of it', () => {
  const store = storeOf(FIELDS, [{ id: 1, count: 1, text: 'a' }]);
  const record = store.getById(1);
  record.count = 2;
  store.data = [{ id: 1, count: 5, text: 'b' }];
  assert.deepEqual([record.count, record.text], [2, 'b']);
  assert.equal(record.isModified, true);
  store.destroy();
});

test('an edit moves its record in time at once', () => {
  const fields = ['id', { name: 'startDate', type: 'number' }, { name: 'endDate', type: 'number' }];
  const store = storeOf(fields, [{ id: 1, startDate: 0, endDate: 10 }]);
  const record = store.getById(1);
  assert.deepEqual(store.range(0, 5), [record]);
  record.startDate = 100;
  record.endDate = 110;
  assert.deepEqual(store.range(0, 50), []);
  assert.deepEqual(store.range(90, 105), [record]);
  store.destroy();
});

test('autoSync sends edits that nobody asked for', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 5 });
  const done = next(manager, 'sync');
  events.getById(1).name = 'Renamed';
  await done;
  assert.deepEqual(server.syncs[0].pack.events.updated, [{ id: 1, name: 'Renamed' }]);
});

test('who listens hears of every edit at once', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  record.name = 'before anybody listens';
  const heard = [];
  const off = manager.on('hasChanges', () => heard.push(record.name));
  record.name = 'one';
  record.name = 'two';
  assert.deepEqual(heard, ['one', 'two']);
  off();
  record.name = 'three';
  events.on('update', ({ changes }) => heard.push(changes.name));
  record.name = 'four';
  assert.deepEqual(heard.slice(2), [{ value: 'four', oldValue: 'three' }]);
});
