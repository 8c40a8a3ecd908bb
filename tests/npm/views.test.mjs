// Sorted and filtered stores: what is shown, in which order, and that nothing else depends on it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel, Model, Store } from 'syncline';
import { loaded, recordEvents, storeOf, thrownBy } from './support/setup.mjs';

const ids = (records) => [...records].map(({ id }) => id);
const FIELDS = ['id', 'name', { name: 'age', type: 'number' }, { name: 'born', type: 'date' }];
const PEOPLE = [
  { id: 1, name: 'Cleo', age: 30, born: '1990-05-01T00:00:00Z' },
  { id: 2, name: 'ada', age: 25, born: '1985-01-01T00:00:00Z' },
  { id: 3, name: 'Bob', age: 30, born: null },
  { id: 4, name: 'Ärne', age: null, born: '1999-12-31T00:00:00Z' },
  { id: 5, name: 'Bea', age: 7, born: '2015-05-01T10:00:00Z' },
];
const people = (config) => storeOf(FIELDS, PEOPLE, config);

// --- order ----------------------------------------------------------------------------------

test('a store is ordered by a field, one way and the other, by several, and by functions', () => {
  const store = people();
  assert.equal(store.isSorted, false);
  store.sort('age');
  assert.deepEqual(
    ids(store),
    [4, 5, 2, 1, 3],
    'nothing first, equal ones in the order of the data',
  );
  store.sort('age');
  assert.deepEqual(ids(store), [1, 3, 2, 5, 4], 'the same field again turns it round');
  store.sort('age', false);
  assert.deepEqual(ids(store), [1, 3, 2, 5, 4]);
  store.sort([{ field: 'age', ascending: false }, 'name']);
  assert.deepEqual(ids(store), [3, 1, 2, 5, 4]);
  store.sort((a, b) => b.id - a.id);
  assert.deepEqual(ids(store), [5, 4, 3, 2, 1]);
  store.sort({ field: 'name', sortFn: (a, b) => a.name.length - b.name.length });
  assert.deepEqual(ids(store), [2, 3, 5, 1, 4]);
  store.sort('born');
  assert.deepEqual(ids(store), [3, 2, 1, 4, 5]);
  assert.deepEqual(store.sorters, [{ field: 'born', ascending: true }]);
  store.clearSorters();
  assert.deepEqual(ids(store), [1, 2, 3, 4, 5]);
  assert.deepEqual([store.isSorted, store.sorters], [false, []]);
});

test('sorters are added and removed one by one', () => {
  const store = people({ sorters: [{ field: 'age', ascending: false }] });
  store.addSorter('name');
  assert.deepEqual(ids(store), [3, 1, 2, 5, 4]);
  store.sort('name', false, true);
  assert.deepEqual(ids(store), [1, 3, 2, 5, 4]);
  assert.deepEqual(
    store.sorters.map(({ field, ascending }) => [field, ascending]),
    [
      ['age', false],
      ['name', false],
    ],
  );
  store.removeSorter('age');
  assert.deepEqual(ids(store), [4, 2, 1, 3, 5]);
  store.sorters = ['id'];
  assert.deepEqual(ids(store), [1, 2, 3, 4, 5]);
});

test('text is ordered as people do where that is asked for', () => {
  assert.deepEqual(ids(people({ sorters: ['name'] })), [5, 3, 1, 2, 4]);
  assert.deepEqual(ids(people({ sorters: ['name'], useLocaleSort: 'en' })), [2, 4, 5, 3, 1]);
  const swedish = people({ sorters: ['name'], useLocaleSort: { locale: 'sv' } });
  assert.deepEqual(ids(swedish), [2, 5, 3, 1, 4]);
});

test('getters of the class are sorted and filtered by like fields', () => {
  class Person extends Model {
    static fields = ['name', { name: 'age', type: 'number' }];
    get isGrown() {
      return this.age >= 18;
    }
    get initial() {
      return this.name[0];
    }
  }
  const store = new Store({ modelClass: Person, data: PEOPLE });
  store.sort(['isGrown', 'initial']);
  assert.deepEqual(ids(store), [5, 4, 3, 1, 2]);
  store.filter({ property: 'isGrown', operator: 'isTrue' });
  assert.deepEqual(ids(store), [3, 1, 2]);
});

