// Every public method and every setter, found on the prototypes: with arguments that make no sense,
// on what was destroyed, from inside every event. Nothing but a SyncError may be thrown, and the
// engine has to sync afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventModel, Model, Store, SyncError } from 'syncline';
import { loaded, muteConsole, within } from './support/setup.mjs';

/** What callers hand in by mistake; `foreign` is a record of another store. */
function nonsense(foreign) {
  return [
    [],
    [undefined],
    [null],
    [NaN],
    [-1.5],
    [2 ** 60],
    [''],
    ['__proto__'],
    [true],
    [Symbol('s')],
    [{}],
    [{ id: {}, name: () => {} }],
    [[]],
    [[null, 7, 'x']],
    [() => 7],
    [new Date(NaN)],
    [new Map([[1, 2]])],
    [Object.create(null)],
    [foreign],
    [[foreign]],
    [null, null, null],
    ['name', Symbol('s'), {}],
    [{}, 'x', foreign],
    [0, foreign],
  ];
}

/** The public members of an object: `[name, descriptor]`, nearest first. */
function members(object) {
  const found = new Map();
  for (
    let at = Object.getPrototypeOf(object);
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      const internal = name.startsWith('_') || name === 'constructor';
      if (!internal && !found.has(name)) found.set(name, descriptor);
    }
  }
  return [...found];
}

const methodsOf = (object) =>
  members(object)
    .filter(([, { value }]) => typeof value === 'function')
    .map(([name]) => name);

const settersOf = (object) =>
  members(object)
    .filter(([, { set }]) => set !== undefined)
    .map(([name]) => name);

/** Calls it; what it throws or rejects with has to be a SyncError. */
async function tolerates(what, call) {
  try {
    const result = call();
    if (typeof result?.then !== 'function') return;
    await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 50))]);
  } catch (error) {
    if (error instanceof SyncError) return;
    throw new Error(`${what}: ${error?.stack ?? String(error)}`, { cause: error });
  }
}

const firstLine = ({ message }) => message.split('\n')[0];

const words = (args) =>
  args
    .map((arg) => {
      if (arg instanceof Model) return 'a foreign record';
      if (Array.isArray(arg)) return `[${words(arg)}]`;
      if (typeof arg === 'object' && arg !== null) return JSON.stringify({ ...arg });
      return String(arg);
    })
    .join(', ');

/** Proves that engine, manager and store work, whatever was done to them. */
async function stillWorks({ server, manager, events }) {
  events.resumeEvents();
  const [added] = events.add({ name: 'proof of life' });
  await within(manager.sync(), 'a sync');
  assert.equal(added.isPhantom, false);
  assert.equal(added.name, 'proof of life');
  const rows = server.syncs.flatMap(({ pack }) => pack?.events?.added ?? []);
  assert.ok(rows.some(({ name }) => name === 'proof of life'));
}

/** What is tried: how it is had from a set-up, and how it is left as it was. */
const SUBJECTS = {
  manager: ({ manager }) => manager,
  store: ({ events }) => events,
  record: ({ events }) => events.getById(1),
};

/** Their effect is the end of the subject: see the tests of what is destroyed. */
const ENDS = new Set(['destroy', Symbol.dispose]);

/** A set-up in which the subject is; gone subjects come from a new one. */
async function fresh(t, subject) {
  const all = await loaded(t, { retry: { max: 0 }, transport: { load: { timeout: 2_000 } } });
  return { all, it: SUBJECTS[subject](all) };
}

const other = () => new Store({ modelClass: EventModel, data: [{ id: 'f', name: 'Foreign' }] });

for (const subject of Object.keys(SUBJECTS)) {
  test(`every method of a ${subject} takes nonsense with a SyncError or a defined result`, async (t) => {
    muteConsole(t);
    const { it: sample } = await fresh(t, subject);
    const failures = [];
    for (const name of methodsOf(sample)) {
      if (ENDS.has(name)) continue;
      const { all, it } = await fresh(t, subject);
      const foreign = other().first;
      for (const args of nonsense(foreign)) {
        const what = `${name}(${words(args)})`;
        await tolerates(what, () => it[name](...args)).catch((error) => failures.push(error));
      }
      for (const end of ['endBatch', 'resumeEvents', 'resumeAutoSync']) {
        for (const owner of [all.manager, all.events, all.events.getById?.(1)]) {
          await tolerates(end, () => owner?.[end]?.()).catch(() => {});
        }
      }
      await stillWorks(all).catch((error) => failures.push(new Error(`after ${name}: ${error}`)));
    }
    assert.deepEqual(failures.map(firstLine), []);
  });

  test(`every setter of a ${subject} refuses nonsense or takes it, and can be set back`, async (t) => {
    muteConsole(t);
    const { it: sample } = await fresh(t, subject);
    const failures = [];
    for (const name of settersOf(sample)) {
      const { all, it } = await fresh(t, subject);
      const before = it[name];
      for (const [value] of nonsense(other().first)) {
        const what = `${name} = ${words([value])}`;
        await tolerates(what, () => void (it[name] = value)).catch((error) => failures.push(error));
      }
      await tolerates(`${name} back`, () => void (it[name] = before));
      await stillWorks(all).catch((error) => failures.push(new Error(`after ${name} =: ${error}`)));
    }
    assert.deepEqual(failures.map(firstLine), []);
  });

  test(`every method and getter of a destroyed ${subject} is a SyncError or a defined result`, async (t) => {
    muteConsole(t);
    const { all, it } = await fresh(t, subject);
    if (subject === 'record') all.events.remove(it);
    else it.destroy();
    const failures = [];
    const note = (error) => failures.push(firstLine(error));
    for (const [name, { value, get }] of members(it)) {
      if (typeof value === 'function') {
        for (const args of [[], [1], ['name', 'x'], [{ name: 'x' }], [() => true]]) {
          await tolerates(`${name}(${words(args)})`, () => it[name](...args)).catch(note);
        }
      } else if (get) {
        await tolerates(name, () => it[name]).catch(note);
      }
    }
    assert.deepEqual(failures, []);
    const { all: next } = await fresh(t, subject);
    await stillWorks(next);
  });
}

