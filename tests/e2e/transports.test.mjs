// One list of scenarios, run over every transport against the real server in a real browser.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BarePage, WAIT_MS, bareFolder, converged } from './bare.mjs';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const TALK = 4;
const OTHER = 5;
const [NINE, TEN] = ['2026-03-02T09:00:00', '2026-03-02T10:00:00'];
const POLL_MS = 150;
/** What the page may add to the network's latency before a listener hears of a change. */
const LISTENER_MS = 50;

/** How often the server dies while two edit. */
const KILLS = Number(process.env.SYNCLINE_KILLS ?? 2);

/**
 * The transports, and what one can't do: the scenarios of these names run as well, and assert the
 * words that stand here in place of the feature.
 */
const TRANSPORTS = {
  websocket: { channel: { url: '/ws' } },
  sse: { channel: { url: '/api/events', transport: 'sse' } },
  socketio: {
    channel: { transport: 'socketio' },
    socket: { reconnectionDelay: 50, reconnectionDelayMax: 200, timeout: 2000 },
  },
  polling: {
    channel: { transport: 'polling', polling: { interval: POLL_MS, by: 'sync' } },
    cannot: {
      drop: 'there is no connection to drop',
      send: 'syncs go by HTTP',
      people: 'nobody is seen, and locks are refused',
      lost: 'it is the fallback',
    },
  },
};

let browser;
let bare;

before(async () => {
  browser = await startBrowser();
  bare = bareFolder();
});
after(async () => {
  await browser?.close();
  bare?.done();
});

/** One run: a server, and who takes part. */
class Run {
  constructor(t, name, server) {
    this.t = t;
    this.name = name;
    this.transport = TRANSPORTS[name];
    this.server = server;
  }

  /** Opens a window in which somebody works; `page`: in this one. */
  async open(userName, { channel = {}, socket = {}, host, page: given, ...options } = {}) {
    const page = given ?? (await BarePage.open(this.t, browser, this.server, host));
    const clientId = `${userName.toLowerCase()}-1`;
    const user = { userId: userName.toLowerCase(), userName };
    page.clientId = clientId;
    await page.join({
      ...options,
      channel: {
        clientId,
        user,
        project: 'calendar',
        reconnect: { max: 'ever', base: 50, cap: 200 },
        timeout: 1500,
        ...this.transport.channel,
        ...channel,
      },
      ...(this.transport.socket && { socket: { ...this.transport.socket, ...socket } }),
    });
    return page;
  }

  async live(userName, options) {
    const page = await this.open(userName, options);
    await page.live();
    return page;
  }

  /** Somebody without a channel saves. */
  async save(sections) {
    const answer = await this.server.sync(sections);
    assert.equal(answer.success, true, JSON.stringify(answer));
    return answer;
  }

  update(id, values) {
    return this.save({ events: { updated: [{ id, ...values }] } });
  }

  /** Cuts one client's connection, without a goodbye. */
  drop(page) {
    return this.server.faults({ client: page.clientId, dropSockets: true });
  }
}

