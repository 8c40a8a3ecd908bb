// The task board, with a server that does what it should and with one that refuses.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BoardPage } from './board.mjs';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

async function open(t, options) {
  const server = await TestServer.start(t);
  const view = await BoardPage.open(t, server, options);
  return { server, view, page: view.page };
}

const task = (server, name) => server.row(name, 'tasks');

async function peopleOf(server, name) {
  const { id } = await task(server, name);
  const rows = await server.rows('taskAssignments');
  return rows
    .filter(({ event }) => event === id)
    .map(({ resource }) => resource)
    .sort();
}

test('the board shows columns, swimlanes and cards, and the console stays silent', async (t) => {
  const { server, view, page } = await open(t);
  const { columns, swimlanes, tasks, resources } = await server.load('taskboard');
  const texts = ({ rows }) => {
    const sorted = rows.sort((one, other) => one.weight - other.weight);
    return sorted.map(({ text }) => text);
  };
  assert.deepEqual(await page.locator('.column-title').allTextContents(), texts(columns));
  const lanes = await page.locator('.lane').evaluateAll((all) => all.map((one) => one.ariaLabel));
  assert.deepEqual(lanes, texts(swimlanes));
  assert.equal(await page.locator('.card').count(), tasks.rows.length);
  assert.equal(await page.locator('.person').count(), resources.rows.length);
  for (const { name, status, prio } of tasks.rows) {
    assert.equal(await view.where(name), `${status}/${prio}`);
  }
  const card = view.card('Remove overflow');
  assert.match(await card.textContent(), /It is overflowing everywhere.*\d{1,2} \w{3}.*Medium/);
  assert.equal(await card.locator('.avatar').count(), 2);
  assert.equal(await page.locator('.board-skeleton, .is-pending').count(), 0);
  view.assertQuiet();
});

test('what is late is marked, but not when it is done or due today', async (t) => {
  const server = await TestServer.start(t);
  const today = new Date();
  const day = [today.getFullYear(), today.getMonth() + 1, today.getDate()];
  const deadline = day.map((part) => String(part).padStart(2, '0')).join('-');
  await server.sync({ tasks: { added: [{ $PhantomId: 'a', name: 'Due today', deadline }] } });
  const view = await BoardPage.open(t, server);
  const isLate = (name) => view.card(name).locator('[data-overdue=true]').count();
  assert.equal(await isLate('Remove overflow'), 1);
  assert.equal(await isLate('Write tests'), 0);
  assert.equal(await isLate('Due today'), 0);
  assert.equal(await view.card('Due today').locator('.card-deadline').count(), 1);
});

test('a card dragged to another column is saved, and is there after a reload', async (t) => {
  const { server, view } = await open(t);
  await view.saved(() => view.drag('Refactor base class', 'review', 'low'));
  const row = await task(server, 'Refactor base class');
  assert.deepEqual([row.status, row.prio], ['review', 'low']);
  await view.load();
  assert.equal(await view.where('Refactor base class'), 'review/low');
  assert.equal(await view.editor.count(), 0, 'a drag is no click');
  view.assertQuiet();
});

test('a card dragged to another lane and column at once is one changed row', async (t) => {
  const { server, view, page } = await open(t);
  const sent = page.waitForRequest((request) => request.url().endsWith('/sync'));
  await view.saved(() => view.drag('Bug with rendering', 'todo', 'high'));
  const { tasks } = (await sent).postDataJSON();
  assert.equal(tasks.updated.length, 1);
  const { id: _id, weight: _weight, ...changed } = tasks.updated[0];
  assert.deepEqual(changed, { status: 'todo', prio: 'high' });
  const row = await task(server, 'Bug with rendering');
  assert.deepEqual([row.status, row.prio], ['todo', 'high']);
  view.assertQuiet();
});

test('the order in a cell is the one in which the cards were dropped', async (t) => {
  const { server, view } = await open(t);
  await view.saved(() => view.drag('Remove overflow', 'review', 'medium'));
  assert.deepEqual(await view.names('review', 'medium'), ['Bug with rendering', 'Remove overflow']);
  const above = 'Bug with rendering';
  await view.saved(() => view.drag('Refactor base class', 'review', 'medium', { above }));
  await view.saved(() =>
    view.drag('Write tests', 'review', 'medium', { above: 'Remove overflow' }),
  );
  const wanted = ['Refactor base class', 'Bug with rendering', 'Write tests', 'Remove overflow'];
  assert.deepEqual(await view.names('review', 'medium'), wanted);
  const { tasks } = await server.load('taskboard');
  const rows = tasks.rows.filter(({ status, prio }) => `${status}/${prio}` === 'review/medium');
  const sorted = rows.sort((one, other) => one.weight - other.weight).map(({ name }) => name);
  assert.deepEqual(sorted, wanted);
  await view.load();
  assert.deepEqual(await view.names('review', 'medium'), wanted);
  view.assertQuiet();
});

