// The live examples of the documents that the project began from, against the real server: only
// what they import, their addresses, and where one didn't say it, a method, were written for here.
//
// They write what a socket brings into their stores as edits of their own, silently. That shows it
// and sends nothing back; but such rows count as unsaved, and a load would lay them on top of
// itself. `applyChangeset`, as in `calendar/socketio.ts`, is free of it.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BarePage, bareFolder } from './bare.mjs';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const root = process.env.SYNCLINE_ROOT ?? join(import.meta.dirname, '..', '..');
const REFERENCE = join(root, 'tests', 'npm', 'reference');
const [NINE, TEN] = ['2026-03-02T09:00:00', '2026-03-02T10:00:00'];

let browser;
let bare;

before(async () => {
  browser = await startBrowser();
  bare = bareFolder();
  const { transformSync } = createRequire(join(root, 'pkg', 'package.json'))('esbuild');
  const folder = join(bare.folder, 'reference');
  for (const part of ['calendar', 'taskboard']) {
    mkdirSync(join(folder, part), { recursive: true });
    for (const name of readdirSync(join(REFERENCE, part))) {
      const text = readFileSync(join(REFERENCE, part, name), 'utf8');
      const loader = name.endsWith('.ts') ? 'ts' : 'js';
      const { code } = transformSync(text, { loader, target: 'es2022' });
      writeFileSync(join(folder, part, name.replace(/\.ts$/, '.js')), code);
    }
  }
  cpSync(join(REFERENCE, 'app.js'), join(folder, 'app.js'));
});
after(async () => {
  await browser?.close();
  bare?.done();
});

/** A page with an example: `example`, `app`, `events` or `tasks` are at hand in it. */
async function open(t, name, server) {
  const it = await BarePage.open(t, browser, server);
  await it.run(async (path) => {
    window.example = await import(path);
    window.app = await import('/reference/app.js');
    window.events = window.example.calendar?.eventStore;
    window.tasks = window.example.taskBoard?.taskStore;
  }, `/reference/${name}.js`);
  return it;
}

async function saved(server, name) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const row = await server.event(name);
    if (row) return row;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`no event ${name} at the server`);
}

const shows = (it, id, name) =>
  it.until(([id, name]) => (window.events ?? window.tasks).getById(id)?.name === name, [id, name]);

test('two calendars with the WebSocket manager see what the other does, and nothing goes round', async (t) => {
  const server = await TestServer.start(t, bare.folder);
  const alice = await open(t, 'calendar/websocket', server);
  const bob = await open(t, 'calendar/websocket', server);
  await Promise.all([alice.isGreeted(), bob.isGreeted()]);
  await alice.until(() => example.wsManager.socket.readyState === WebSocket.OPEN);
  await alice.run(() => {
    window.sent = 0;
    events.on({ add: () => (window.sent += 1), update: () => (window.sent += 1) });
  });

  await bob.run(() => (events.getById(4).name = 'Moved by Bob'));
  await shows(alice, 4, 'Moved by Bob');
  await bob.run(([startDate, endDate]) => events.add({ name: 'Made by Bob', startDate, endDate }), [
    NINE,
    TEN,
  ]);
  const { id } = await saved(server, 'Made by Bob');
  await shows(alice, id, 'Made by Bob');
  await bob.run(() => events.remove(events.getById(5)));
  await alice.until(() => events.getById(5) === undefined);
  await alice.until(() => app.shown.some(([name]) => name === 'refresh'));

  // Nothing of it went back to the server.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await alice.run(() => window.sent), 0, 'silent changes fire no events');
  const { revision } = await server.load();
  assert.equal(revision, 4, 'three changes, no echo');
  assert.deepEqual(alice.requests.filter(([kind]) => kind === 'sync'), []);
  for (const it of [alice, bob]) {
    const refused = await it.run(() => app.shown.filter(([name]) => name.startsWith('handle')));
    assert.deepEqual(refused, []);
    assert.deepEqual(it.errors, []);
  }
  // The fault of silent edits: they count as unsaved here, though the server said them.
  assert.notEqual(await alice.run(() => example.calendar.crudManager.changes), null);
  await alice.run(() => example.calendar.crudManager.acceptChanges());
  assert.equal(await alice.run(() => example.calendar.crudManager.changes), null);
});