const SCENARIOS = {
  connects: {
    name: 'it connects, and is live',
    async run(it) {
      const alice = await it.open('Alice');
      await alice.live();
      assert.deepEqual(await alice.told('events'), [['connected', false]]);
      assert.equal((await alice.told('states')).at(-1), 'live');
      assert.equal(alice.count('load'), 1, 'connecting loads nothing again');
    },
  },

  arrives: {
    name: "what another client saves arrives, in one notification, as the server's own",
    async run(it) {
      const alice = await it.live('Alice');
      await alice.forget();
      await it.save({
        events: {
          added: [{ $PhantomId: 'p1', name: 'New here', startDate: NINE, endDate: TEN }],
          updated: [{ id: TALK, name: 'Moved' }],
          removed: [{ id: OTHER }],
        },
      });
      await alice.shows(TALK, 'name', 'Moved');
      const seen = await alice.run(() => {
        const { eventStore } = project;
        const added = eventStore.find((event) => event.name === 'New here');
        return {
          added: added && [added.isPhantom, added.isModified],
          removed: eventStore.getById(5) === undefined,
          changes: project.changes,
        };
      });
      assert.deepEqual(seen, { added: [false, false], removed: true, changes: null });
      const [batch, ...more] = await alice.told('batches');
      assert.deepEqual(more, []);
      assert.equal(batch.origin, 'remote');
      assert.deepEqual(batch.changes.map(([op]) => op).sort(), ['add', 'remove', 'update']);
      const updates = await alice.told('updates');
      assert.deepEqual(updates, [{ id: TALK, fields: ['name'], origin: 'remote' }]);
      if (it.name !== 'polling') {
        assert.equal(alice.count('sync'), 0, 'nothing is sent back');
        const [change] = await alice.told('remote');
        assert.ok(change.count >= 1 && change.stores.includes('events'), JSON.stringify(change));
      } else {
        for (const [, pack] of alice.requests) assert.equal(pack?.events, undefined);
      }
      await converged(it.server, alice);
    },
  },

  echo: {
    name: "one's own change is heard by the others, and doesn't come back",
    async run(it) {
      const alice = await it.live('Alice');
      const bob = await it.live('Bob');
      await Promise.all([alice.forget(), bob.forget()]);
      await alice.run(() => {
        project.eventStore.getById(4).name = 'By Alice';
        window.add('Made by Alice');
      });
      await alice.saved();
      await bob.shows(TALK, 'name', 'By Alice');
      await bob.until(() => project.eventStore.find((event) => event.name === 'Made by Alice'));
      // Long enough for an echo, and for a poll that would bring it.
      await pause(2 * POLL_MS + 100);
      assert.deepEqual(await alice.told('remote'), []);
      // What the server gave the new event is an update of it; the edited one has none but its own.
      const updates = await alice.told('updates');
      const ofTalk = updates.filter(({ id }) => id === TALK);
      assert.deepEqual(ofTalk, [{ id: TALK, fields: ['name'], origin: 'local' }]);
      const given = updates.filter(({ id, fields }) => id !== TALK && fields.includes('name'));
      assert.deepEqual(given, []);
      const rows = (await converged(it.server, alice, bob)).filter((row) =>
        row.includes('Made by Alice'),
      );
      assert.equal(rows.length, 1);
      const sent = alice.requests.filter(([, pack]) => pack?.events);
      assert.equal(sent.length, 1, 'one package');
      const echoed = bob.requests.filter(([, pack]) => pack?.events);
      assert.deepEqual(echoed, []);
    },
  },

  offline: {
    name: 'offline edits wait, and go when the network is back; what was missed comes',
    async run(it) {
      const alice = await it.live('Alice', { host: 'syncline.test' });
      await alice.context.setOffline(true);
      await alice.until(() => !project.channel.isLive);
      await alice.run(() => {
        project.eventStore.getById(4).name = 'Edited offline';
        window.add('Added offline');
      });
      await it.update(TALK, { location: 'Missed place' });
      await it.update(OTHER, { name: 'Missed name' });
      await pause(150);
      assert.notEqual(await alice.run(() => project.changes), null);
      await alice.context.setOffline(false);
      await alice.saved();
      const rows = await converged(it.server, alice);
      assert.equal(rows.filter((row) => row.includes('Added offline')).length, 1);
      assert.ok(rows.includes(`${TALK}|Edited offline|Missed place`));
      await alice.live();
    },
  },

  drop: {
    name: 'after a dropped connection it catches up by revision, without a load',
    async run(it) {
      const alice = await it.live('Alice', { channel: { reconnect: { base: 400, jitter: 0 } } });
      await alice.forget();
      await it.drop(alice);
      await alice.dropped();
      await it.save({ events: { updated: [{ id: TALK, name: 'Missed 1' }], removed: [{ id: 7 }] } });
      await it.update(TALK, { name: 'Missed 2' });
      await alice.set(OTHER, { name: 'Edited meanwhile' });
      await alice.live();
      await alice.shows(TALK, 'name', 'Missed 2');
      await alice.saved();
      await converged(it.server, alice);
      assert.equal(alice.count('load'), 0);
      const events = (await alice.told('events')).map(([type]) => type);
      assert.deepEqual(events.filter((type) => type === 'connected'), ['connected']);
      assert.ok(events.includes('disconnected'), String(events));
      // The next change comes once.
      await alice.forget();
      await it.update(TALK, { name: 'After' });
      await alice.shows(TALK, 'name', 'After');
      assert.equal((await alice.told('updates')).length, 1);
    },
    async instead(it) {
      const alice = await it.live('Alice');
      await it.drop(alice);
      await it.update(TALK, { name: 'Polled' });
      await alice.shows(TALK, 'name', 'Polled');
      assert.equal(alice.count('load'), 1);
      const events = (await alice.told('events')).map(([type]) => type);
      assert.ok(!events.includes('disconnected'), String(events));
    },
  },

  send: {
    name: 'changes go over the channel, are acknowledged, and go by HTTP when it fails',
    async run(it) {
      const alice = await it.live('Alice', { channel: { sendOver: 'channel', ackTimeout: 60_000 } });
      const bob = await it.live('Bob');
      await alice.forget();
      await alice.run(() => {
        project.eventStore.getById(4).name = 'Over the channel';
        window.add('Added over it');
      });
      await alice.saved();
      assert.equal(alice.count('sync'), 0, 'nothing by HTTP');
      await bob.shows(TALK, 'name', 'Over the channel');
      assert.equal(await alice.run(() => project.eventStore.added.length), 0);
      // Saved, but the acknowledgement never comes: repeated by HTTP, and saved once.
      const carol = await it.live('Carol', { channel: { sendOver: 'channel', ackTimeout: 400 } });
      const { revision } = await it.server.load();
      await it.server.faults({ client: carol.clientId, dropAnswer: 1 });
      await carol.run(() => {
        window.add('Acknowledged late');
      });
      await carol.saved();
      assert.equal((await it.server.load()).revision, revision + 1);
      await alice.forget();
      await alice.run(() => project.channel.suspend());
      await alice.set(TALK, { name: 'By HTTP' });
      await alice.saved();
      const packs = alice.requests.filter(([, pack]) => pack?.events?.updated);
      const [, { events }] = packs[0];
      assert.deepEqual(events, { updated: [{ id: TALK, name: 'By HTTP' }] });
      await alice.run(() => project.channel.resume());
      await alice.live();
      await bob.shows(TALK, 'name', 'By HTTP');
      const rows = await converged(it.server, alice, bob, carol);
      assert.equal(rows.filter((row) => row.includes('Acknowledged late')).length, 1);
      assert.equal(rows.filter((row) => row.includes('Added over it')).length, 1);
    },
    async instead(it) {
      const alice = await it.live('Alice', { channel: { sendOver: 'channel' } });
      await alice.set(TALK, { name: 'By HTTP' });
      await alice.saved();
      const sent = alice.requests.filter(([, pack]) => pack?.events);
      assert.deepEqual(sent[0][1].events, { updated: [{ id: TALK, name: 'By HTTP' }] });
    },
  },

  killed: {
    name: 'the server is killed and started again while both edit, and all converge',
    async run(it) {
      const options = { conflictResolution: 'client-wins', maxConflictRetries: 16 };
      const [alice, bob] = [await it.live('Alice', options), await it.live('Bob', options)];
      const edit = ({ page }, ids) =>
        page.evaluate((ids) => {
          let n = 0;
          window.editing = setInterval(() => {
            const event = project.eventStore.getById(ids[n % ids.length]);
            n += 1;
            event.name = `${project.channel.clientId} ${n}`;
            if (n % 10 === 0) {
              const name = `added ${project.channel.clientId} ${n}`;
              window.add(name);
            }
            window.made = Math.floor(n / 10);
          }, 20);
        }, ids);
      await edit(alice, [1, 2, 4]);
      await edit(bob, [2, 3, 4]);
      for (let round = 0; round < KILLS; round += 1) {
        await pause(300);
        await it.server.kill();
        await pause(200);
        await it.server.start();
      }
      await pause(200);
      let added = 0;
      for (const page of [alice, bob]) {
        await page.run(() => clearInterval(window.editing));
        added += await page.run(() => window.made);
      }
      // Repetitions against conflicts are bounded: what is left over waits for an edit or a call.
      for (const page of [alice, bob]) {
        await page.run(() => project.sync().then(() => undefined, () => undefined));
      }
      const rows = await converged(it.server, alice, bob);
      assert.equal(rows.filter((row) => row.includes('|added ')).length, added);
      await Promise.all([alice.live(), bob.live()]);
    },
  },

  people: {
    name: 'who is here and edits is seen, and a locked record is kept from the others',
    async run(it) {
      const [alice, bob] = [await it.live('Alice'), await it.live('Bob')];
      await bob.until(() => project.channel.peers.length === 2);
      await alice.run(() => project.channel.startEditing(project.eventStore.getById(4)));
      await bob.until(() => project.channel.peersOf(project.eventStore.getById(4)).length === 1);
      const [peer] = await bob.run(() => project.channel.peersOf(project.eventStore.getById(4)));
      assert.deepEqual([peer.userName, peer.action, peer.isSelf], ['Alice', 'editing', false]);
      const lock = (page, options) =>
        page.run((o) => project.lockRecord(project.eventStore.getById(4), o), options);
      assert.equal(await lock(alice, {}), true);
      await bob.until(() => project.channel.isLockedByOther(project.eventStore.getById(4)));
      const refused = await bob.run(() => {
        try {
          project.eventStore.getById(4).name = 'Against the lock';
          return 'taken';
        } catch ({ code, message }) {
          return [code, message];
        }
      });
      assert.equal(refused[0], 'LOCKED');
      assert.match(refused[1], /Alice/);
      assert.equal(await lock(bob, {}), false);
      // Handed over to who waits for it; and kept through a dropped connection.
      await alice.run(() => {
        project.channel.on('lockRequested', ({ data }) =>
          project.channel.unlockRecord(project.eventStore.getById(4), { to: data.clientId }),
        );
      });
      assert.equal(await lock(bob, { timeout: 60_000 }), true);
      await it.drop(bob);
      await bob.dropped();
      await bob.live();
      await bob.until(() => project.channel.lockOf(project.eventStore.getById(4))?.isSelf);
      await alice.until(() => project.channel.isLockedByOther(project.eventStore.getById(4)));
      await bob.run(() => project.unlockRecord(project.eventStore.getById(4)));
      await alice.until(() => !project.channel.lockOf(project.eventStore.getById(4)));
      await alice.set(TALK, { name: 'Free again' });
      await bob.shows(TALK, 'name', 'Free again');
      // A lock ends with its owner, without a wait for the grace of those who may come back.
      assert.equal(await lock(alice, {}), true);
      await bob.until(() => project.channel.isLockedByOther(project.eventStore.getById(4)));
      await alice.run(() => project.destroy());
      await bob.until(() => !project.channel.lockOf(project.eventStore.getById(4)));
      await bob.until(() => project.channel.peers.length === 1);
      // So it does when the page ends.
      const carol = await it.live('Carol');
      assert.equal(await lock(carol, {}), true);
      await bob.until(() => project.channel.isLockedByOther(project.eventStore.getById(4)));
      await carol.page.goto('about:blank');
      await bob.until(() => !project.channel.lockOf(project.eventStore.getById(4)));
    },
    async instead(it) {
      const [alice, bob] = [await it.live('Alice'), await it.live('Bob')];
      await alice.run(() => project.channel.startEditing(project.eventStore.getById(4)));
      const refused = await alice.run(() =>
        project.lockRecord(project.eventStore.getById(4)).catch(({ code }) => code),
      );
      assert.equal(refused, 'NETWORK');
      await pause(2 * POLL_MS);
      assert.deepEqual(await bob.run(() => [...project.channel.peers]), []);
      assert.deepEqual(await bob.run(() => [...project.channel.locks]), []);
    },
  },

  conflict: {
    name: 'an event that another removes while it is edited is a conflict, decided by hand',
    async run(it) {
      const options = { conflictResolution: 'manual', autoSync: false };
      const alice = await it.live('Alice', options);
      const bob = await it.live('Bob', options);
      await alice.set(TALK, { name: 'Mine' });
      await bob.set(TALK, { name: 'Also mine' });
      await it.save({ events: { removed: [{ id: TALK }] } });
      for (const page of [alice, bob]) {
        await page.until(() => project.conflicts.length === 1);
        assert.deepEqual(await page.told('conflicts'), [['remoteRemove', TALK]]);
        assert.notEqual(await page.run(() => project.changes), null, 'the edit is kept');
      }
      await bob.run(() => project.conflicts[0].resolve('theirs'));
      await bob.until(() => project.eventStore.getById(4) === undefined);
      assert.equal(await bob.run(() => project.changes), null);
      await alice.run(() => {
        project.conflicts[0].resolve('mine');
        return project.sync().then(() => undefined);
      });
      const rows = await converged(it.server, alice, bob);
      assert.equal(rows.filter((row) => row.includes('|Mine|')).length, 1);
    },
  },

  lost: {
    name: 'after the attempts the connection is lost, polling takes over, and gives back',
    async run(it) {
      const alice = await it.live('Alice', {
        channel: {
          reconnect: { max: 2, base: 50, jitter: 0 },
          polling: { interval: POLL_MS, by: 'sync' },
        },
      });
      await alice.forget();
      const cut = await it.cut(alice);
      await alice.until(() => project.channel.isLost);
      const lost = (await alice.told('events')).filter(([type]) => type === 'connectionLost');
      assert.equal(lost.length, 1);
      await it.update(TALK, { name: 'By polling' });
      await alice.shows(TALK, 'name', 'By polling');
      await alice.set(OTHER, { name: 'Saved while lost' });
      await alice.saved();
      await cut.mend();
      await alice.live();
      await alice.forget();
      await it.update(TALK, { name: 'By the channel' });
      await alice.shows(TALK, 'name', 'By the channel');
      await pause(2 * POLL_MS);
      assert.deepEqual(alice.requests, [], 'nobody polls any more');
      await converged(it.server, alice);
    },
    async instead(it) {
      const alice = await it.live('Alice', { channel: { reconnect: { max: 2, base: 50 } } });
      await it.server.kill();
      await alice.until(() => project.channel.isLost);
      await alice.set(OTHER, { name: 'Saved later' });
      await it.server.start();
      await it.update(TALK, { name: 'Polled again' });
      await alice.shows(TALK, 'name', 'Polled again');
      await alice.live();
      await converged(it.server, alice);
    },
  },

  fields: {
    name: 'two who edit other fields of one event, and remove what the other made, agree',
    async run(it) {
      const [alice, bob] = [await it.live('Alice'), await it.live('Bob')];
      for (let n = 0; n < 5; n += 1) {
        await Promise.all([
          alice.set(TALK, { name: `Alice ${n}` }),
          bob.set(TALK, { location: `Bob ${n}` }),
        ]);
      }
      await bob.run(() => window.add('Made by Bob'));
      await alice.until(() => project.eventStore.find((event) => event.name === 'Made by Bob'));
      await alice.run(() => {
        const { eventStore } = project;
        eventStore.remove(eventStore.find((event) => event.name === 'Made by Bob'));
      });
      await alice.saved();
      await bob.until(() => !project.eventStore.find((event) => event.name === 'Made by Bob'));
      const rows = await converged(it.server, alice, bob);
      assert.ok(rows.includes(`${TALK}|Alice 4|Bob 4`), rows.join('\n'));
      assert.ok(!rows.some((row) => row.includes('Made by Bob')));
    },
  },

  together: {
    name: 'two who edit the same event at the same time see the same in the end',
    async run(it) {
      const options = { conflictResolution: 'client-wins', maxConflictRetries: 16 };
      const [alice, bob] = [await it.live('Alice', options), await it.live('Bob', options)];
      for (let round = 0; round < 5; round += 1) {
        await Promise.all([
          alice.set(TALK, { name: `Alice ${round}`, location: `Room ${round}` }),
          bob.set(TALK, { name: `Bob ${round}` }),
        ]);
        await pause(10 * round);
      }
      const rows = await converged(it.server, alice, bob);
      const row = rows.find((line) => line.startsWith(`${TALK}|`));
      assert.match(row, /^4\|(Alice|Bob) 4\|Room 4$/);
      const conflicts = await alice.run(() => project.conflicts.length);
      assert.equal(conflicts, 0);
    },
  },

  latency: {
    name: `a listener hears of a change less than ${LISTENER_MS} ms (or two requests) after the network has it`,
    async run(it) {
      const alice = await it.live('Alice');
      const figures = await alice.run(async () => {
        const at = (list, part) => [...list].sort((a, b) => a - b)[Math.floor(list.length * part)];
        const median = (list) => at(list, 0.5);
        const round = (value) => Math.round(value * 10) / 10;
        const [network, total, arrived] = [[], [], []];
        let came;
        const off = project.channel.on('received', ({ message }) => {
          if (JSON.stringify(message).includes('Measured')) came ??= performance.now();
        });
        for (let n = 0; n < 20; n += 1) {
          const name = `Measured ${n}`;
          came = undefined;
          const heard = new Promise((resolve) => {
            const stop = project.eventStore.subscribe(() => {
              if (project.eventStore.getById(4).name !== name) return;
              stop();
              resolve(performance.now());
            });
          });
          const from = performance.now();
          const answered = fetch('/api/sync', {
            method: 'POST',
            body: JSON.stringify({ requestId: n + 1, events: { updated: [{ id: 4, name }] } }),
          })
            .then((response) => response.text())
            .then(() => performance.now());
          const [at, answer] = await Promise.all([heard, answered]);
          network.push(answer - from);
          total.push(at - from);
          if (came !== undefined) arrived.push(at - came);
          await new Promise((resolve) => setTimeout(resolve, 60));
        }
        off?.();
        const above = total.map((value, n) => value - network[n]);
        return {
          network: round(median(network)),
          total: round(median(total)),
          above: round(median(above)),
          // What is above it when nobody else uses the machine.
          quiet: round(at(above, 0.25)),
          worst: round(Math.max(...above)),
          page: arrived.length ? round(median(arrived)) : null,
        };
      });
      const { network, total, above, quiet, worst, page } = figures;
      it.t.diagnostic(
        `${it.name}: ${total} ms from a save to the listener, of which the request takes ` +
          `${network}: ${above} above it (worst ${worst}), ${page ?? '-'} in the page`,
      );
      // A poll comes when its interval is over: that is its latency.
      const latency = it.name === 'polling' ? POLL_MS : 0;
      // The slower the machine is at the request, the slower it may be at telling.
      const limit = Math.max(LISTENER_MS, 2 * network);
      assert.ok(quiet - latency < limit, JSON.stringify(figures));
    },
  },
};

