// What a CrudManager knows about its stores and options, and what a project adds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrudManager, EventModel, Model, ResourceModel, Store } from 'syncline';
import { inNode } from './support/package.mjs';
import { status } from './support/server.mjs';
import { defaultStores, loaded, next, rejection, setup, within } from './support/setup.mjs';

test('stores come as such, by id, as descriptors, and as options', async (t) => {
  const byId = new Store({ id: 'by-id' });
  const described = new Store({ id: 'described', fields: ['name'] });
  const { manager } = await setup(t, { stores: [] });
  manager.addCrudStore([
    new Store({ id: 'direct' }),
    byId.id,
    { storeId: 'renamed', store: described, phantomIdField: 'tmp', writeAllFields: true },
    { id: 'made', modelClass: EventModel },
  ]);
  assert.deepEqual(
    manager.stores.map(({ id }) => id),
    ['direct', 'by-id', 'renamed', 'made'],
  );
  assert.strictEqual(manager.getCrudStore('by-id'), byId);
  assert.strictEqual(manager.getStore('renamed'), described);
  assert.equal(manager.getCrudStore('made').modelClass, EventModel);
  assert.equal(manager.getCrudStore('nowhere'), undefined);
  assert.equal(manager.getStoreDescriptor('renamed').phantomIdField, 'tmp');
  assert.deepEqual(
    manager.crudStores.map(({ storeId }) => storeId),
    ['direct', 'by-id', 'renamed', 'made'],
  );
});

test('the options of a descriptor count on the wire', async (t) => {
  const store = new Store({ id: 'a', fields: ['name', 'size'] });
  const { server, manager } = await setup(t, {
    stores: [],
    data: { b: [{ Id: 1, name: 'x', size: 2 }] },
  });
  manager.addCrudStore({
    storeId: 'b',
    store,
    phantomIdField: 'tmp',
    idField: 'Id',
    writeAllFields: true,
  });
  await manager.load();
  store.getById(1).name = 'y';
  store.add({ name: 'new' });
  server.nextSync(({ pack }) => ({ b: { rows: [{ tmp: pack.b.added[0].tmp, Id: 2 }] } }));
  await manager.sync();
  const { updated, added } = server.syncs[0].pack.b;
  assert.deepEqual(updated, [{ Id: 1, name: 'y', size: 2 }]);
  assert.ok(added[0].tmp);
  assert.equal(store.last.id, 2);
});

test('the order of stores is that of their registration, and can be chosen', async (t) => {
  const { server, manager } = await setup(t, { stores: [] });
  const [a, b, c] = ['a', 'b', 'c'].map((id) => new Store({ id }));
  manager.addCrudStore(a);
  manager.addCrudStore(c);
  manager.addCrudStore(b, 1);
  await manager.load();
  assert.deepEqual(server.loads[0].pack.stores, ['a', 'b', 'c']);
  manager.removeCrudStore('b');
  await manager.load();
  assert.deepEqual(server.loads[1].pack.stores, ['a', 'c']);
  manager.addCrudStore(b, 0, c);
  assert.deepEqual(manager.stores, [a, b, c]);
});

test('a store that was taken out keeps its data and its changes, which are no longer sent', async (t) => {
  const { server, manager, events, resources } = await loaded(t);
  events.getById(1).name = 'x';
  resources.getById('r1').name = 'y';
  manager.removeCrudStore(events);
  await manager.sync();
  assert.deepEqual(
    Object.keys(server.syncs[0].pack).filter((name) => /events|resources/.test(name)),
    ['resources'],
  );
  assert.equal(events.getById(1).isModified, true);
  assert.equal(manager.changes, null);
});

test('loads are applied in the order of the stores, syncs in syncApplySequence', async (t) => {
  const applied = [];
  const stores = defaultStores();
  for (const store of stores) {
    store.on('refresh', () => {
      applied.push(store.id);
    });
    store.on('update', () => {
      applied.push(store.id);
    });
  }
  const { server, manager } = await setup(t, {
    stores,
    syncApplySequence: ['assignments', 'resources', 'events'],
    forceSync: true,
  });
  await manager.load();
  assert.deepEqual(applied, ['events', 'resources', 'assignments']);
  applied.length = 0;
  server.nextSync({
    events: { rows: [{ id: 1, name: 'a' }] },
    resources: { rows: [{ id: 'r1', name: 'b' }] },
    assignments: { rows: [{ id: 1, resource: 'r2' }] },
  });
  await manager.sync();
  assert.deepEqual(applied, ['assignments', 'resources', 'events']);
});

