// Trees: how records of one are read, put together and taken apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, Store, TaskModel } from 'syncline';
import { loaded, recordEvents, storeOf, thrownBy } from './support/setup.mjs';

const ids = (records) => records.map(({ id }) => id);
const tree = (config) =>
  new Store({
    id: 'nodes',
    tree: true,
    fields: ['id', 'name', 'parentId'],
    data: [
      {
        id: 1,
        name: 'one',
        children: [
          { id: 2, name: 'two', children: [{ id: 3, name: 'three' }] },
          { id: 4, name: 'four' },
        ],
      },
      { id: 5, name: 'five' },
    ],
    ...config,
  });

test('records of a tree know what is above, below and beside them', () => {
  const store = tree();
  const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((id) => store.getById(id));
  assert.deepEqual(ids(one.children), [2, 4]);
  assert.strictEqual(three.parent, two);
  assert.strictEqual(one.parent, store.rootNode);
  assert.deepEqual([store.rootNode.isRoot, one.isRoot], [true, false]);
  assert.deepEqual(ids(store.rootNode.children), [1, 5]);
  assert.deepEqual(
    [one, two, three, four, five].map(({ isLeaf }) => isLeaf),
    [false, false, true, true, true],
  );
  assert.deepEqual([one.isParent, three.isParent], [true, false]);
  assert.deepEqual(
    [one, two, three].map(({ childLevel }) => childLevel),
    [0, 1, 2],
  );
  assert.deepEqual(
    [one, five, two, four].map(({ parentIndex }) => parentIndex),
    [0, 1, 0, 1],
  );
  assert.deepEqual([one.firstChild, one.lastChild, five.firstChild], [two, four, null]);
  assert.deepEqual([two.nextSibling, four.previousSibling, four.nextSibling], [four, two, null]);
  assert.deepEqual([one.descendantCount, store.rootNode.descendantCount], [3, 5]);
  assert.deepEqual(
    [one.contains(three), three.contains(one), store.rootNode.contains(five)],
    [true, false, true],
  );
  assert.equal(store.getById('root'), undefined, 'the root is none of the records');
  assert.equal(store.count, 5);
});

test('a tree is gone through from the top, and upwards', () => {
  const store = tree();
  const seen = [];
  store.rootNode.traverse((record) => void seen.push(record.id), true);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  seen.length = 0;
  store.getById(1).traverse((record) => seen.push(record.id) && record.id !== 2);
  assert.deepEqual(seen, [1, 2, 4], 'what is below one that says false is passed over');
  seen.length = 0;
  store.getById(3).bubble((record) => void seen.push(record.id));
  assert.deepEqual(seen, [3, 2, 1]);
  seen.length = 0;
  store.getById(3).bubble((record) => seen.push(record.id) > 5, true);
  assert.deepEqual(seen, [2]);
});

test('children are appended and inserted: data, new records, and records that move', () => {
  const store = tree();
  const one = store.getById(1);
  const added = one.appendChild({ id: 6, name: 'six' });
  assert.strictEqual(added, store.getById(6));
  assert.deepEqual(ids(one.children), [2, 4, 6]);
  const [seven, eight] = one.insertChild(
    [{ id: 7 }, new store.modelClass({ id: 8 })],
    store.getById(4),
  );
  assert.deepEqual(ids(one.children), [2, 7, 8, 4, 6]);
  assert.deepEqual([seven.parentId, eight.parentId], [1, 1]);
  assert.strictEqual(one.appendChild(store.getById(3)), store.getById(3));
  assert.deepEqual([ids(one.children), store.getById(2).isLeaf], [[2, 7, 8, 4, 6, 3], true]);
  assert.deepEqual(store.getById(3).modifications, { id: 3, parentId: 1 });
  one.insertChild(store.getById(6), store.getById(2));
  assert.deepEqual(ids(one.children), [6, 2, 7, 8, 4, 3]);
  store.rootNode.insertChild(store.getById(2), one);
  assert.deepEqual(ids(store.rootNode.children), [2, 1, 5]);
  assert.equal(store.getById(2).parentId, null);
  store.rootNode.appendChild({ id: 9, children: [{ id: 10 }] });
  assert.strictEqual(store.getById(10).parent, store.getById(9));
  store.rejectChanges();
  assert.deepEqual(ids(one.children), [2, 4]);
  assert.deepEqual(ids(store.rootNode.children), [1, 5]);
});

test('a child that was removed can be put elsewhere', () => {
  const store = tree();
  const two = store.getById(2);
  store.getById(1).removeChild(two);
  const again = store.getById(5).appendChild(two);
  assert.deepEqual([again.id, again.name, again.parentId], [2, 'two', 5]);
  assert.deepEqual(ids(store.getById(5).children), [2]);
});

