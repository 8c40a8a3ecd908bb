import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { CalendarProject, Channel, CrudManager, EventModel, Store, TaskBoardProject, init, userColor } from 'syncline';
import { FakeSocket, startRoom } from './support/live.mjs';
import { within } from './support/setup.mjs';

await init();

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The next event of a channel. */
const next = (channel, event, matches = () => true) =>
  within(
    new Promise((resolve) => {
      const off = channel.on(event, (it) => {
        if (!matches(it)) return;
        off();
        resolve(it);
      });
    }),
  );

const live = (channel) => (channel.isLive ? undefined : next(channel, 'connected'));

/** A project that is loaded and live. */
async function liveProject(t, room, channel = {}, config = {}) {
  const project = new CalendarProject({ ...room.urls, autoSync: true, autoSyncTimeout: 10, ...config, channel: { url: room.url, user: { userId: 'ann', userName: 'Ann' }, ...channel } });
  t.after(() => project.destroy());
  await project.load();
  await live(project.channel);
  return project;
}

test('a project with a URL of a channel is live by itself, and hears what others change', async (t) => {
  const room = await startRoom(t);
  const project = new CalendarProject({ ...room.urls, channel: room.url });
  t.after(() => project.destroy());
  assert.ok(project.channel instanceof Channel);
  await project.load();
  await live(project.channel);
  const changes = [];
  project.eventStore.on('change', ({ action, origin }) => changes.push([action, origin]));
  const told = next(project.channel, 'remoteChange');
  room.change({ events: { updated: [{ id: 1, name: 'ONE' }], added: [{ id: 3, name: 'three' }], removed: [{ id: 2 }] } });
  const { stores, count, userName, revision } = await told;
  assert.deepEqual([stores, count, userName, revision], [['events'], 1, 'Eve', 2]);
  assert.deepEqual(project.eventStore.records.map((it) => it.name).sort(), ['ONE', 'three']);
  assert.ok(changes.length > 0 && changes.every(([, origin]) => origin === 'remote'));
  assert.equal(project.hasUnsavedChanges, false);
  assert.equal(project.revision, 2);
});

test('the server learns who connects, to which room, and what is known already', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room, { clientId: 'me', reconnect: { base: 10 } });
  const first = Object.fromEntries(room.asked[0].searchParams);
  assert.deepEqual([first.project, first.clientId, first.userName], ['calendar', 'me', 'Ann']);
  const again = next(project.channel, 'connected');
  room.cut();
  assert.equal((await again).reconnected, true);
  const second = Object.fromEntries(room.asked[1].searchParams);
  assert.deepEqual([second.since, second.epoch], ['1', 'e']);
  assert.equal(TaskBoardProject.room, 'taskboard');
});

test('edits go by HTTP with the name of the client, and do not echo', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room, { clientId: 'me' });
  let changes = 0;
  project.eventStore.getById(1).name = 'mine';
  const [added] = project.eventStore.add({ name: 'new' });
  const synced = within(new Promise((resolve) => project.on('sync', resolve)));
  await synced;
  project.eventStore.on('change', () => changes++);
  project.channel.on('remoteChange', () => changes++);
  await pause(100);
  assert.equal(room.received.find((it) => it.type === 'sync').clientId, 'me');
  assert.equal(changes, 0);
  assert.equal(project.eventStore.count, 3);
  assert.equal(added.id, 100);
});

test('with sendOver, edits go over the channel and promises have the answer', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room, { sendOver: 'channel' }, { autoSync: false });
  project.eventStore.getById(1).name = 'mine';
  const { response, responseText } = await project.sync();
  assert.deepEqual([response.success, response.revision], [true, 2]);
  assert.equal(JSON.parse(responseText).revision, 2);
  assert.equal(room.headers.length, 1, 'only the load went by HTTP');
  assert.equal(room.rows.events.get(1).name, 'mine');
  project.channel.disconnect();
  project.eventStore.getById(1).name = 'by HTTP';
  await project.sync();
  assert.equal(room.headers.length, 2);
});

