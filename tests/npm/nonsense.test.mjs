// Nonsense given to the methods of views, trees, listeners and requests: a SyncError or a result, and a store that is still whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AjaxHelper, EventModel, Store, SyncError, init } from 'syncline';

await init();

const own = new Error('the app’s own');
const NONSENSE = [
  undefined,
  null,
  NaN,
  -1,
  1.5,
  '',
  'x',
  true,
  {},
  [],
  [null],
  [1, 'x'],
  10n,
  Symbol('s'),
  new Date(NaN),
  Object.create(null),
  new EventModel({}),
  () => {
    throw own;
  },
];

function storeToSpoil() {
  const children = [{ id: 2, name: 'b' }];
  return new Store({
    tree: true,
    modelClass: EventModel,
    data: [{ id: 1, name: 'a', children }, { id: 3 }],
  });
}

/** Each value with some others. */
function* pairs() {
  for (const a of NONSENSE) for (const b of [undefined, null, -1, 'x', {}]) yield [a, b];
}

function isTyped(error) {
  return error === own || error instanceof SyncError;
}

function attempt(what, call) {
  try {
    call();
  } catch (error) {
    assert.ok(isTyped(error), `${what}: ${error?.stack}`);
  }
}

const STORE = [
  'sort addSorter removeSorter filter filterBy addFilter removeFilter isAvailable modify childrenOf',
  'allChildrenOf parentOf find findRecord query forEach map some every reduce getCount getAt',
  'indexOf referrers insert move removeAll suspendEvents resumeEvents',
].flatMap((names) => names.split(' '));
const RECORD = [
  'appendChild',
  'insertChild',
  'removeChild',
  'clearChildren',
  'traverse',
  'bubble',
  'contains',
  'copy',
];

for (const method of STORE) {
  test(`store.${method}() given nonsense gives a SyncError or a result`, () => {
    for (const [a, b] of pairs()) {
      const store = storeToSpoil();
      attempt(method, () => store[method](a, b));
      store.clearFilters();
      store.clearSorters();
      store.add({ id: 99 });
      assert.equal(store.getById(99).id, 99);
      assert.equal(store.records.length, store.allCount);
      store.destroy();
      attempt(`${method} after destroy`, () => store[method](a, b));
    }
  });
}

for (const method of RECORD) {
  test(`record.${method}() given nonsense gives a SyncError or a result, whatever has become of the record`, () => {
    const kinds = {
      first: (store) => store.first,
      root: (store) => store.rootNode,
      detached: () => new EventModel({ id: 5 }),
      removed: (store) => store.remove(3)[0],
      destroyed: () => {
        const store = storeToSpoil();
        const { first } = store;
        store.destroy();
        return first;
      },
    };
    for (const [kind, make] of Object.entries(kinds)) {
      for (const [a, b] of pairs()) {
        const store = storeToSpoil();
        const record = make(store);
        attempt(`${kind} ${method}`, () => record[method](a, b));
        store.rejectChanges();
        assert.deepEqual(store.map(({ id }) => id).sort(), [1, 2, 3], `${kind} ${method}`);
        store.destroy();
      }
    }
  });
}

test('lists of sorters and filters, and listeners, that are none are refused', () => {
  for (const value of NONSENSE) {
    const store = storeToSpoil();
    attempt('sorters', () => (store.sorters = value));
    attempt('filters', () => (store.filters = value));
    for (const method of ['on', 'un', 'once', 'addListener', 'removeListener']) {
      attempt(method, () => store[method](value));
      attempt(method, () => store[method]({ add: value }));
    }
    assert.equal(store.allCount, 3);
    store.destroy();
  }
});

test('properties of records in trees can be read whatever has become of the record', () => {
  const store = storeToSpoil();
  const [removed] = store.remove(3);
  const gone = storeToSpoil();
  const lost = gone.first;
  gone.destroy();
  for (const record of [removed, lost, new EventModel({}), store.rootNode]) {
    for (const name of [
      ...['parent', 'children', 'allChildren', 'isRoot', 'isLeaf', 'isParent', 'childLevel'],
      ...['parentIndex', 'firstChild', 'lastChild', 'nextSibling', 'previousSibling'],
      ...['descendantCount', 'meta', 'json', 'stores', 'firstStore'],
      ...['resources', 'resource', 'assignments'],
    ]) {
      void record[name];
    }
  }
});

test('AjaxHelper given nonsense rejects with a SyncError', async (t) => {
  t.after(() => AjaxHelper.unmockUrl());
  t.mock.method(globalThis, 'fetch', async () => new Response('x'));
  for (const [a, b] of pairs()) {
    for (const method of ['fetch', 'get', 'post', 'mockUrl', 'unmockUrl']) {
      try {
        await AjaxHelper[method](a, b);
      } catch (error) {
        assert.ok(isTyped(error), `${method}: ${error?.stack}`);
      }
    }
  }
});