test('the order stays true when records change, come and go', () => {
  const store = people({ sorters: ['age'] });
  assert.deepEqual(ids(store), [4, 5, 2, 1, 3]);
  store.getById(1).age = 6;
  assert.deepEqual(ids(store), [4, 1, 5, 2, 3]);
  const [added] = store.add({ id: 6, name: 'Fay', age: 26 });
  assert.equal(store.indexOf(added), 4);
  store.remove(4);
  assert.deepEqual(ids(store), [1, 5, 2, 6, 3]);
  store.rejectChanges();
  assert.deepEqual(ids(store), [4, 5, 2, 1, 3]);
  store.beginBatch();
  store.getById(5).age = 99;
  assert.equal(store.last.id, 5, 'also in the middle of a batch');
  store.endBatch();
  store.loadData([
    { id: 9, age: 2 },
    { id: 8, age: 1 },
  ]);
  // The unsent edit of 5 has no record any more.
  assert.deepEqual(ids(store), [8, 9]);
});

test('every way of reading follows the order', () => {
  const store = people({ sorters: [{ field: 'id', ascending: false }] });
  assert.deepEqual(ids(store.records), [5, 4, 3, 2, 1]);
  assert.deepEqual([store.first.id, store.last.id, store.getAt(1).id], [5, 1, 4]);
  assert.deepEqual([store.getAt(-1), store.getAt(5)], [undefined, undefined]);
  assert.deepEqual([store.indexOf(5), store.indexOf(1), store.indexOf(99)], [0, 4, -1]);
  assert.deepEqual(
    store.map(({ id }) => id),
    [5, 4, 3, 2, 1],
  );
  assert.equal(store.find(({ id }) => id < 4).id, 3);
  assert.equal(
    store.reduce((text, { id }) => text + id, ''),
    '54321',
  );
  assert.deepEqual(ids(store.allRecords), [1, 2, 3, 4, 5], 'the data has an order of its own');
  assert.deepEqual(ids(store.toJSON()), [1, 2, 3, 4, 5]);
});

// --- filters --------------------------------------------------------------------------------

test('filters hide records from reading, and from nothing else', () => {
  const store = people();
  store.filter(({ age }) => age === 30);
  assert.deepEqual([store.count, store.allCount, store.isFiltered], [2, 5, true]);
  assert.deepEqual([store.getCount(), store.getCount({ all: true })], [2, 5]);
  assert.deepEqual(ids(store), [1, 3]);
  assert.deepEqual(ids(store.allRecords), [1, 2, 3, 4, 5]);
  assert.equal(store.getById(2).name, 'ada');
  assert.deepEqual(
    [store.includes(2), store.isAvailable(2), store.isAvailable(3)],
    [true, false, true],
  );
  assert.equal(store.indexOf(2), -1);
  assert.deepEqual(
    [store.find(({ id }) => id === 2), store.find(({ id }) => id === 2, true).id],
    [undefined, 2],
  );
  assert.equal(store.findRecord('name', 'ada', true).id, 2);
  assert.deepEqual(ids(store.query(({ id }) => id > 3, true)), [4, 5]);
  assert.equal(store.toJSON().length, 5);
  store.clearFilters();
  assert.deepEqual([store.count, store.isFiltered], [5, false]);
});

