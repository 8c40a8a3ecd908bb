// Bad input as a page meets it: each has a defined outcome, and what the user typed is saved in the
// end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { packaged, startBrowser } from './support/browser.mjs';
import { hangUp, raw, silence, startServer, status } from './support/server.mjs';
import { SAMPLE } from './support/setup.mjs';

const HTML = '<!doctype html><title>Test</title><script type="module" src="/page.js"></script>';

/** What the page offers to the tests. */
const SCRIPT = `
  import * as syncline from '/package/dist/index.js';

  const told = [];
  addEventListener('error', ({ message }) => told.push(message));
  addEventListener('unhandledrejection', ({ reason }) => told.push(String(reason)));

  const outcome = (promise) => promise.then(
    () => ({ code: null }),
    (error) => ({
      typed: error instanceof syncline.SyncError,
      code: error.code, retryable: error.retryable, cancelled: error.cancelled, message: error.message,
    }),
  );
  const thrown = (call) => {
    try { call(); return null; } catch (error) { return error instanceof syncline.SyncError ? error.code : String(error); }
  };

  globalThis.ready = (async () => {
    // Before init() everything says so.
    globalThis.early = [
      thrown(() => new syncline.Store({ id: 'events' })),
      thrown(() => new syncline.CrudManager({})),
      thrown(() => new syncline.CalendarProject({})),
    ];
    await syncline.init();
    return true;
  })();

  globalThis.begin = async (config = {}) => {
    const events = new syncline.Store({ id: 'events', modelClass: syncline.EventModel });
    const manager = new syncline.CrudManager({
      crudStores: [events], loadUrl: '/load', syncUrl: '/sync', retry: { max: 0 }, ...config,
    });
    globalThis.events = events;
    globalThis.manager = manager;
    await manager.load();
    events.getById(1).name = 'typed by the user';
  };
  globalThis.call = (name) => outcome(manager[name]());
  globalThis.state = () => ({
    name: events.getById(1)?.name, count: events.count, changes: manager.isDestroyed ? null : manager.changes,
    busy: !manager.isDestroyed && (manager.isLoading || manager.isSyncing), told: told.splice(0),
  });
  globalThis.misuse = () => {
    const other = new syncline.Store({ id: 'other', fields: ['id'], data: [{ id: 1 }] });
    const config = (options) => thrown(() => new syncline.CrudManager(options));
    return {
      foreignRecord: thrown(() => events.remove(other.first)),
      unknownStore: config({ crudStores: ['nowhere'] }),
      timeout: config({ transport: { load: { timeout: -1 } } }),
      url: config({ loadUrl: 'http://' }),
    };
  };
  globalThis.destroyed = async () => {
    const waiting = outcome(manager.sync());
    manager.destroy();
    return { waiting: await waiting, later: [await outcome(manager.load()), await outcome(manager.sync())] };
  };
`;

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

/** A page with a manager that has loaded and holds one unsaved edit, and its server. */
async function open(t, config) {
  const pages = (path) => {
    if (path === '/') return { type: 'text/html', body: HTML };
    if (path === '/favicon.ico') return { type: 'image/x-icon', body: '' };
    if (path === '/page.js') return { type: 'text/javascript', body: SCRIPT };
    return packaged(path);
  };
  const server = await startServer(t, SAMPLE, pages);
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(server.origin);
  await page.waitForFunction(() => globalThis.ready);
  await page.evaluate((options) => globalThis.begin(options), config);
  return { server, page };
}

const call = (page, name) => page.evaluate((which) => globalThis.call(which), name);
const state = (page) => page.evaluate(() => globalThis.state());

/** The edit is there, nothing hangs, nothing went to the console; and the next sync saves it. */
async function assertNothingLost({ page, server }) {
  const { name, busy, told } = await state(page);
  assert.deepEqual([name, busy, told], ['typed by the user', false, []]);
  await call(page, 'load');
  assert.deepEqual(await call(page, 'sync'), { code: null });
  assert.deepEqual(server.syncs.at(-1).pack.events.updated, [{ id: 1, name: 'typed by the user' }]);
  assert.equal((await state(page)).changes, null);
}

const NESTING = '{"events":{"rows":[{"id":1,"a":' + '['.repeat(5_000_000) + ']'.repeat(5_000_000) + '}]}}';

