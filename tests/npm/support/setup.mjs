// What most tests begin with: the engine, a server, a manager with some stores; and ways to wait
// for things.

import { CrudManager, EventModel, Model, ResourceModel, Store, init } from 'syncline';
import { startServer } from './server.mjs';

/**
 * How long a test waits for something that has to happen, in ms: far more than a busy machine
 * needs.
 */
const PATIENCE = 60_000;

await init();

/** Two events, two resources, one assignment, as a server would send them. */
export const SAMPLE = {
  events: [
    {
      id: 1,
      name: 'Stand-up',
      startDate: '2026-03-02T09:00:00Z',
      endDate: '2026-03-02T09:15:00Z',
    },
    {
      id: 2,
      name: 'Planning',
      startDate: '2026-03-03T13:00:00Z',
      endDate: '2026-03-03T15:00:00Z',
    },
  ],
  resources: [
    { id: 'r1', name: 'Ada' },
    { id: 'r2', name: 'Grace' },
  ],
  assignments: [{ id: 1, event: 1, resource: 'r1' }],
};

/** A server that has `data`, and a manager of `stores` that speaks with it. */
export async function setup(t, { data = SAMPLE, stores, ...config } = {}) {
  const server = await startServer(t, data);
  const crudStores = stores ?? defaultStores();
  const manager = new CrudManager({ crudStores, ...server.urls, ...config });
  t.after(() => manager.destroy());
  const byName = Object.fromEntries(crudStores.map((store) => [store.id, store]));
  return { server, manager, ...byName };
}

/** The same, with the data loaded. */
export async function loaded(t, options) {
  const all = await setup(t, options);
  await all.manager.load();
  return all;
}

/** Puts an event and a resource together. */
export class Assignment extends Model {
  static fields = ['event', 'resource'];
}

/** Stores for events, resources and assignments. */
export function defaultStores() {
  return [
    new Store({ id: 'events', modelClass: EventModel }),
    new Store({ id: 'resources', modelClass: ResourceModel }),
    new Store({ id: 'assignments', modelClass: Assignment }),
  ];
}

/** A store of its own, with these fields and rows. */
export function storeOf(fields, data = [], config = {}) {
  return new Store({ id: 'things', fields, data, ...config });
}

/** The next event of that name. Rejects when it doesn't come. */
export function next(emitter, name) {
  return within(new Promise((resolve) => emitter.once(name, resolve)), `the event "${name}"`);
}

/** The first event of that name for which `test` holds. */
export function when(emitter, name, test) {
  return within(
    new Promise((resolve) => {
      const off = emitter.on(name, (event) => {
        if (!test(event)) return;
        off();
        resolve(event);
      });
    }),
    `the event "${name}" with something in it`,
  );
}

/** What the promise gives, or an error that says what did not come. */
export async function within(promise, what, ms = PATIENCE) {
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise rejects with. */
export async function rejection(promise, what = 'the rejection') {
  const outcome = await within(
    promise.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
    what,
  );
  if (!('error' in outcome)) throw new Error(`it resolved, with ${JSON.stringify(outcome.value)}`);
  return outcome.error;
}

/** What a call throws. */
export function thrownBy(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

/** Every event of a manager, in its order: `[name, event]`. */
export const MANAGER_EVENTS = [
  'beforeLoad',
  'loadStart',
  'beforeSend',
  'beforeResponseApply',
  'beforeLoadApply',
  'requestDone',
  'load',
  'requestFail',
  'loadFail',
  'loadCanceled',
  'beforeSync',
  'syncStart',
  'beforeSyncApply',
  'sync',
  'syncFail',
  'syncCanceled',
  'syncDelayed',
  'hasChanges',
  'noChanges',
];

/** Records the events of those names from now on. */
export function recordEvents(emitter, names = MANAGER_EVENTS) {
  const heard = [];
  for (const name of names) {
    emitter.on(name, (event) => {
      heard.push([name, event]);
    });
  }
  return {
    heard,
    get names() {
      return heard.map(([name]) => name);
    },
    of: (name) => heard.filter(([heardName]) => heardName === name).map(([, event]) => event),
    forget: () => heard.splice(0),
  };
}

/** Collects what goes to `console.error` until the test is over. */
export function muteConsole(t) {
  const said = [];
  t.mock.method(console, 'error', (...words) => said.push(words));
  return said;
}

/**
 * Until everything that was due up to now, and everything that falls due within `ms`, has happened:
 * a second manager's autoSync of that delay, started now, has come through the same timer and the
 * same loop.
 */
export async function timersOf(t, ms) {
  const server = await startServer(t);
  const store = new Store({ id: 'clock', fields: ['id', 'beat'], data: [{ id: 1, beat: 0 }] });
  const clock = new CrudManager({
    crudStores: [store],
    ...server.urls,
    autoSync: true,
    autoSyncTimeout: ms,
  });
  const done = next(clock, 'sync');
  store.getById(1).set('beat', 1);
  await done;
  clock.destroy();
}

/** Fails the test if a promise is rejected without anybody listening. */
export function watchRejections(t) {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  return unhandled;
}