test('headers and parameters may be functions, asked at every request', async (t) => {
  let token = 0;
  const { server, manager } = await setup(t, {
    transport: {
      load: {
        headers: { Authorization: () => `Bearer ${++token}`, 'X-Fixed': 'yes' },
        params: () => ({ at: token }),
      },
    },
  });
  await manager.load();
  await manager.load();
  const told = server.loads.map(({ headers, query }) => [
    headers.authorization,
    headers['x-fixed'],
    query.get('at') !== null,
  ]);
  assert.deepEqual(told, [
    ['Bearer 1', 'yes', true],
    ['Bearer 2', 'yes', true],
  ]);
});

test('options can be changed on a living manager', async (t) => {
  const { server, manager, events } = await loaded(t);
  manager.writeAllFields = true;
  manager.revision = 77;
  manager.syncUrl = `${server.origin}/sync?moved=1`;
  events.getById(1).name = 'x';
  await manager.sync();
  const [{ pack, query }] = server.syncs;
  assert.ok('startDate' in pack.events.updated[0]);
  assert.equal(pack.revision, 77);
  assert.equal(query.get('moved'), '1');
  assert.equal(manager.loadUrl, `${server.origin}/load`);
});

test('the config object of the app stays as it is', async (t) => {
  const { server } = await setup(t);
  const config = { crudStores: [], ...server.urls, autoSync: false };
  const copy = { ...config };
  const one = new CrudManager(config);
  const two = new CrudManager(config);
  t.after(() => [one, two].forEach((manager) => manager.destroy()));
  one.autoSync = true;
  assert.deepEqual(config, copy);
  assert.equal(two.autoSync, false);
});

test('two managers of one page know nothing of each other', async (t) => {
  const one = await loaded(t);
  const two = await loaded(t);
  one.events.getById(1).name = 'one';
  two.events.getById(1).name = 'two';
  one.server.nextSync(status(500));
  await rejection(one.manager.sync());
  await two.manager.sync();
  assert.equal(two.manager.changes, null);
  assert.notEqual(one.manager.changes, null);
  one.manager.destroy();
  await two.manager.load();
  assert.equal(two.events.count, 2);
});

test('in full mode what the answer does not mention stays to be sent', async (t) => {
  const { server, manager, events } = await loaded(t, { supportShortSyncResponse: false });
  events.getById(1).name = 'a';
  events.getById(2).name = 'b';
  server.nextSync({ success: true, events: { rows: [{ id: 1 }] } });
  await manager.sync();
  assert.deepEqual(manager.changes, { events: { updated: [{ id: 2, name: 'b' }] } });
});

test('with trackResponseType a sync may be answered by a load', async (t) => {
  const { server, manager, events } = await loaded(t, { trackResponseType: true });
  events.getById(1).name = 'mine';
  const answer = {
    type: 'load',
    events: {
      rows: [
        { id: 1, name: 'mine' },
        { id: 5, name: 'five' },
      ],
    },
  };
  server.nextSync(answer);
  await manager.sync();
  assert.deepEqual(
    events.map(({ id }) => id),
    [1, 5],
  );
  assert.equal(manager.changes, null);
});

test('syncConflictResolution says who wins a field that both changed during a sync', async (t) => {
  for (const [syncConflictResolution, winner] of [
    ['local', 'edited'],
    ['remote', 'theirs'],
  ]) {
    const { server, manager, events } = await loaded(t, { syncConflictResolution });
    const record = events.getById(1);
    record.name = 'sent';
    server.nextSync(() => {
      record.name = 'edited';
      return { events: { rows: [{ id: 1, name: 'theirs' }] } };
    });
    await manager.sync();
    assert.equal(record.name, winner, syncConflictResolution);
  }
});

