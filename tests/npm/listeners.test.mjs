// How code listens to a manager, and what becomes of listeners that misbehave.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrudManager } from 'syncline';
import {
  defaultStores,
  loaded,
  muteConsole,
  next,
  recordEvents,
  setup,
  storeOf,
  thrownBy,
  within,
} from './support/setup.mjs';

// --- ways to listen -------------------------------------------------------------------------

test('listeners may be given to the constructor, as `listeners` and as `onXxx`', async (t) => {
  const calls = [];
  const { manager } = await setup(t, {
    listeners: { load: () => calls.push('listeners') },
    onLoad: () => calls.push('onLoad'),
  });
  await manager.load();
  assert.deepEqual(calls.sort(), ['listeners', 'onLoad']);
});

test('onXxx may be set and taken away at any time', async (t) => {
  const { manager } = await setup(t);
  let calls = 0;
  manager.onLoad = () => calls++;
  await manager.load();
  manager.onLoad = null;
  await manager.load();
  assert.equal(calls, 1);
});

test('handlers of a subclass are called, with the manager as this', async (t) => {
  class MyManager extends CrudManager {
    loads = 0;
    onLoad() {
      this.loads++;
    }
  }
  const { server } = await setup(t);
  const mine = new MyManager({ crudStores: defaultStores(), ...server.urls });
  t.after(() => mine.destroy());
  await mine.load();
  assert.equal(mine.loads, 1);
});

test('a handler of the config has the manager as this', async (t) => {
  let source;
  const { manager } = await setup(t, {
    onLoad() {
      source = this;
    },
  });
  await manager.load();
  assert.strictEqual(source, manager);
});

test('a listener may be the name of a method, of thisObj or of the source', async (t) => {
  const { manager } = await setup(t);
  const view = {
    shown: [],
    show({ type }) {
      this.shown.push(type);
    },
  };
  manager.onOwn = function own({ type }) {
    view.shown.push(`own ${type}`);
  };
  manager.on({ load: 'show', thisObj: view });
  manager.on('load', 'onOwn');
  await manager.load();
  assert.deepEqual(view.shown, ['load', 'own load']);
});

test('listeners are called by prio, those of equal prio in the order they came', async (t) => {
  const { manager } = await setup(t);
  const calls = [];
  const note = (name) => () => {
    calls.push(name);
  };
  manager.on('load', note('a'));
  manager.on('load', note('late'), { prio: -10 });
  manager.on({ load: note('early'), prio: 100 });
  manager.on('load', note('b'));
  await manager.load();
  assert.deepEqual(calls, ['early', 'a', 'b', 'late']);
});

test('once listens to one event, un and the function that on gives end it', async (t) => {
  const { manager } = await setup(t);
  const calls = [];
  const named = () => {
    calls.push('named');
  };
  manager.once('load', () => {
    calls.push('once');
  });
  manager.on({ load: () => calls.push('once too'), once: true });
  manager.on('load', named);
  const off = manager.on({
    load: () => calls.push('several'),
    loadStart: () => calls.push('start'),
  });
  await manager.load();
  assert.deepEqual(calls, ['start', 'once', 'once too', 'named', 'several']);
  calls.length = 0;
  manager.un('load', named);
  off();
  await manager.load();
  assert.deepEqual(calls, []);
});

test('a listener that is no function is refused', async (t) => {
  const { manager } = await setup(t);
  for (const wrong of [undefined, 7, {}, []]) {
    assert.throws(() => manager.on('load', wrong), { name: 'SyncError', code: 'INVALID_ARGUMENT' });
  }
});

test('suspended events are not told, what changes is tracked all the same', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = recordEvents(manager, ['hasChanges', 'noChanges']);
  manager.suspendEvents();
  events.getById(1).name = 'x';
  manager.resumeEvents();
  assert.deepEqual(heard.names, []);
  assert.notEqual(manager.changes, null);
  events.getById(2).name = 'y';
  assert.deepEqual(heard.names, ['hasChanges']);
});

// --- listeners that misbehave ---------------------------------------------------------------

test('listeners that throw are reported and stop nothing', async (t) => {
  const said = muteConsole(t);
  const { manager, events } = await setup(t);
  const exceptions = recordEvents(manager, ['exception']);
  for (const name of ['beforeLoad', 'loadStart', 'beforeSend', 'beforeResponseApply', 'load']) {
    manager.on(name, () => {
      throw new Error(`in ${name}`);
    });
  }
  const reached = recordEvents(manager, ['load']);
  await manager.load();
  assert.equal(events.count, 2);
  assert.equal(reached.names.length, 1);
  const told = exceptions.of('exception').map(({ eventName, error }) => [eventName, error.message]);
  assert.deepEqual(told, [
    ['beforeLoad', 'in beforeLoad'],
    ['loadStart', 'in loadStart'],
    ['beforeSend', 'in beforeSend'],
    ['beforeResponseApply', 'in beforeResponseApply'],
    ['load', 'in load'],
  ]);
  assert.equal(said.length, 5);
});