const BAD_ANSWERS = [
  ['HTML', raw('<!doctype html><h1>Login</h1>', { type: 'text/html' }), 'BAD_RESPONSE'],
  ['half a JSON', raw('{"success":true,"events":{"rows":[{"id":1,"na'), 'BAD_RESPONSE'],
  ['10 MB of nesting', raw(NESTING), 'BAD_RESPONSE'],
  ['404', status(404), 'HTTP'],
  ['500', status(500, { success: false, message: 'database is locked' }), 'HTTP'],
  ['a connection that breaks', hangUp(), 'NETWORK'],
];

for (const [what, answer, code] of BAD_ANSWERS) {
  for (const kind of ['load', 'sync']) {
    test(`a ${kind} answered with ${what} is a typed error in a page, and nothing is lost`, async (t) => {
      const all = await open(t);
      // The standing answer: browsers repeat by themselves what breaks on a connection that was
      // used before.
      all.server[`${kind}With`](answer);
      const error = await call(all.page, kind);
      all.server[`${kind}With`](undefined);
      assert.deepEqual([error.typed, error.code, error.cancelled], [true, code, false]);
      assert.ok(error.message.length > 0);
      await assertNothingLost(all);
    });
  }
}

for (const kind of ['load', 'sync']) {
  test(`a ${kind} that is never answered ends by its timeout in a page`, async (t) => {
    const all = await open(t);
    all.server[`${kind}With`](silence());
    await all.page.evaluate((which) => {
      manager.transport = { [which]: { ...manager.transport[which], timeout: 60 } };
    }, kind);
    const error = await call(all.page, kind);
    assert.deepEqual([error.typed, error.code, error.retryable], [true, 'TIMEOUT', true]);
    all.server[`${kind}With`](undefined);
    await all.page.evaluate((which) => {
      manager.transport = { [which]: { ...manager.transport[which], timeout: 0 } };
    }, kind);
    await assertNothingLost(all);
  });
}

test('rows that can not be are passed over or read as what they are, in a page', async (t) => {
  const all = await open(t);
  const rows = [
    7, null, 'x', [1],
    { id: null, name: 'no id' },
    { id: 2, name: 'first' }, { id: 2, name: 'again' },
    { id: '__proto__', name: 'proto', __proto__: 1 },
    { id: 1, name: 'of the server', startDate: 'not a date', endDate: '2026-99-99' },
  ];
  const text = JSON.stringify({ success: true, events: { rows } });
  all.server.nextLoad(raw(text.replace('"name":"proto"', '"name":"proto","__proto__":{"polluted":true}')));
  assert.deepEqual(await call(all.page, 'load'), { code: null });
  const seen = await all.page.evaluate(() => ({
    names: events.map(({ name }) => name).sort(),
    start: events.getById(1).startDate,
    proto: events.getById('__proto__').name,
    polluted: {}.polluted ?? null,
  }));
  assert.deepEqual(seen.names, ['again', 'no id', 'proto', 'typed by the user']);
  assert.deepEqual([seen.start, seen.proto, seen.polluted], [null, 'proto', null]);
  await assertNothingLost(all);
});

test('wrong calls and options throw typed errors in a page, and change nothing', async (t) => {
  const all = await open(t);
  assert.deepEqual(await all.page.evaluate(() => globalThis.early), Array(3).fill('NOT_INITIALIZED'));
  const codes = await all.page.evaluate(() => globalThis.misuse());
  assert.equal(codes.unknownStore, 'UNKNOWN_STORE');
  for (const [what, code] of Object.entries(codes)) assert.match(code, /^[A-Z_]+$/, what);
  await assertNothingLost(all);
});

test('an answer after destroy settles as cancelled, and later calls are refused, in a page', async (t) => {
  const all = await open(t);
  all.server.nextSync(silence());
  const { waiting, later } = await all.page.evaluate(() => globalThis.destroyed());
  assert.deepEqual([waiting.typed, waiting.cancelled], [true, true]);
  for (const error of later) assert.deepEqual([error.code, error.cancelled], ['DESTROYED', true]);
  const { name, told } = await state(all.page);
  assert.deepEqual([name, told], ['typed by the user', []]);
});
