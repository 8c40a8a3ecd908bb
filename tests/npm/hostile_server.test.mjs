// A server that says what no server should: the channel tells of it or passes it over, and goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CalendarProject, init } from 'syncline';
import { startRoom } from './support/live.mjs';
import { within } from './support/setup.mjs';

await init();

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const MARKUP = '<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>';

/** What stands where something else should. */
const WRONG = [
  null, true, false, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', 'x', '1', '__proto__', 'constructor', MARKUP,
  'z'.repeat(100_000), [], [null], [[[]]], {}, { toString: 1, valueOf: 1 }, { id: { id: { id: 1 } } }, { rows: 'x' },
  { added: 1 }, JSON.parse('{"__proto__":{"polluted":true}}'), JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
];

const ROW = { id: 1, name: 'ONE', startDate: '2026-01-01T00:00:00', $PhantomId: 'p' };
const CHANGE = { events: { added: [{ ...ROW, id: 77 }], updated: [ROW], removed: [{ id: 2 }], rows: [ROW] } };
const PERSON = { clientId: 'eve', userId: 'e', userName: 'Eve', color: '#123456', recordType: 'events', recordId: 1, expires: 5000 };
const about = { project: 'calendar', clientId: 'eve', userId: 'e', userName: 'Eve', requestId: 5, timestamp: 1, success: false };

/** Every message that is known, and its content. */
const KNOWN = {
  hello: { protocol: 1, epoch: 'e', revision: 1, expiresAt: null, heartbeatMs: 25_000, limits: {}, user: PERSON },
  authRequired: { timeoutMs: 1000 },
  subscribed: { epoch: 'e', revision: 1, catchUp: 0, locks: [PERSON] },
  live: { revision: 1 },
  reload: { reason: 'forgotten', revision: 1 },
  load: { revision: 1, data: { success: true, revision: 1, events: { rows: [ROW], total: 1 } } },
  sync: { revision: 2, previous: 1, more: true, data: CHANGE },
  change: { revision: 2, previous: 1, data: CHANGE },
  eventCreated: { revision: 2, previous: 1, store: 'events', event: ROW },
  eventUpdated: { revision: 2, previous: 1, store: 'events', event: ROW },
  eventDeleted: { revision: 2, previous: 1, store: 'events', eventId: 2 },
  ack: { requestId: 1, success: true, status: 200, code: 'X', message: 'm', data: { success: true, revision: 9, events: { rows: [ROW] } } },
  response: { requestId: 1, data: { success: true } },
  ping: { requestId: 1 },
  pong: { time: 5, revision: 1, revisions: { calendar: 1 } },
  heartbeat: { revision: 1 },
  presence: { total: 1, data: [{ ...PERSON, action: 'editing', since: 5, owner: PERSON }] },
  lock: { data: { ...PERSON, owner: PERSON } },
  unlock: { data: { ...PERSON, reason: 'released' } },
  locks: { data: [PERSON] },
  lockRequested: { data: PERSON },
  lockDenied: { data: PERSON },
  conflict: { data: { recordType: 'event', recordId: 1, fields: ['name'], removed: false, serverVersion: ROW, clientVersion: ROW } },
  error: { requestId: 3, data: { code: 'X', message: 'no' } },
  closing: { code: 4413, reason: 'slow' },
  tooLarge: {},
  weather: { data: { sun: true } },
};

/** The message with something else in the place of each thing in it, one at a time. */
function* spoilt(value, wrap = (it) => it) {
  for (const wrong of WRONG) yield wrap(wrong);
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const others = Array.isArray(value) ? [...value] : { ...value };
    delete others[key];
    yield wrap(others);
    const put = (it) => wrap(Array.isArray(value) ? value.map((old, at) => (String(at) === key ? it : old)) : { ...value, [key]: it });
    yield* spoilt(value[key], put);
  }
}

async function victim(t, room, channel = {}) {
  const project = new CalendarProject({
    ...room.urls,
    autoSync: true,
    autoSyncTimeout: 5,
    conflictResolution: 'client-wins',
    maxConflictRetries: 50,
    channel: { url: room.url, clientId: 'me', reconnect: { base: 1, max: Infinity }, timeout: 2000, ...channel },
  });
  t.after(() => project.destroy());
  await project.load();
  const errors = [];
  project.channel.on('error', ({ code, message }) => errors.push([code, message]));
  for (const event of ['presence', 'lock', 'unlock', 'lockRequested', 'remoteChange', 'conflict']) {
    // Listeners use what they get.
    project.channel.on(event, (it) => JSON.stringify({ ...it, source: undefined, locks: it.locks?.length }));
  }
  await until(() => project.channel.isLive, 'live');
  return { project, errors };
}

