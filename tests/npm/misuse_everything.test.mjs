// Everything public, found on the prototypes and in the declarations: called with arguments that
// make no sense, on what was destroyed, from inside every event. Nothing but a SyncError may be
// thrown, and the engine has to sync afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as syncline from 'syncline';
import {
  AjaxHelper,
  CalendarProject,
  Channel,
  CrudManager,
  EventModel,
  Model,
  Store,
  SyncError,
  TaskBoardProject,
} from 'syncline';
import { AjaxStore } from 'syncline/ajax-store';
import {
  declared,
  eventsOf,
  members,
  methodsOf,
  nonsense,
  own,
  settersOf,
  stillWorks,
  tolerates,
  words,
} from './support/misuse.mjs';
import { loaded, muteConsole, watchRejections, within } from './support/setup.mjs';
import { startServer } from './support/server.mjs';

const OPTIONS = { retry: { max: 0 }, transport: { load: { timeout: 6_000 } } };

async function plain(t, config) {
  const all = await loaded(t, { ...OPTIONS, ...config });
  return { ...all, store: all.events };
}

/** A project, with something in each of its stores. */
async function project(t, Project, data, main) {
  const server = await startServer(t, data);
  const manager = new Project({ ...server.urls, ...OPTIONS });
  t.after(() => manager.destroy());
  await manager.load();
  return { server, manager, store: manager[main] };
}

const calendar = (t) =>
  project(
    t,
    CalendarProject,
    {
      events: [{ id: 1, name: 'Stand-up', startDate: '2026-03-02', endDate: '2026-03-03' }, { id: 2 }],
      resources: [{ id: 'r1', name: 'Ada' }],
      assignments: [{ id: 1, eventId: 1, resourceId: 'r1' }],
    },
    'eventStore',
  );

const board = (t) =>
  project(
    t,
    TaskBoardProject,
    {
      tasks: [{ id: 1, name: 'Paint', status: 'todo' }, { id: 2 }],
      resources: [{ id: 'r1', name: 'Ada' }],
      assignments: [{ id: 1, event: 1, resource: 'r1' }],
      columns: [{ id: 'todo', name: 'To do' }],
    },
    'taskStore',
  );

const tree = (t) =>
  plain(t, {
    stores: [new Store({ id: 'events', modelClass: EventModel, tree: true })],
    data: { events: [{ id: 1, name: 'Root', children: [{ id: 2, name: 'Leaf' }] }, { id: 3 }] },
  });

async function view(t) {
  const all = await plain(t);
  all.store.sort('name');
  all.store.filter({ property: 'id', operator: '<', value: 100 });
  return { ...all, events: all.store };
}

/** Two edits that the server has made otherwise meanwhile. */
async function conflicted(t) {
  const all = await plain(t, { conflictResolution: 'manual' });
  all.store.getById(1).name = 'mine';
  all.manager.applyChangeset({ events: { updated: [{ id: 1, name: 'theirs' }] } });
  assert.equal(all.manager.conflicts.length, 1);
  return all;
}

const live = (t) =>
  plain(t, { channel: { url: 'ws://127.0.0.1:1/ws', autoConnect: false, reconnect: { max: 0 } } });

/** A store that speaks with a server of its own, beside the others. */
async function ajax(t) {
  const all = await plain(t);
  const server = await startServer(t, {});
  server.loadWith([{ id: 1, name: 'One' }, { id: 2 }]);
  server.syncWith({ success: true });
  const [readUrl, createUrl] = [server.urls.loadUrl, server.urls.syncUrl];
  const urls = { readUrl, createUrl, updateUrl: createUrl, deleteUrl: createUrl };
  const ajaxStore = new AjaxStore({ modelClass: EventModel, retry: { max: 0 }, ...urls });
  t.after(() => ajaxStore.destroy());
  await ajaxStore.load();
  return { ...all, ajaxStore };
}

/** What is tried: the world that it is in, and how it is had from there. */
const SUBJECTS = {
  manager: [plain, ({ manager }) => manager],
  store: [plain, ({ store }) => store],
  record: [plain, ({ store }) => store.getById(1)],
  'new record': [plain, () => new EventModel({ id: 5, name: 'new' })],
  'removed record': [plain, ({ store }) => store.remove(2)[0]],
  'calendar project': [calendar, ({ manager }) => manager],
  'record of a calendar': [calendar, ({ store }) => store.getById(1)],
  assignment: [calendar, ({ manager }) => manager.assignmentStore.first],
  'task board project': [board, ({ manager }) => manager],
  task: [board, ({ store }) => store.getById(1)],
  'tree store': [tree, ({ store }) => store],
  'record of a tree': [tree, ({ store }) => store.getById(1)],
  'root of a tree': [tree, ({ store }) => store.rootNode],
  'sorted and filtered store': [view, ({ store }) => store],
  conflict: [conflicted, ({ manager }) => manager.conflicts[0]],
  channel: [live, ({ manager }) => manager.channel],
  'store of its own': [ajax, ({ ajaxStore }) => ajaxStore],
};