test('the WebSocket manager queues without a connection, reconnects, and loads anew', async (t) => {
  const server = await TestServer.start(t, bare.folder);
  const it = await open(t, 'calendar/websocket', server);
  await it.until(() => example.wsManager.socket.readyState === WebSocket.OPEN);
  await server.kill();
  await it.until(() => example.wsManager.reconnectAttempts > 0);
  await it.run(() => (events.getById(4).name = 'Queued'));
  await server.start();
  await server.sync({ events: { updated: [{ id: 6, name: 'Missed' }] } });
  await saved(server, 'Queued');
  await shows(it, 6, 'Missed');
  await shows(it, 4, 'Queued');
  assert.deepEqual(it.errors, []);
});

test('the Socket.IO manager applies updates, emits changes, locks, and hears of conflicts', async (t) => {
  const server = await TestServer.start(t, bare.folder);
  const alice = await open(t, 'calendar/socketio', server);
  const bob = await open(t, 'calendar/socketio', server);
  const seen = (it, name) => it.until((name) => app.shown.some(([one]) => one === name), name);
  await Promise.all([alice, bob].map((it) => seen(it, 'updatePresenceIndicators')));
  await alice.until(() =>
    app.shown.some(([name, users]) => name === 'updatePresenceIndicators' && users.length === 2),
  );
  await bob.run(([startDate, endDate]) => {
    example.manager.emitChanges({
      events: {
        updated: [{ id: 4, name: 'By Bob' }],
        added: [{ id: '_generated1', name: 'Made by Bob', startDate, endDate }],
      },
    });
  }, [NINE, TEN]);
  await shows(alice, 4, 'By Bob');
  const { id } = await saved(server, 'Made by Bob');
  await shows(alice, id, 'Made by Bob');
  assert.equal(await alice.run(() => example.calendar.crudManager.changes), null);

  const lock = (it) => it.run(() => example.manager.lockRecord('event', '4'));
  assert.deepEqual([await lock(alice), await lock(bob)], [true, false]);
  await alice.run(() => example.manager.unlockRecord('event', '4'));
  for (let tries = 0; tries < 1000 && !(await lock(bob)); tries += 1);
  await bob.run(() => example.manager.unlockRecord('event', '4'));

  await server.sync({ events: { updated: [{ id: 6, name: 'Theirs' }] } });
  await bob.run(() =>
    example.manager.emitChanges({ revision: 1, events: { updated: [{ id: 6, name: 'Mine' }] } }),
  );
  await seen(bob, 'handleConflict');
  const [, conflict] = await bob.run(() => app.shown.find(([name]) => name === 'handleConflict'));
  assert.equal(conflict.serverVersion.name, 'Theirs');
  assert.equal(conflict.clientVersion.name, 'Mine');
  await bob.run(() => example.manager.disconnect());
  await alice.until(() => app.shown.at(-1)?.[1]?.length === 1);
});

test('the conflict resolver finds clashes, decides them, and its dialog answers by its buttons', async (t) => {
  const server = await TestServer.start(t, bare.folder);
  const it = await open(t, 'calendar/conflicts', server);
  const outcome = await it.run(() => {
    const { CalendarConflictResolver, ManualResolutionRequired } = example;
    const resolver = new CalendarConflictResolver();
    const local = { id: 4, name: 'Mine', $original_name: 'Talk', room: 'A', $original_room: 'A' };
    const conflict = resolver.detectConflict(local, { id: 4, name: 'Theirs', room: 'B' });
    let manual;
    try {
      resolver.resolveConflict(conflict, 'manual');
    } catch (thrown) {
      manual = thrown instanceof ManualResolutionRequired;
    }
    window.conflict = conflict;
    return {
      fields: conflict.conflictingFields,
      none: resolver.detectConflict(local, { id: 4, room: 'B' }),
      server: resolver.resolveConflict(conflict, 'server-wins'),
      // The original never fills in the changes of its own side: "client-wins" sends nothing.
      client: resolver.resolveConflict(conflict, 'client-wins'),
      merged: resolver.resolveConflict(conflict, 'merge'),
      manual,
    };
  });
  assert.deepEqual(outcome, {
    fields: ['name'],
    none: null,
    server: { name: 'Theirs', room: 'B' },
    client: {},
    merged: { name: 'Theirs', room: 'B' },
    manual: true,
  });
  const pressed = async (label) => {
    const result = it.run(() => new example.ConflictResolutionDialog().show(window.conflict));
    await it.page.getByRole('button', { name: label }).click();
    return result;
  };
  assert.deepEqual(await pressed("Use the server's version"), { name: 'Theirs', room: 'B' });
  assert.deepEqual(await pressed('Keep my version'), {});
  assert.deepEqual(await pressed('Merge'), { name: 'Theirs', room: 'B' });
  assert.equal(await it.run(() => document.querySelector('dialog')), null);
});