test('cards of equal weight make room for one that is put between them', async (t) => {
  const server = await TestServer.start(t);
  const added = ['One', 'Two', 'Three'].map((name) => ({
    $PhantomId: name,
    name,
    status: 'todo',
    prio: 'high',
    weight: 5,
  }));
  await server.sync({ tasks: { added } });
  const view = await BoardPage.open(t, server);
  await view.saved(() => view.drag('Write tests', 'todo', 'high', { above: 'Two' }));
  const wanted = ['One', 'Write tests', 'Two', 'Three'];
  assert.deepEqual(await view.names('todo', 'high'), wanted);
  await view.load();
  assert.deepEqual(await view.names('todo', 'high'), wanted);
  view.assertQuiet();
});

test('Escape in the middle of a drag takes the card back, and nothing is sent', async (t) => {
  const { view, page } = await open(t);
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await view.drag('Remove overflow', 'todo', 'high', { drop: false });
  assert.equal(await view.where('Remove overflow'), 'todo/high');
  await page.keyboard.press('Escape');
  await page.mouse.up();
  assert.equal(await view.where('Remove overflow'), 'doing/medium');
  assert.equal(await page.locator('.card-ghost, [data-lifted]').count(), 0);
  await page.waitForTimeout(600);
  assert.deepEqual(requests, []);
  view.assertQuiet();
});

test('a finger that rests on a card lifts it, and one that moves on scrolls', async (t) => {
  const viewport = { width: 390, height: 844 };
  const { server, view, page } = await open(t, { viewport, hasTouch: true });
  await view.saved(() => view.dragByFinger('Refactor base class', 'todo', 'high'));
  const row = await task(server, 'Refactor base class');
  assert.deepEqual([row.status, row.prio], ['todo', 'high']);

  await view.swipe('Refactor base class', 200);
  const board = await page.locator('#board').elementHandle();
  await page.waitForFunction((element) => element.scrollLeft > 100, board);
  assert.equal(await view.where('Refactor base class'), 'todo/high');
  view.assertQuiet();
});

test('a pen drags a card as a mouse does', async (t) => {
  const { server, view, page } = await open(t);
  await page.evaluate(() => {
    addEventListener('pointerdown', ({ pointerType }) => (document.title = pointerType), true);
  });
  await view.saved(() => view.dragByPen('Remove overflow', 'todo', 'low'));
  assert.equal(await page.title(), 'pen');
  const row = await task(server, 'Remove overflow');
  assert.deepEqual([row.status, row.prio], ['todo', 'low']);
  assert.equal(await view.editor.count(), 0);
  view.assertQuiet();
});

test('a card is lifted, moved, dropped and taken back by the keyboard', async (t) => {
  const { server, view, page } = await open(t);
  const { keyboard } = page;
  await view.handle('Remove overflow').focus();
  await keyboard.press('Space');
  assert.match(await view.said(), /“Remove overflow” lifted\. In Progress, Medium Priority/);
  await keyboard.press('ArrowRight');
  assert.equal(await view.said(), 'Review, Medium Priority, position 1 of 2');
  await keyboard.press('ArrowDown');
  assert.equal(await view.said(), 'Review, Medium Priority, position 2 of 2');
  await keyboard.press('ArrowDown');
  assert.equal(await view.said(), 'Review, Low Priority, position 1 of 1');
  await view.saved(() => keyboard.press('Space'));
  assert.match(await view.said(), /“Remove overflow” dropped/);
  const row = await task(server, 'Remove overflow');
  assert.deepEqual([row.status, row.prio], ['review', 'low']);
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  assert.equal(await focused(), 'Remove overflow');
  assert.equal(await view.editor.count(), 0, 'Space does not open the card');

  await keyboard.press('Space');
  await keyboard.press('ArrowLeft');
  assert.equal(await view.where('Remove overflow'), 'doing/low');
  await keyboard.press('Escape');
  assert.equal(await view.where('Remove overflow'), 'review/low');
  assert.match(await view.said(), /back where it was/);
  assert.equal(await focused(), 'Remove overflow');
  await keyboard.press('Space');
  await keyboard.press('ArrowLeft');
  await keyboard.press('Tab');
  assert.equal(await view.where('Remove overflow'), 'review/low', 'who leaves takes nothing along');
  assert.equal(await page.locator('[data-lifted]').count(), 0);
  view.assertQuiet();
});