test('a thousand changes at once are one notification', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room);
  const batches = [];
  project.eventStore.subscribe(({ changes }) => batches.push(changes.length));
  let told = 0;
  const all = next(project.channel, 'remoteChange', ({ revision }) => {
    told++;
    return revision === 1001;
  });
  for (let n = 0; n < 1000; n++) room.change({ events: { updated: [{ id: 1 + (n % 2), name: `v${n}` }] } });
  await all;
  // They come in as many pieces as pictures would have been shown meanwhile.
  assert.ok(told < 40, `${told} notifications`);
  assert.equal(project.eventStore.getById(2).name, 'v999');
});

test('presence tells who is here and what they do, with a colour for each', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room, { clientId: 'me' });
  const record = project.eventStore.getById(1);
  const told = next(project.channel, 'presence');
  project.channel.startEditing(record);
  const { peers } = await told;
  assert.deepEqual([peers[0].isSelf, peers[0].recordId, peers[0].action], [true, 1, 'editing']);
  const others = next(project.channel, 'presence');
  room.say({ type: 'presence', data: [{ clientId: 'x', userId: 'bob', userName: 'Bob', action: 'editing', recordType: 'event', recordId: '1' }] });
  await others;
  const [bob] = project.channel.peersOf(record);
  assert.deepEqual([bob.userName, bob.color, bob.isSelf], ['Bob', userColor('bob'), false]);
  assert.equal(project.channel.colorOf('bob'), userColor('bob'));
  assert.match(userColor('Zoë'), /^hsl\(\d+, 70%, 60%\)$/);
});

test('a record that another has locked cannot be edited, and says so', async (t) => {
  const room = await startRoom(t);
  const alice = await liveProject(t, room, { clientId: 'alice' });
  const bob = await liveProject(t, room, { clientId: 'bob' });
  const seen = next(bob.channel, 'lock');
  assert.equal(await alice.lockRecord(alice.eventStore.getById(1)), true);
  await seen;
  const record = bob.eventStore.getById(1);
  assert.equal(bob.channel.isLockedByOther(record), true);
  assert.throws(() => (record.name = 'no'), { code: 'LOCKED' });
  assert.throws(() => record.set({ name: 'no' }), { code: 'LOCKED' });
  assert.throws(() => bob.eventStore.remove(record), { code: 'LOCKED' });
  assert.equal(record.name, 'one');
  assert.equal(bob.hasUnsavedChanges, false);
  assert.equal(await bob.lockRecord('events', 1), false);
  const free = next(bob.channel, 'unlock');
  alice.unlockRecord('events', 1);
  assert.equal((await free).lock.reason, 'released');
  record.name = 'yes';
  assert.equal(await bob.lockRecord(record), true);
});

test('a token is asked for at each connection, and shown when the server wants it', async (t) => {
  const room = await startRoom(t, { token: 'right' });
  const tokens = ['wrong', 'right'];
  const project = new CalendarProject({ ...room.urls, channel: { url: room.url, token: async () => tokens.shift() } });
  t.after(() => project.destroy());
  await live(project.channel);
  assert.equal(tokens.length, 0);
  assert.equal(room.asked[0].searchParams.get('token'), null);
});

test('a token that cannot be had is a failed attempt', async (t) => {
  const room = await startRoom(t);
  t.mock.method(console, 'error', () => {});
  const project = new CalendarProject({
    channel: { url: room.url, reconnect: { max: 1, base: 1 }, token: () => Promise.reject(new Error('no')) },
  });
  t.after(() => project.destroy());
  const { attempts } = await next(project.channel, 'connectionLost');
  assert.equal(attempts, 1);
  assert.equal(project.channel.isLost, true);
});

