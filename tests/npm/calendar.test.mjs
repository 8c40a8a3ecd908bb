// A calendar, used the way that code written for other CrudManagers uses one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssignmentModel, CalendarProject, EventModel, ResourceModel, Store, init } from 'syncline';
import { startServer, status } from './support/server.mjs';
import { next, recordEvents, rejection, timersOf, within } from './support/setup.mjs';

await init();

const WEEK = {
  events: [
    { id: 1, name: 'Meeting', startDate: '2026-03-02T09:00:00Z', endDate: '2026-03-02T10:00:00Z' },
    { id: 2, name: 'Lunch', startDate: '2026-03-03T12:00:00Z', endDate: '2026-03-03T13:00:00Z' },
  ],
  resources: [
    { id: 1, name: 'Ada' },
    { id: 2, name: 'Grace' },
  ],
  assignments: [
    { id: 1, event: 1, resource: 1 },
    { id: 2, event: 1, resource: 2 },
  ],
  timeRanges: [{ id: 1, name: 'Fair', startDate: '2026-03-02', endDate: '2026-03-05' }],
  resourceTimeRanges: [{ id: 1, resourceId: 2, name: 'Away' }],
  calendars: [{ id: 'general', name: 'General' }],
};

async function calendar(t, config = {}) {
  const server = await startServer(t, WEEK);
  const project = new CalendarProject({ ...server.urls, ...config });
  t.after(() => project.destroy());
  return { server, project };
}

test('a calendar has its six stores, and loads them with one request', async (t) => {
  const { server, project } = await calendar(t);
  await project.load();
  const names = [
    'events',
    'resources',
    'assignments',
    'timeRanges',
    'resourceTimeRanges',
    'calendars',
  ];
  assert.deepEqual(new Set(server.loads[0].pack.stores), new Set(names));
  const { eventStore, timeRangeStore, resourceTimeRangeStore, calendarStore } = project;
  assert.equal(eventStore.getById(1).startDate.getTime(), Date.UTC(2026, 2, 2, 9));
  assert.equal(timeRangeStore.first.name, 'Fair');
  assert.equal(resourceTimeRangeStore.first.resourceId, 2);
  assert.equal(calendarStore.getById('general').name, 'General');
  assert.deepEqual(
    project.resourcesOf(1).map(({ name }) => name),
    ['Ada', 'Grace'],
  );
  assert.deepEqual(
    project.eventsOf(2).map(({ name }) => name),
    ['Meeting'],
  );
  assert.equal(project.changes, null);
});

test('a week of a calendar is read by range, and follows a drag', async (t) => {
  const { server, project } = await calendar(t, { autoSync: true, autoSyncTimeout: 5 });
  await project.load();
  const week = () =>
    project.eventStore.range(new Date('2026-03-02T00:00Z'), new Date('2026-03-03T00:00Z'));
  assert.deepEqual(
    week().map(({ id }) => id),
    [1],
  );
  const lunch = project.eventStore.getById(2);
  const saved = next(project, 'noChanges');
  lunch.set({ startDate: new Date('2026-03-02T12:00Z'), endDate: new Date('2026-03-02T13:00Z') });
  assert.deepEqual(
    week().map(({ id }) => id),
    [1, 2],
  );
  assert.equal(lunch.isPending, true);
  await saved;
  assert.equal(lunch.isPending, false);
  const [sent] = server.syncs[0].pack.events.updated;
  assert.deepEqual(Object.keys(sent).sort(), ['endDate', 'id', 'startDate']);
});

test('assignments go out as `event` and `resource`', async (t) => {
  const { server, project } = await calendar(t);
  await project.load();
  const [event] = project.eventStore.add({ name: 'New' });
  const { id: phantom } = event;
  // Whatever they are called for the app, the wire has these two names.
  const row = new AssignmentModel({ event: phantom, resource: 2 });
  const [assignment] = project.assignmentStore.add(row);
  assert.deepEqual(
    project.resourcesOf(event).map(({ name }) => name),
    ['Grace'],
  );
  await project.sync();
  const [sent] = server.syncs[0].pack.assignments.added;
  assert.deepEqual([sent.event, sent.resource], [phantom, 2]);
  assert.deepEqual(Object.keys(sent).sort(), ['$PhantomId', 'event', 'resource']);
  assert.equal(assignment.isPhantom, false);
  assert.deepEqual(
    project.resourcesOf(event).map(({ name }) => name),
    ['Grace'],
  );
  project.eventStore.remove(event);
  assert.equal(project.resourcesOf(event).length, 0);
  assert.equal(project.assignmentStore.count, 2);
});