test('the presence manager marks what others edit, fed by the channel', async (t) => {
  const server = await TestServer.start(t, bare.folder);
  const it = await open(t, 'calendar/presence', server);
  await it.run(() => {
    const { channel } = example.calendar.crudManager;
    const known = new Set();
    channel.on('presence', ({ peers }) => {
      const here = peers.filter((peer) => !peer.isSelf);
      const gone = [...known].filter((id) => !here.some(({ userId }) => userId === id));
      for (const { userId, recordId, action } of here) {
        known.add(userId);
        example.presence.updatePresence(userId, recordId, action);
      }
      for (const id of gone) {
        known.delete(id);
        example.presence.updatePresence(id, null, 'left');
      }
    });
  });
  const { io } = await import('socket.io-client');
  const bob = io(server.url, { auth: { clientId: 'b', userId: 'bob', userName: 'Bob' } });
  t.after(() => bob.disconnect());
  await bob.timeout(60_000).emitWithAck('calendar:subscribe', {});
  const presence = { recordType: 'events', recordId: 4, action: 'editing' };
  bob.emit('calendar:presence', presence);
  await it.until(() => document.querySelectorAll('.presence-indicator').length === 1);
  const { title, color, ours } = await it.run(async () => {
    const { userColor } = await import('syncline');
    const { title, style } = document.querySelector('.presence-indicator');
    const probe = document.createElement('i');
    probe.style.backgroundColor = userColor('bob');
    return { title, color: style.backgroundColor, ours: probe.style.backgroundColor };
  });
  assert.equal(title, 'bob is editing');
  assert.equal(color, ours, 'the colour of the reference');
  bob.disconnect();
  await it.until(() => document.querySelectorAll('.presence-indicator').length === 0);
});

for (const name of ['websocket', 'event-source']) {
  test(`a board with the example ${name} shows what the server tells`, async (t) => {
    const server = await TestServer.start(t, bare.folder);
    const it = await open(t, `taskboard/${name}`, server);
    await it.until(() => (example.sync?.ws ?? example.eventSource).readyState === 1);
    if (name === 'websocket') await it.isGreeted();
    const at = (await server.load('taskboard')).revision;
    await server.sync({ tasks: { updated: [{ id: 3, name: 'Updated' }] } });
    await shows(it, 3, 'Updated');
    if (name === 'websocket') {
      await server.sync({ tasks: { removed: [{ id: 1 }] } });
      await it.until(() => tasks.getById(1) === undefined);
      await server.sync({ tasks: { added: [{ $PhantomId: 'p', name: 'New', status: 'todo' }] } });
      await it.until(() => tasks.find((task) => task.name === 'New'));
      // Cut off, it comes back by itself. What it missed meanwhile it doesn't ask for.
      await it.run(() => (window.before = example.sync.ws));
      await server.faults({ client: 'example', dropSockets: true });
      await it.until(() => example.sync.ws !== window.before && example.sync.ws.readyState === 1);
      await it.isGreeted(2);
      await server.sync({ tasks: { updated: [{ id: 3, name: 'Again' }] } });
      await shows(it, 3, 'Again');
    }
    const { revision } = await server.load('taskboard');
    assert.equal(revision - at, name === 'websocket' ? 4 : 1, 'nothing goes back to the server');
    assert.deepEqual(it.errors, []);
  });
}