test('the arrow keys go from card to card, past empty cells', async (t) => {
  const { view, page } = await open(t);
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await view.handle('Remove overflow').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(), 'Bug with rendering');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(), 'Bug with rendering', 'there is no card further on');
  await view.handle('Write tests').focus();
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'Add button to toolbar');
});

test('a card is changed in its dialog, and only what was changed is sent', async (t) => {
  const { server, view, page } = await open(t);
  await view.edit('Remove overflow');
  const { editor } = view;
  assert.equal(await page.evaluate(() => document.activeElement.value), 'Remove overflow');
  await page.keyboard.type('Hide overflow');
  await editor.getByLabel('Description').fill('In every theme');
  await editor.getByLabel('Column').selectOption('Review');
  await editor.getByLabel('Priority').selectOption('High Priority');
  await editor.getByLabel('Deadline').fill('2031-02-03');
  await editor.getByRole('button', { name: 'Dave' }).click();
  await editor.getByRole('button', { name: 'Celia' }).click();
  await view.saved(() => view.press('Save'));
  const row = await task(server, 'Hide overflow');
  const values = [row.description, row.status, row.prio, row.deadline];
  assert.deepEqual(values, ['In every theme', 'review', 'high', '2031-02-03']);
  assert.deepEqual(await peopleOf(server, 'Hide overflow'), [2, 7]);
  assert.equal(await view.where('Hide overflow'), 'review/high');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Hide overflow');

  await view.edit('Hide overflow');
  await editor.getByLabel('Deadline').fill('');
  const sent = page.waitForRequest((request) => request.url().endsWith('/sync'));
  await view.saved(() => page.keyboard.press('Enter'));
  const { tasks, assignments } = (await sent).postDataJSON();
  assert.deepEqual(tasks.updated, [{ id: row.id, deadline: null }]);
  assert.equal(assignments, undefined);
  view.assertQuiet();
});

test('the dialog keeps the focus, refuses an empty name, and Escape changes nothing', async (t) => {
  const { server, view, page } = await open(t);
  await view.handle('Write tests').focus();
  await page.keyboard.press('Enter');
  await view.editor.waitFor();
  await page.keyboard.press('Delete');
  await view.press('Save');
  assert.equal(await view.editor.count(), 1);
  await page.keyboard.type('Never mind');
  for (let i = 0; i < 20; i += 1) {
    await page.keyboard.press('Tab');
    const isInside = await page.evaluate(
      () => document.activeElement === document.body || !!document.activeElement.closest('dialog'),
    );
    assert.ok(isInside);
  }
  await page.keyboard.press('Escape');
  await view.editor.waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Write tests');
  assert.equal((await task(server, 'Write tests')).name, 'Write tests');
  view.assertQuiet();
});

test('a card is added to a column with its people, and has the server’s id', async (t) => {
  const { server, view, page } = await open(t);
  await page.getByRole('button', { name: 'Add a card to Review' }).click();
  await page.keyboard.type('Read it aloud');
  await view.editor.getByRole('button', { name: 'Emilia' }).click();
  await view.saved(() => view.press('Create'));
  const row = await task(server, 'Read it aloud');
  assert.deepEqual([row.status, row.prio], ['review', 'medium']);
  assert.deepEqual(await peopleOf(server, 'Read it aloud'), [4]);
  assert.deepEqual(await view.names('review', 'medium'), ['Bug with rendering', 'Read it aloud']);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Read it aloud');
  await view.saved(() => view.drag('Read it aloud', 'todo', 'low'));
  assert.equal((await task(server, 'Read it aloud')).id, row.id);
  view.assertQuiet();
});

test('a card is deleted, and comes back with its people by Undo', async (t) => {
  const { server, view } = await open(t);
  await view.edit('Remove overflow');
  await view.saved(() => view.press('Delete'));
  assert.equal(await task(server, 'Remove overflow'), undefined);
  assert.equal(await view.card('Remove overflow').count(), 0);
  await view.saved(() => view.toast('deleted').getByRole('button', { name: 'Undo' }).click());
  assert.equal((await task(server, 'Remove overflow')).description, 'It is overflowing everywhere');
  assert.deepEqual(await peopleOf(server, 'Remove overflow'), [3, 7]);
  assert.equal(await view.where('Remove overflow'), 'doing/medium');
  view.assertQuiet();
});