test('filters compare as their operator says', () => {
  const store = people();
  const passing = (filter) => {
    store.filter({ filters: { property: 'age', ...filter }, replace: true });
    return ids(store);
  };
  assert.deepEqual(passing({ value: 30 }), [1, 3]);
  assert.deepEqual(
    passing({ value: '30', operator: '=' }),
    [1, 3],
    'ids and numbers compare as text',
  );
  assert.deepEqual(passing({ value: 30, operator: '!=' }), [2, 4, 5]);
  assert.deepEqual(passing({ value: null }), [4]);
  assert.deepEqual(passing({ value: 25, operator: '>' }), [1, 3]);
  assert.deepEqual(passing({ value: 25, operator: '>=' }), [1, 2, 3]);
  assert.deepEqual(passing({ value: 25, operator: '<' }), [5], 'nothing is not less');
  assert.deepEqual(passing({ value: 25, operator: '<=' }), [2, 5]);
  assert.deepEqual(passing({ value: [7, 25], operator: 'isIncludedIn' }), [2, 5]);
  assert.deepEqual(passing({ value: [7, 25], operator: 'isNotIncludedIn' }), [1, 3, 4]);
  assert.deepEqual(passing({ value: [10, 28], operator: 'between' }), [2]);
  assert.deepEqual(passing({ value: [10, 28], operator: 'notBetween' }), [1, 3, 4, 5]);
  assert.deepEqual(passing({ operator: 'empty' }), [4]);
  assert.deepEqual(passing({ operator: 'notEmpty' }), [1, 2, 3, 5]);
  const named = (filter) => passing({ property: 'name', ...filter });
  assert.deepEqual(named({ value: 'B' }), [3, 5], 'text is looked for');
  assert.deepEqual(named({ value: 'b', caseSensitive: false }), [3, 5]);
  assert.deepEqual(named({ value: 'A', operator: 'startsWith', caseSensitive: false }), [2]);
  assert.deepEqual(named({ value: 'e', operator: 'endsWith' }), [4]);
  assert.deepEqual(named({ value: 'e', operator: 'doesNotInclude' }), [2, 3]);
  const day = new Date('2015-05-01T10:00:00Z');
  assert.deepEqual(passing({ property: 'born', value: day, operator: 'sameDay' }), [5]);
  assert.deepEqual(passing({ property: 'born', value: day, operator: '<' }), [1, 2, 4]);
  assert.deepEqual(passing({ property: 'born', value: day }), [5]);
});

test('filters come on top of each other; one of the same id or property takes the place of the other', () => {
  const store = people();
  store.filter({ property: 'age', value: 10, operator: '>' });
  store.filter({ property: 'name', value: 'o' });
  assert.deepEqual(ids(store), [1, 3]);
  store.filter({ property: 'name', value: 'ada' });
  assert.deepEqual(ids(store), [2]);
  store.filter([
    { property: 'age', value: 25, operator: '>=' },
    { property: 'age', value: 29, operator: '<' },
  ]);
  assert.deepEqual(ids(store), [2]);
  assert.equal(store.filters.length, 3);
  const own = store.addFilter({ id: 'own', filterBy: ({ id }) => id === 1 });
  assert.deepEqual(ids(store), []);
  assert.strictEqual(store.removeFilter('own'), own);
  assert.equal(store.removeFilter('own'), null);
  const filter = store.filters[0];
  filter.disabled = true;
  store.filter();
  assert.deepEqual(ids(store), [2]);
  store.filterBy(({ age }) => age > 26);
  assert.deepEqual([ids(store), store.filters.length], [[1, 3], 1]);
  store.filters = [];
  assert.equal(store.count, 5);
});

test('what is shown follows the changes of records', () => {
  const store = people({ filters: { property: 'age', value: 20, operator: '>' } });
  assert.deepEqual(ids(store), [1, 2, 3]);
  store.getById(1).age = 3;
  store.getById(5).age = 50;
  assert.deepEqual(ids(store), [2, 3, 5]);
  store.add([
    { id: 6, age: 40 },
    { id: 7, age: 4 },
  ]);
  assert.deepEqual([ids(store), store.allCount], [[2, 3, 5, 6], 7]);
  store.remove([2, 7]);
  assert.deepEqual([ids(store), store.allCount], [[3, 5, 6], 5]);
  store.rejectChanges();
  assert.deepEqual(ids(store), [1, 2, 3]);
});

