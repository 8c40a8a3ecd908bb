// A page that has nothing but the package: a calendar's project with a channel, and a record of
// everything that its listeners were told.

import { CalendarProject, init } from 'syncline';
import { io } from 'socket.io-client';

await init();

/** Opens the project. `socket`: options of socket.io-client, whose socket is then handed in. */
window.join = async ({ channel, socket, ...options }) => {
  const told = { batches: [], updates: [], remote: [], states: [], events: [], conflicts: [], ends: [] };
  window.told = told;
  if (socket) {
    const { clientId, user } = channel;
    window.socket = io(location.origin, { auth: { clientId, ...user }, ...socket });
    window.socket.on('disconnect', (reason) => told.ends.push(reason));
    channel.socket = window.socket;
  }
  const { max } = channel.reconnect ?? {};
  const reconnect = { ...channel.reconnect, max: max === 'ever' ? Infinity : max };
  const project = new CalendarProject({
    loadUrl: '/api/calendar/load',
    syncUrl: '/api/sync',
    autoSync: true,
    autoSyncTimeout: 20,
    retry: { max: 1000, base: 50, cap: 200 },
    ...options,
    channel: { ...channel, reconnect },
  });
  window.project = project;
  const { eventStore } = project;
  eventStore.on('update', ({ record, changes, origin }) => {
    told.updates.push({ id: record.id, fields: Object.keys(changes ?? {}), origin });
  });
  eventStore.subscribe(({ origin, changes, reset }) => {
    const ids = changes.map(({ op, id }) => [op, id]);
    told.batches.push({ origin, changes: ids, reset, at: performance.now() });
  });
  project.on('conflict', ({ conflict }) => told.conflicts.push([conflict.kind, conflict.recordId]));
  const { channel: line } = project;
  line.on('state', ({ state }) => told.states.push(state));
  line.on('remoteChange', ({ count, stores, userName }) => {
    told.remote.push({ count, stores, userName });
  });
  for (const type of ['connected', 'disconnected', 'reconnecting', 'connectionLost', 'reload']) {
    line.on(type, ({ reconnected, attempts, attempt }) => {
      told.events.push([type, reconnected ?? attempts ?? attempt ?? null]);
    });
  }
  line.on('unlock', ({ lock }) => told.events.push(['unlock', lock.reason ?? null]));
  line.on('error', ({ code, message }) => told.events.push(['error', `${code}: ${message}`]));
  await project.load();
};

/** What is shown: a line per event. */
window.shown = () =>
  project.eventStore.records
    .map(({ id, name, location }) => `${id}|${name}|${location ?? ''}`)
    .sort();

/** Adds an event of an hour. */
window.add = (name) => {
  const [startDate, endDate] = ['2026-03-02T09:00:00', '2026-03-02T10:00:00'];
  return project.eventStore.add({ name, startDate, endDate })[0];
};

window.ready = true;