test('a socket that fails to connect and never says that it is closed is given up at once', async (t) => {
  const room = await startRoom(t);
  const sockets = [];
  // As in Node.js 22: an error, and no `close` after it.
  class Stuck extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    readyState = 0;
    constructor() {
      super();
      sockets.push(this);
      setTimeout(() => this.onerror(new Event('error')));
    }
    close() {}
  }
  const usual = globalThis.WebSocket;
  globalThis.WebSocket = Stuck;
  t.after(() => (globalThis.WebSocket = usual));
  const project = new CalendarProject({ channel: { url: room.url, maxReconnectAttempts: 2, reconnectDelay: 1 } });
  t.after(() => project.destroy());
  await next(project.channel, 'connectionLost');
  assert.equal(sockets.length, 3);
});

test('after connectionLost, connect() tries again', async (t) => {
  const room = await startRoom(t);
  room.close();
  const project = new CalendarProject({ channel: { url: room.url, maxReconnectAttempts: 2, reconnectDelay: 1 } });
  t.after(() => project.destroy());
  await next(project.channel, 'connectionLost');
  const again = await startRoom(t);
  again.close();
  room.http.listen(room.port, '127.0.0.1');
  await once(room.http, 'listening');
  project.channel.connect();
  await live(project.channel);
});

test('the reference\'s manager can be said with a channel', async (t) => {
  const room = await startRoom(t, { greets: false });
  const calendar = new CalendarProject({ ...room.urls });
  t.after(() => calendar.destroy());
  await calendar.load();
  const wsManager = calendar.openChannel({ url: room.url, dialect: 'calendar', requestInitialData: true });
  await within(room.message((it) => it.type === 'requestInitialData'));
  room.say({ type: 'load', data: { events: { rows: [{ id: 5, name: 'five' }] } } });
  await live(wsManager);
  assert.deepEqual(calendar.eventStore.records.map((it) => it.name), ['five']);
  wsManager.sendChanges({ events: { updated: [{ id: 5, name: 'sent' }] } });
  const sent = await within(room.message((it) => it.type === 'sync'));
  assert.deepEqual(sent.data, { events: { updated: [{ id: 5, name: 'sent' }] } });
  assert.equal(typeof sent.timestamp, 'number');
  const failed = next(wsManager, 'error');
  room.say({ type: 'error', data: { message: 'no' } });
  assert.equal((await failed).message, 'no');
  const clash = next(wsManager, 'conflict');
  room.say({ type: 'conflict', data: { recordType: 'event', recordId: 5, serverVersion: { id: 5, name: 'theirs' } } });
  assert.equal((await clash).data.recordId, 5);
  assert.equal(calendar.eventStore.getById(5).name, 'theirs');
  wsManager.disconnect();
  wsManager.sendChanges({ events: { updated: [{ id: 5, name: 'a' }] } });
  wsManager.sendChanges({ events: { updated: [{ id: 5, name: 'b' }] } });
  wsManager.connect();
  const queued = await within(room.message((it) => it.data?.events?.updated?.[0]?.name === 'b'));
  assert.equal(queued.data.events.updated.length, 1);
});

test('the task board\'s messages are understood for any store', async (t) => {
  const room = await startRoom(t, { greets: false });
  const board = new TaskBoardProject({ channel: { url: room.url, dialect: 'taskboard' } });
  t.after(() => board.destroy());
  await live(board.channel);
  room.say({ type: 'taskCreated', task: { id: 1, name: 'a' }, userId: 7 });
  room.say({ type: 'taskUpdated', task: { id: 1, status: 'done' } });
  room.say({ type: 'columnCreated', column: { id: 'todo', text: 'To do' } });
  await next(board.channel, 'remoteChange', ({ stores }) => stores.includes('columns'));
  assert.equal(board.taskStore.getById(1).status, 'done');
  assert.equal(board.columnStore.count, 1);
  room.say({ type: 'taskDeleted', taskId: 1 });
  await next(board.channel, 'remoteChange');
  assert.equal(board.taskStore.count, 0);
});

