// Listeners of stores that say no, at once or after a while.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, Store } from 'syncline';
import {
  loaded,
  muteConsole,
  next,
  recordEvents,
  rejection,
  storeOf,
  thrownBy,
  within,
} from './support/setup.mjs';

/** A promise that the test settles. */
function verdict() {
  let settle;
  const promise = new Promise((resolve, reject) => (settle = { yes: () => resolve(true), no: () => resolve(false), throw: reject }));
  return Object.assign(promise, settle);
}

/** Until promises that are settled have had their effects. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

const STORE_EVENTS = ['add', 'update', 'remove', 'removeAll', 'sort', 'commit', 'change'];

test('an addition waits for the promise of a listener: a yes does it, a no does not', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(events, STORE_EVENTS);
  const asked = [verdict(), verdict()];
  events.on('beforeAdd', () => asked.shift());
  const [first, second] = asked;
  const [yes] = events.add({ name: 'yes' });
  const [no] = events.insert(0, { name: 'no' });
  assert.ok(yes instanceof Model && no instanceof Model, 'what may come later is given at once');
  assert.equal(events.includes(yes), false);
  assert.equal(manager.changes, null);
  yes.name = 'said yes';
  first.yes();
  second.no();
  await turn();
  assert.equal(events.includes(yes), true);
  assert.equal(yes.name, 'said yes');
  assert.equal(no.store, undefined);
  assert.equal(events.count, 3);
  assert.deepEqual(heard.names, ['add', 'change']);
  await manager.sync();
  assert.equal(yes.isPhantom, false);
});

test('an update waits, by accessor, set() and as part of a batch', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  let asked;
  events.on('beforeUpdate', () => (asked = verdict()));
  for (const change of [
    (name) => (record.name = name),
    (name) => record.set('name', name),
    (name) => record.set({ name, allDay: true }),
    (name) => {
      record.beginBatch();
      record.name = name;
      record.endBatch();
    },
    (name) => record.set({ name }, { optimistic: false }),
  ]) {
    const before = record.name;
    change(`${before}!`);
    assert.equal(record.name, before);
    asked.no();
    await turn();
    assert.equal(record.name, before);
    assert.equal(manager.changes, null);
    change(`${before}!`);
    asked.yes();
    await turn();
    if (!String(change).includes('optimistic')) assert.equal(record.name, `${before}!`);
    await manager.sync();
    assert.equal(record.name, `${before}!`);
  }
});

test('of two updates the later one is later, whoever takes more time to say yes', async (t) => {
  const { manager, events } = await loaded(t);
  const [record] = events.records;
  const asked = [];
  const off = events.on('beforeUpdate', () => {
    const one = verdict();
    asked.push(one);
    return one;
  });
  record.name = 'first';
  record.name = 'second';
  asked[1].yes();
  await turn();
  assert.equal(record.name, 'Stand-up', 'it waits for the one before');
  asked[0].yes();
  await turn();
  assert.equal(record.name, 'second');
  record.name = 'third';
  asked[2].no();
  await turn();
  off();
  events.on('beforeUpdate', () => true);
  record.name = 'fourth';
  assert.equal(record.name, 'fourth', 'nothing waits for a no');
  await manager.sync();
});

test('a removal waits, and does what is left of it', async (t) => {
  const { manager, events } = await loaded(t);
  const asked = [verdict(), verdict(), verdict()];
  const [one, again, all] = asked;
  events.on('beforeRemove', () => asked.shift());
  assert.deepEqual(events.remove([1, 2]), []);
  assert.deepEqual(events.remove(2), []);
  assert.equal(events.count, 2);
  again.yes();
  await turn();
  assert.equal(events.count, 1);
  one.yes();
  await turn();
  assert.equal(events.count, 0);
  assert.deepEqual(manager.changes.events.removed, [{ id: 2 }, { id: 1 }]);
  manager.rejectChanges();
  events.removeAll();
  assert.equal(events.count, 2);
  all.yes();
  await turn();
  assert.equal(events.count, 0);
});

test('ordering and committing wait, too', async () => {
  const store = storeOf(['id', 'n'], [{ id: 1, n: 2 }, { id: 2, n: 1 }]);
  const asked = [verdict(), verdict()];
  const [sort, commit] = asked;
  store.on({ beforeSort: () => asked.shift(), beforeCommit: () => asked.shift() });
  store.sort('n');
  assert.deepEqual(store.map(({ id }) => id), [1, 2]);
  sort.yes();
  await turn();
  assert.deepEqual(store.map(({ id }) => id), [2, 1]);
  store.first.n = 7;
  assert.equal(store.commit(), null);
  assert.equal(store.hasChanges, true);
  const done = next(store, 'commit');
  commit.yes();
  assert.equal((await done).changes.modified.length, 1);
  assert.equal(store.hasChanges, false);
});

test('update() waits for the verdict and rejects on a no; a transaction has no time to wait', async (t) => {
  const { manager, events } = await loaded(t);
  const record = events.getById(1);
  let asked;
  const off = events.on('beforeUpdate', () => (asked = verdict()));
  const refused = manager.update(record, { name: 'no' });
  asked.no();
  assert.equal((await rejection(refused)).code, 'VETOED');
  const made = manager.update(record, { name: 'yes' });
  assert.equal(record.name, 'Stand-up');
  asked.yes();
  await turn();
  assert.equal(record.name, 'yes');
  await manager.sync();
  assert.equal(await within(made, 'the update'), record);
  const one = manager.transact(() => {
    events.getById(2).set('allDay', true, true);
    record.name = 'in one';
  });
  assert.equal((await rejection(one)).code, 'VETOED');
  assert.equal(manager.changes, null, 'nothing of it is left');
  off();
  await within(Promise.all([manager.transact(() => (record.name = 'in one')), manager.sync()]), 'it');
  assert.equal(record.name, 'in one');
});

test('what has gone while a listener took its time is let be', async (t) => {
  const { manager, events } = await loaded(t);
  const said = muteConsole(t);
  const [record, other] = events.records;
  let asked;
  events.on({ beforeUpdate: () => (asked = verdict()), beforeAdd: () => (asked = verdict()) });
  record.name = 'too late';
  const late = asked;
  events.remove(record);
  late.yes();
  await turn();
  assert.deepEqual(said, []);
  const [twice] = events.add({ name: 'twice' });
  const first = asked;
  events.add(twice);
  asked.yes();
  first.yes();
  await turn();
  assert.equal(events.query(({ name }) => name === 'twice').length, 1);
  assert.match(String(said[0]?.[1]), /here already/, 'whoever added it twice is told');
  other.name = 'nobody';
  const store = new Store({ id: 'gone', fields: ['id'] });
  store.on('beforeAdd', () => (asked = verdict()));
  store.add({ id: 1 });
  store.destroy();
  asked.yes();
  await turn();
  await manager.sync();
  assert.equal(manager.changes, null);
});

test('a promise that rejects is reported, and counts as a yes', async (t) => {
  const { events } = await loaded(t);
  muteConsole(t);
  const told = next(events, 'exception');
  events.on('beforeRemove', async () => {
    throw new Error('oops');
  });
  events.remove(1);
  assert.equal((await told).eventName, 'beforeRemove');
  await turn();
  assert.equal(events.getById(1), undefined);
});

test('a no beats a promise, and comes at once', async (t) => {
  const { events } = await loaded(t);
  const slow = verdict();
  events.on('beforeRemove', () => slow);
  events.on('beforeRemove', () => false);
  assert.deepEqual(events.remove(1), []);
  slow.yes();
  await turn();
  assert.notEqual(events.getById(1), undefined);
  assert.equal(thrownBy(() => events.remove(new Model())).code, 'FOREIGN_RECORD');
});

test('children wait as others do', async () => {
  const store = storeOf(['id', 'name'], [{ id: 1, children: [{ id: 2 }] }, { id: 3 }], { tree: true });
  let asked;
  store.on({ beforeAdd: () => (asked = verdict()), beforeUpdate: () => (asked = verdict()) });
  const parent = store.getById(1);
  parent.appendChild({ id: 4, name: 'new' });
  assert.equal(parent.children.length, 1);
  asked.yes();
  await turn();
  assert.deepEqual(parent.children.map(({ id }) => id), [2, 4]);
  parent.appendChild(store.getById(3));
  assert.equal(store.getById(3).parent, store.rootNode);
  asked.yes();
  await turn();
  assert.equal(store.getById(3).parent, parent);
});
