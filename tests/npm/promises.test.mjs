import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from 'syncline';
import { breakOff, gate, hangUp, raw, silence, status } from './support/server.mjs';
import {
  loaded,
  muteConsole,
  recordEvents,
  rejection,
  setup,
  watchRejections,
  within,
} from './support/setup.mjs';

/** No second attempt by itself: each test makes its own. */
const ONCE = { retry: { max: 0 } };

/** Every way in which a request can end badly, and what the promise says then. */
const BAD_ENDS = [
  [
    'a page of HTML',
    raw('<!doctype html><h1>Login</h1>', { type: 'text/html' }),
    'BAD_RESPONSE',
    200,
  ],
  ['half a JSON', raw('{"success":true,"events":{"rows":[{"id":1,"na'), 'BAD_RESPONSE', 200],
  ['nothing', raw(''), 'BAD_RESPONSE', 200],
  ['JSON that is no object', raw('[1,2]'), 'BAD_RESPONSE', 200],
  ['null', raw('null'), 'BAD_RESPONSE', 200],
  ['a warning before the JSON', raw('Warning: x\n{"success":true}'), 'BAD_RESPONSE', 200],
  ['a second document behind the JSON', raw('{"success":true}{}'), 'BAD_RESPONSE', 200],
  ['bytes that are no UTF-8', raw(Buffer.from('{"a":"\xff\xfe"}', 'latin1')), 'BAD_RESPONSE', 200],
  ['404 with HTML', raw('<h1>Not found</h1>', { status: 404, type: 'text/html' }), 'HTTP', 404],
  ['404 with a success', status(404, { success: true }), 'HTTP', 404],
  ['500 without a body', raw('', { status: 500 }), 'HTTP', 500],
  [
    '500 with a message',
    status(500, { success: false, message: 'database is locked' }),
    'HTTP',
    500,
  ],
  ['success: false', { success: false, message: 'Validation failed', code: 400 }, 'REFUSED', 200],
  ['409', status(409, { success: false, message: 'stale' }), 'CONFLICT', 409],
  ['a conflict by code', { success: false, code: 'CONFLICT' }, 'CONFLICT', 200],
  ['a connection that breaks', hangUp(), 'NETWORK', undefined],
  ['a connection that breaks in the middle', breakOff('{"success":true,'), 'NETWORK', undefined],
];

const MESSAGES = {
  'success: false': 'Validation failed',
  '500 with a message': 'database is locked',
  409: 'stale',
};

for (const [what, answer, code, httpStatus] of BAD_ENDS) {
  test(`a load that is answered by ${what} rejects, keeps what is there, and can be repeated`, async (t) => {
    const { server, manager, events } = await loaded(t, ONCE);
    events.getById(1).name = 'mine';
    const heard = recordEvents(manager, ['loadFail', 'requestFail', 'load']);
    server.nextLoad(answer);
    const error = await rejection(manager.load());
    assert.ok(error instanceof SyncError);
    assert.ok(error instanceof Error);
    assert.equal(error.code, code);
    assert.equal(error.cancelled, false);
    assert.equal(error.status, httpStatus);
    assert.ok(error.message.length > 0);
    if (MESSAGES[what]) assert.equal(error.message, MESSAGES[what]);
    assert.deepEqual(heard.names, ['requestFail', 'loadFail']);
    assert.equal(events.getById(1).name, 'mine');
    assert.equal(events.count, 2);
    assert.equal(manager.isLoading, false);
    await manager.load();
    await manager.sync();
    assert.deepEqual(server.syncs[0].pack.events.updated, [{ id: 1, name: 'mine' }]);
    assert.equal(manager.changes, null);
  });

  test(`a sync that is answered by ${what} rejects, keeps the edits, and can be repeated`, async (t) => {
    const { server, manager, events } = await loaded(t, ONCE);
    const record = events.getById(1);
    record.name = 'mine';
    const heard = recordEvents(manager, ['syncFail', 'requestFail', 'sync', 'noChanges']);
    server.nextSync(answer);
    const error = await rejection(manager.sync());
    assert.equal(error.code, code);
    assert.equal(error.status, httpStatus);
    assert.deepEqual(heard.names, ['requestFail', 'syncFail']);
    assert.equal(record.name, 'mine');
    assert.equal(record.isPending, true);
    assert.deepEqual(manager.changes, { events: { updated: [{ id: 1, name: 'mine' }] } });
    assert.equal(manager.isSyncing, false);
    assert.equal(manager.status, 'failed');
    await manager.sync();
    assert.equal(manager.changes, null);
    assert.equal(manager.status, 'saved');
    assert.deepEqual(server.syncs[1].pack.events, server.syncs[0].pack.events);
  });
}