test('messages of one\'s own kind are encoded and decoded by the app', async (t) => {
  const room = await startRoom(t, { greets: false });
  const project = await liveProject(t, room, {
    sendOver: 'channel',
    encode: ({ type, data, requestId }) => (type === 'sync' ? { op: 'write', id: requestId, body: data } : null),
    decode: (message) => {
      if (message.op === 'boom') throw new Error('boom');
      if (message.op === 'done') return { type: 'ack', requestId: message.id, data: { success: true } };
      return message.op === 'names' ? message.list.map(([id, name]) => ({ type: 'sync', data: { events: { updated: [{ id, name }] } } })) : null;
    },
  });
  room.say({ op: 'names', list: [[1, 'a'], [2, 'b']] });
  room.say({ op: 'other' });
  await next(project.channel, 'remoteChange');
  assert.deepEqual(project.eventStore.records.map((it) => it.name), ['a', 'b']);
  project.eventStore.getById(1).name = 'mine';
  const { id, body } = await within(room.message((it) => it.op === 'write'));
  assert.equal(body.events.updated[0].name, 'mine');
  room.say({ op: 'done', id });
  await within(new Promise((resolve) => project.on('sync', resolve)));
  assert.equal(project.hasUnsavedChanges, false);
  t.mock.method(console, 'error', () => {});
  const thrown = next(project.channel, 'exception');
  room.say({ op: 'boom' });
  assert.equal((await thrown).eventName, 'decode');
});

test('messages that are no JSON are told, and the raw ones can be logged', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room);
  const received = [];
  project.channel.on('received', ({ message }) => received.push(message));
  const failed = next(project.channel, 'error');
  room.say('<html>');
  assert.equal((await failed).code, 'BAD_RESPONSE');
  assert.deepEqual(received, ['<html>']);
  const told = next(project.channel, 'message');
  room.say({ type: 'weather', data: { sun: true } });
  assert.deepEqual((await told).data, { sun: true });
  project.channel.send({ type: 'custom', a: 1 });
  assert.equal((await within(room.message((it) => it.type === 'custom'))).a, 1);
});

test('an event stream is a channel, with requests for the way back', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room, { url: `${room.origin}/events`, transport: 'sse', clientId: 'me', token: 'secret', reconnect: { base: 10 } });
  const told = next(project.channel, 'remoteChange');
  room.change({ events: { updated: [{ id: 1, name: 'ä, ö\nü' }] } });
  await told;
  assert.equal(project.eventStore.getById(1).name, 'ä, ö\nü');
  assert.equal(await project.lockRecord('events', 1), true);
  assert.equal(room.headers.at(-1).authorization, 'Bearer secret');
  project.channel.startEditing(project.eventStore.getById(2));
  await next(project.channel, 'presence');
  room.rows.events.set(2, { id: 2, name: 'two' });
  const again = next(project.channel, 'connected');
  room.cut();
  await again;
  assert.equal(room.asked.at(-1).searchParams.get('since'), '2');
  assert.equal(room.headers.at(-1)['last-event-id'], undefined);
  assert.equal(room.locks.size, 1);
});

test('an event stream without revisions is resumed by the id of its last event', async (t) => {
  const room = await startRoom(t, { greets: false });
  const project = await liveProject(t, room, { url: `${room.origin}/events`, transport: 'sse', dialect: 'calendar', reconnect: { base: 10 } });
  const streams = () => room.headers.filter(({ accept }) => accept === 'text/event-stream');
  assert.equal(streams()[0]['last-event-id'], undefined);
  const told = next(project.channel, 'remoteChange');
  room.say({ type: 'sync', data: { events: { updated: [{ id: 1, name: 'heard' }] } } });
  await told;
  const again = next(project.channel, 'connected');
  room.cut();
  await again;
  assert.equal(streams()[1]['last-event-id'], `e:${room.revision}`);
});

test('an event stream that is refused is not asked for again', async (t) => {
  for (const [status, code] of [[401, 'UNAUTHORIZED'], [404, 'FORBIDDEN'], [204, 'FORBIDDEN']]) {
    const room = await startRoom(t);
    room.status = status;
    const project = new CalendarProject({ channel: { url: `${room.origin}/events`, transport: 'sse' } });
    t.after(() => project.destroy());
    const failed = await next(project.channel, 'error');
    assert.deepEqual([failed.code, project.channel.state], [code, 'closed']);
    assert.ok(room.asked.length <= 2);
  }
});