test('a promise of a listener that rejects is reported and counts as a yes', async (t) => {
  muteConsole(t);
  const { manager, events } = await loaded(t);
  const exception = next(manager, 'exception');
  manager.on('beforeSync', async () => {
    throw new Error('later');
  });
  events.getById(1).name = 'x';
  await manager.sync();
  assert.equal((await exception).error.message, 'later');
  assert.equal(manager.changes, null);
});

test('a listener of `exception` that throws doesn’t call itself', async (t) => {
  const said = muteConsole(t);
  const { manager } = await setup(t);
  manager.on('exception', () => {
    throw new Error('again');
  });
  manager.on('load', () => {
    throw new Error('first');
  });
  await manager.load();
  assert.equal(said.length, 2);
});

test('a listener may load, sync, edit and destroy from inside of an event', async (t) => {
  const { server, manager, events } = await loaded(t);
  let again;
  manager.once('sync', () => {
    events.getById(2).name = 'from inside';
    again = manager.sync();
  });
  events.getById(1).name = 'x';
  await manager.sync();
  await within(again, 'the sync from inside');
  assert.equal(server.syncs.length, 2);
  manager.once('load', () => manager.destroy());
  await manager.load().catch(() => {});
  assert.equal(manager.isDestroyed, true);
});

test('an edit in beforeSync is not in the package that is asked about', async (t) => {
  const { server, manager, events } = await loaded(t);
  manager.once('beforeSync', () => {
    events.add({ name: 'late' });
  });
  events.getById(1).name = 'x';
  await manager.sync();
  assert.deepEqual(Object.keys(server.syncs[0].pack.events), ['updated']);
  assert.equal(manager.changes.events.added.length, 1);
});

test('a listener may have options of its own among others', () => {
  const store = storeOf(['id', 'name'], [{ id: 1, name: 'a' }]);
  const calls = [];
  const target = {
    say(event) {
      calls.push(['say', this === target, event.type]);
    },
  };
  store.on({
    thisObj: target,
    update: { fn: 'say', once: true, prio: 1 },
    change: () => calls.push('change'),
    remove: null,
  });
  store.first.name = 'b';
  store.first.name = 'c';
  assert.deepEqual(calls, [['say', true, 'update'], 'change', 'change']);
  assert.throws(() => store.on({ update: { once: true } }), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => store.on({ update: 7 }), { code: 'INVALID_ARGUMENT' });
});

test('addListener and removeListener are on and un', () => {
  const store = storeOf(['id'], [{ id: 1 }]);
  const calls = [];
  const listeners = { add: { fn: () => calls.push('add') }, remove: () => calls.push('remove') };
  store.addListener(listeners);
  store.add({ id: 2 });
  store.removeListener(listeners);
  store.remove(2);
  const end = store.addListener('add', listeners.add.fn);
  store.add({ id: 3 });
  end();
  store.add({ id: 4 });
  assert.deepEqual(calls, ['add', 'add']);
});

test('events of a suspension are told at its end where they are to be kept', () => {
  const store = storeOf(['id', 'name'], [{ id: 1, name: 'a' }]);
  const heard = recordEvents(store, ['beforeUpdate', 'update', 'add']);
  store.suspendEvents(true);
  store.suspendEvents();
  store.first.name = 'b';
  store.add({ id: 2 });
  store.resumeEvents();
  assert.deepEqual(heard.names, []);
  store.resumeEvents();
  assert.deepEqual(heard.names, ['update', 'add']);
  assert.equal(heard.of('update')[0].changes.name.oldValue, 'a');
  store.suspendEvents();
  store.add({ id: 3 });
  store.resumeEvents();
  assert.deepEqual(heard.names, ['update', 'add']);
});

// --- options of listeners -------------------------------------------------------------------

/** An emitter that costs nothing. */
const emitter = () => storeOf(['id', 'n']);

