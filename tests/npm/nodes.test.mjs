// Nodes of trees: the order in which they are read, what is collapsed, what is there only when it
// is wanted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, Store } from 'syncline';
import { recordEvents, setup, storeOf, thrownBy } from './support/setup.mjs';
import { status } from './support/server.mjs';

const ids = (records) => records.map(({ id }) => id).join('');

/** a(b(c) d) e(f), told as flat rows in an order of their own. */
const FLAT = [
  { id: 'f', parentId: 'e', n: 1 },
  { id: 'a', n: 2 },
  { id: 'd', parentId: 'a', n: 3 },
  { id: 'e', n: 4 },
  { id: 'c', parentId: 'b', n: 5 },
  { id: 'b', parentId: 'a', n: 6 },
];
const tree = (data = FLAT, config = {}) => storeOf(['id', 'n'], data, { tree: true, ...config });

test('a tree is read depth first, whatever the order of its data', () => {
  const store = tree();
  assert.equal(ids(store.records), 'adbcef');
  assert.equal(ids([...store]), 'adbcef');
  assert.equal(store.map(({ id }) => id).join(''), 'adbcef');
  assert.equal(ids([store.first, store.getAt(3), store.last]), 'acf');
  assert.equal(store.indexOf('c'), 3);
  assert.equal(ids(store.allRecords), 'fadecb', 'data is in its own order');
});

test('the order follows what is put, moved and removed', () => {
  const store = tree();
  const node = (id) => store.getById(id);
  node('b').appendChild({ id: 'g' });
  assert.equal(ids(store.records), 'adbcgef');
  node('a').insertChild(node('f'), node('d'));
  assert.equal(ids(store.records), 'afdbcge');
  node('c').set('parentId', null);
  assert.equal(ids(store.rootNode.children), 'aec');
  assert.equal(ids(store.records), 'afdbgec');
  store.remove('a');
  assert.equal(ids(store.records), 'ec');
  store.insert(0, { id: 'h' });
  assert.equal(ids(store.records), 'hec');
});

test('a sorted tree is sorted below each parent, a filtered one keeps the way to what passes', () => {
  const store = tree();
  store.sort('n', false);
  assert.equal(ids(store.records), 'efabcd');
  store.filter({ property: 'n', operator: '=', value: 5 });
  assert.equal(ids(store.records), 'abc');
  store.clearFilters();
  store.clearSorters();
  assert.equal(ids(store.records), 'adbcef');
});

test('what is below a collapsed record is not read, but it is there', () => {
  const store = tree();
  const heard = recordEvents(store, ['refresh', 'update', 'change']);
  store.collapse('a');
  assert.equal(ids(store.records), 'aef');
  assert.equal(store.count, 3);
  assert.equal(store.allCount, 6);
  assert.equal(store.indexOf('b'), -1);
  assert.equal(ids(store.getById('a').children), 'db');
  assert.equal(ids(store.getById('b').children), 'c');
  assert.equal(store.getById('a').isExpanded(), false);
  assert.deepEqual(heard.of('refresh').map(({ action }) => action), ['collapse']);
  store.collapse('b');
  store.toggleCollapse('a');
  assert.equal(ids(store.records), 'adbef', 'what was collapsed below stays so');
  store.expand(store.getById('b'));
  assert.equal(ids(store.records), 'adbcef');
  store.expand('b');
  assert.equal(heard.names.length, 4, 'once for each that made a difference');
  assert.equal(store.changes, null, 'it is no change of the record');
});

test('data may say what is expanded, in many ways', async (t) => {
  const data = {
    nodes: [
      { id: 1, expanded: 0, children: [{ id: 2 }] },
      { id: 3, expanded: true, children: [{ id: 4 }] },
      { id: 5, expanded: false, children: [{ id: 6, children: [{ id: 7 }] }] },
      { id: 8, expanded: null, leaf: true },
    ],
  };
  const store = new Store({ id: 'nodes', fields: ['name'], tree: true, writeAllFields: true });
  const { manager, server } = await setup(t, { data, stores: [store] });
  await manager.load();
  assert.equal(ids(store.records), '13458');
  store.getById(1).name = 'new';
  await manager.sync();
  const [updated] = server.syncs[0].pack.nodes.updated;
  assert.equal('expanded' in updated || 'leaf' in updated || 'children' in updated, false);
  await manager.load();
  store.expand(1);
  await manager.load();
  assert.equal(ids(store.records), '123458', 'the user’s word survives a load');
});