test('the app\'s own Socket.IO socket is a channel', async (t) => {
  const room = await startRoom(t);
  const socket = new FakeSocket();
  socket.active = false;
  socket.answer = (event, content) => {
    if (event === 'calendar:lock') return { success: content.id === 1, code: 'LOCKED', message: 'taken' };
    if (event === 'calendar:change') return { success: true, revision: 9 };
    return undefined;
  };
  const project = await liveProject(t, room, { url: undefined, socket, sendOver: 'channel' });
  assert.equal(socket.emitted[0][0], 'calendar:subscribe');
  assert.equal(socket.emitted[0][1].calendarId, 'calendar');
  const told = next(project.channel, 'remoteChange');
  socket.say('calendar:update', { events: { updated: [{ id: 1, name: 'pushed' }] } });
  await told;
  assert.equal(project.eventStore.getById(1).name, 'pushed');
  const people = next(project.channel, 'presence');
  socket.say('calendar:presence', [{ userId: 'u', userName: 'U', action: 'editing', recordType: 'event', recordId: '1' }]);
  assert.equal((await people).peers[0].userName, 'U');
  const clash = next(project.channel, 'conflict');
  socket.say('calendar:conflict', { recordType: 'event', recordId: '1', serverVersion: { id: 1, name: 'theirs' }, clientVersion: {} });
  await clash;
  assert.equal(await project.lockRecord('event', 1), true);
  assert.equal(await project.lockRecord('event', 2), false);
  project.unlockRecord('event', 1);
  assert.deepEqual(socket.emitted.at(-1).slice(0, 1), ['calendar:unlock']);
  project.eventStore.getById(1).name = 'mine';
  await within(new Promise((resolve) => project.on('sync', resolve)));
  const change = socket.emitted.find(([event]) => event === 'calendar:change')[1];
  assert.equal(change.events.updated[0].name, 'mine');
  const gone = next(project.channel, 'disconnected');
  socket.drop('io server disconnect');
  assert.equal((await gone).reason, 'io server disconnect');
  const back = next(project.channel, 'connected');
  socket.connect();
  await back;
  project.destroy();
  assert.equal(socket.listening, 0);
  assert.equal(socket.connected, true);
});

test('an acknowledgement of Socket.IO may refuse by an error or a list of errors', async (t) => {
  const room = await startRoom(t);
  const refusals = [
    [{ error: 'no such event' }, /no such event/],
    [{ errorDetails: ['too long', { message: 'too late' }] }, /too long; too late/],
    [{ success: false, message: 'not today', error: 'X1' }, /not today/],
  ];
  for (const [refusal, words] of refusals) {
    const socket = new FakeSocket();
    socket.active = false;
    socket.answer = (event) => (event === 'calendar:subscribe' ? undefined : refusal);
    const project = await liveProject(t, room, { url: undefined, socket, sendOver: 'channel' });
    assert.equal(await project.lockRecord('events', 1), false);
    project.eventStore.getById(1).name = 'mine';
    await assert.rejects(project.sync(), words);
    assert.equal(project.changes.events.updated[0].name, 'mine');
    project.destroy();
  }
});

test('what Socket.IO brings before it says that it is connected is not lost', async (t) => {
  const room = await startRoom(t);
  const socket = new FakeSocket();
  const project = new CalendarProject({ ...room.urls, channel: { socket, reconnect: { base: 1 } } });
  t.after(() => project.destroy());
  await project.load();
  await pause(5);
  socket.say('calendar:update', { events: { updated: [{ id: 1, name: 'early' }] } });
  socket.connect();
  await live(project.channel);
  await pause(20);
  assert.equal(project.eventStore.getById(1).name, 'early');
});