const waiting = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('args come before the event', () => {
  const store = emitter();
  const heard = [];
  store.on('load', (...given) => heard.push(given), { args: ['a', 2] });
  store.on({
    load: { fn: (...given) => heard.push(given), args: ['own'], detachable: true },
    args: ['shared'],
    detachable: true,
  });
  store.trigger('load', {});
  assert.deepEqual(
    heard.map((given) => given.map((one) => one?.type ?? one)),
    [
      ['a', 2, 'load'],
      ['own', 'load'],
    ],
  );
});

test('the third argument may be the object that the listener belongs to', () => {
  const store = emitter();
  class Owner {
    heard = [];
    load(event) {
      this.heard.push(event.type);
    }
  }
  const [one, other] = [new Owner(), new Owner()];
  store.on('load', one.load, one);
  store.on('load', 'load', other);
  store.on({ refresh: Owner.prototype.load }, one);
  store.trigger('load', {});
  store.trigger('refresh', { action: 'dataset', origin: 'local' });
  assert.deepEqual(one.heard, ['load', 'refresh']);
  assert.deepEqual(other.heard, ['load']);
});

test('un with thisObj ends that object’s listener alone', () => {
  const store = emitter();
  const calls = [];
  function heard() {
    calls.push(this.name);
  }
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, heard }));
  for (const one of [a, b, c]) store.on({ load: heard, thisObj: one });
  store.un('load', heard, a);
  store.trigger('load', {});
  store.un({ load: heard, thisObj: b });
  store.trigger('load', {});
  store.un('load', heard);
  store.trigger('load', {});
  assert.deepEqual(calls, ['b', 'c', 'c']);
});

test('the listeners of an object go with it', async (t) => {
  const { manager } = await setup(t);
  const store = emitter();
  let calls = 0;
  store.on({ load: () => calls++, thisObj: manager });
  store.trigger('load', {});
  manager.destroy();
  store.trigger('load', {});
  assert.equal(calls, 1);
  assert.equal(store.hasListener('load'), false);
});

test('delay, buffer, throttle and asap put a listener off', async () => {
  const store = emitter();
  const heard = [];
  for (const options of [{ delay: 20 }, { buffer: 20 }, { throttle: 20 }, { asap: true }]) {
    const [name] = Object.keys(options);
    store.on('load', ({ n }) => heard.push(`${name} ${n}`), options);
  }
  for (const n of [1, 2, 3]) store.trigger('load', { n });
  assert.deepEqual(heard.splice(0), ['throttle 1']);
  await null;
  assert.deepEqual(heard.splice(0), ['asap 1', 'asap 2', 'asap 3']);
  await waiting(200);
  assert.deepEqual(heard.sort(), ['buffer 3', 'delay 1', 'delay 2', 'delay 3', 'throttle 3']);
});

test('a listener that is put off has no say, and its errors are reported', async (t) => {
  const said = muteConsole(t);
  const store = emitter();
  store.on('beforeAdd', () => false, { delay: 1 });
  store.on('add', () => {
    throw new Error('late');
  }, { delay: 1 });
  store.on('add', async () => {
    throw new Error('later');
  }, { asap: true });
  assert.equal(store.add({ id: 1 }).length, 1);
  await next(store, 'exception');
  await next(store, 'exception');
  assert.equal(said.length, 2);
});

test('a listener that has ended is not called for what it has put off', async () => {
  const store = emitter();
  let calls = 0;
  const off = store.on('load', () => calls++, { delay: 5 });
  const once = store.on('load', () => (calls += 10), { delay: 5, once: true });
  store.trigger('load', {});
  store.trigger('load', {});
  off();
  await waiting(50);
  assert.equal(calls, 10);
  once();
});

test('a listener that expires says so where nothing came', async () => {
  const store = emitter();
  const heard = [];
  const alt = (name) => () => heard.push(`${name} expired`);
  store.on('load', () => heard.push('load'), { expires: { delay: 10, alt: alt('load') } });
  store.on('add', () => heard.push('add'), { expires: { delay: 10, alt: alt('add') } });
  store.on('remove', () => heard.push('remove'), { expires: 10 });
  store.trigger('load', {});
  await waiting(60);
  store.trigger('load', {});
  store.add({ id: 1 });
  store.remove(1);
  assert.deepEqual(heard, ['load', 'add expired']);
});

test('options of listeners that make no sense are refused', () => {
  const store = emitter();
  for (const options of [{ delay: '5' }, { buffer: -1 }, { throttle: NaN }, { expires: {} }, { args: 7 }]) {
    const error = thrownBy(() => store.on({ load: () => {}, ...options }));
    assert.equal(error.code, 'INVALID_ARGUMENT', JSON.stringify(options));
  }
  assert.equal(store.hasListener('load'), false);
});