test('what fails says whether the same may succeed later', async (t) => {
  const { server, manager } = await setup(t, ONCE);
  const retryable = async (answer) => {
    server.nextLoad(answer);
    return (await rejection(manager.load())).retryable;
  };
  assert.equal(await retryable(hangUp()), true);
  assert.equal(await retryable(status(503)), true);
  assert.equal(await retryable(status(404)), false);
  assert.equal(await retryable({ success: false }), false);
});

test('an answer in HTML is there as text, its response is null', async (t) => {
  const { server, manager } = await setup(t, ONCE);
  const heard = recordEvents(manager, ['loadFail']);
  server.nextLoad(raw('<h1>Login</h1>', { status: 401, type: 'text/html' }));
  const error = await rejection(manager.load());
  for (const told of [error, heard.of('loadFail')[0]]) {
    assert.equal(told.response, null);
    assert.equal(told.responseText, '<h1>Login</h1>');
    assert.equal(told.rawResponse.status, 401);
  }
});

test('a server that can not be reached gives NETWORK, a response that is null and a status of 0', async (t) => {
  const { server, manager } = await setup(t, ONCE);
  await server.close();
  const heard = recordEvents(manager, ['loadFail']);
  const error = await rejection(manager.load());
  assert.equal(error.code, 'NETWORK');
  const [{ response, rawResponse, responseText }] = heard.of('loadFail');
  assert.equal(response, null);
  assert.equal(responseText, '');
  // Listeners written for other servers look at it without asking whether it is there.
  assert.equal(rawResponse.status, 0);
});

for (const kind of ['load', 'sync']) {
  test(`a ${kind} that is never answered ends by its timeout`, async (t) => {
    const { server, manager, events } = await loaded(t, ONCE);
    manager.transport = { [kind]: { ...manager.transport[kind], timeout: 40 } };
    events.getById(1).name = 'mine';
    // The standing answer: on a busy machine the request may be given up before the server sees it.
    server[`${kind}With`](silence());
    const error = await rejection(manager[kind]());
    assert.equal(error.code, 'TIMEOUT');
    assert.equal(error.retryable, true);
    assert.equal(events.getById(1).name, 'mine');
    server[`${kind}With`](undefined);
    manager.transport = { [kind]: { ...manager.transport[kind], timeout: 0 } };
    await within(manager[kind](), `the next ${kind}`);
    await within(manager.sync(), 'the sync');
    assert.equal(manager.changes, null);
  });

  test(`a timeout given to the constructor counts for the whole ${kind}`, async (t) => {
    const { server, manager, events } = await setup(t, {
      ...ONCE,
      transport: { load: { timeout: 60 }, sync: { timeout: 60 } },
    });
    if (kind === 'sync') events.add({ name: 'x' });
    const answer = gate();
    server[`${kind}With`](answer);
    const error = await rejection(manager[kind]());
    assert.equal(error.code, 'TIMEOUT');
    server[`${kind}With`](undefined);
    answer.answer({ success: true, events: { rows: [{ id: 9 }] } });
    manager.transport = { load: { ...manager.transport.load, timeout: 0 } };
    await manager.load();
    assert.equal(events.getById(9), undefined);
  });

  test(`destroy during a ${kind} settles its promise as cancelled`, async (t) => {
    const { server, manager, events } = await loaded(t);
    events.getById(1).name = 'mine';
    const answer = gate();
    server[kind === 'load' ? 'nextLoad' : 'nextSync'](answer);
    const rejected = rejection(manager[kind]());
    await answer.asked;
    manager.destroy();
    const error = await rejected;
    assert.equal(error.cancelled, true);
    assert.ok(error instanceof SyncError);
    answer.answer({ success: true, events: { rows: [] } });
    assert.equal(events.getById(1).name, 'mine');
  });
}