/** A little of everything that makes events. What a listener spoils ends it with a SyncError. */
async function aBusyHour(all) {
  await work(all).catch((error) => {
    if (!(error instanceof SyncError)) throw error;
  });
}

async function work({ server, manager, events }) {
  server.nextSync({ success: false, message: 'not now' });
  events.getById(1).name = 'One';
  await manager.sync().catch(() => {});
  const [added] = events.add([{ name: 'Two' }, { name: 'Three' }]);
  events.getById(2)?.set({ name: 'Four', startDate: new Date() });
  events.remove(added);
  await Promise.allSettled([manager.sync(), manager.sync()]);
  server.nextLoad({ success: false, message: 'closed' });
  await manager.load().catch(() => {});
  await manager.load().catch(() => {});
  events.data = [{ id: 1, name: 'Again' }];
  events.removeAll();
  manager.rejectChanges();
}

/** The names under which anything was fired in a busy hour. */
async function firedBy(t, subject) {
  const { all, it } = await fresh(t, subject);
  const fired = new Set();
  const trigger = it.on.bind(it);
  for (const name of POSSIBLE) trigger(name, () => void fired.add(name));
  await aBusyHour(all);
  return [...fired];
}

/** More names than there are: those that nobody fires are passed over. */
const POSSIBLE = [
  ...['beforeLoad', 'loadStart', 'beforeSend', 'beforeResponseApply', 'beforeLoadApply'],
  ...['requestDone', 'load', 'requestFail', 'loadFail', 'loadCanceled', 'beforeSync', 'syncStart'],
  ...['beforeSyncApply', 'sync', 'syncFail', 'syncCanceled', 'syncDelayed', 'hasChanges'],
  ...['noChanges', 'status', 'recordSyncFail', 'beforeAdd', 'beforeRemove', 'beforeUpdate'],
  ...['add', 'remove', 'update', 'removeAll', 'change', 'refresh', 'idChange', 'move', 'dataset'],
];

for (const subject of ['manager', 'store']) {
  test(`from inside every event of a ${subject}, everything can be called`, async (t) => {
    muteConsole(t);
    const failures = [];
    const fired = await firedBy(t, subject);
    assert.ok(fired.length > 4, fired.join());
    for (const name of fired) {
      const { all, it } = await fresh(t, subject);
      let calls = 0;
      it.on(name, () => {
        // Once: a listener that edits whenever something was edited never ends in any library.
        if (calls++ > 0) return;
        const { manager, events } = all;
        for (const call of [
          () => events.add({ name: 'inside' }),
          () => (events.first.name = 'inside'),
          () => events.remove(events.last),
          () => manager.sync(),
          () => manager.load(),
          () => manager.acceptChanges(),
          () => manager.rejectChanges(),
          () => manager.suspendAutoSync(),
          () => manager.resumeAutoSync(),
          () => manager.changes,
          () => events.beginBatch(),
          () => events.endBatch(),
          () => manager.applyChangeset({ events: { updated: [{ id: 2, name: 'remote' }] } }),
          () => (events.data = [{ id: 1, name: 'a' }, { id: 2, name: 'b' }]),
        ]) {
          tolerates(`${name}: ${call}`, call).catch(({ message }) => failures.push(message));
        }
      });
      await within(aBusyHour(all), `an hour with ${name}`);
      assert.ok(calls > 0, name);
      await stillWorks(all).catch((error) => failures.push(`after ${name}: ${error}`));
    }
    assert.deepEqual(failures, []);
  });

  test(`a ${subject} that is destroyed from inside of any of its events leaves the rest whole`, async (t) => {
    muteConsole(t);
    for (const name of await firedBy(t, subject)) {
      const { all, it } = await fresh(t, subject);
      it.on(name, () => void it.destroy());
      await within(aBusyHour(all), name);
      await stillWorks((await fresh(t, subject)).all);
    }
  });

  test(`a listener of a ${subject} that throws, or whose promise rejects, stops nothing`, async (t) => {
    const said = muteConsole(t);
    for (const name of await firedBy(t, subject)) {
      for (const listener of [
        () => {
          throw new Error(`from ${name}`);
        },
        () => Promise.reject(new Error(`from ${name}`)),
        () => null.nothing,
      ]) {
        const { all, it } = await fresh(t, subject);
        it.on(name, listener);
        await within(aBusyHour(all), `an hour with a throwing ${name}`);
        it.un(name, listener);
        await stillWorks(all);
      }
    }
    assert.ok(said.length > 0);
  });
}