test('children are removed with what is below them', () => {
  const store = tree();
  const one = store.getById(1);
  const two = store.getById(2);
  assert.deepEqual(ids(one.removeChild(two)).sort(), [2, 3]);
  assert.deepEqual([ids(one.children), store.count], [[4], 3]);
  assert.deepEqual(one.removeChild(store.getById(5)), [], 'no child of this one');
  assert.deepEqual([two.parent, two.parentIndex], [null, -1]);
  one.clearChildren();
  assert.deepEqual([one.children, one.isLeaf, store.count], [[], true, 2]);
  store.rejectChanges();
  assert.equal(one.descendantCount, 3);
});

test('a tree of phantoms is sent parents first, and keeps together when the ids come', async (t) => {
  const stores = [new Store({ id: 'nodes', tree: true, fields: ['id', 'name', 'parentId'] })];
  const { manager, nodes } = await loaded(t, { stores, data: { nodes: [{ id: 1, name: 'one' }] } });
  const parent = nodes.getById(1).appendChild({ name: 'parent' });
  const child = parent.appendChild({ name: 'child' });
  const other = parent.insertChild({ name: 'other' }, child);
  assert.deepEqual([parent.isPhantom, ids(parent.children)], [true, ids([other, child])]);
  await manager.sync();
  assert.equal(parent.isPhantom, false);
  assert.deepEqual(parent.children, [other, child]);
  assert.deepEqual([child.parentId, other.parent], [parent.id, parent]);
  assert.equal(manager.changes, null);
});

test('nested data may have the names of the app or of the wire', () => {
  class Node extends Model {
    static fields = [{ name: 'title', dataSource: 'Label' }, 'parentId'];
  }
  const data = [
    { id: 1, title: 'a', children: [{ id: 2, title: 'b', children: [{ id: 3, Label: 'c' }] }] },
  ];
  const store = new Store({ tree: true, modelClass: Node, data });
  assert.deepEqual(
    store.map(({ title }) => title),
    ['a', 'b', 'c'],
  );
  const [added] = store.add({ title: 'x', children: [{ title: 'y' }] });
  assert.equal(added.firstChild.title, 'y');
});

test('a deep copy has copies of what is below', () => {
  const store = tree();
  const copy = store.getById(1).copy(null, true);
  assert.equal(copy.store, undefined);
  store.rootNode.appendChild(copy);
  assert.deepEqual([copy.name, copy.descendantCount, store.count], ['one', 3, 9]);
  assert.ok(copy.children.every(({ isPhantom }) => isPhantom));
  assert.notEqual(copy.firstChild, store.getById(2));
  assert.equal(store.getById(1).copy('mine').id, 'mine');
  assert.equal(store.getById(1).copy({ name: 'other' }).get('name'), 'other');
});

test('what would make a circle, and what is no tree, is refused; nothing is done by halves', () => {
  const store = tree();
  const [one, three] = [store.getById(1), store.getById(3)];
  assert.equal(thrownBy(() => three.appendChild([{ id: 99 }, one])).code, 'INVALID_ARGUMENT');
  assert.equal(thrownBy(() => one.appendChild(one)).code, 'INVALID_ARGUMENT');
  assert.equal(thrownBy(() => one.insertChild({ id: 99 }, three)).code, 'INVALID_ARGUMENT');
  assert.equal(thrownBy(() => one.appendChild([{ id: 99 }, null])).code, 'INVALID_ARGUMENT');
  assert.equal(thrownBy(() => one.appendChild([{ id: 99 }, { id: 5 }])).code, 'DUPLICATE_ID');
  const [foreign] = tree().records;
  const mixed = [store.getById(5), { id: 99 }, foreign];
  assert.equal(thrownBy(() => one.appendChild(mixed)).code, 'FOREIGN_RECORD');
  assert.deepEqual([store.count, store.changes], [5, null]);
  const flat = storeOf(['id', 'parentId'], [{ id: 1 }, { id: 2, parentId: 1 }]);
  const record = flat.getById(1);
  assert.deepEqual(
    [record.children, record.parent, record.isLeaf, flat.rootNode],
    [null, null, true, null],
  );
  assert.equal(thrownBy(() => record.appendChild({})).code, 'INVALID_ARGUMENT');
  assert.deepEqual(new Model({ id: 1 }).children, null);
});

test('data that goes in circles is read to an end', () => {
  const store = storeOf(
    ['id', 'parentId'],
    [
      { id: 1, parentId: 2 },
      { id: 2, parentId: 1 },
      { id: 3, parentId: 3 },
      { id: 4, parentId: 'gone' },
    ],
    { tree: true },
  );
  assert.deepEqual(ids(store.rootNode.children), [3, 4]);
  assert.equal(store.getById(1).descendantCount, 1);
  assert.equal(store.getById(1).childLevel, 1);
  const seen = [];
  store.getById(2).bubble(({ id }) => void seen.push(id));
  assert.deepEqual(seen, [2, 1]);
});