/** Keeps one window from the channel, while its loads and syncs go through. */
Run.prototype.cut = async function cut({ page, clientId }) {
  const blocked = /\/(ws|api\/events|socket\.io)(\/|\?|$)/;
  await page.routeWebSocket(blocked, (socket) => socket.close({ code: 1012 }));
  await page.route(blocked, (route) => route.abort());
  await this.drop({ clientId });
  return {
    mend: async () => {
      await page.unroute(blocked);
      await page.routeWebSocket(blocked, (socket) => socket.connectToServer());
    },
  };
};

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

test('what a transport cannot do is one of the scenarios', () => {
  for (const { cannot = {} } of Object.values(TRANSPORTS)) {
    for (const key of Object.keys(cannot)) assert.ok(SCENARIOS[key]?.instead, key);
  }
});

test('a page by plain HTTP has a channel, and a client id of its own', async (t) => {
  const it = new Run(t, 'websocket', await TestServer.start(t, bare.folder));
  const [alice, bob] = await Promise.all(
    ['Alice', 'Bob'].map((name) =>
      it.live(name, { host: 'syncline.test', channel: { clientId: undefined } }),
    ),
  );
  assert.equal(await alice.run(() => window.isSecureContext), false);
  const ids = await Promise.all([alice, bob].map((page) => page.run(() => project.channel.clientId)));
  assert.notEqual(ids[0], ids[1]);
});

