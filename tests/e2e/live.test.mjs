// One list of scenarios over all four transports, against the real server, in a real browser. Each pane is a browser of its own, with
// nothing but the package in its page.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const root = process.env.SYNCLINE_ROOT ?? join(import.meta.dirname, '..', '..');
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const IO = join(root, 'tests/node_modules/socket.io-client/dist/socket.io.esm.min.js');

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

/** A page with a project that is loaded and live. */
class Pane {
  static async open(t, server, name, transport, options = {}) {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    await page.route('**/test/**', (route) => {
      const path = new URL(route.request().url()).pathname.slice('/test/'.length);
      if (path === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>pane</title>' });
      const file = path === 'io.js' ? IO : join(root, 'pkg/dist', path);
      if (!existsSync(file)) return route.fulfill({ status: 404 });
      return route.fulfill({ contentType: TYPES[extname(file)] ?? 'text/plain', body: readFileSync(file) });
    });
    await page.goto(`${server.url}/test/`);
    const pane = new Pane();
    pane.page = page;
    pane.name = name;
    await page.evaluate(start, { name, transport, options });
    return pane;
  }

  /** Runs in the page, with the project. */
  run(act, argument) {
    return this.page.evaluate(`(${act})(window.project, ${JSON.stringify(argument) ?? ''})`);
  }

  /** Waits until it is so in the page. */
  until(act, argument) {
    return this.page.waitForFunction(`(${act})(window.project, ${JSON.stringify(argument) ?? ''})`, undefined, { timeout: 20_000 });
  }

  rename(id, name) {
    return this.run((project, [id, name]) => (project.eventStore.getById(id).name = name), [id, name]);
  }

  sees(id, name) {
    return this.until((project, [id, name]) => project.eventStore.getById(id)?.name === name, [id, name]);
  }

  data() {
    return this.run((project) => JSON.stringify(project.eventStore.records.map(({ id, name, eventColor }) => [id, name, eventColor]).sort(([a], [b]) => a - b)));
  }
}

/** In the page: a project over that transport. */
async function start({ name, transport, options }) {
  const { CalendarProject, init } = await import('/test/index.js');
  await init();
  const channel = {
    transport,
    clientId: `client-${name}`,
    user: { userId: name.toLowerCase(), userName: name },
    reconnect: { base: 50, cap: 500, max: Infinity },
    polling: transport === 'polling' && { interval: 200, by: 'sync' },
    ...options,
  };
  if (transport === 'websocket') channel.url = '/ws';
  if (transport === 'sse') channel.url = '/api/events';
  if (transport === 'socketio') {
    const { io } = await import('/test/io.js');
    channel.socket = io(location.origin, { auth: { clientId: channel.clientId, ...channel.user }, reconnectionDelay: 50 });
  }
  const project = new CalendarProject({
    loadUrl: '/api/load?project=calendar',
    syncUrl: '/api/sync?project=calendar',
    autoSync: true,
    autoSyncTimeout: 10,
    retry: { base: 50, cap: 500, max: 100 },
    channel,
  });
  window.project = project;
  window.heard = [];
  project.channel.on('remoteChange', ({ stores }) => window.heard.push([Date.now(), ...stores]));
  await project.load();
  if (!project.channel.isLive) await new Promise((resolve) => project.channel.on('connected', resolve));
}

const settled = (project) => !project.hasUnsavedChanges && !project.isSyncing;

async function same(...panes) {
  for (const pane of panes) await pane.until(settled);
  const deadline = Date.now() + 15_000;
  for (;;) {
    const [first, ...others] = await Promise.all(panes.map((pane) => pane.data()));
    if (others.every((other) => other === first)) return JSON.parse(first);
    if (Date.now() > deadline) assert.deepEqual(others.map((it) => JSON.parse(it)), others.map(() => JSON.parse(first)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const transport of ['websocket', 'sse', 'socketio', 'polling']) {
  test(`${transport}: two panes see each other's changes, and nothing echoes`, async (t) => {
    const server = await TestServer.start(t);
    const alice = await Pane.open(t, server, 'Alice', transport);
    const bob = await Pane.open(t, server, 'Bob', transport);
    await alice.rename(1, 'by Alice');
    await bob.sees(1, 'by Alice');
    const id = await bob.run(async (project) => {
      const [record] = project.eventStore.add({ name: 'by Bob', startDate: new Date(), endDate: new Date(Date.now() + 1000) });
      await project.sync();
      return record.id;
    });
    await alice.sees(id, 'by Bob');
    await alice.run((project, id) => project.eventStore.remove(id), id);
    await bob.until((project, id) => project.eventStore.getById(id) === undefined, id);
    await same(alice, bob);
    assert.equal(await bob.run((project) => project.hasUnsavedChanges), false);
    const rows = await server.rows('events');
    assert.equal(rows.filter((row) => row.name === 'by Bob').length, 0);
    if (transport !== 'polling') {
      assert.equal(await alice.run(() => window.heard.length), 1, 'Alice hears of what Bob did alone');
    }
  });

  test(`${transport}: two who edit the same event at the same time end up with the same`, async (t) => {
    const server = await TestServer.start(t);
    const alice = await Pane.open(t, server, 'Alice', transport);
    const bob = await Pane.open(t, server, 'Bob', transport);
    for (let n = 0; n < 5; n++) {
      await Promise.all([alice.rename(2, `Alice ${n}`), bob.run((project, n) => (project.eventStore.getById(2).eventColor = `#00000${n}`), n)]);
    }
    await same(alice, bob);
    await alice.sees(2, 'Alice 4');
    const colors = await Promise.all([alice, bob].map((pane) => pane.run((project) => project.eventStore.getById(2).eventColor)));
    assert.deepEqual(colors, ['#000004', '#000004']);
  });

  test(`${transport}: what was missed while the server was away comes afterwards`, async (t) => {
    const server = await TestServer.start(t);
    const alice = await Pane.open(t, server, 'Alice', transport);
    const bob = await Pane.open(t, server, 'Bob', transport);
    await alice.rename(1, 'before');
    await bob.sees(1, 'before');
    await server.kill();
    await alice.rename(1, 'meanwhile');
    await bob.run((project) => project.eventStore.add({ name: 'offline', startDate: new Date(), endDate: new Date(Date.now() + 1000) }));
    await server.start();
    await bob.sees(1, 'meanwhile');
    const rows = await same(alice, bob);
    assert.equal(rows.filter(([, name]) => name === 'offline').length, 1);
    assert.equal((await server.rows('events')).filter((row) => row.name === 'offline').length, 1);
  });

  if (transport === 'polling') continue;

  test(`${transport}: people and locks are seen, and keep others from editing`, async (t) => {
    const server = await TestServer.start(t);
    const alice = await Pane.open(t, server, 'Alice', transport);
    const bob = await Pane.open(t, server, 'Bob', transport);
    await alice.run((project) => project.channel.startEditing(project.eventStore.getById(3)));
    await bob.until((project) => project.channel.peersOf(project.eventStore.getById(3)).some((peer) => peer.userName === 'Alice' && peer.action === 'editing'));
    assert.equal(await alice.run((project) => project.lockRecord(project.eventStore.getById(3))), true);
    await bob.until((project) => project.channel.isLockedByOther(project.eventStore.getById(3)));
    const refused = await bob.run((project) => {
      try {
        project.eventStore.getById(3).name = 'no';
        return null;
      } catch (error) {
        return [error.code, error.message];
      }
    });
    assert.equal(refused[0], 'LOCKED');
    assert.match(refused[1], /Alice/);
    assert.equal(await bob.run((project) => project.lockRecord('events', 3)), false);
    await alice.rename(3, 'mine');
    await bob.sees(3, 'mine');
    await alice.run((project) => project.unlockRecord('events', 3));
    await bob.until((project) => !project.channel.isLockedByOther(project.eventStore.getById(3)));
    await bob.rename(3, 'his');
    await alice.sees(3, 'his');
    // A lock ends with its owner.
    await alice.run((project) => project.lockRecord('events', 4));
    await bob.until((project) => project.channel.isLockedByOther(project.eventStore.getById(4)));
    await alice.run((project) => project.destroy());
    await bob.until((project) => !project.channel.isLockedByOther(project.eventStore.getById(4)));
  });

  test(`${transport}: syncs over the channel are saved once`, async (t) => {
    const server = await TestServer.start(t);
    const alice = await Pane.open(t, server, 'Alice', transport, { sendOver: 'channel', ackTimeout: 1000 });
    const bob = await Pane.open(t, server, 'Bob', transport);
    const { revision } = await alice.run(async (project) => {
      project.autoSync = false;
      project.eventStore.getById(5).name = 'over the channel';
      return (await project.sync()).response;
    });
    assert.ok(revision > 1);
    await bob.sees(5, 'over the channel');
    await server.faults({ dropAnswer: 1 });
    await alice.run((project) => {
      project.eventStore.add({ name: 'once', startDate: new Date(), endDate: new Date(Date.now() + 1000) });
      project.sync().catch(() => {});
    });
    await alice.until((project) => !project.hasUnsavedChanges);
    assert.equal((await server.rows('events')).filter((row) => row.name === 'once').length, 1);
    await same(alice, bob);
  });
}