/** A world of its own in which the subject is. */
async function fresh(t, subject) {
  const [world, find] = SUBJECTS[subject];
  const all = await world(t);
  return { all, it: find(all) };
}

/** What goes wrong, to be told at the end and at once. */
function failures() {
  const found = new Set();
  return {
    note: (error) => found.add(error.message.split('\n')[0]),
    report: () => found.size > 0 && assert.fail([...found].join('\n')),
  };
}

for (const subject of Object.keys(SUBJECTS)) {
  test(`every method of a ${subject} takes nonsense with a SyncError or a defined result`, async (t) => {
    muteConsole(t);
    const unhandled = watchRejections(t);
    const { it: sample } = await fresh(t, subject);
    const { note, report } = failures();
    const tryMethod = async (name) => {
      const { all, it } = await fresh(t, subject);
      const pending = nonsense().map((args) =>
        tolerates(`${name}(${words(args)})`, () => it[name](...args)).catch(note),
      );
      await Promise.all(pending);
      await stillWorks(all).catch((error) => note(new Error(`after ${name}: ${error}`)));
      all.manager.destroy();
    };
    await inTurns(methodsOf(sample), tryMethod);
    report();
    assert.deepEqual(unhandled.filter((one) => one !== own && !(one instanceof SyncError)), []);
  });

  test(`every setter of a ${subject} refuses nonsense or takes it, and can be set back`, async (t) => {
    muteConsole(t);
    const { it: sample } = await fresh(t, subject);
    const { note, report } = failures();
    const trySetter = async (name) => {
      const { all, it } = await fresh(t, subject);
      const before = it[name];
      for (const [value] of nonsense()) {
        const what = `${name} = ${words([value])}`;
        await tolerates(what, () => void (it[name] = value)).catch(note);
        await tolerates(`${what}; read`, () => void it[name]).catch(note);
      }
      await tolerates(`${name} back`, () => void (it[name] = before)).catch(note);
      await stillWorks(all).catch((error) => note(new Error(`after ${name} =: ${error}`)));
      all.manager.destroy();
    };
    await inTurns(settersOf(sample), trySetter);
    report();
  });

  test(`every method and getter of a destroyed ${subject} is a SyncError or a defined result`, async (t) => {
    muteConsole(t);
    const { note, report } = failures();
    for (const end of [
      ({ it, all }) => (it instanceof Model ? all.store.remove(1) : it.destroy?.()),
      ({ all }) => all.store.destroy(),
      ({ all }) => all.manager.destroy(),
    ]) {
      const gone = await fresh(t, subject);
      end(gone);
      const { it } = gone;
      for (const [name, { value, get, set }] of members(it)) {
        if (get) await tolerates(name, () => void it[name]).catch(note);
        if (set) await tolerates(`${name} =`, () => void (it[name] = 'x')).catch(note);
        if (typeof value !== 'function') continue;
        const calls = [[], [1], ['name', 'x'], [{ name: 'x' }], [() => true], [it]].map((args) =>
          tolerates(`${name}(${words(args)})`, () => it[name](...args)).catch(note),
        );
        await Promise.all(calls);
      }
    }
    report();
    await stillWorks((await fresh(t, subject)).all);
  });
}