test('records that are filtered out are changed, sent and confirmed like all others', async (t) => {
  const { manager, server, events } = await loaded(t);
  events.filter(({ id }) => id === 1);
  events.getById(2).name = 'Hidden';
  const [added] = events.add({ name: 'New' });
  assert.deepEqual(ids(events), [1]);
  assert.equal(events.modified.length, 1);
  assert.equal(manager.changes.events.updated[0].name, 'Hidden');
  await manager.sync();
  assert.equal(events.changes, null);
  assert.equal(added.isPhantom, false);
  assert.equal(server.requests.at(-1).pack.events.added.length, 1);
  assert.deepEqual([events.count, events.allCount], [1, 3]);
});

test('what the server changes shows in its place', async (t) => {
  const { manager, events } = await loaded(t);
  events.sort('name');
  events.filter({ property: 'name', value: 'p', caseSensitive: false });
  assert.deepEqual(ids(events), [2, 1]);
  manager.applyChangeset({
    events: {
      updated: [{ id: 1, name: 'A p' }],
      added: [
        { id: 9, name: 'P 9' },
        { id: 8, name: 'x' },
      ],
    },
  });
  assert.deepEqual(ids(events), [1, 9, 2]);
  manager.applyChangeset({
    events: {
      updated: [
        { id: 9, name: 'x' },
        { id: 8, name: 'p' },
      ],
      removed: [{ id: 2 }],
    },
  });
  assert.deepEqual(ids(events), [1, 8]);
  manager.applyChangeset({ events: { added: [{ id: '!', name: 'text' }] } });
  events.sort('id');
  events.clearFilters();
  const [added] = events.add({ name: 'New' });
  assert.deepEqual(ids(events), [1, 8, 9, '!', added.id], 'text behind all numbers');
  await manager.sync();
  assert.equal(typeof added.id, 'number');
  assert.deepEqual(ids(events), [1, 8, 9, added.id, '!']);
});

test('listeners hear where records were added', () => {
  const store = people({ sorters: ['age'] });
  const places = [];
  store.on('add', ({ index }) => places.push(index));
  store.add({ id: 6, age: 8 });
  store.add([{ id: 7 }, { id: 8, age: 99 }]);
  store.filter(({ id }) => id < 9);
  store.add({ id: 9 });
  assert.deepEqual(places, [2, 1, -1]);
});

test('sorting and filtering changes nothing and tells the manager of nothing', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(manager);
  events.getById(1).name = 'Dirty';
  heard.forget();
  events.sort('name', false);
  events.filter(({ id }) => id === 2);
  events.clearFilters();
  events.clearSorters();
  assert.deepEqual(heard.names, []);
  assert.equal(events.getById(1).isModified, true);
});

test('a range has only what the filters let pass, by its start', () => {
  const store = new Store({
    modelClass: EventModel,
    data: [1, 2, 3, 4].map((id) => ({
      id,
      name: id % 2 ? 'odd' : 'even',
      startDate: `2026-03-0${5 - id}T09:00:00Z`,
      endDate: `2026-03-0${5 - id}T10:00:00Z`,
    })),
  });
  const week = () => ids(store.range('2026-03-01T00:00:00Z', '2026-03-08T00:00:00Z'));
  assert.deepEqual(week(), [4, 3, 2, 1]);
  store.filter({ property: 'name', value: 'odd' });
  assert.deepEqual(week(), [3, 1]);
  store.getById(2).name = 'odd';
  assert.deepEqual(week(), [3, 2, 1]);
  store.clearFilters();
  assert.deepEqual(week(), [4, 3, 2, 1]);
});

test('positions are those of what is shown', () => {
  const store = people({ filters: ({ id }) => id !== 2 });
  assert.deepEqual(ids(store), [1, 3, 4, 5]);
  store.insert(1, { id: 6 });
  assert.deepEqual(ids(store), [1, 6, 3, 4, 5]);
  assert.deepEqual(ids(store.allRecords), [1, 2, 6, 3, 4, 5]);
  store.move(5, 1);
  assert.deepEqual(ids(store), [1, 5, 6, 3, 4]);
  store.move(1, store.getById(3));
  assert.deepEqual(ids(store), [5, 6, 1, 3, 4]);
  store.insert(99, { id: 7 });
  assert.equal(store.last.id, 7);
  store.move(5);
  assert.equal(store.last.id, 5);
});