test('destroy settles also those who wait for the next sync', async (t) => {
  const unhandled = watchRejections(t);
  const { server, manager, events } = await loaded(t);
  const answer = gate();
  server.nextSync(answer);
  events.getById(1).name = 'a';
  const calls = [manager.sync(), manager.sync(), manager.sync(), manager.load()].map((call) =>
    rejection(call),
  );
  await answer.asked;
  manager.destroy();
  for (const error of await Promise.all(calls)) assert.equal(error.cancelled, true);
  assert.deepEqual(unhandled, []);
});

test('load() and sync() after destroy reject, and destroy can be called again', async (t) => {
  const { manager } = await loaded(t);
  manager.destroy();
  manager.destroy();
  assert.equal(manager.isDestroyed, true);
  for (const call of ['load', 'sync']) {
    const error = await rejection(manager[call]());
    assert.deepEqual([error.code, error.cancelled], ['DESTROYED', true]);
  }
});

test('load() and sync() without a URL reject and keep everything', async (t) => {
  const { manager, events } = await setup(t, { loadUrl: undefined, syncUrl: undefined });
  const heard = recordEvents(manager, ['loadFail', 'syncFail']);
  events.add({ name: 'x' });
  assert.equal((await rejection(manager.load())).code, 'NO_URL');
  assert.equal((await rejection(manager.sync())).code, 'NO_URL');
  assert.deepEqual(heard.names, ['loadFail', 'syncFail']);
  assert.equal(manager.changes.events.added.length, 1);
});

test('a newer load ends the older one as cancelled', async (t) => {
  const { server, manager } = await setup(t);
  server.nextLoad(silence());
  const first = rejection(manager.load());
  await server.request('load', 1);
  const second = manager.load();
  const error = await first;
  assert.deepEqual([error.code, error.cancelled], ['CANCELLED', true]);
  assert.equal((await second).response.success, true);
});

test('many loads at once: the last one wins, each promise settles', async (t) => {
  const { server, manager, events } = await setup(t);
  const loads = Array.from({ length: 20 }, () => manager.load());
  const outcomes = await within(Promise.allSettled(loads), 'all loads');
  const fulfilled = outcomes.map(({ status: how }) => how === 'fulfilled');
  assert.deepEqual(fulfilled, [...Array(19).fill(false), true]);
  assert.ok(outcomes.slice(0, 19).every(({ reason }) => reason.cancelled));
  assert.equal(events.count, 2);
  assert.ok(server.loads.length <= 20);
});

test('cancelRequest ends a request and its promise as cancelled', async (t) => {
  const { server, manager, events } = await loaded(t);
  server.nextLoad(silence());
  const load = manager.load();
  const rejected = rejection(load);
  await server.request('load', 2);
  manager.cancelRequest(load, () => {});
  assert.equal((await rejected).cancelled, true);
  assert.equal(manager.isLoading, false);
  await manager.load();
  assert.equal(events.count, 2);
});

test('listeners that throw in every event leave the promises settled', async (t) => {
  muteConsole(t);
  const unhandled = watchRejections(t);
  const { server, manager, events } = await loaded(t, ONCE);
  const names = [
    'beforeSync',
    'syncStart',
    'beforeSend',
    'beforeResponseApply',
    'beforeSyncApply',
    'requestDone',
    'sync',
    'requestFail',
    'syncFail',
    'hasChanges',
    'noChanges',
    'status',
  ];
  for (const name of names) {
    manager.on(name, () => {
      throw new Error(name);
    });
  }
  events.getById(1).name = 'x';
  await within(manager.sync(), 'the sync');
  assert.equal(manager.changes, null);
  events.getById(1).name = 'y';
  server.nextSync({ success: false });
  assert.equal((await rejection(manager.sync())).code, 'REFUSED');
  await within(manager.sync(), 'the next sync');
  assert.equal(manager.changes, null);
  assert.deepEqual(unhandled, []);
});

test('what nobody waits for never shows as an unhandled rejection', async (t) => {
  const unhandled = watchRejections(t);
  const failing = await setup(t, { ...ONCE, autoLoad: true });
  failing.server.nextLoad(status(500));
  const failed = new Promise((resolve) => failing.manager.once('loadFail', resolve));
  await within(failed, 'loadFail');
  const { manager } = await setup(t, { autoLoad: true });
  manager.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(unhandled, []);
});
