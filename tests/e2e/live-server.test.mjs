// The server's live channel with the clients that people use, socket.io-client and EventSource. The
// server is killed and started again under load.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { EventSource } from 'eventsource';
import { io } from 'socket.io-client';
import { TestServer } from './server.mjs';

const PATIENCE_MS = 60_000;

/** A Socket.IO client that is connected. */
async function connect(t, server, auth = {}, options = {}) {
  const socket = io(server.url, { auth, forceNew: true, ...options });
  t.after(() => socket.disconnect());
  await within(once(socket, 'connect'));
  return socket;
}

/** The arguments of the next event that fulfils a condition. */
function heard(socket, event, wanted = () => true) {
  return within(
    new Promise((resolve) => {
      const listener = (...args) => {
        if (!wanted(...args)) return;
        socket.off(event, listener);
        resolve(args);
      };
      socket.on(event, listener);
    }),
    event,
  );
}

function within(promise, what = 'an event') {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in time`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const ask = (socket, event, ...args) => socket.timeout(PATIENCE_MS).emitWithAck(event, ...args);

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
  test(`two clients by ${transports} hear of each other's changes`, async (t) => {
    const server = await TestServer.start(t);
    const options = { transports };
    const alice = await connect(t, server, { clientId: 'a', userName: 'Alice' }, options);
    const bob = await connect(t, server, { clientId: 'b', userName: 'Bob' }, options);
    const subscribed = await ask(alice, 'calendar:subscribe', { calendarId: 'calendar-1' });
    assert.equal(subscribed.project, 'calendar');
    await ask(bob, 'calendar:subscribe', { calendarId: 'calendar-1' });

    const update = heard(alice, 'calendar:update');
    const answer = await ask(bob, 'calendar:change', {
      requestId: 3,
      events: { updated: [{ id: 4, name: 'Moved by Bob' }] },
    });
    assert.equal(answer.success, true);
    assert.equal(answer.data.revision, 2);
    const [data, meta] = await update;
    assert.deepEqual(data, { events: { updated: [{ id: 4, name: 'Moved by Bob' }] } });
    assert.deepEqual(
      [meta.clientId, meta.requestId, meta.userName, meta.revision, meta.previous],
      ['b', 3, 'Bob', 2, 1],
    );
    assert.equal((await server.event('Moved by Bob')).id, 4);
  });
}

test('presence, locks and conflicts come under the names of the reference', async (t) => {
  const server = await TestServer.start(t);
  const alice = await connect(t, server, { clientId: 'a', userId: 'alice', userName: 'Alice' });
  const bob = await connect(t, server, { clientId: 'b', userId: 'bob', userName: 'Bob' });
  await ask(alice, 'calendar:subscribe', {});
  const both = heard(alice, 'calendar:presence', (users) => users.length === 2);
  await ask(bob, 'calendar:subscribe', {});
  const [users] = await both;
  assert.deepEqual(users.map((user) => user.userId).sort(), ['alice', 'bob']);
  assert.ok(users.every((user) => user.action === 'viewing'));

  const editing = heard(alice, 'calendar:presence', ([first]) => first.action === 'editing');
  bob.emit('calendar:presence', { recordType: 'event', recordId: '4', action: 'editing' });
  assert.equal((await editing)[0][0].recordId, 4);

  const locked = heard(alice, 'calendar:locked');
  assert.equal((await ask(bob, 'calendar:lock', { type: 'event', id: '4' })).success, true);
  assert.equal((await locked)[0].userName, 'Bob');
  const refused = await ask(alice, 'calendar:lock', { type: 'event', id: '4' });
  assert.deepEqual([refused.success, refused.code], [false, 'LOCKED']);
  const change = { events: { updated: [{ id: 4, name: 'Against the lock' }] } };
  assert.equal((await ask(alice, 'calendar:change', change)).code, 'LOCKED');

  const requested = heard(bob, 'calendar:lockRequested');
  const mine = ask(alice, 'calendar:lock', { type: 'event', id: 4, timeoutMs: 5000 });
  assert.equal((await requested)[0].userName, 'Alice');
  bob.emit('calendar:unlock', { type: 'event', id: 4 });
  assert.equal((await mine).success, true);
  const freed = heard(bob, 'calendar:unlocked', ({ clientId }) => clientId === 'a');
  alice.disconnect();
  assert.equal((await freed)[0].reason, 'gone');

  await server.sync({ events: { updated: [{ id: 5, name: 'Theirs' }] } });
  const conflict = heard(bob, 'calendar:conflict');
  bob.emit('calendar:change', { revision: 1, events: { updated: [{ id: 5, name: 'Mine' }] } });
  const [clash] = await conflict;
  assert.deepEqual([clash.recordType, clash.recordId, clash.fields], ['events', 5, ['name']]);
  assert.deepEqual([clash.serverVersion.name, clash.clientVersion.name], ['Theirs', 'Mine']);
});