test('a Socket.IO socket that says it is connected and answers nothing is connected anew', async (t) => {
  const room = await startRoom(t);
  const socket = new FakeSocket();
  socket.active = false;
  let dead = false;
  socket.answer = (event) => {
    if (dead) return undefined;
    return event === 'calendar:subscribe' ? { revision: 1, catchUp: 0 } : { success: true };
  };
  const { emit } = socket;
  socket.emit = function (event, ...more) {
    emit.call(this, event, ...more);
    if (event === 'calendar:subscribe' && !dead) queueMicrotask(() => socket.say('calendar:live', { revision: 1 }));
  };
  const options = { url: undefined, socket, timeout: 60, heartbeat: 60, reconnect: { max: Infinity, base: 1, cap: 1 } };
  const project = await liveProject(t, room, options);
  const { channel } = project;
  channel.suspend();
  channel.resume();
  await live(channel);
  // Only of a server that answers does silence mean anything.
  while (!socket.emitted.some(([event]) => event === 'calendar:ping')) await pause(10);
  await pause(10);
  assert.equal(socket.disconnects, 0, 'a socket that answers is let alone');
  dead = true;
  await within(new Promise((resolve) => channel.on('disconnected', resolve)));
  while (socket.disconnects < 2) await pause(10);
  const { connect } = socket;
  socket.connect = function () {
    dead = false;
    connect.call(this);
  };
  await live(channel);
  project.destroy();
  const { disconnects } = socket;
  await pause(100);
  assert.deepEqual([socket.disconnects, socket.connected, socket.listening], [disconnects, true, 0]);
});

test('polling alone is a channel, and takes over from one that is lost', async (t) => {
  const room = await startRoom(t);
  const project = new CalendarProject({ ...room.urls, channel: { transport: 'polling', polling: { interval: 60 } } });
  t.after(() => project.destroy());
  await live(project.channel);
  room.change({ events: { updated: [{ id: 1, name: 'polled' }] } });
  while (project.eventStore.getById(1)?.name !== 'polled') await pause(20);
  await assert.rejects(project.lockRecord('events', 1), { code: 'NETWORK' });
});

test('a channel that is destroyed leaves nothing behind', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room);
  const { channel } = project;
  const lock = project.lockRecord('events', 1);
  project.destroy();
  await assert.rejects(lock);
  while (room.sockets.clients.size > 0) await pause(5);
  assert.equal(project.channel, null);
  assert.throws(() => channel.connect(), { code: 'DESTROYED' });
});

test('a manager gets another channel in the place of the first', async (t) => {
  const room = await startRoom(t);
  const project = await liveProject(t, room);
  const before = project.channel;
  const after = project.openChannel(room.url);
  assert.equal(before.isDestroyed, true);
  await live(after);
  assert.equal(project.channel, after);
});

test('options that make no sense are refused', async (t) => {
  const events = new Store({ id: 'events', modelClass: EventModel });
  for (const [channel, part] of [
    [{ transport: 'pigeon' }, /transport/],
    [{ transport: 'websocket' }, /url/],
    [{ transport: 'socketio' }, /socket/],
    [{ url: '/ws', dialect: 'klingon' }, /dialect/],
    [{ url: '/ws', sendOver: 'mail' }, /sendOver/],
    [{ url: '/ws', encode: 7 }, /encode/],
    [{ url: '/ws', heartbeat: -1 }, /heartbeat/],
    [{ url: '/ws', timeout: 'soon' }, /timeout/],
    [{ url: '/ws', reconnect: { factor: 0.5 } }, /factor/],
    [7, /object/],
  ]) {
    assert.throws(() => new CrudManager({ stores: [events], channel }), (error) => {
      assert.equal(error.code, 'INVALID_CONFIG');
      assert.match(error.message, part);
      return true;
    });
  }
  const manager = new CrudManager();
  t.after(() => manager.destroy());
  assert.equal(manager.channel, null);
  assert.throws(() => manager.unlockRecord('events', 1), { code: 'INVALID_CONFIG' });
});

test('a URL that cannot be used is a failed attempt', async (t) => {
  const project = new CalendarProject({ channel: { url: 'http://[', reconnect: { max: 0 } } });
  t.after(() => project.destroy());
  await next(project.channel, 'connectionLost');
});