test('removing everything removes what is filtered out, too', () => {
  const store = people({ filters: ({ id }) => id === 2 });
  const heard = recordEvents(store, ['beforeRemove', 'remove', 'removeAll']);
  store.removeAll();
  assert.deepEqual(heard.names, ['beforeRemove', 'remove', 'removeAll']);
  assert.deepEqual(ids(heard.of('removeAll')[0].records), [1, 2, 3, 4, 5]);
  assert.equal(store.allCount, 0);
});

// --- events ---------------------------------------------------------------------------------

test('listeners hear of a new order and of filters; silent ones are not told', () => {
  const store = people();
  const heard = recordEvents(store, ['beforeSort', 'sort', 'filter', 'refresh', 'change']);
  store.sort('name');
  assert.deepEqual(heard.names, ['beforeSort', 'sort', 'refresh', 'change']);
  const [sort] = heard.of('sort');
  assert.deepEqual(
    [sort.sorters, ids(sort.records)],
    [[{ field: 'name', ascending: true }], ids(store)],
  );
  assert.deepEqual([heard.of('refresh')[0].action, heard.of('change')[0].action], ['sort', 'sort']);
  heard.forget();
  store.filter(({ id }) => id > 3);
  assert.deepEqual(heard.names, ['filter', 'refresh', 'change']);
  const [filter] = heard.of('filter');
  assert.deepEqual(
    [filter.filters.length, filter.oldFilters, ids(filter.records)],
    [1, [], [5, 4]],
  );
  heard.forget();
  store.sort('age', true, false, true);
  store.filter({ filters: ({ id }) => id > 4, silent: true });
  store.addFilter(({ id }) => id > 0, true);
  assert.deepEqual(heard.names, []);
  assert.deepEqual(ids(store), [5]);
});

test('a new order can be prevented', () => {
  const store = people();
  store.on('beforeSort', ({ sorters, currentSorters }) => {
    assert.deepEqual([sorters.length, currentSorters.length], [1, 0]);
    return false;
  });
  store.sort('name');
  assert.deepEqual([store.isSorted, ids(store)], [false, [1, 2, 3, 4, 5]]);
});

test('subscribers are told to read anew what a view shows', async () => {
  const store = people();
  const batches = [];
  store.subscribe((batch) => batches.push(batch));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  store.filter(({ age }) => age > 20);
  await turn();
  assert.deepEqual(
    batches.map(({ reset }) => reset),
    [true],
  );
  store.getById(1).age = 1;
  await turn();
  assert.deepEqual([batches[1].reset, batches[1].changes.length], [true, 1]);
  store.clearFilters();
  await turn();
  store.getById(1).age = 2;
  await turn();
  assert.equal(batches[3].reset, false);
});

// --- trees, misuse --------------------------------------------------------------------------

test('a filtered tree keeps what is above a record that passes', () => {
  const store = storeOf(
    ['id', 'name', 'parentId'],
    [
      { id: 1, name: 'a' },
      { id: 2, name: 'b', parentId: 1 },
      { id: 3, name: 'hit', parentId: 2 },
      { id: 4, name: 'd', parentId: 1 },
      { id: 5, name: 'e' },
    ],
    { tree: true },
  );
  store.filter({ property: 'name', value: 'hit' });
  assert.deepEqual(ids(store), [1, 2, 3]);
  assert.deepEqual(ids(store.getById(1).children), [2]);
  assert.deepEqual(ids(store.getById(1).allChildren), [2, 4]);
  assert.deepEqual(ids(store.rootNode.children), [1]);
  store.clearFilters();
  store.sort('id', false);
  assert.deepEqual(ids(store.rootNode.children), [5, 1]);
  assert.deepEqual(ids(store.getById(1).children), [4, 2]);
});