test('a token is put into every request by beforeSend, and rows are changed before they are applied', async (t) => {
  const log = [];
  const { server, project } = await calendar(t, {
    listeners: {
      beforeSend({ requestConfig, requestType }) {
        requestConfig.headers = {
          ...requestConfig.headers,
          Authorization: 'Bearer token',
          'X-Request-Type': requestType,
        };
      },
      beforeLoadApply({ response }) {
        if (response.events?.rows) {
          response.events.rows = response.events.rows.map((event) => ({
            ...event,
            name: `• ${event.name}`,
          }));
        }
      },
      beforeSyncApply({ response }) {
        log.push(response.success);
      },
      hasChanges: () => {
        log.push('hasChanges');
      },
      noChanges: () => {
        log.push('noChanges');
      },
    },
  });
  await project.load();
  assert.equal(project.eventStore.first.name, '• Meeting');
  project.eventStore.first.name = 'x';
  await project.sync();
  for (const { headers, kind } of server.requests) {
    assert.equal(headers.authorization, 'Bearer token');
    assert.equal(headers['x-request-type'], kind);
  }
  assert.deepEqual(log, ['hasChanges', true, 'noChanges']);
});

test('polling by forceSync fetches what others changed', async (t) => {
  const { server, project } = await calendar(t, { forceSync: true });
  await project.load();
  server.nextSync({
    success: true,
    events: { rows: [{ id: 2, name: 'by another' }], removed: [{ id: 1 }] },
  });
  const heard = recordEvents(project, ['hasChanges', 'noChanges']);
  await project.sync();
  assert.deepEqual(
    project.eventStore.map(({ name }) => name),
    ['by another'],
  );
  assert.deepEqual(heard.names, []);
  const [{ pack }] = server.syncs;
  assert.deepEqual(Object.keys(pack).sort(), ['requestId', 'revision', 'type']);
});

test('several changes between suspend and resume are one request', async (t) => {
  const { server, project } = await calendar(t, { autoSync: true, autoSyncTimeout: 1 });
  await project.load();
  const { eventStore, resourceStore } = project;
  project.suspendAutoSync();
  const saved = next(project, 'noChanges');
  try {
    eventStore.add([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    await timersOf(t, 5);
    resourceStore.first.name = 'Ada L.';
  } finally {
    project.resumeAutoSync(true);
  }
  await saved;
  assert.equal(server.syncs.length, 1);
  assert.equal(server.syncs[0].pack.events.added.length, 3);
});

test('an optimistic change is set back by hand when another channel refuses it', async (t) => {
  const { project } = await calendar(t);
  await project.load();
  const record = project.eventStore.getById(1);
  const changes = { name: 'Moved', startDate: new Date(0) };
  const originals = {};
  for (const key of Object.keys(changes)) originals[key] = record.get(key);
  record.set(changes);
  record.set(originals);
  assert.equal(record.isModified, false);
  assert.equal(project.changes, null);
});

test('a project takes stores that are there already, and classes of its own', async (t) => {
  class Meeting extends EventModel {
    static fields = [{ name: 'agenda', type: 'string', defaultValue: 'none' }];
  }
  const mine = new Store({ id: 'people', modelClass: ResourceModel });
  const { server, project } = await calendar(t, {
    eventStore: { modelClass: Meeting },
    resourceStore: mine,
  });
  await project.load();
  assert.strictEqual(project.resourceStore, mine);
  assert.ok(server.loads[0].pack.stores.includes('people'));
  assert.ok(project.eventStore.first instanceof Meeting);
  assert.equal(project.eventStore.add({ name: 'x' })[0].agenda, 'none');
});

test('a retry by the app after a server error goes through', async (t) => {
  const { server, project } = await calendar(t, { retry: { max: 0 } });
  await project.load();
  let retries = 0;
  const done = next(project, 'sync');
  project.on('syncFail', async ({ rawResponse }) => {
    if (rawResponse.status >= 500 && retries < 3) {
      retries++;
      await project.sync().catch(() => {});
    }
  });
  server.nextSync(status(500), status(503));
  project.eventStore.first.name = 'x';
  project.sync().catch(() => {});
  await within(done, 'the sync that works');
  assert.equal(retries, 2);
});

test('offline code that vetoes syncs can let them through later', async (t) => {
  let isOnline = false;
  const { server, project } = await calendar(t);
  await project.load();
  project.on('beforeSync', () => {
    if (!isOnline) return false;
    return undefined;
  });
  project.eventStore.first.name = 'x';
  await rejection(project.sync());
  isOnline = true;
  await project.sync();
  assert.equal(server.syncs.length, 1);
  assert.equal(project.changes, null);
});
