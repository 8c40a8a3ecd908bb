// The examples of the two documents that the project began from, each in a page of its own: only
// what they import was written for here. `reference/app.js` holds what they take as given.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packaged, startBrowser } from './support/browser.mjs';
import { tool } from './support/package.mjs';
import { raw, reply, startServer, status } from './support/server.mjs';
import { within } from './support/setup.mjs';

const HERE = join(import.meta.dirname, 'reference');
const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title>
<link rel="icon" href="data:,">
<script type="importmap">{"imports":{"syncline":"/package/dist/index.js"}}</script></head>
<body><span id="sync-status"></span></body></html>`;

/** What the servers of the examples send: tasks and people; events and people. */
const BOARD = {
  tasks: [
    { id: 1, name: 'Bug with rendering', status: 'review', prio: 'medium', deadline: '2024-03-30' },
    { id: 2, name: 'Add button to toolbar', status: 'done', prio: 'low' },
    { id: 3, name: 'Write a guide', status: 'todo', prio: 'high' },
  ],
  resources: [
    { id: 1, name: 'Angelo', image: 'angelo.png' },
    { id: 2, name: 'Celia', image: 'celia.png' },
  ],
  assignments: [
    { id: 1, event: 1, resource: 1 },
    { id: 2, event: 2, resource: 2 },
  ],
};
const CALENDAR = {
  events: [
    { id: 'e1', name: ' Stand-up ', startDate: '2026-03-02T09:00:00Z' },
    { id: 'e2', name: 'Planning', startDate: '2026-03-03T13:00:00Z' },
  ],
  resources: [{ id: 'r1', name: 'Ada' }],
  assignments: [{ id: 1, event: 'e1', resource: 'r1' }],
};

let browser;
let esbuild;

before(async () => {
  browser = await startBrowser();
  esbuild = await tool('esbuild');
});
after(() => browser?.close());

/** The page, the package, and the examples: those in TypeScript without their types. */
async function pages(pathname) {
  if (pathname === '/') return { type: 'text/html; charset=utf-8', body: PAGE };
  if (!pathname.startsWith('/reference/')) return packaged(pathname);
  const path = join(HERE, pathname.slice('/reference/'.length));
  if (existsSync(path)) return { type: 'text/javascript', body: readFileSync(path) };
  const typed = readFileSync(path.replace(/\.js$/, '.ts'), 'utf8');
  const { code } = await esbuild.transform(typed, { loader: 'ts', target: 'es2022' });
  return { type: 'text/javascript', body: code };
}

/** A page in which an example runs. */
class Example {
  /** What the console said, by its kind: `error`, `warning`, `log` … */
  said = [];

  /**
   * Opens a page and imports the example. `data`: what the server has. `answer`: called with the
   * server before that, to tell it what to answer.
   */
  static async open(t, name, { data = BOARD, answer = () => {} } = {}) {
    const server = await startServer(t, data, pages);
    answer(server);
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    const example = new Example(page, context, server);
    page.on('console', (message) => example.said.push([message.type(), message.text()]));
    page.on('pageerror', (error) => example.said.push(['error', String(error)]));
    await page.goto(server.origin);
    await page.evaluate(async (path) => {
      window.example = await import(path);
      window.app = await import('/reference/app.js');
      const view = window.example.taskBoard ?? window.example.calendar;
      window.project = view.project ?? view.crudManager;
    }, `/reference/${name}.js`);
    return example;
  }

  constructor(page, context, server) {
    this.page = page;
    this.context = context;
    this.server = server;
  }

  /** Runs a function in the page; `project`, `example` and `app` are at hand there. */
  run(work, given) {
    return this.page.evaluate(work, given);
  }

  /** What the example asked its application to show: the names, or with what. */
  shown() {
    return this.run(() => window.app.shown.splice(0));
  }

  /** Waits until something holds in the page. */
  until(test, given) {
    return this.page.waitForFunction(test, given, { timeout: 60_000 });
  }

  /** The request of that kind and number (from 1), once it has come. */
  request(kind, number = 1) {
    return within(this.server.request(kind, number), `${kind} ${number}`);
  }

  /** Errors and warnings, but for the browser's own lines about failed requests. */
  get complaints() {
    return this.said.filter(
      ([kind, text]) => /error|warning/.test(kind) && !text.startsWith('Failed to load resource'),
    );
  }
}

const load = () => window.project.load().then(() => undefined);
const sync = () =>
  window.project.sync().then(
    () => 'done',
    (error) => error.code,
  );

test('the board of the basic configuration loads by itself and saves half a second later', async (t) => {
  const it = await Example.open(t, 'taskboard/basic-configuration');
  await it.until(() => window.project.taskStore.count === 3);
  const { pack, method } = await it.request('load');
  assert.equal(method, 'GET');
  assert.ok(pack.stores.includes('tasks') && pack.stores.includes('assignments'));
  const began = await it.run(() => {
    window.project.taskStore.getById(1).status = 'done';
    return Date.now();
  });
  const saved = await it.request('sync');
  assert.ok(Date.now() - began >= 480, `after ${Date.now() - began} ms`);
  assert.deepEqual(saved.pack.tasks, { updated: [{ id: 1, status: 'done' }] });
  await it.until(() => window.project.changes === null);
  assert.deepEqual(it.complaints, []);
});

test('the transport of the example sends its headers, its parameters, and a body of JSON', async (t) => {
  const it = await Example.open(t, 'taskboard/transport');
  await it.run(load);
  const loaded = await it.request('load');
  assert.equal(loaded.method, 'GET');
  assert.equal(loaded.headers.authorization, 'Bearer secret');
  assert.equal(loaded.headers['x-requested-with'], 'XMLHttpRequest');
  assert.equal(loaded.query.get('includeArchived'), 'false');
  const id = await it.run(async () => {
    const [task] = window.project.taskStore.add({ name: 'New' });
    await window.project.sync();
    return task.id;
  });
  const synced = await it.request('sync');
  assert.equal(synced.method, 'POST');
  assert.equal(synced.headers.authorization, 'Bearer secret');
  assert.equal(synced.headers['content-type'], 'application/json');
  const [added] = synced.pack.tasks.added;
  assert.equal(added.name, 'New');
  assert.equal(typeof added.$PhantomId, 'string');
  assert.equal('id' in added, false, 'resetIdsBeforeSync');
  assert.equal(id, 1001);
  assert.deepEqual(it.complaints, []);
});

test('the stores of the example have their own fields, names on the wire, and listener', async (t) => {
  const it = await Example.open(t, 'taskboard/custom-stores', {
    data: {
      ...BOARD,
      resources: [{ id: 1, name: 'Angelo', email: 'a@example.com', role: 'lead' }],
      assignments: [{ id: 1, taskId: 1, resourceId: 1 }],
    },
  });
  const seen = await it.run(async () => {
    const { taskStore, assignmentStore, resourceStore } = window.project;
    await window.project.load();
    const [task] = taskStore.add({});
    assignmentStore.add({ event: task.id, resource: 1 });
    taskStore.getById(2).name = 'Renamed';
    await window.project.sync();
    return {
      defaults: [task.name, task.description, task.priority],
      assigned: window.project.resourcesOf(1).map(({ email, role }) => [email, role]),
      of: assignmentStore.last.event === task.id,
      names: resourceStore.map(({ name }) => name),
    };
  });
  assert.deepEqual(seen.defaults, ['New task', '', 'medium']);
  assert.deepEqual(seen.assigned, [['a@example.com', 'lead']]);
  assert.equal(seen.of, true);
  assert.deepEqual(seen.names, ['Angelo']);
  const { pack } = await it.request('sync');
  assert.equal(pack.assignments.added[0].taskId, pack.tasks.added[0].$PhantomId);
  assert.equal(pack.assignments.added[0].resourceId, 1);
  assert.ok('lastModified' in pack.tasks.updated[0], 'alwaysWrite');
  assert.ok(it.said.some(([, text]) => text.startsWith('Store changed: add')));
  assert.ok(it.said.some(([, text]) => text.startsWith('Store changed: update')));
  assert.deepEqual(it.complaints, []);
});

test('the listeners of the example show loading, saving, what changed, and a refusal', async (t) => {
  const it = await Example.open(t, 'taskboard/listeners');
  await it.run(load);
  assert.deepEqual(await it.shown(), [
    ['showSpinner', 'Loading...'],
    ['hideSpinner'],
    ['showToast', 'Loaded 3 tasks'],
  ]);
  await it.run(() => void (window.project.taskStore.getById(1).status = 'done'));
  await it.until(() => window.app.shown.some(([name, text]) => text === 'Changes saved'));
  await it.until(() => window.app.shown.some(([name, it]) => name === 'setUnsavedIndicator' && !it));
  const told = await it.shown();
  assert.deepEqual(told[0], ['setUnsavedIndicator', true]);
  assert.deepEqual(told.slice(1).map(([name]) => name).sort(), [
    'hideSpinner',
    'setUnsavedIndicator',
    'showSpinner',
    'showToast',
  ]);
  it.server.nextSync({ success: false, message: 'Not on a Sunday' });
  await it.run(() => void (window.project.taskStore.getById(1).status = 'todo'));
  await it.until(() => window.app.shown.some(([name]) => name === 'showError'));
  const refused = await it.shown();
  assert.ok(refused.some(([name, text]) => name === 'showError' && text === 'Not on a Sunday'));
  // The example takes its changes back.
  assert.equal(await it.run(() => window.project.taskStore.getById(1).status), 'done');
  it.server.nextLoad(status(503, { success: false, message: 'Closed' }));
  await it.run(() => window.project.load().catch(() => {}));
  assert.deepEqual((await it.shown()).at(-1), ['showError', 'Closed']);
});

test('the task class of the example brings its defaults, its property and its method', async (t) => {
  const it = await Example.open(t, 'taskboard/custom-task', {
    data: { ...BOARD, tasks: [{ ...BOARD.tasks[0], createdAt: '2024-01-02', storyPoints: '5' }] },
  });
  const seen = await it.run(async () => {
    await window.project.load();
    const task = window.project.taskStore.getById(1);
    const before = [task.isOverdue, task.storyPoints, task.readOnly, task.progress];
    const created = task.createdAt.getFullYear();
    task.markAsComplete();
    task.createdAt = new Date(2025, 0, 1);
    await window.project.sync();
    const [added] = window.project.taskStore.add({ deadline: new Date(2030, 4, 6) });
    await window.project.sync();
    return { before, created, after: [task.status, task.progress], added: added.isOverdue };
  });
  assert.deepEqual(seen.before, [true, 5, false, 0]);
  assert.equal(seen.created, 2024);
  assert.deepEqual(seen.after, ['done', 100]);
  assert.equal(seen.added, false);
  const [{ pack: first }, { pack: second }] = [await it.request('sync'), await it.request('sync', 2)];
  const [updated] = first.tasks.updated;
  assert.deepEqual([updated.id, updated.status, updated.progress], [1, 'done', 100]);
  assert.equal('createdAt' in updated, false, 'persist: false');
  assert.ok('lastModifiedBy' in updated, 'alwaysWrite');
  assert.equal(second.tasks.added[0].deadline, '2030-05-06');
  assert.equal(second.tasks.added[0].name, 'New task');
});

test('the fields of the example are read and written by the names of the server', async (t) => {
  const row = { id: 1, title: 'Bug', desc: 'Try it', workflow_status: 'todo', due_date: '2024-03-30' };
  const it = await Example.open(t, 'taskboard/data-source', { data: { tasks: [row] } });
  const seen = await it.run(async () => {
    await window.project.load();
    const task = window.project.taskStore.first;
    const read = [task.name, task.description, task.status, task.deadline.getDate()];
    task.set({ name: 'Fixed', status: 'done', event: 7, resource: 8 });
    await window.project.sync();
    return read;
  });
  assert.deepEqual(seen, ['Bug', 'Try it', 'todo', 30]);
  const { pack } = await it.request('sync');
  const updated = { id: 1, title: 'Fixed', workflow_status: 'done', task_id: 7, user_id: 8 };
  assert.deepEqual(pack.tasks.updated, [updated]);
});

test('onChange of a store tells what was added, updated and removed', async (t) => {
  const it = await Example.open(t, 'taskboard/on-change');
  await it.run(() => {
    const { taskStore, assignmentStore } = window.project;
    const [task] = taskStore.add({ name: 'Paint' });
    assignmentStore.add({ event: task.id, resource: 1 });
    task.name = 'Paint it';
    taskStore.remove(task);
  });
  const said = it.said.map(([, text]) => text);
  assert.ok(said.includes('Tasks added: [Paint]'), said.join('\n'));
  assert.ok(said.some((text) => text.startsWith('New assignments:')));
  assert.ok(said.some((text) => /Tasks updated: .*name/.test(text)));
  assert.ok(said.some((text) => text.startsWith('Tasks removed:')));
  assert.equal((await it.shown()).length, 3);
  assert.deepEqual(it.complaints, []);
});

test('each failure of the error example finds its branch', async (t) => {
  const it = await Example.open(t, 'taskboard/errors');
  const failedLoad = async (answer) => {
    it.server.nextLoad(answer);
    await it.run(() => window.project.load().catch(() => {}));
    return it.shown();
  };
  assert.deepEqual(await failedLoad(status(401)), [['redirectToLogin']]);
  const closed = { success: false, code: 'MAINTENANCE' };
  assert.deepEqual(await failedLoad(status(200, closed)), [['showMaintenanceModal']]);
  const html = raw('<h1>Oops</h1>', { type: 'text/html' });
  assert.deepEqual(await failedLoad(html), [['showErrorToast', 'Failed to load data']]);
  await it.run(load);
  const failedSync = async (...answers) => {
    it.server.nextSync(...answers);
    await it.run(() => {
      window.project.taskStore.getById(1).name = 'Edited';
      return window.project.sync().catch(() => {});
    });
    const shown = await it.shown();
    const name = await it.run(() => {
      const { name } = window.project.taskStore.getById(1);
      window.project.rejectChanges();
      return name;
    });
    return [shown, name];
  };
  const conflicts = [{ id: 1, field: 'name' }];
  assert.deepEqual(await failedSync({ success: false, code: 'CONFLICT', conflicts }), [
    [['showConflictResolver', conflicts]],
    'Edited',
  ]);
  const errors = [{ id: 1, message: 'too long' }];
  assert.deepEqual(await failedSync({ success: false, code: 'VALIDATION_ERROR', errors }), [
    [['highlightInvalidRecords', errors]],
    'Edited',
  ]);
  assert.deepEqual(await failedSync({ success: false, message: 'No' }), [
    [['showErrorToast', 'No']],
    'Edited',
  ]);
  it.server.syncWith(status(500, { success: false }));
  await it.run(() => void (window.project.retry = { max: 0 }));
  const [shown, name] = await failedSync();
  assert.deepEqual(shown, [['showErrorToast', 'Server error - changes reverted']]);
  assert.equal(name, 'Bug with rendering');
});

test('an application that tries again by itself gets its changes through', async (t) => {
  const it = await Example.open(t, 'taskboard/retry');
  await it.run(load);
  await it.run(() => {
    window.example.retrying.delay = () => Promise.resolve();
    window.project.taskStore.getById(1).name = 'Edited';
  });
  it.server.nextSync(status(500, { success: false }), status(503, { success: false }));
  assert.notEqual(await it.run(sync), 'done');
  await it.until(() => window.project.changes === null);
  assert.deepEqual(
    (await it.shown()).map(([, text]) => text),
    ['Retrying in 2s... (1/3)', 'Retrying in 4s... (2/3)'],
  );
  const requests = it.server.syncs;
  assert.equal(requests.length, 3);
  assert.deepEqual(requests.at(-1).pack.tasks.updated, [{ id: 1, name: 'Edited' }]);
  assert.equal(await it.run(() => window.example.retrying.retryCount), 0);
});

test('a record that the server refuses goes back, the one that it took stays', async (t) => {
  const it = await Example.open(t, 'taskboard/record-errors');
  it.server.nextSync({
    success: false,
    tasks: {
      rows: [
        { id: 1, success: false, error: 'Cannot change status without approval' },
        { id: 2, success: true },
      ],
    },
  });
  await it.run(load);
  const seen = await it.run(async () => {
    const { taskStore } = window.project;
    taskStore.getById(1).status = 'done';
    taskStore.getById(2).status = 'todo';
    await window.project.sync().catch(() => {});
    return [taskStore.getById(1), taskStore.getById(2)].map(({ status, isModified }) => [
      status,
      isModified,
    ]);
  });
  assert.deepEqual(seen, [
    ['review', false],
    ['todo', false],
  ]);
  const [[name, errors]] = await it.shown();
  assert.equal(name, 'showValidationErrors');
  assert.equal(errors[0].error, 'Cannot change status without approval');
  assert.equal(await it.run(() => window.project.changes), null);
  assert.deepEqual(it.complaints, []);
});

test('a stale revision leads to the dialog, and both of its ways out work', async (t) => {
  const it = await Example.open(t, 'taskboard/revision', {
    answer: (server) => (server.revision = 42),
  });
  await it.run(load);
  assert.equal(await it.run(() => window.project.revision), 42);
  it.server.syncWith(status(409, { success: false, code: 409, message: 'Please reload' }));
  await it.run(() => {
    // The dialog's buttons are functions, which can't leave the page.
    const { shown } = window.app;
    shown.push = function push(call) {
      if (call[0] === 'showConflictDialog') window.dialog = call[1];
      return Array.prototype.push.call(this, [call[0]]);
    };
    window.project.taskStore.getById(1).name = 'Mine';
  });
  await it.run(sync);
  assert.deepEqual(await it.shown(), [['showConflictDialog']]);
  assert.equal((await it.request('sync')).pack.revision, 42);
  assert.equal(await it.run(() => window.dialog.message), 'Please reload');
  const forced = it.server.syncs.length + 1;
  it.server.syncWith(undefined);
  await it.run(() => window.dialog.onForce());
  const { pack } = await it.request('sync', forced);
  assert.equal(pack.tasks.updated[0].name, 'Mine');
  await it.until(() => window.project.changes === null);
  assert.equal(await it.run(() => window.project.revision), 43);
  await it.run(() => {
    window.project.taskStore.getById(1).name = 'Mine again';
    window.dialog.onReload();
  });
  await it.request('load', 2);
  await it.until(() => window.project.taskStore.getById(1).name === 'Bug with rendering');
  assert.equal(await it.run(() => window.project.changes), null);
});

test('optimistic: a change shows at once, and a conflict brings the data of the server', async (t) => {
  const it = await Example.open(t, 'taskboard/optimistic');
  await it.run(load);
  const state = await it.run(() => {
    window.example.finish();
    return window.project.taskStore.getById(1).status;
  });
  assert.equal(state, 'done');
  await it.request('sync');
  await it.until(() => window.project.changes === null);
  it.server.nextSync(status(409, { success: false, code: 409, message: 'Changed meanwhile' }));
  await it.run(() => void (window.project.taskStore.getById(2).name = 'Mine'));
  await it.request('load', 2);
  await it.until(() => window.project.taskStore.getById(2).name === 'Add button to toolbar');
  assert.equal(await it.run(() => window.project.changes), null);
});

test('pessimistic: the task is saved before the success shows, and goes back on a failure', async (t) => {
  const it = await Example.open(t, 'taskboard/pessimistic');
  await it.run(load);
  await it.run(() => window.example.updateTask(1, { status: 'done' }));
  assert.deepEqual(await it.shown(), [
    ['showTaskLoading', 1],
    ['showSuccess', 'Task updated'],
    ['hideTaskLoading', 1],
  ]);
  assert.equal(it.server.syncs.length, 1);
  it.server.nextSync({ success: false, message: 'Not yours' });
  await it.run(() => window.example.updateTask(1, { status: 'todo' }));
  assert.deepEqual(await it.shown(), [
    ['showTaskLoading', 1],
    ['showError', 'Not yours'],
    ['hideTaskLoading', 1],
  ]);
  const seen = await it.run(() => [
    window.project.taskStore.getById(1).status,
    window.project.changes,
  ]);
  assert.deepEqual(seen, ['done', null]);
});

test('hybrid: a critical change waits for the confirmation, and stays when that says no', async (t) => {
  const it = await Example.open(t, 'taskboard/hybrid');
  await it.run(load);
  await it.run(() => void (window.project.taskStore.getById(1).name = 'Harmless'));
  await it.request('sync');
  assert.deepEqual(await it.shown(), []);
  await it.until(() => window.project.changes === null);
  await it.run(() => {
    window.app.answers.confirm = false;
    window.project.taskStore.getById(3).status = 'done';
  });
  await it.until(() => window.app.shown.length > 0);
  const [[, pack]] = await it.shown();
  assert.deepEqual(pack.tasks.updated, [{ id: 3, status: 'done' }]);
  assert.equal(it.server.syncs.length, 1);
  assert.equal(await it.run(() => window.project.taskStore.getById(3).status), 'done');
  await it.run(() => {
    window.app.answers.confirm = true;
    window.project.taskStore.remove(2);
    return window.project.sync().then(() => undefined);
  });
  const { pack: saved } = await it.request('sync', 2);
  assert.deepEqual(saved.tasks.removed, [{ id: 2 }]);
  assert.equal(saved.tasks.updated[0].status, 'done');
});

test('a poller of the application loads again and again, but not over unsaved changes', async (t) => {
  const it = await Example.open(t, 'taskboard/polling');
  await it.request('load', 3);
  it.server.syncWith(reply({ delay: 300, body: { success: true } }));
  await it.run(() => {
    window.project.autoSync = false;
    window.project.taskStore.getById(1).name = 'Mine';
  });
  // A load that had begun is over.
  await it.until(() => !window.project.isLoading);
  const before = it.server.loads.length;
  await it.run(() => new Promise((resolve) => setTimeout(resolve, 200)));
  assert.equal(it.server.loads.length, before, 'a load over unsaved changes');
  assert.equal(await it.run(() => window.project.taskStore.getById(1).name), 'Mine');
  await it.run(() => window.project.sync().then(() => undefined));
  await it.request('load', before + 2);
  await it.run(() => window.example.poller.stop());
  // On a slow machine the next load may come before this one's answer, and takes its place.
  const others = it.complaints.filter(([, text]) => !text.includes('a newer load'));
  assert.deepEqual(others, []);
});

test('many changes one by one go in one sync, and so do those of a batch', async (t) => {
  const it = await Example.open(t, 'taskboard/batch', {
    data: { tasks: BOARD.tasks.map((task) => ({ ...task, progress: 0 })) },
  });
  await it.run(load);
  await it.run(() => window.example.oneByOne());
  const first = await it.request('sync');
  assert.equal(first.pack.tasks.updated.length, 3);
  await it.until(() => window.project.changes === null);
  await it.run(() => {
    window.project.taskStore.forEach((task) => task.set({ status: 'todo', progress: 0 }));
    return window.project.sync().then(() => undefined);
  });
  await it.run(() => window.example.together());
  const last = await it.request('sync', 3);
  assert.deepEqual(
    last.pack.tasks.updated,
    [1, 2, 3].map((id) => ({ id, status: 'done', progress: 100 })),
  );
  await it.until(() => window.project.changes === null);
  assert.equal(await it.run(() => window.project.autoSync), true);
  assert.equal(it.server.syncs.length, 3);
});

test('a task without values is sent with the defaults of its fields', async (t) => {
  const it = await Example.open(t, 'taskboard/defaults');
  await it.run(() => {
    window.project.taskStore.add({});
    return window.project.sync().then(() => undefined);
  });
  const { $PhantomId, ...added } = (await it.request('sync')).pack.tasks.added[0];
  assert.equal(typeof $PhantomId, 'string');
  const { name, status: state, prio, progress } = added;
  assert.deepEqual([name, state, prio, progress], ['New Task', 'todo', 'medium', 0]);
});

test('offline nothing is sent and nothing lost; back online it is saved', async (t) => {
  const it = await Example.open(t, 'taskboard/offline');
  await it.run(load);
  await it.context.setOffline(true);
  await it.until(() => window.app.shown.some(([name]) => name === 'showOfflineIndicator'));
  const outcome = await it.run(() => {
    window.project.taskStore.getById(1).name = 'Offline';
    return Promise.race([
      window.project.sync().then(
        () => 'synced',
        () => 'refused',
      ),
      new Promise((resolve) => setTimeout(resolve, 150, 'waits')),
    ]);
  });
  assert.ok(['refused', 'waits'].includes(outcome), outcome);
  assert.equal(it.server.syncs.length, 0);
  assert.notEqual(await it.run(() => window.project.changes), null);
  await it.context.setOffline(false);
  const { pack } = await it.request('sync');
  assert.deepEqual(pack.tasks.updated, [{ id: 1, name: 'Offline' }]);
  await it.until(() => window.project.changes === null);
});

test('the complete board loads, shows its status, saves, and answers a conflict', async (t) => {
  const it = await Example.open(t, 'taskboard/complete');
  const indicator = (text) =>
    it.until((text) => document.getElementById('sync-status').textContent.includes(text), text);
  await indicator('All saved');
  assert.ok(it.said.some(([, text]) => text === 'Loaded 3 tasks'));
  it.server.nextSync(reply({ delay: 300, body: { success: true, revision: 2 } }));
  await it.run(() => void (window.project.taskStore.getById(1).status = 'done'));
  await indicator('Unsaved changes');
  await indicator('Saving...');
  await indicator('All saved');
  assert.ok(it.said.some(([, text]) => text === 'Changes saved successfully'));
  it.server.nextSync(status(409, { success: false, code: 409, message: 'Modified' }));
  await it.run(() => void (window.project.taskStore.getById(2).name = 'Mine'));
  await it.until(() => window.app.shown.some(([name]) => name === 'confirm'));
  await it.request('load', 2);
  await it.until(() => window.project.taskStore.getById(2).name === 'Add button to toolbar');
  await it.run(() => window.example.taskBoard.view.tbar[0].onClick().then(() => undefined));
  assert.equal(it.server.loads.length, 3);
  await it.run(() => void (window.project.taskStore.getById(2).name = 'Left behind'));
  const guarded = await it.run(() => {
    const event = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  });
  assert.equal(guarded, true);
  assert.deepEqual(it.complaints, []);
});

const calendarData = { data: CALENDAR };

test('the transport of the calendar takes credentials and the name of the parameter', async (t) => {
  const it = await Example.open(t, 'calendar/transport', calendarData);
  await it.run(load);
  const { query, headers, url } = await it.request('load');
  assert.equal(url.pathname, '/api/calendar/load');
  assert.ok(JSON.parse(query.get('data')).stores.includes('events'));
  assert.equal(headers.authorization, 'Bearer token');
  await it.run(() => {
    window.project.eventStore.getById('e2').name = 'Retro';
    return window.project.sync().then(() => undefined);
  });
  const synced = await it.request('sync');
  assert.equal(synced.headers['content-type'], 'application/json');
  assert.deepEqual(synced.pack.events.updated, [{ id: 'e2', name: 'Retro' }]);
});

test('autoSync waits for a second after the last change', async (t) => {
  const it = await Example.open(t, 'calendar/auto-sync', calendarData);
  await it.run(load);
  const last = await it.run(async () => {
    const event = window.project.eventStore.getById('e1');
    event.name = 'One';
    await new Promise((resolve) => setTimeout(resolve, 400));
    event.name = 'Two';
    return Date.now();
  });
  const { pack } = await it.request('sync');
  assert.ok(Date.now() - last >= 980, `after ${Date.now() - last} ms`);
  assert.deepEqual(pack.events.updated, [{ id: 'e1', name: 'Two' }]);
  assert.equal(it.server.syncs.length, 1);
});

test('forceSync asks the server at every interval, and takes what it has', async (t) => {
  const it = await Example.open(t, 'calendar/polling', calendarData);
  await it.run(load);
  it.server.syncWith(({ pack }) => ({
    success: true,
    requestId: pack.requestId,
    revision: 9,
    events: { rows: [{ id: 'e2', name: 'Moved by Ada' }], removed: [{ id: 'e1' }] },
  }));
  await it.until(() => window.project.eventStore.getById('e2').name === 'Moved by Ada');
  await it.until(() => window.project.eventStore.count === 1);
  const { pack } = await it.request('sync', 2);
  assert.equal('events' in pack, false);
  assert.equal(await it.run(() => window.project.changes), null);
  await it.run(() => window.example.stopPolling());
  assert.deepEqual(it.complaints, []);
});

test('what is changed while autoSync is suspended goes in one sync when it resumes', async (t) => {
  const it = await Example.open(t, 'calendar/suspend', calendarData);
  await it.run(load);
  await it.run(() => window.example.changeMany());
  const { pack } = await it.request('sync');
  assert.equal(pack.events.added.length, 3);
  assert.deepEqual(pack.resources.updated, [{ id: 'r1', name: 'Changed' }]);
  await it.until(() => window.project.changes === null);
  assert.equal(it.server.syncs.length, 1);
});

test('the listeners of the calendar add a header, change the answer, and tell what happened', async (t) => {
  const it = await Example.open(t, 'calendar/listeners', calendarData);
  await it.run(load);
  const { headers } = await it.request('load');
  assert.equal(headers.authorization, 'Bearer fresh');
  assert.equal(headers['x-request-type'], 'load');
  assert.equal(await it.run(() => window.project.eventStore.getById('e1').name), 'Stand-up');
  await it.run(() => void (window.project.eventStore.getById('e1').name = 'Daily'));
  await it.run(sync);
  assert.deepEqual(
    (await it.shown()).map(([name, text]) => text ?? name).filter((text) => text !== 'refresh'),
    ['Data loaded', 'enableSaveButton', 'Changes saved', 'disableSaveButton'],
  );
  it.server.nextSync({ success: false, message: 'No' });
  await it.run(() => void (window.project.eventStore.getById('e1').name = 'Weekly'));
  assert.notEqual(await it.run(sync), 'done');
  it.server.nextLoad(status(500, {}));
  await it.run(() => window.project.load().catch(() => {}));
  const errors = (await it.shown()).filter(([name]) => name === 'showError');
  assert.deepEqual(
    errors.map(([, text]) => text),
    ['Saving failed', 'Loading failed'],
  );
});

test('the minimal calendar loads by itself and shows why something failed', async (t) => {
  const it = await Example.open(t, 'calendar/basic', calendarData);
  await it.until(() => window.project.eventStore.count === 2);
  it.server.nextSync({ success: false, message: 'Read only' });
  await it.run(() => void (window.project.eventStore.getById('e1').name = 'Daily'));
  await it.until(() => window.app.shown.length > 0);
  assert.deepEqual(await it.shown(), [['showError', 'Saving failed: Read only']]);
  it.server.nextLoad(status(500, { success: false, message: 'Out of order' }));
  await it.run(() => window.project.load().catch(() => {}));
  assert.deepEqual(await it.shown(), [['showError', 'Loading failed: Out of order']]);
});

test("an application's own optimistic updates are kept, or taken back when the server fails", async (t) => {
  const it = await Example.open(t, 'calendar/optimistic', calendarData);
  await it.run(load);
  const update = (changes) =>
    it.run(async (changes) => {
      const event = window.project.eventStore.getById('e1');
      const outcome = window.example.updates.applyUpdate('event', 'e1', changes).then(
        () => 'saved',
        (error) => error.message,
      );
      const shown = event.name;
      return [shown, await outcome, event.name];
    }, changes);
  assert.deepEqual(await update({ name: 'Daily' }), ['Daily', 'saved', 'Daily']);
  it.server.nextSync(status(500, {}));
  assert.deepEqual(await update({ name: 'Weekly' }), ['Weekly', 'Sync failed', 'Daily']);
  const unknown = await it.run(() =>
    window.example.updates.applyUpdate('event', 'none', {}).catch(({ message }) => message),
  );
  assert.equal(unknown, 'Record none not found');
});
