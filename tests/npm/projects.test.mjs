// Projects, used the way that code written for other CrudManagers uses them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CalendarProject,
  CrudManager,
  EventModel,
  ResourceModel,
  Store,
  TaskBoardProject,
  TaskModel,
  init,
} from 'syncline';
import { gate, startServer, status } from './support/server.mjs';
import { next, recordEvents, rejection, timersOf, within } from './support/setup.mjs';

await init();

const BOARD = {
  tasks: [
    { id: 1, name: 'Bug with rendering', status: 'review', prio: 'medium', deadline: '2024-05-30' },
    { id: 2, name: 'Add button to toolbar', status: 'done', prio: 'low', deadline: null },
    { id: 3, name: 'Remove overflow', status: 'doing', prio: 'medium' },
    { id: 5, name: 'Refactor base class', status: 'todo', prio: 'low' },
  ],
  resources: [{ id: 1, name: 'Angelo' }, { id: 2, name: 'Celia' }, { id: 3, name: 'Dave' }],
  assignments: [
    { id: 1, event: 1, resource: 1 },
    { id: 2, event: 1, resource: 2 },
    { id: 10, event: 2, resource: 2 },
  ],
  columns: [
    { id: 'todo', text: 'Backlog', color: 'purple' },
    { id: 'done', text: 'Done', color: 'green' },
  ],
};

const WEEK = {
  events: [
    { id: 1, name: 'Meeting', startDate: '2026-03-02T09:00:00Z', endDate: '2026-03-02T10:00:00Z' },
    { id: 2, name: 'Lunch', startDate: '2026-03-03T12:00:00Z', endDate: '2026-03-03T13:00:00Z' },
  ],
  resources: [{ id: 1, name: 'Ada' }, { id: 2, name: 'Grace' }],
  assignments: [{ id: 1, event: 1, resource: 1 }, { id: 2, event: 1, resource: 2 }],
  timeRanges: [{ id: 1, name: 'Fair', startDate: '2026-03-02', endDate: '2026-03-05' }],
  resourceTimeRanges: [{ id: 1, resourceId: 2, name: 'Away' }],
  calendars: [{ id: 'general', name: 'General' }],
};

async function board(t, config = {}, data = BOARD) {
  const server = await startServer(t, data);
  const project = new TaskBoardProject({ ...server.urls, ...config });
  t.after(() => project.destroy());
  return { server, project };
}

async function calendar(t, config = {}) {
  const server = await startServer(t, WEEK);
  const project = new CalendarProject({ ...server.urls, ...config });
  t.after(() => project.destroy());
  return { server, project };
}

// --- the task board -----------------------------------------------------------------------------------

test('a task board has its five stores, and loads them with one request', async (t) => {
  const { server, project } = await board(t);
  await project.load();
  assert.ok(project instanceof CrudManager);
  const asked = new Set(server.loads[0].pack.stores);
  assert.deepEqual(asked, new Set(['tasks', 'resources', 'assignments', 'columns', 'swimlanes']));
  const { taskStore, resourceStore, assignmentStore, columnStore, swimlaneStore } = project;
  assert.deepEqual(
    [taskStore, resourceStore, assignmentStore, columnStore, swimlaneStore].map(({ count }) => count),
    [4, 3, 3, 2, 0],
  );
  assert.equal(columnStore.getById('todo').text, 'Backlog');
  assert.deepEqual(project.resourcesOf(1).map(({ name }) => name), ['Angelo', 'Celia']);
  assert.deepEqual(project.tasksOf(2).map(({ id }) => id), [1, 2]);
});

class CustomTask extends TaskModel {
  static fields = [
    { name: 'name', type: 'string', defaultValue: 'New task' },
    { name: 'description', type: 'string', defaultValue: '' },
    { name: 'status', type: 'string', defaultValue: 'todo' },
    { name: 'prio', type: 'string', defaultValue: 'medium' },
    { name: 'deadline', type: 'date', format: 'YYYY-MM-DD' },
    { name: 'createdAt', type: 'date', persist: false },
    { name: 'progress', type: 'number', defaultValue: 0 },
    { name: 'storyPoints', type: 'integer', defaultValue: 1 },
    { name: 'labels', type: 'string' },
    { name: 'lastModifiedBy', type: 'string', alwaysWrite: true },
    { name: 'readOnly', type: 'boolean', defaultValue: false },
  ];