// --- relays -----------------------------------------------------------------------------------

test('relayAll passes all events on, and what their listeners say back', () => {
  const [store, through] = [emitter(), emitter()];
  const heard = [];
  const off = store.relayAll(through, 'child');
  through.on({
    childAdd: ({ type, source, records }) => heard.push([type, source.id, records[0].id]),
    childBeforeRemove: () => false,
  });
  store.add({ id: 1 });
  assert.deepEqual(heard, [['childAdd', store.id, 1]]);
  assert.deepEqual(store.remove(1), []);
  off();
  assert.equal(store.remove(1).length, 1);
  store.add({ id: 2 });
  assert.equal(heard.length, 1);
  store.relayAll(through);
  assert.equal(thrownBy(() => through.relayAll(store)).code, 'INVALID_ARGUMENT');
  assert.equal(thrownBy(() => through.relayAll({})).code, 'INVALID_ARGUMENT');
});

test('with relayStoreEvents a manager fires the events of its stores', async (t) => {
  const heard = [];
  const { manager, events } = await loaded(t, {
    relayStoreEvents: true,
    listeners: { storeUpdate: ({ record }) => heard.push(`update ${record.id}`) },
    onStoreAdd({ source, records }) {
      heard.push(`${this === manager} ${source.id} ${records[0].name}`);
    },
  });
  events.first.name = 'new';
  events.add({ name: 'more' });
  manager.removeCrudStore(events);
  events.add({ name: 'unheard' });
  assert.deepEqual(heard, ['update 1', 'true events more']);
});

test('removeAllListeners leaves the handlers', () => {
  const store = emitter();
  const heard = [];
  store.on('add', () => heard.push('listener'));
  store.onAdd = () => heard.push('handler');
  store.removeAllListeners();
  store.add({ id: 1 });
  assert.deepEqual(heard, ['handler']);
});

// --- what others change -----------------------------------------------------------------------

test('a removal says what was removed, also when an addition moves into its row at once', async (t) => {
  for (const read of [true, false]) {
    const { manager, events } = await loaded(t);
    const known = read ? events.getById(1) : undefined;
    const heard = [];
    events.on('remove', ({ records }) => heard.push(...records));
    events.on('change', ({ action, records }) => heard.push([action, records.map(({ id }) => id)]));
    manager.applyChangeset({ events: { removed: [{ id: 1 }], added: [{ id: 7, name: 'new' }] } });
    const [record] = heard.filter((one) => !Array.isArray(one));
    assert.equal(record.id, 1);
    assert.equal(record.isRemoved, true);
    if (read) assert.strictEqual(record, known);
    assert.deepEqual(heard.filter(Array.isArray).sort(), [['add', [7]], ['remove', [1]]]);
    assert.equal(events.getById(7).name, 'new');
    assert.equal(events.getById(1), undefined);
  }
});

test('a record that was read before a load is the one whose removal is told of afterwards', async (t) => {
  const { manager, events } = await loaded(t);
  const known = events.getById(1);
  await manager.load();
  const told = [];
  events.on('remove', ({ records }) => told.push(...records));
  manager.applyChangeset({ events: { removed: [{ id: 1 }, { id: 2 }] } });
  assert.deepEqual(told.map(({ id }) => id), [1, 2]);
  assert.strictEqual(told[0], known);
  assert.equal(known.name, 'Stand-up');
  assert.ok(told.every(({ isRemoved }) => isRemoved));
});

test('what was added is in the event for listeners that are called later, also when it has gone by then', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = [];
  events.on('add', ({ records }) => heard.push(records.map(({ id, name }) => [id, name])), { delay: 1 });
  const done = next(events, 'remove');
  manager.applyChangeset({ events: { added: [{ id: 7, name: 'short-lived' }, { id: 8, name: 'b' }] } });
  manager.applyChangeset({ events: { removed: [{ id: 7 }] } });
  await done;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(heard, [[[7, 'short-lived'], [8, 'b']]]);
});

test('one event after the other says the same of what was added: its records, the one of them, its place', async (t) => {
  const { manager, events } = await loaded(t);
  const heard = [];
  events.on('add', ({ records, index }) => heard.push(records, index));
  events.on('change', ({ record, records }) => heard.push(record, records));
  manager.applyChangeset({ events: { added: [{ id: 7 }] } });
  const [records, index, record, again] = heard;
  assert.strictEqual(again, records);
  assert.strictEqual(record, events.getById(7));
  assert.deepEqual([records.length, index], [1, 2]);
});