test('a card is marked as complete, and Undo brings it back', async (t) => {
  const { server, view, page } = await open(t);
  const button = page.getByRole('button', { name: 'Mark “Remove overflow” as complete' });
  await view.saved(() => button.click());
  const row = await task(server, 'Remove overflow');
  assert.deepEqual([row.status, row.progress], ['done', 100]);
  assert.equal(await view.where('Remove overflow'), 'done/medium');
  await view.saved(() => view.toast('completed').getByRole('button', { name: 'Undo' }).click());
  const again = await task(server, 'Remove overflow');
  assert.deepEqual([again.status, again.progress], ['doing', 0]);
  view.assertQuiet();
});

test('a refused move goes back, and the server’s reason is told', async (t) => {
  const server = await TestServer.start(t);
  const { id } = await task(server, 'Remove overflow');
  await server.sync({ tasks: { updated: [{ id, readOnly: true }] } });
  const view = await BoardPage.open(t, server, { faults: true });
  const before = await task(server, 'Remove overflow');
  await server.faults({ latencyMs: 800 });
  await view.drag('Remove overflow', 'done', 'low');
  assert.equal(await view.where('Remove overflow'), 'done/low', 'it is shown at once');
  const toast = view.toast('Remove overflow');
  await toast.waitFor();
  assert.match(await toast.textContent(), /put back.*locked/i);
  await view.pill('All changes saved');
  assert.equal(await view.where('Remove overflow'), 'doing/medium');
  await view.card('Remove overflow').and(view.page.locator('.is-refused')).waitFor();
  assert.deepEqual(await task(server, 'Remove overflow'), before);

  // It stands in the way of nothing else.
  await view.saved(() => view.drag('Write tests', 'review', 'high'));
  view.assertQuiet();
});

test('a card is hatched until it is confirmed, and unsaved work is guarded', async (t) => {
  const { server, view, page } = await open(t, { faults: true });
  const asked = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await server.faults({ latencyMs: 1500 });
  await view.drag('Remove overflow', 'review', 'low');
  await view.card('Remove overflow').and(page.locator('.is-pending')).waitFor();
  await page.evaluate(() => setTimeout(() => location.reload()));
  while (asked.length === 0) await page.waitForTimeout(50);
  assert.deepEqual(asked, ['beforeunload']);
  await view.pill('All changes saved');
  assert.equal(await page.locator('.is-pending').count(), 0);
  view.assertQuiet();
});

test('what was done offline is sent by Save when the server is back', async (t) => {
  const { server, view, page } = await open(t, { faults: true });
  await server.kill();
  await view.drag('Remove overflow', 'review', 'low');
  await view.pill('Offline · 1 pending');
  await view.drag('Write tests', 'todo', 'high');
  await view.pill('Offline · 2 pending');
  await server.start();
  await view.saved(() => page.getByRole('button', { name: 'Save', exact: true }).click());
  assert.equal((await task(server, 'Remove overflow')).status, 'review');
  assert.equal((await task(server, 'Write tests')).status, 'todo');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await view.toast('Everything is saved already').waitFor();
  view.assertQuiet();
});

test('what others do is shown, also by Reload, but not in the middle of a drag', async (t) => {
  const { server, view, page } = await open(t);
  const { id } = await task(server, 'Write tests');
  await view.drag('Remove overflow', 'todo', 'low', { drop: false });
  await server.sync({ tasks: { updated: [{ id, name: 'Write more tests', status: 'todo' }] } });
  const answered = page.waitForResponse((response) => response.url().includes('/load'));
  await page.locator('#reload').evaluate((button) => button.click());
  await answered;
  await page.waitForTimeout(200);
  assert.equal(await view.where('Write tests'), 'done/high', 'it waits for the hand to be empty');
  await view.saved(() => page.mouse.up());
  assert.equal(await view.where('Write more tests'), 'todo/high');
  assert.equal(await view.where('Remove overflow'), 'todo/low');
  view.assertQuiet();
});

test('a card that is deleted elsewhere while it is dragged is told of', async (t) => {
  const { server, view, page } = await open(t);
  const { id } = await task(server, 'Remove overflow');
  await view.drag('Remove overflow', 'todo', 'low', { drop: false });
  // What is dragged is locked; in the name of the lock's holder that is no obstacle.
  await server.sync({ clientId: view.clientId, tasks: { removed: [{ id }] } });
  const answered = page.waitForResponse((response) => response.url().includes('/load'));
  await page.locator('#reload').evaluate((button) => button.click());
  await answered;
  await page.waitForTimeout(200);
  await page.mouse.up();
  await view.toast('The card is gone').waitFor();
  assert.equal(await view.card('Remove overflow').count(), 0);
  await view.saved(() => view.drag('Write tests', 'todo', 'low'));
  view.assertQuiet();
});

