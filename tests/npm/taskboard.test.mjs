// A task board, used the way that code written for other CrudManagers uses one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrudManager, TaskBoardProject, TaskModel, init } from 'syncline';
import { gate, startServer, status } from './support/server.mjs';
import { next, rejection, timersOf } from './support/setup.mjs';

await init();

const BOARD = {
  tasks: [
    { id: 1, name: 'Bug with rendering', status: 'review', prio: 'medium', deadline: '2024-05-30' },
    { id: 2, name: 'Add button to toolbar', status: 'done', prio: 'low', deadline: null },
    { id: 3, name: 'Remove overflow', status: 'doing', prio: 'medium' },
    { id: 5, name: 'Refactor base class', status: 'todo', prio: 'low' },
  ],
  resources: [
    { id: 1, name: 'Angelo' },
    { id: 2, name: 'Celia' },
    { id: 3, name: 'Dave' },
  ],
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

async function board(t, config = {}, data = BOARD) {
  const server = await startServer(t, data);
  const project = new TaskBoardProject({ ...server.urls, ...config });
  t.after(() => project.destroy());
  return { server, project };
}

test('a task board has its five stores, and loads them with one request', async (t) => {
  const { server, project } = await board(t);
  await project.load();
  assert.ok(project instanceof CrudManager);
  const asked = new Set(server.loads[0].pack.stores);
  assert.deepEqual(asked, new Set(['tasks', 'resources', 'assignments', 'columns', 'swimlanes']));
  const { taskStore, resourceStore, assignmentStore, columnStore, swimlaneStore } = project;
  assert.deepEqual(
    [taskStore, resourceStore, assignmentStore, columnStore, swimlaneStore].map(
      ({ count }) => count,
    ),
    [4, 3, 3, 2, 0],
  );
  assert.equal(columnStore.getById('todo').text, 'Backlog');
  assert.deepEqual(
    project.resourcesOf(1).map(({ name }) => name),
    ['Angelo', 'Celia'],
  );
  assert.deepEqual(
    project.tasksOf(2).map(({ id }) => id),
    [1, 2],
  );
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
  assert.deepEqual(
    [name, column, prio, storyPoints, readOnly],
    ['New task', 'todo', 'medium', 1, false],
  );
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
  assert.deepEqual(
    project.resourcesOf(1).map(({ name }) => name),
    ['Celia'],
  );
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
  assert.deepEqual(
    texts.filter((text, i) => text !== texts[i - 1]),
    ['loading', 'saved', 'unsaved', 'saving', 'saved'],
  );
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
  assert.equal(
    await updateTask(3, { status: 'done' }),
    'Cannot move task to Done without approval',
  );
  assert.equal(project.taskStore.getById(3).status, 'doing');
  assert.equal(project.changes, null);
});

test('critical changes wait for a dialogue', async (t) => {
  const asked = [];
  let confirm = false;
  const { server, project } = await board(t, {
    onBeforeSync({ pack }) {
      const critical =
        pack.tasks?.removed?.length > 0 || pack.tasks?.updated?.some((it) => it.status === 'done');
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
  assert.deepEqual(
    project.resourcesOf(task).map(({ name }) => name),
    ['Dave'],
  );
  const phantom = task.id;
  server.nextSync(({ pack }) => ({
    success: true,
    requestId: pack.requestId,
    revision: 43,
    tasks: { rows: [{ $PhantomId: phantom, id: 23 }] },
    assignments: {
      rows: [{ $PhantomId: pack.assignments.added[0].$PhantomId, id: 45, event: 23 }],
    },
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

test('the whole transport section of a board is understood', async (t) => {
  const server = await startServer(t, BOARD);
  const token = 'abc';
  const project = new TaskBoardProject({
    transport: {
      load: {
        url: `${server.origin}/load`,
        method: 'GET',
        headers: { Authorization: 'Bearer ' + token, 'X-Requested-With': 'XMLHttpRequest' },
        fetchOptions: { credentials: 'include', mode: 'cors' },
        params: { includeArchived: false },
        timeout: 30000,
      },
      sync: {
        url: `${server.origin}/sync`,
        method: 'POST',
        headers: { Authorization: 'Bearer ' + token, 'Content-Type': 'application/json' },
        fetchOptions: { credentials: 'include' },
      },
    },
    sendAsFormData: false,
    writeAllFields: false,
    phantomIdField: '$PhantomId',
    phantomParentIdField: '$PhantomParentId',
    resetIdsBeforeSync: true,
    supportShortSyncResponse: true,
  });
  t.after(() => project.destroy());
  await project.load();
  project.taskStore.first.name = 'x';
  await project.sync();
  const [load, sync] = server.requests;
  assert.equal(load.headers.authorization, 'Bearer abc');
  assert.equal(load.headers['x-requested-with'], 'XMLHttpRequest');
  assert.equal(load.query.get('includeArchived'), 'false');
  assert.equal(sync.headers.authorization, 'Bearer abc');
  assert.equal(sync.headers['content-type'], 'application/json');
});

test('with sendAsFormData the package goes out as the form field `data`', async (t) => {
  const { server, project } = await board(t, { sendAsFormData: true });
  await project.load();
  project.taskStore.first.name = 'x';
  await project.sync();
  const [{ text, headers }] = server.syncs;
  assert.match(headers['content-type'], /form/);
  const form = await new Response(text, {
    headers: { 'content-type': headers['content-type'] },
  }).formData();
  assert.deepEqual(JSON.parse(form.get('data')).tasks.updated, [{ id: 1, name: 'x' }]);
});