  get isOverdue() {
    return this.deadline && new Date(this.deadline) < new Date();
  }

  markAsComplete() {
    this.status = 'done';
    this.progress = 100;
  }
}

test('a task class with its own fields, getters and methods works', async (t) => {
  const { server, project } = await board(t, { taskStore: { modelClass: CustomTask } });
  await project.load();
  const task = project.taskStore.getById(1);
  assert.ok(task instanceof CustomTask);
  assert.equal(task.isOverdue, true);
  task.markAsComplete();
  assert.deepEqual([task.status, task.progress], ['done', 100]);
  const [added] = project.taskStore.add({ createdAt: new Date() });
  await project.sync();
  const { updated, added: sent } = server.syncs[0].pack.tasks;
  assert.equal(updated.length, 1);
  assert.deepEqual([updated[0].id, updated[0].status, updated[0].progress], [1, 'done', 100]);
  assert.ok('lastModifiedBy' in updated[0]);
  const { name, status: column, prio, storyPoints, readOnly } = sent[0];
  assert.deepEqual([name, column, prio, storyPoints, readOnly], ['New task', 'todo', 'medium', 1, false]);
  assert.ok(!('createdAt' in sent[0]));
  task.deadline = new Date(2026, 11, 24, 18);
  await project.sync();
  assert.equal(server.syncs[1].pack.tasks.updated[0].deadline, '2026-12-24');
  assert.ok(added.createdAt instanceof Date);
});

test('stores may get other wire names by fields of their own', async (t) => {
  const data = { ...BOARD, assignments: [{ id: 1, taskId: 1, resourceId: 2 }] };
  const { server, project } = await board(
    t,
    {
      resourceStore: {
        fields: [{ name: 'name' }, { name: 'email' }, { name: 'image' }, { name: 'role' }],
      },
      assignmentStore: {
        fields: [
          { name: 'event', dataSource: 'taskId' },
          { name: 'resource', dataSource: 'resourceId' },
        ],
      },
    },
    data,
  );
  await project.load();
  assert.deepEqual(project.resourcesOf(1).map(({ name }) => name), ['Celia']);
  project.assignmentStore.add({ event: 2, resource: 3 });
  await project.sync();
  const [sent] = server.syncs[0].pack.assignments.added;
  assert.deepEqual([sent.taskId, sent.resourceId], [2, 3]);
  assert.ok(!('event' in sent));
});

test('the whole set-up of a board with a status indicator works', async (t) => {
  const texts = [];
  const messages = [];
  const show = (project) => {
    const { isCrudManagerLoading, isCrudManagerSyncing, changes } = project;
    if (isCrudManagerLoading) texts.push('loading');
    else if (isCrudManagerSyncing) texts.push('saving');
    else if (changes) texts.push('unsaved');
    else texts.push('saved');
  };
  const server = await startServer(t, BOARD);
  const project = new TaskBoardProject({
    ...server.urls,
    autoLoad: true,
    autoSync: true,
    autoSyncTimeout: 10,
    taskStore: { modelClass: CustomTask, onChange: () => show(project) },
    onLoadStart() {
      show(this);
    },
    onLoad({ response }) {
      show(this);
      messages.push(`Loaded ${response.tasks?.rows?.length || 0} tasks`);
    },
    onSyncStart() {
      show(this);
    },
    onSync() {
      show(this);
      messages.push('Changes saved successfully');
    },
    onSyncFail({ response }) {
      show(this);
      if (response?.code === 409) {
        this.rejectChanges();
        this.load();
      } else messages.push(response?.message || 'Failed to save changes');
    },
    onHasChanges() {
      show(this);
    },
    onNoChanges() {
      show(this);
    },
  });
  t.after(() => project.destroy());
  await next(project, 'load');
  assert.deepEqual(messages, ['Loaded 4 tasks']);
  const saved = next(project, 'noChanges');
  project.taskStore.getById(1).status = 'done';
  await saved;
  assert.deepEqual(texts.filter((text, i) => text !== texts[i - 1]), [
    'loading',
    'saved',
    'unsaved',
    'saving',
    'saved',
  ]);
  assert.deepEqual(messages, ['Loaded 4 tasks', 'Changes saved successfully']);

  server.nextSync(status(409, { success: false, code: 409, message: 'Data was modified' }));
  const reloaded = next(project, 'load');
  project.taskStore.getById(1).status = 'todo';
  await reloaded;
  assert.equal(project.taskStore.getById(1).status, 'review');
  assert.equal(project.changes, null);
});