test('applyChangeset can transform, read other phantom fields, and restore drafts as edits', async (t) => {
  const { server, manager, events } = await loaded(t);
  manager.applyChangeset({ termine: { added: [{ id: 8, name: 'a' }] } }, ({ termine }) => ({
    events: termine,
  }));
  assert.equal(events.getById(8).isPhantom, false);
  const [added] = events.add({ name: 'mine' });
  manager.applyChangeset(
    { events: { added: [{ tmp: added.id, id: 9, name: 'mine' }] } },
    null,
    'tmp',
  );
  assert.equal(added.id, 9);
  const phantom = 'd17a6f0e-5b1c-4c52-9c5e-2f0b8a7f3f10';
  const draft = {
    events: { updated: [{ id: 1, name: 'draft' }], added: [{ $PhantomId: phantom, name: 'd' }] },
  };
  manager.applyChangeset(draft, null, undefined, false);
  assert.equal(events.getById(1).isModified, true);
  await manager.sync();
  const { updated, added: sent } = server.syncs[0].pack.events;
  assert.deepEqual(updated, [{ id: 1, name: 'draft' }]);
  assert.deepEqual(
    sent.map(({ $PhantomId }) => $PhantomId),
    [phantom],
  );
});

test('guardUnload asks only while something is unsaved', async (t) => {
  const { manager, events } = await loaded(t);
  const listeners = new Map();
  globalThis.addEventListener = (name, fn) => listeners.set(name, fn);
  globalThis.removeEventListener = (name) => listeners.delete(name);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  const off = manager.guardUnload();
  const leave = () => {
    let asked = false;
    listeners.get('beforeunload')?.({ preventDefault: () => (asked = true) });
    return asked;
  };
  assert.equal(leave(), false);
  events.getById(1).name = 'x';
  assert.equal(leave(), true);
  await manager.sync();
  assert.equal(leave(), false);
  off();
  assert.equal(listeners.size, 0);
});

test('a manager can be made by subclasses, with stores of their own classes', async (t) => {
  class Person extends ResourceModel {
    static fields = [{ name: 'email', type: 'string' }];

    get initials() {
      return this.name.slice(0, 1);
    }
  }
  class Team extends CrudManager {
    people = new Store({ id: 'resources', modelClass: Person });

    constructor(config) {
      super(config);
      this.addCrudStore(this.people);
    }
  }
  const { server } = await setup(t);
  const team = new Team(server.urls);
  t.after(() => team.destroy());
  await team.load();
  assert.equal(team.people.first.initials, 'A');
  assert.ok(team.people.first instanceof Model);
});

test('stores that a manager made go with it, others stay', async (t) => {
  const { server } = await setup(t);
  const given = new Store({ id: 'given' });
  const manager = new CrudManager({ ...server.urls, crudStores: [given, { id: 'made' }] });
  const made = manager.getCrudStore('made');
  const told = next(manager, 'beforeDestroy');
  manager.destroy();
  await within(told, 'beforeDestroy');
  assert.deepEqual([given.isDestroyed, made.isDestroyed], [false, true]);
});

test('a page that this machine serves is not offline without a network, others are', async () => {
  const statusOf = (origin, syncUrl) => {
    const program = `
      const say = (name, value) => Object.defineProperty(globalThis, name, { value });
      say('navigator', { onLine: false });
      say('location', { origin: '${origin}' });
      const { CrudManager, Store, init } = await import('syncline');
      await init();
      const store = new Store({ id: 'a' });
      const manager = new CrudManager({ crudStores: [store], syncUrl: '${syncUrl}' });
      store.add({});
      console.log(JSON.stringify(manager.status));
    `;
    return inNode(program);
  };
  assert.equal(await statusOf('https://example.com', '/sync'), 'offline');
  assert.equal(await statusOf('http://localhost:8080', '/sync'), 'pending');
  assert.equal(await statusOf('http://[::1]:8080', '/sync'), 'pending');
  assert.equal(await statusOf('https://example.com', 'http://127.0.0.1:9000/sync'), 'pending');
});

test('stores are put at a position, or before another one', async (t) => {
  const { manager, events } = await setup(t);
  const named = (id) => new Store({ id });
  assert.equal(manager.isCrudManager && CrudManager.isCrudManager, true);
  manager.addCrudStore(named('first'), 0);
  manager.addCrudStore(named('a'), 0, events);
  manager.addCrudStore(named('b'), 1, 'events');
  manager.addCrudStore([named('c'), named('d')], 1);
  manager.addCrudStore(named('last'), -1);
  manager.addCrudStore(named('beyond'), 99);
  const order = 'first c d a events b resources assignments last beyond'.split(' ');
  assert.deepEqual(manager.stores.map(({ id }) => id), order);
  const asked = next(manager, 'beforeLoad');
  await manager.load();
  const { pack } = await asked;
  assert.deepEqual(pack.stores, order);
});