/** Some at a time. */
async function inTurns(list, each) {
  const rest = [...list];
  const worker = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await each(one);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

test('everything that is exported takes nonsense: functions, static methods, constructors', async (t) => {
  muteConsole(t);
  const { mock } = t.mock.method(globalThis, 'fetch', async () => new Response('x'));
  t.after(() => AjaxHelper.unmockUrl());
  const { note, report } = failures();
  for (const [name, exported] of Object.entries(syncline)) {
    if (typeof exported !== 'function') continue;
    const isClass = /^class\b/.test(String(exported));
    for (const args of nonsense()) {
      // Made by managers only, for whom they need not be checked twice.
      const isInternal = ['Channel', 'Conflict', 'SyncError'].includes(name);
      const make = async () => {
        const made = isClass ? new exported(...args) : await exported(...args);
        made?.destroy?.();
      };
      if (!isInternal) await tolerates(`${name}(${words(args)})`, make).catch(note);
      if (!isClass) continue;
      for (const method of methodsOf(exported, exported)) {
        const what = `${name}.${method}(${words(args)})`;
        await tolerates(what, () => exported[method](...args)).catch(note);
      }
    }
  }
  report();
  mock.restore();
  AjaxHelper.unmockUrl();
  await stillWorks(await plain(t));
});

for (const [name, make, options] of [
  ['store', (config) => new Store(config), () => declared('store-config.d.ts', 'StoreConfig')],
  [
    'manager',
    (config) => new CrudManager(config),
    () => declared('crud-config.d.ts', 'CrudManagerOptions'),
  ],
  [
    'channel',
    (channel) => new CrudManager({ channel: { autoConnect: false, ...channel } }),
    () => declared('channel-config.d.ts', 'ChannelConfig'),
  ],
  [
    'section of a transport',
    (load) => new CrudManager({ transport: { load } }),
    () => declared('crud-config.d.ts', 'TransportSection'),
  ],
  [
    'store of its own',
    (config) => new AjaxStore(config),
    () => declared('ajax-store.d.ts', 'AjaxStoreConfig'),
  ],
  [
    'calendar project',
    (config) => new CalendarProject(config),
    () => ['eventStore', 'resourceStore', 'assignmentStore', 'calendarStore', 'timeRangeStore'],
  ],
  [
    'field',
    (field) => new Store({ fields: [{ name: 'x', ...field }], data: [{ id: 1, x: 'y' }] }),
    () => declared('fields.d.ts', 'FieldConfig'),
  ],
]) {
  test(`every option of a ${name} refuses nonsense or takes it`, async (t) => {
    muteConsole(t);
    const { note, report } = failures();
    for (const option of options()) {
      for (const [value] of nonsense()) {
        const call = () => {
          const made = make({ [option]: value });
          try {
            for (const store of made.stores ?? [made]) {
              for (const record of store.add({ name: 'x' })) void record.data;
              void store.changes;
            }
            void made.changes;
          } finally {
            made.destroy();
          }
        };
        await tolerates(`${option}: ${words([value])}`, call).catch(note);
      }
    }
    report();
    await stillWorks(await plain(t));
  });
}

/** A little of everything that makes events. What a listener spoils ends it with a SyncError. */
async function aBusyHour(all) {
  await work(all).catch((error) => {
    if (!(error instanceof SyncError)) throw error;
  });
  all.server.forgetAnswers();
}

async function work({ server, manager, store }) {
  server.nextSync({ success: false, message: 'not now' });
  store.getById(1).name = 'One';
  await manager.sync().catch(() => {});
  const [added] = store.add([{ name: 'Two' }, { name: 'Three' }]);
  store.getById(2)?.set({ name: 'Four', startDate: new Date() });
  store.move(added, 0);
  store.remove(added);
  store.sort('name');
  store.filter(() => true);
  store.clearFilters();
  store.clearSorters();
  await Promise.allSettled([manager.sync(), manager.sync()]);
  server.nextLoad({ success: false, message: 'closed' });
  await manager.load().catch(() => {});
  await Promise.allSettled([manager.load(), manager.load()]);
  const veto = manager.on('beforeSync', () => false, { prio: -1 });
  if (store.first !== undefined) store.first.name = 'mine';
  await manager.sync().catch(() => {});
  veto();
  const id = store.first?.id;
  manager.applyChangeset({ [store.id]: { updated: [{ id, name: 'theirs' }] } });
  const rows = [{ id, success: false, message: 'never' }];
  server.nextSync({ success: true, [store.id]: { rows, removed: 'nonsense' } });
  await manager.sync().catch(() => {});
  const [trial] = store.add({ name: 'committed' });
  trial.beginBatch();
  trial.isCreating = true;
  trial.name = 'confirmed';
  trial.endBatch();
  trial.isCreating = false;
  store.commit();
  store.data = [{ id: 1, name: 'Again' }];
  store.removeAll();
  manager.rejectChanges();
}

/** The names under which anything was fired in a busy hour. */
async function firedBy(t, subject) {
  const { all, it } = await fresh(t, subject);
  const fired = new Set();
  // A listener that throws has an event of its own.
  it.on('noChanges', () => null.nothing);
  it.on('update', () => null.nothing);
  for (const name of eventsOf(it)) it.on(name, () => void fired.add(name));
  await aBusyHour(all);
  it.destroy();
  return [...fired];
}

const CALLS = ({ manager, store }) => [
  () => store.add({ name: 'inside' }),
  () => (store.first.name = 'inside'),
  () => store.remove(store.last),
  () => manager.sync(),
  () => manager.load(),
  () => manager.acceptChanges(),
  () => manager.rejectChanges(),
  () => manager.suspendAutoSync(),
  () => manager.resumeAutoSync(),
  () => manager.changes,
  () => store.beginBatch(),
  () => store.endBatch(),
  () => store.sort('name'),
  () => store.clearSorters(),
  () => store.commit(),
  () => manager.transact(() => store.add({ name: 'in one' })),
  () => manager.update(store.first, { name: 'updated' }),
  () => store.first.set({ name: 'unseen' }, { optimistic: false }),
  () => manager.applyChangeset({ [store.id]: { updated: [{ id: 2, name: 'remote' }] } }),
  () => {
    store.data = [{ id: 1, name: 'a' }, { id: 2, name: 'b' }];
  },
];

for (const subject of ['manager', 'store', 'tree store']) {
  test(`from inside every event of a ${subject}, everything can be called`, async (t) => {
    muteConsole(t);
    const { note, report } = failures();
    const fired = await firedBy(t, subject);
    await inTurns(fired, async (name) => {
      const { all, it } = await fresh(t, subject);
      let calls = 0;
      const inside = [];
      it.on(name, () => {
        // Once: a listener that edits whenever something was edited never ends in any library.
        if (calls++ > 0) return;
        for (const call of CALLS(all)) {
          // There may be no first record.
          if (all.store.isDestroyed || all.store.count === 0) all.store.add({ name: 'first' });
          inside.push(tolerates(`${name}: ${call}`, call).catch(note));
        }
      });
      if (name === 'exception') it.on('change', () => null.nothing, { once: true });
      if (name === 'exception') it.on('beforeSync', () => null.nothing, { once: true });
      await within(aBusyHour(all), `an hour with ${name}`).catch(note);
      await Promise.all(inside);
      if (calls === 0 && name !== 'beforeDestroy') note(new Error(`${name} was not fired`));
      await stillWorks(all).catch((error) => note(new Error(`after ${name}: ${error}`)));
    });
    report();
  });

  test(`a ${subject} that is destroyed from inside of any of its events leaves the rest whole`, async (t) => {
    muteConsole(t);
    const { note, report } = failures();
    await inTurns(await firedBy(t, subject), async (name) => {
      for (const what of ['manager', 'store']) {
        const { all, it } = await fresh(t, subject);
        it.on(name, () => void all[what].destroy());
        await within(aBusyHour(all), name).catch((error) => note(new Error(`${name}: ${error}`)));
      }
      await stillWorks((await fresh(t, subject)).all);
    });
    report();
  });

  test(`a listener of a ${subject} that throws, or whose promise rejects, stops nothing`, async (t) => {
    const said = muteConsole(t);
    const { note, report } = failures();
    await inTurns(await firedBy(t, subject), async (name) => {
      const listeners = [
        () => {
          throw new Error(`from ${name}`);
        },
        () => Promise.reject(new Error(`from ${name}`)),
        () => null.nothing,
      ];
      const { all, it } = await fresh(t, subject);
      for (const listener of listeners) it.on(name, listener);
      await within(aBusyHour(all), `an hour with a throwing ${name}`).catch(note);
      for (const listener of listeners) it.un(name, listener);
      await stillWorks(all).catch((error) => note(new Error(`after ${name}: ${error}`)));
    });
    assert.ok(said.length > 0);
    report();
  });
}

test('a busy hour fires nearly every event that there is', async (t) => {
  muteConsole(t);
  const silent = async (subject) => {
    const fired = new Set(await firedBy(t, subject));
    const { it } = await fresh(t, subject);
    return eventsOf(it).filter((name) => !fired.has(name));
  };
  // They take records that say that they aren't valid, and connections that break at a bad time.
  assert.deepEqual(await silent('manager'), ['syncUncertain', 'invalid']);
  assert.deepEqual(await silent('store'), []);
});

test('a manager or channel that is destroyed from inside its last event is destroyed once', async (t) => {
  const said = muteConsole(t);
  const { all, it } = await fresh(t, 'channel');
  let calls = 0;
  it.on('destroy', () => void (calls++, it.destroy()));
  all.manager.on('beforeDestroy', () => void (calls++, all.manager.destroy()));
  all.manager.destroy();
  assert.equal(calls, 2);
  assert.deepEqual(said, []);
  await stillWorks(await plain(t));
});

test('members of rows that are called like what records keep for themselves are fields like others', async (t) => {
  const names = ['_0', '_15', '_m', '_s', '_r', '_g', '_v', '_x', '_e'];
  const row = Object.fromEntries(names.map((name) => [name, name]));
  const store = new Store({ modelClass: class extends EventModel {}, data: [{ id: 1, ...row }] });
  for (const name of names) assert.equal(store.first.get(name), name);
  store.first.set('_s', 'other');
  assert.deepEqual(store.first.modifications, { id: 1, _s: 'other' });
  assert.equal(store.add({ name: 'x' })[0].name, 'x');
  assert.throws(() => store.first.set(store.last), { code: 'INVALID_ARGUMENT' });
  assert.deepEqual(store.toJSON()[0]._m, '_m');
  store.destroy();
});