test('a burst of changes with autoSync switched off is one request', async (t) => {
  const { server, project } = await board(t, { autoSync: true, autoSyncTimeout: 5 });
  await project.load();
  project.autoSync = false;
  project.taskStore.forEach((task) => {
    task.set({ status: 'done', progress: 100 });
  });
  const sync = project.sync();
  project.autoSync = true;
  await sync;
  await timersOf(t, 15);
  assert.equal(server.syncs.length, 1);
  assert.equal(server.syncs[0].pack.tasks.updated.length, 4);
});

test('a change that the user sees only after the server agreed', async (t) => {
  const { server, project } = await board(t, { autoSync: false, retry: { max: 0 } });
  await project.load();
  const updateTask = async (id, changes) => {
    const task = project.taskStore.getById(id);
    try {
      task.set(changes);
      await project.sync();
      project.taskStore.commit();
      return 'Task updated';
    } catch (error) {
      task.revertChanges();
      return error.message;
    }
  };
  assert.equal(await updateTask(1, { status: 'done' }), 'Task updated');
  server.nextSync({ success: false, message: 'Cannot move task to Done without approval' });
  assert.equal(await updateTask(3, { status: 'done' }), 'Cannot move task to Done without approval');
  assert.equal(project.taskStore.getById(3).status, 'doing');
  assert.equal(project.changes, null);
});

test('critical changes wait for a dialogue', async (t) => {
  const asked = [];
  let confirm = false;
  const { server, project } = await board(t, {
    onBeforeSync({ pack }) {
      const critical = pack.tasks?.removed?.length > 0 || pack.tasks?.updated?.some((it) => it.status === 'done');
      if (!critical) return true;
      asked.push(pack.tasks);
      return Promise.resolve(confirm);
    },
  });
  await project.load();
  project.taskStore.getById(1).prio = 'high';
  await project.sync();
  project.taskStore.remove(5);
  assert.equal((await rejection(project.sync())).cancelled, true);
  confirm = true;
  await project.sync();
  assert.equal(asked.length, 2);
  assert.equal(server.syncs.length, 2);
  assert.deepEqual(server.syncs[1].pack.tasks.removed, [{ id: 5 }]);
});

test('errors of single records are shown and taken back by a listener', async (t) => {
  const { server, project } = await board(t, {
    onRecordSyncFail({ record, message }) {
      record.set('_validationError', message, true);
      record.revertChanges();
    },
  });
  await project.load();
  const [one, two] = [project.taskStore.getById(1), project.taskStore.getById(2)];
  one.status = 'done';
  two.status = 'todo';
  server.nextSync({
    success: false,
    tasks: {
      rows: [
        { id: 1, success: false, error: 'Cannot change status without approval' },
        { id: 2, success: true },
      ],
    },
  });
  await rejection(project.sync());
  assert.equal(one.status, 'review');
  assert.equal(two.status, 'todo');
  assert.equal(two.isModified, false);
});

test('a poller loads only when nothing is unsaved', async (t) => {
  const { server, project } = await board(t);
  const poll = async () => {
    if (project.changes) return 'changes';
    if (project.isSyncing) return 'syncing';
    await project.load();
    return 'loaded';
  };
  assert.equal(await poll(), 'loaded');
  project.taskStore.first.name = 'x';
  assert.equal(await poll(), 'changes');
  const answer = gate();
  server.nextSync(answer);
  const sync = project.sync();
  await answer.asked;
  assert.equal(await poll(), 'changes');
  answer.answer({ success: true });
  await sync;
  assert.equal(await poll(), 'loaded');
});