async function until(holds, what, ms = 60_000) {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) assert.fail(`never: ${what}`);
    await pause(5);
  }
}

/** The project is sound: it loads, hears of changes, and saves. */
async function isSound(room, project, what) {
  // What was said before has come by then.
  await pause(150);
  room.locks.clear();
  room.say({ type: 'locks', data: [] });
  await until(() => project.channel.isLive && project.channel.locks.length === 0, `live after ${what}`);
  // Messages of before may have it load as well: then the newer load is the one that counts.
  await within(project.load().catch((error) => assert.equal(error.code, 'CANCELLED')));
  room.change({ events: { updated: [{ id: 1, name: `after ${what}` }] } });
  const name = () => project.eventStore.getById(1)?.name;
  await until(() => name() === `after ${what}`, `a change after ${what}: ${name()}`);
  project.eventStore.getById(1).name = `mine after ${what}`;
  await until(() => room.rows.events.get(1).name === `mine after ${what}`, `a save after ${what}`);
  const rows = [...room.rows.events.values()].map((it) => `${it.id} ${it.name}`).sort();
  const seen = () => project.eventStore.records.map((it) => `${it.id} ${it.name}`).sort();
  await until(() => String(seen()) === String(rows) && project.changes === null, `${rows} after ${what}: ${seen()}`);
  assert.equal({}.polluted, undefined, what);
  assert.equal(globalThis.pwned, undefined, what);
}

for (const [type, content] of Object.entries(KNOWN)) {
  test(`nothing in the place of anything in \`${type}\` breaks the channel`, async (t) => {
    const room = await startRoom(t);
    const { project } = await victim(t, room);
    const whole = { type, ...about, ...content };
    let said = 0;
    for (const message of spoilt(whole)) {
      room.say(JSON.stringify(message) ?? 'undefined');
      if (++said % 50 === 0) await pause(1);
    }
    assert.ok(said > WRONG.length);
    await isSound(room, project, type);
  });
}

test('frames that are no messages are told of, and change nothing', async (t) => {
  const room = await startRoom(t);
  const { project, errors } = await victim(t, room);
  const change = JSON.stringify({ type: 'sync', revision: 2, previous: 1, data: { events: { updated: [{ id: 1, name: 'half' }] } } });
  const halves = [10, 30, 60, change.length - 1].map((end) => change.slice(0, end));
  const frames = [...halves, '', ' ', 'null', '[]', '"sync"', '{', '}', '{"type":"sync",}', '\u0000', '\u001e', '{"a":1}{"b":2}', '['.repeat(100_000), `{"type":"sync","data":${'{"a":'.repeat(50_000)}`];
  for (const frame of frames) {
    const before = errors.length;
    room.say(frame);
    await until(() => errors.length > before, `an error for ${frame.slice(0, 20)}`);
    assert.equal(errors.at(-1)[0], 'BAD_RESPONSE');
  }
  assert.equal(project.eventStore.getById(1).name, 'one');
  assert.ok(project.channel.isLive);
  await isSound(room, project, 'nonsense');
});

test('binary frames are read as text, whatever their bytes', async (t) => {
  const room = await startRoom(t);
  const { project, errors } = await victim(t, room);
  const binary = (bytes) => room.sockets.clients.forEach((socket) => socket.send(bytes, { binary: true }));
  binary(Buffer.from([0xff, 0xfe, 0x00, 0x80]));
  await until(() => errors.length === 1, 'an error');
  binary(Buffer.from(JSON.stringify({ type: 'eventUpdated', event: { id: 1, name: 'as text' } })));
  await until(() => project.eventStore.getById(1).name === 'as text', 'the change');
  await isSound(room, project, 'bytes');
});

test('a connection that breaks off in mid-frame, or breaks the rules of frames, is opened anew', async (t) => {
  const room = await startRoom(t);
  const { project } = await victim(t, room);
  const raw = [
    // The beginning of a text frame of 100 bytes.
    Buffer.concat([Buffer.from([0x81, 100]), Buffer.from('{"type":"sync"')]),
    // A reserved opcode; a masked frame, which a server may not send; text that is no UTF-8.
    Buffer.from([0x83, 0]),
    Buffer.from([0x81, 0x80, 1, 2, 3, 4]),
    Buffer.from([0x81, 2, 0xc3, 0x28]),
  ];
  for (const bytes of raw) {
    const connections = room.asked.length;
    for (const socket of room.sockets.clients) {
      socket._socket.write(bytes);
      socket._socket.end();
    }
    await until(() => room.asked.length > connections, 'another connection');
  }
  await isSound(room, project, 'half a frame');
});