test('a Socket.IO client that was away catches up by revision', async (t) => {
  const server = await TestServer.start(t);
  const alice = await connect(t, server, { clientId: 'a' });
  const { epoch, revision } = await ask(alice, 'calendar:subscribe', {});
  alice.disconnect();
  await server.sync({ events: { updated: [{ id: 4, name: 'Missed' }] } });
  const again = await connect(t, server, { clientId: 'a' });
  const missed = heard(again, 'calendar:update');
  const live = heard(again, 'calendar:live');
  const subscribed = await ask(again, 'calendar:subscribe', { since: revision, epoch });
  assert.equal(subscribed.catchUp, 1);
  assert.equal((await missed)[0].events.updated[0].name, 'Missed');
  assert.equal((await live)[0].revision, 2);
  const reload = heard(again, 'calendar:reload');
  await ask(again, 'calendar:subscribe', { since: 1, epoch: 'another' });
  assert.equal((await reload)[0].reason, 'epoch');
  const { events } = await ask(again, 'calendar:load', { stores: ['events'] });
  assert.equal(events.total, 28);
});

test('nonsense is answered, and many events at once keep their order', async (t) => {
  const server = await TestServer.start(t);
  const socket = await connect(t, server, { clientId: 'a' });
  const early = await ask(socket, 'calendar:lock', { type: 'event', id: 1 });
  assert.equal(early.code, 'NOT_SUBSCRIBED');
  assert.equal((await ask(socket, 'calendar:dance', {})).code, 'UNKNOWN_TYPE');
  const wrong = await ask(socket, 'calendar:subscribe', { project: 'moon' });
  assert.equal(wrong.code, 'UNKNOWN_PROJECT');
  assert.equal((await ask(socket, 'calendar:ping')).type, 'pong');
  const error = heard(socket, 'calendar:error');
  socket.emit('calendar:change', 'no object');
  socket.emit('calendar:change', { nope: { updated: [{ id: 1 }] } });
  assert.equal((await error)[0].code, 'UNKNOWN_STORE');
  socket.emit('unknown', 1);
  const names = Array.from({ length: 30 }, (_, n) => `N${n}`);
  const changes = names.map((name) =>
    ask(socket, 'calendar:change', { events: { updated: [{ id: 4, name }] } }),
  );
  const answers = await Promise.all(changes);
  const revisions = answers.map(({ data }) => data.revision);
  assert.deepEqual(revisions, [...revisions].sort((a, b) => a - b));
  assert.equal((await server.event('N29')).id, 4);
});

test('the EventSource client of the reference understands what it hears', async (t) => {
  const server = await TestServer.start(t);
  const source = new EventSource(`${server.url}/api/events?project=taskboard&dialect=taskboard`);
  t.after(() => source.close());
  const open = within(once(source, 'open'), 'open stream');
  const tasks = new Map((await server.load('taskboard')).tasks.rows.map((row) => [row.id, row]));
  const created = within(
    new Promise((resolve) => {
      source.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (message.type === 'taskUpdated') Object.assign(tasks.get(message.task.id), message.task);
        if (message.type === 'taskDeleted') tasks.delete(message.taskId);
        if (message.type === 'taskCreated') resolve(message.task);
      };
    }),
  );
  await open;
  await server.sync({ tasks: { updated: [{ id: 3, name: 'Updated' }], removed: [{ id: 1 }] } });
  await server.sync({ tasks: { added: [{ $PhantomId: 'p', name: 'New', status: 'todo' }] } });
  assert.equal((await created).name, 'New');
  assert.equal(tasks.get(3).name, 'Updated');
  assert.equal(tasks.has(1), false);
});

test('a server that is killed under load and started again loses nothing that it confirmed', async (t) => {
  const server = await TestServer.start(t);
  const confirmed = new Map();
  let [count, stopped] = [0, false];
  // Each writer repeats what was not answered, with the same request id.
  const write = async (writer) => {
    for (let n = 0; !stopped; n += 1) {
      const name = `W${writer}-${n}`;
      const body = JSON.stringify({
        type: 'sync',
        requestId: n + 1,
        clientId: `writer-${writer}`,
        events: { updated: [{ id: writer, name }] },
      });
      for (;;) {
        try {
          const response = await fetch(`${server.url}/api/sync`, { method: 'POST', body });
          const answer = await response.json();
          assert.equal(answer.success, true, JSON.stringify(answer));
          confirmed.set(writer, name);
          count += 1;
          break;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          await pause(20);
        }
      }
    }
  };
  const socket = await connect(t, server, { clientId: 'a' }, { reconnectionDelay: 50 });
  const names = new Map();
  const held = await ask(socket, 'calendar:subscribe', {});
  let { revision } = held;
  let gaps = 0;
  socket.on('calendar:update', (data, meta) => {
    if (meta.revision <= revision) return;
    if (meta.previous > revision) gaps += 1;
    revision = meta.revision;
    for (const row of data.events?.updated ?? []) names.set(row.id, row.name);
  });
  socket.on('connect', () => {
    socket.emit('calendar:subscribe', { since: revision, epoch: held.epoch });
  });
  const writers = [1, 2, 3, 4].map(write);
  const more = async (wanted) => {
    for (const from = count; count < from + wanted; ) await pause(20);
  };
  for (let round = 0; round < 3; round += 1) {
    await more(10);
    await server.kill();
    await server.start();
  }
  await more(10);
  stopped = true;
  await Promise.all(writers);
  const { revision: last, events } = await server.load();
  for (const [id, name] of confirmed) {
    assert.equal(events.rows.find((row) => row.id === id).name, name);
  }
  const caughtUp = async () => {
    while (revision < last) await pause(20);
  };
  await within(caughtUp(), 'catching up');
  assert.equal(revision, last);
  assert.equal(gaps, 0);
  for (const [id, name] of confirmed) assert.equal(names.get(id), name);
  assert.equal(confirmed.size, 4);
});