// Its library stops asking the server then, and would notice half a minute later.
test('a Socket.IO connection that breaks while it changes its transport is made anew', async (t) => {
  const it = new Run(t, 'socketio', await TestServer.start(t, bare.folder));
  const page = await BarePage.open(t, browser, it.server);
  let upgrades = 0;
  await page.page.routeWebSocket(/socket\.io/, (socket) => {
    const server = socket.connectToServer();
    upgrades += 1;
    if (upgrades > 1) return;
    server.onMessage((message) => {
      socket.send(message);
      if (message === '3probe') socket.close();
    });
  });
  // The library keeps the WebSocket that it found when it was loaded.
  await page.page.reload();
  await page.until(() => window.ready === true);
  const alice = await it.open('Alice', { page, channel: { heartbeat: 300 } });
  for (const end = Date.now() + WAIT_MS; upgrades < 2; await pause(20)) {
    assert.ok(Date.now() < end, 'the connection that broke was not missed');
  }
  await alice.live();
  await it.update(TALK, { name: 'Heard' });
  await alice.shows(TALK, 'name', 'Heard');
  const ends = await alice.told('ends');
  assert.ok(!ends.includes('ping timeout'), `by the channel, not by the library: ${ends}`);
});

describe('transports', { concurrency: 4 }, () => {
  for (const [name, { cannot = {} }] of Object.entries(TRANSPORTS)) {
    describe(name, { concurrency: 1 }, () => {
      for (const [key, scenario] of Object.entries(SCENARIOS)) {
        if (key === 'latency') continue;
        const words = cannot[key] ? `${scenario.name}: not here, ${cannot[key]}` : scenario.name;
        test(words, async (t) => {
          const server = await TestServer.start(t, bare.folder);
          const it = new Run(t, name, server);
          await (cannot[key] ? scenario.instead(it) : scenario.run(it));
        });
      }
    });
  }
});

// Alone, so that the figures are those of one window.
describe('latency', { concurrency: 1 }, () => {
  for (const name of Object.keys(TRANSPORTS)) {
    test(`${name}: ${SCENARIOS.latency.name}`, async (t) => {
      await SCENARIOS.latency.run(new Run(t, name, await TestServer.start(t, bare.folder)));
    });
  }
});