test('a card that is deleted elsewhere while it is edited closes the dialog', async (t) => {
  const { server, view, page } = await open(t);
  const { id } = await task(server, 'Remove overflow');
  await view.edit('Remove overflow');
  // The lock keeps others out; in the name of its holder it is no obstacle.
  await server.sync({ clientId: view.clientId, tasks: { removed: [{ id }] } });
  await page.locator('#reload').evaluate((button) => button.click());
  await view.toast('The card is gone').waitFor();
  await view.editor.waitFor({ state: 'detached' });
  assert.equal(await view.card('Remove overflow').count(), 0);
  view.assertQuiet();
});

test('what two people change in different fields of a card is kept of both', async (t) => {
  const { server, view } = await open(t);
  const { id } = await task(server, 'Remove overflow');
  await view.edit('Remove overflow');
  const updated = [{ id, description: 'Only on Tuesdays' }];
  await server.sync({ clientId: view.clientId, tasks: { updated } });
  await view.editor.getByLabel('Column').selectOption('Review');
  await view.saved(() => view.press('Save'));
  const row = await task(server, 'Remove overflow');
  assert.deepEqual([row.status, row.description], ['review', 'Only on Tuesdays']);
  await view.card('Remove overflow').getByText('Only on Tuesdays').waitFor();
  view.assertQuiet();
});

test('choosing a person shows only this person’s cards, and a lane can be collapsed', async (t) => {
  const { server, view, page } = await open(t);
  await page.getByRole('button', { name: 'Kate', exact: true }).click();
  assert.deepEqual(await page.locator('.card-open').allTextContents(), ['Remove overflow']);
  await page.getByRole('button', { name: 'Kate', exact: true }).click();
  assert.equal(await page.locator('.card').count(), 5);
  await view.saved(() => page.getByRole('button', { name: /^Low Priority/ }).click());
  assert.equal(await page.locator('.card').count(), 3);
  const { swimlanes } = await server.load('taskboard');
  assert.equal(swimlanes.rows.find(({ id }) => id === 'low').collapsed, true);
  view.assertQuiet();
});

test('the views are switched in the header', async (t) => {
  const { view, page, server } = await open(t);
  await page.getByRole('link', { name: 'Calendar' }).click();
  await page.waitForURL(`${server.url}/`);
  await page.locator('.event', { hasText: 'Weekly planning' }).first().waitFor();
  await page.getByRole('link', { name: 'Task board' }).click();
  await view.card('Write tests').waitFor();
  assert.equal(
    await page
      .locator('.view[aria-current=page]')
      .textContent()
      .then((text) => text.trim()),
    'Task board',
  );
  view.assertQuiet();
});

test('the board runs under a content security policy that allows nothing inline', async (t) => {
  const { server, view } = await open(t);
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'";
  await view.page.route(`${server.url}/board.html`, async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers(), 'content-security-policy': policy };
    await route.fulfill({ response, headers });
  });
  await view.load();
  await view.saved(() => view.drag('Remove overflow', 'todo', 'low'));
  await view.edit('Remove overflow');
  view.assertQuiet();
});

test('nothing jumps while the board loads', async (t) => {
  const server = await TestServer.start(t);
  await server.faults({ latencyMs: 400 });
  const view = await BoardPage.open(t, server);
  const shift = await view.page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(sum), 300);
      }),
  );
  assert.ok(shift < 0.01, `cumulative layout shift: ${shift}`);
});

for (const width of [380, 768, 1440]) {
  test(`no part of the board’s page sticks out at a width of ${width} pixels`, async (t) => {
    const viewport = { width, height: 820 };
    const { view, page } = await open(t, { viewport, hasTouch: width < 500 });
    const wide = await page.evaluate(() => {
      const inside = (element) => {
        const { left, right } = element.getBoundingClientRect();
        return left >= -1 && right <= innerWidth + 1;
      };
      const parts = document.querySelectorAll('.topbar > *, .toolbar > *, .wire, .panel, .person');
      return [...parts]
        .filter((element) => element.checkVisibility() && !inside(element))
        .map((element) => element.className);
    });
    assert.deepEqual(wide, []);
    view.assertQuiet();
  });
}