test('an assignment of a new task to a resource gets the id of the task', async (t) => {
  const { server, project } = await board(t);
  await project.load();
  const [task] = project.taskStore.add({ name: 'New Task', status: 'todo', prio: 'medium' });
  const [assignment] = project.assignmentStore.add({ event: task.id, resource: 3 });
  project.assignmentStore.remove(10);
  assert.deepEqual(project.resourcesOf(task).map(({ name }) => name), ['Dave']);
  const phantom = task.id;
  server.nextSync(({ pack }) => ({
    success: true,
    requestId: pack.requestId,
    revision: 43,
    tasks: { rows: [{ $PhantomId: phantom, id: 23 }] },
    assignments: { rows: [{ $PhantomId: pack.assignments.added[0].$PhantomId, id: 45, event: 23 }] },
  }));
  await project.sync();
  const { added, removed } = server.syncs[0].pack.assignments;
  assert.equal(added[0].event, phantom);
  assert.equal(added[0].resource, 3);
  assert.deepEqual(removed, [{ id: 10 }]);
  assert.deepEqual([task.id, assignment.id, assignment.event], [23, 45, 23]);
  assert.equal(project.revision, 43);
  assert.equal(project.changes, null);
});

// --- the calendar -------------------------------------------------------------------------------------

test('a calendar has its six stores, and loads them with one request', async (t) => {
  const { server, project } = await calendar(t);
  await project.load();
  const names = ['events', 'resources', 'assignments', 'timeRanges', 'resourceTimeRanges', 'calendars'];
  assert.deepEqual(new Set(server.loads[0].pack.stores), new Set(names));
  const { eventStore, timeRangeStore, resourceTimeRangeStore, calendarStore } = project;
  assert.equal(eventStore.getById(1).startDate.getTime(), Date.UTC(2026, 2, 2, 9));
  assert.equal(timeRangeStore.first.name, 'Fair');
  assert.equal(resourceTimeRangeStore.first.resourceId, 2);
  assert.equal(calendarStore.getById('general').name, 'General');
  assert.deepEqual(project.resourcesOf(1).map(({ name }) => name), ['Ada', 'Grace']);
  assert.deepEqual(project.eventsOf(2).map(({ name }) => name), ['Meeting']);
  assert.equal(project.changes, null);
});

test('a week of a calendar is read by range, and follows a drag', async (t) => {
  const { server, project } = await calendar(t, { autoSync: true, autoSyncTimeout: 5 });
  await project.load();
  const week = () => project.eventStore.range(new Date('2026-03-02T00:00Z'), new Date('2026-03-03T00:00Z'));
  assert.deepEqual(week().map(({ id }) => id), [1]);
  const lunch = project.eventStore.getById(2);
  const saved = next(project, 'noChanges');
  lunch.set({ startDate: new Date('2026-03-02T12:00Z'), endDate: new Date('2026-03-02T13:00Z') });
  assert.deepEqual(week().map(({ id }) => id), [1, 2]);
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
  const { AssignmentModel } = await import('syncline');
  // Whatever they are called for the app, the wire has these two names.
  const row = new AssignmentModel({ event: phantom, resource: 2 });
  const [assignment] = project.assignmentStore.add(row);
  assert.deepEqual(project.resourcesOf(event).map(({ name }) => name), ['Grace']);
  await project.sync();
  const [sent] = server.syncs[0].pack.assignments.added;
  assert.deepEqual([sent.event, sent.resource], [phantom, 2]);
  assert.deepEqual(Object.keys(sent).sort(), ['$PhantomId', 'event', 'resource']);
  assert.equal(assignment.isPhantom, false);
  assert.deepEqual(project.resourcesOf(event).map(({ name }) => name), ['Grace']);
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
          response.events.rows = response.events.rows.map((event) => ({ ...event, name: `• ${event.name}` }));
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
  server.nextSync({ success: true, events: { rows: [{ id: 2, name: 'by another' }], removed: [{ id: 1 }] } });
  const heard = recordEvents(project, ['hasChanges', 'noChanges']);
  await project.sync();
  assert.deepEqual(project.eventStore.map(({ name }) => name), ['by another']);
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