test('a message of 50 MB is an error, and everything is loaded instead', async (t) => {
  const room = await startRoom(t);
  const { project, errors } = await victim(t, room);
  const loads = room.headers.length;
  room.say(`{"type":"sync","data":{"events":{"updated":[{"id":1,"name":"${'x'.repeat(50 << 20)}"}]}}}`);
  await until(() => errors.some(([code]) => code === 'LIMIT'), 'the error');
  await until(() => room.headers.length > loads, 'a load');
  assert.equal(project.eventStore.getById(1).name, 'one');
  await isSound(room, project, 'a large message');
});

test('ids that are names of every object are ids', async (t) => {
  const room = await startRoom(t);
  const { project } = await victim(t, room);
  const ids = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' ', '0', '-1', 'null', 'undefined', 'NaN', '\u0000', '\u001e', '💥', 'x'.repeat(10_000), 9007199254740991, -5, 0.5];
  const stores = JSON.parse('{"__proto__":{"added":[{"id":1}]},"constructor":{"added":[{"id":1}]},"toString":{"removed":[{"id":1}]}}');
  room.say({ type: 'sync', data: { ...stores, events: { added: ids.map((id) => ({ id, name: `record ${id}` })) } } });
  await until(() => project.eventStore.getById('constructor'), 'the records');
  for (const id of ids.filter((id) => id !== '')) {
    assert.equal(project.eventStore.getById(id)?.name, `record ${id}`, String(id).slice(0, 20));
  }
  room.say({ type: 'sync', data: { events: { removed: ids.map((id) => ({ id })) } } });
  await until(() => !project.eventStore.getById('constructor'), 'their end');
  await isSound(room, project, 'ids');
});

test('changes that come twice, in any order and from the past are made once and in order', async (t) => {
  const room = await startRoom(t);
  const { project } = await victim(t, room);
  const seen = [];
  project.eventStore.on('update', ({ record }) => record.id === 1 && seen.push(record.name));
  const say = room.say.bind(room);
  const kept = [];
  room.say = (message) => kept.push(message);
  for (let n = 0; n < 50; n++) room.change({ events: { updated: [{ id: 1, name: `v${n}` }] } });
  room.say = say;
  const shuffled = [...kept, ...kept].sort((a, b) => ((a.revision * 7919) % 101) - ((b.revision * 7919) % 101));
  for (const message of shuffled) room.say(message);
  await until(() => project.eventStore.getById(1).name === 'v49', 'the last');
  for (const message of kept) room.say(message);
  room.change({ events: { updated: [{ id: 2, name: 'the end' }] } });
  await until(() => project.eventStore.getById(2).name === 'the end', 'the end');
  assert.equal(project.eventStore.getById(1).name, 'v49');
  const order = seen.map((name) => Number(name.slice(1)));
  assert.deepEqual(order, [...order].sort((a, b) => a - b), 'never back');
  await isSound(room, project, 'a shuffle');
});

test('floods of people and locks are kept within bounds', async (t) => {
  const room = await startRoom(t);
  const { project } = await victim(t, room);
  const { channel } = project;
  const one = (n) => ({ clientId: `c${n}`, userId: `u${n}`, userName: `${MARKUP} ${n}`, action: 'editing', recordType: 'events', recordId: n });
  room.say({ type: 'presence', total: 20_000, data: Array.from({ length: 20_000 }, (_, n) => one(n)) });
  await until(() => channel.peers.length === 10_000, 'people');
  assert.equal(channel.peersOf(project.eventStore.getById(1))[0].userName, `${MARKUP} 1`);
  for (let n = 0; n < 5_000; n++) room.say({ type: 'presence', data: one(n + 30_000) });
  room.say({ type: 'locks', data: Array.from({ length: 20_000 }, (_, n) => one(n + 10)) });
  for (let n = 0; n < 3_000; n++) room.say({ type: 'lock', data: one(n + 50_000) });
  await until(() => channel.locks.length === 10_000, 'locks');
  room.say({ type: 'locks', data: [] });
  await until(() => channel.locks.length === 0, 'no locks');
  await isSound(room, project, 'a flood');
});

test('a server that accepts, greets and then says nothing is given up, and edits go by HTTP', async (t) => {
  const room = await startRoom(t);
  const { project } = await victim(t, room, { sendOver: 'channel', heartbeat: 100, timeout: 200 });
  room.mute = true;
  const gone = within(new Promise((resolve) => project.channel.on('disconnected', resolve)));
  project.eventStore.getById(1).name = 'sent into silence';
  await until(() => room.rows.events.get(1).name === 'sent into silence', 'the save');
  const { code } = await gone;
  assert.equal(code, 4408);
  room.mute = false;
  await isSound(room, project, 'silence');
});