test('what cannot be sorted or filtered by is refused, and nothing is different', () => {
  const store = people({ filters: ({ id }) => id > 1 });
  const wrong = [
    () => store.sort({}),
    () => store.sort(7),
    () => store.sort(['name', null]),
    () => store.filter({}),
    () => store.filter({ property: 'age', operator: '~' }),
    () => store.filter({ property: 'age', operator: '__proto__' }),
    () => store.filter({ property: 'age', operator: 'between', value: 5 }),
    () => store.filter(7),
    () => store.filter('age'),
  ];
  for (const call of wrong) assert.equal(thrownBy(call).code, 'INVALID_ARGUMENT', String(call));
  assert.equal(
    thrownBy(() => people({ sorters: ['name'], useLocaleSort: '!' })).code,
    'INVALID_CONFIG',
  );
  const oops = new Error('oops');
  const throws = () => {
    throw oops;
  };
  assert.strictEqual(
    thrownBy(() => store.filter(throws)),
    oops,
  );
  assert.strictEqual(
    thrownBy(() => store.sort(throws)),
    oops,
  );
  assert.deepEqual([ids(store), store.sorters, store.filters.length], [[2, 3, 4, 5], [], 1]);
  store.destroy();
  assert.equal(thrownBy(() => store.sort('name')).code, 'DESTROYED');
  assert.equal(thrownBy(() => store.count).code, 'DESTROYED');
});

test('a filter that reads and changes its own store neither hangs nor breaks it', () => {
  const store = people();
  store.filter((record) => {
    if (record.age !== 1) record.age = 1;
    return store.count >= 0 && record.id > 1;
  });
  assert.deepEqual(ids(store), [2, 3, 4, 5]);
});

test('a large store stays sorted while it is edited', () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i + 1, age: (i * 7919) % 20_000 }));
  const store = storeOf(FIELDS, rows, { sorters: ['age'], filters: ({ age }) => age % 2 === 0 });
  assert.equal(store.count, 10_000);
  for (let i = 0; i < 50; i++) {
    store.getById(i * 100 + 1).age = (i * 31) % 100;
    const ages = store.map(({ age }) => age);
    assert.ok(ages.every((age, at) => at === 0 || ages[at - 1] <= age));
  }
});

const applied = (applyChangesetFilterSortTarget) => {
  const data = [1, 2, 3, 4].map((id) => ({ id, name: `n${id}`, open: id < 4 }));
  const store = storeOf(['name', 'open'], data, {
    filters: { property: 'open', value: true },
    sorters: [{ field: 'name' }],
    ...(applyChangesetFilterSortTarget && { applyChangesetFilterSortTarget }),
  });
  store.applyChangeset({
    updated: [{ id: 1, name: 'n9' }, { id: 2, open: false }, { id: 4, open: true, name: 'n0' }],
    added: [{ id: 5, name: 'n1', open: true }, { id: 6, name: 'n2', open: false }],
  });
  return store;
};
const shownIds = (store) => store.map(({ id }) => id);

test('a changeset goes through filters and sorters; applyChangesetFilterSortTarget lets records stay', (t) => {
  const live = applied();
  const changes = applied('changes');
  const none = applied('none');
  t.after(() => [live, changes, none].forEach((store) => store.destroy()));
  assert.deepEqual(shownIds(live), [4, 5, 3, 1]);
  assert.deepEqual(shownIds(changes), [4, 5, 2, 3, 1], 'what stopped passing stays shown');
  assert.deepEqual(shownIds(none), [1, 2, 3, 5, 6], 'everything stays where it was, what is new is last');
  for (const store of [changes, none]) {
    assert.equal(store.getById(2).get('open'), false);
    store.filter();
    store.sort();
    assert.deepEqual(shownIds(store), [4, 5, 3, 1], 'until the app filters and sorts');
  }
});

test('a manager\'s changeset lets records stay as well', async (t) => {
  const { manager, events } = await loaded(t, {
    stores: [new Store({ id: 'events', modelClass: EventModel, applyChangesetFilterSortTarget: 'changes' })],
  });
  events.filter((event) => event.name === 'Planning');
  manager.applyChangeset({ events: { updated: [{ id: 2, name: 'Other' }] } });
  assert.deepEqual(shownIds(events), [2]);
  events.filter();
  assert.deepEqual(shownIds(events), []);
});