test('a veto keeps a child where it is', () => {
  const store = tree();
  const [one, five] = [store.getById(1), store.getById(5)];
  store.on('beforeUpdate', () => false);
  store.on('beforeAdd', () => false);
  assert.equal(one.appendChild(five), null);
  assert.equal(one.appendChild({ id: 9 }), null);
  assert.deepEqual(
    [ids(one.children), ids(store.rootNode.children)],
    [
      [2, 4],
      [1, 5],
    ],
  );
});

test('listeners hear of what is put into a tree', () => {
  const store = tree();
  const heard = recordEvents(store, ['add', 'update', 'move', 'remove']);
  store.getById(1).appendChild({ id: 9 });
  assert.deepEqual(heard.names, ['add']);
  heard.forget();
  store.getById(5).appendChild(store.getById(2));
  assert.deepEqual(heard.names, ['update', 'move']);
  heard.forget();
  store.getById(5).appendChild(store.getById(4), true);
  assert.deepEqual(heard.of('update'), []);
});

test('fields of the names that trees use are fields', () => {
  class Card extends TaskModel {
    static fields = ['parent', 'children', 'meta', 'resources'];
  }
  const store = new Store({
    modelClass: Card,
    data: [{ id: 1, parent: 'p', children: [1], meta: 'm', resources: 'r', stores: 5 }],
  });
  const card = store.first;
  assert.deepEqual(
    [card.parent, card.children, card.meta, card.resources, card.stores],
    ['p', [1], 'm', 'r', 5],
  );
  card.parent = 'q';
  assert.deepEqual(card.modifications, { id: 1, parent: 'q' });
  assert.deepEqual(new Card({ children: [2] }).children, [2]);
});

test('the root stands for the top: it can be neither changed, removed nor added', () => {
  const store = tree();
  const { rootNode } = store;
  const calls = [
    () => rootNode.set('name', 'x'),
    () => rootNode.remove(),
    () => rootNode.revertChanges(),
    () => store.remove([store.first, rootNode]),
    () => store.move(rootNode, 0),
  ];
  for (const call of calls) assert.equal(thrownBy(call).code, 'INVALID_ARGUMENT', String(call));
  assert.equal(thrownBy(() => store.add(rootNode)).code, 'FOREIGN_RECORD');
  assert.deepEqual(
    [rootNode.isModified, rootNode.modifications, store.changes],
    [false, null, null],
  );
  assert.strictEqual(store.rootNode, rootNode);
  store.destroy();
  assert.deepEqual([rootNode.children, rootNode.isLeaf], [null, true]);
});

test('an edit that leaves a tree as it is costs no new order; what shapes it does', (t) => {
  let asked = 0;
  class Node extends Model {
    static fields = ['name', 'parentId'];
    isExpanded() {
      asked++;
      return super.isExpanded();
    }
  }
  const data = Array.from({ length: 300 }, (_, i) => ({ id: i + 1, name: `n${i}`, parentId: i < 3 ? null : (i % 3) + 1 }));
  const store = new Store({ id: 'nodes', modelClass: Node, tree: true, data });
  t.after(() => store.destroy());
  const order = () => store.map(({ id }) => id);
  const whole = order();
  const cost = (edit) => {
    asked = 0;
    edit();
    order();
    return asked;
  };
  assert.equal(cost(() => (store.getById(7).name = 'other')), 0);
  assert.equal(cost(() => store.applyChangeset({ updated: [{ id: 8, name: 'theirs' }] })), 0);
  assert.deepEqual(order(), whole);
  assert.ok(cost(() => (store.getById(7).parentId = 3)) > 0);
  assert.notDeepEqual(order(), whole);
  store.getById(7).revertChanges();
  assert.deepEqual(order(), whole);
  for (const edit of [
    () => store.move(5, 0),
    () => store.add({ name: 'new', parentId: 2 }),
    () => store.remove(9),
    () => store.applyChangeset({ updated: [{ id: 10, parentId: 3 }] }),
    () => store.getById(1).set('expanded', false),
    () => store.getById(1).set('expanded', true),
    () => store.collapse(2),
    () => store.loadData(data),
    () => store.loadData(data.map((row) => ({ id: row.id + 1000, parentId: row.parentId && row.parentId + 1000 }))),
  ]) {
    assert.ok(cost(edit) > 0, String(edit));
    const all = new Set(store.allRecords);
    assert.ok(store.records.every((record) => all.has(record)));
  }
  assert.equal(store.count, 301, 'the added one survives the loads');
});