test('records in a circle are read, each once', () => {
  const store = tree([
    { id: 'a', parentId: 'b' },
    { id: 'b', parentId: 'a' },
    { id: 'c' },
    { id: 'd', parentId: 'd' },
  ]);
  assert.deepEqual(store.map(({ id }) => id).sort(), ['a', 'b', 'c', 'd']);
});

test('children that are to be loaded are asked for once, by expanding or by name', async (t) => {
  const store = new Store({ id: 'nodes', fields: ['name'], tree: true });
  const { manager, server } = await setup(t, { stores: [store], lazyLoad: true });
  server.loadWith(({ pack }) =>
    pack.parentId === undefined
      ? { nodes: { rows: [{ id: 1, children: true }, { id: 2, leaf: false }, { id: 3 }, { id: 4, children: true }] } }
      : {
          nodes: {
            rows: pack.parentId === 4 ? [] : [{ id: pack.parentId * 10, parentId: pack.parentId }],
          },
        },
  );
  await manager.load();
  const [one, two, three, four] = store.records;
  assert.deepEqual([one, two, three].map((node) => node.isLoaded), [false, false, true]);
  assert.deepEqual([one, two, three].map((node) => node.isLeaf), [false, false, true]);
  assert.deepEqual([one, two, three].map((node) => node.isParent), [true, true, false]);
  assert.equal(manager.changes, null);
  one.set('name', 'mine');
  await store.loadChildren(one);
  assert.equal(ids(one.children), '10');
  assert.equal(one.isLoaded, true);
  assert.equal(one.name, 'mine', 'edits survive it');
  assert.equal(await store.loadChildren(one), null);
  await store.toggleCollapse(two, true);
  await store.expand(2);
  assert.equal(ids(two.children), '20');
  await store.loadChildren(4);
  assert.deepEqual([four.isLoaded, four.isLeaf], [true, true], 'there were none');
  assert.equal(await store.loadChildren(3), null);
  const asked = server.loads.slice(1).map(({ pack }) => pack.parentId);
  assert.deepEqual(asked, [1, 2, 4]);
});

test('children that cannot be loaded stay to be loaded', async (t) => {
  const store = new Store({ id: 'nodes', tree: true });
  const { manager, server } = await setup(t, {
    data: { nodes: [{ id: 1, children: true }] },
    stores: [store],
    lazyLoad: true,
  });
  await manager.load();
  server.nextLoad(status(404));
  await assert.rejects(store.loadChildren(1), { code: 'HTTP' });
  assert.equal(store.getById(1).isLoaded, false);
  server.nextLoad({ nodes: { rows: [{ id: 2, parentId: 1 }] } });
  await store.loadChildren(1);
  assert.equal(ids(store.records), '12');
});

test('what is no node is refused', async () => {
  const store = tree();
  await assert.rejects(store.expand('x'), { code: 'UNKNOWN_RECORD' });
  await assert.rejects(store.loadChildren(new Model()), { code: 'FOREIGN_RECORD' });
  assert.equal(await store.loadChildren('a'), null);
  const flat = storeOf(['id'], [{ id: 1 }]);
  await flat.collapse(1);
  assert.equal(flat.count, 1);
  assert.equal(thrownBy(() => new Store({ tree: 7 })).code, 'INVALID_CONFIG');
});

test('a subscriber of a tree hears of each change, and reads anew what is collapsed', async () => {
  const store = tree();
  const batches = [];
  store.subscribe((batch) => batches.push(batch));
  store.getById('a').set('n', 9);
  await null;
  store.collapse('a');
  await null;
  assert.deepEqual(batches.map(({ reset, changes }) => [reset, changes.length]), [[false, 1], [true, 0]]);
});
