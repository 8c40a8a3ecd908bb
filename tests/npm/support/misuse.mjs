// What callers hand in by mistake, and how everything is found that they can hand it to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { EventModel, Model, Store, SyncError } from 'syncline';
import { within } from './setup.mjs';

/** What functions of the app throw: it has to come out as it is. */
export const own = new Error('the app’s own');

const throws = () => {
  throw own;
};

/** Lists of arguments; some hold a record or a store that belongs to others. */
export function nonsense() {
  const store = new Store({ modelClass: EventModel, data: [{ id: 'f', name: 'Foreign' }] });
  const foreign = store.first;
  return [
    [],
    [undefined],
    [null],
    [NaN],
    [-1.5],
    [2 ** 60],
    [10n],
    [''],
    ['__proto__'],
    ['name'],
    [true],
    [Symbol('s')],
    [{}],
    [{ id: {}, name: () => {} }],
    [[]],
    [[null, 7, 'x']],
    [() => 7],
    [throws],
    [new Date(NaN)],
    [new Map([[1, 2]])],
    [Object.create(null)],
    [foreign],
    [[foreign]],
    [store],
    [null, null, null],
    ['name', Symbol('s'), {}],
    ['name', Object.create(null), 'x'],
    [{}, 'x', foreign],
    [{ name: 'x' }, null, Symbol('s')],
    [0, foreign],
    [0, { name: Symbol('s') }],
    [1, 2, 3],
    [() => 7, Symbol('s'), throws],
  ];
}

/** What the package's declarations call private, by the classes that say so. */
const PRIVATE = new Set(
  ['channel.d.ts', 'ajax-store.d.ts'].flatMap((file) =>
    [...declarations(file).matchAll(/^ +(?:private|protected) (?:readonly |get )?(\w+)/gm)].map(
      ([, name]) => name,
    ),
  ),
);

function declarations(file) {
  const at = import.meta.resolve('syncline').replace(/[^/]*$/, file);
  return readFileSync(new URL(at), 'utf8');
}

/**
 * The public members that an object has of its class and those above: `[name, descriptor]`, nearest
 * first.
 */
export function members(object, from = Object.getPrototypeOf(object)) {
  const found = new Map();
  const ends = [null, Object.prototype, Function.prototype, Error];
  for (let at = from; !ends.includes(at); at = Object.getPrototypeOf(at)) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      const internal = /^(_|constructor$|prototype$)/.test(name) || PRIVATE.has(name);
      if (!internal && !found.has(name)) found.set(name, descriptor);
    }
  }
  return [...found];
}

/** Their effect is the end of the subject: that has tests of its own. */
const ENDS = new Set(['destroy']);

export const methodsOf = (object, from) =>
  members(object, from)
    .filter(([name, { value }]) => typeof value === 'function' && !ENDS.has(name))
    .filter(([, { value }]) => !/^class\b/.test(String(value)))
    .map(([name]) => name);

export const settersOf = (object) =>
  members(object)
    .filter(([, { set }]) => set !== undefined)
    .map(([name]) => name)
    // Of the handlers of relayed events, which are all alike, one is enough.
    .filter((name) => !/^onStore[A-Z]/.test(name) || name === 'onStoreAdd');

/** The events for which there can be a handler: those that are fired by whatever this is. */
export const eventsOf = (object) =>
  settersOf(object)
    // Not the options that are called like handlers.
    .filter((name) => /^on[A-Z]/.test(name) && object[name] === undefined)
    .map((name) => name[2].toLowerCase() + name.slice(3))
    // Those of stores are fired by their managers only where that is asked for.
    .filter((name) => !/^store[A-Z]/.test(name));

/** The names of the members of an interface, as the package's declarations have it. */
export function declared(file, name) {
  const body = declarations(file).split(new RegExp(`export (?:interface|type) ${name}\\b`))[1].split(/^}/m)[0];
  const found = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, member]) => member);
  assert.ok(found.length > 2, `${name}: ${found}`);
  return found;
}

/**
 * Calls it; what it throws or rejects with has to be a SyncError, or what a function of the app
 * threw.
 */
export async function tolerates(what, call) {
  try {
    const result = call();
    if (typeof result?.then !== 'function') return result;
    let timer;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, 30)));
    return await Promise.race([result, patience]).finally(() => clearTimeout(timer));
  } catch (error) {
    if (error instanceof SyncError || error === own) return undefined;
    const where = /\n\s+at .*/.exec(error?.stack ?? '')?.[0].trim() ?? '';
    throw new Error(`${what}: ${String(error)} ${where}`, { cause: error });
  }
}

/** Arguments in words. */
export const words = (args) =>
  args
    .map((arg) => {
      if (arg instanceof Model) return 'a foreign record';
      if (arg instanceof Store) return 'a foreign store';
      if (Array.isArray(arg)) return `[${words(arg)}]`;
      if (typeof arg !== 'object' || arg === null) return String(arg);
      const of = Object.getPrototypeOf(arg);
      if (of !== null && of !== Object.prototype) return of.constructor.name;
      return `{${Object.keys(arg).map((name) => `${name}: ${words([arg[name]])}`)}}`;
    })
    .join(', ');

/** Proves that engine, manager and store work, whatever was done to them. */
export async function stillWorks({ server, manager, store }) {
  for (const owner of [manager, store, ...store.allRecords.slice(0, 3)]) {
    for (const name of methodsOf(owner).filter((name) => /^(endBatch|resume[A-Z])/.test(name))) {
      for (let i = 0; i < 40; i++) {
        if (name !== 'resumeAutoSync') owner[name]();
        else owner[name](false);
      }
    }
  }
  const [added] = store.add({ name: 'proof of life' });
  await within(manager.sync(), 'a sync');
  assert.equal(added.isPhantom, false);
  assert.equal(added.name, 'proof of life');
  const rows = server.syncs.flatMap(({ pack }) => pack?.[store.id]?.added ?? []);
  assert.ok(rows.some(({ name }) => name === 'proof of life'));
  store.clearFilters();
  store.clearSorters();
  if (store.isTree) await Promise.all(store.allRecords.map((record) => store.expand(record)));
  assert.equal(store.records.length, store.allCount);
  for (const record of store) assert.equal(store.getById(record.id), record);
  JSON.stringify(manager.toJSON());
}
