// The demo with a server that does what it should.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CalendarPage, hoursFrom, startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

test('the page shows the team’s week, and the console stays silent', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  for (const name of ['Weekly planning', 'Sprint demo', 'Company all-hands', 'Drinks']) {
    await view.event(name).waitFor();
  }
  const { resources } = await server.load();
  assert.equal(await view.page.locator('.person').count(), resources.rows.length);
  await view.page.locator('.time-range', { hasText: 'Lunch' }).first().waitFor();
  assert.equal(await view.page.locator('.is-skeleton, .is-pending').count(), 0);
  view.assertQuiet();
});

test('a dragged event is a changed row in the database, and is there after a reload', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  const before = await server.row('Bug triage');
  await view.saved(() => view.drag('Bug triage', { days: -1, hours: 1 }));
  const row = await server.row('Bug triage');
  assert.deepEqual(hoursFrom(before, row), { start: -23, end: -22 });
  assert.equal((await server.rows('events')).length, 28);

  const shown = await view.event('Bug triage').textContent();
  await view.load();
  assert.equal(await view.event('Bug triage').textContent(), shown);
  assert.match(shown, /14:30/);
  view.assertQuiet();
});

test('a resized event keeps its start and gets the new end', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  const before = await server.row('Bug triage');
  await view.saved(() => view.resize('Bug triage', 1));
  assert.deepEqual(hoursFrom(before, await server.row('Bug triage')), { start: 0, end: 2 });
  view.assertQuiet();
});

test('an event is created, renamed, recoloured, assigned, moved and deleted in its form', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  const { page } = view;

  await view.select(5, 10, 12);
  await view.editor.waitFor();
  await page.keyboard.type('Boat repair');
  await view.editor.getByRole('button', { name: 'Angelo' }).click();
  await view.saved(() => view.press('Create'));
  const created = await server.row('Boat repair');
  assert.equal(new Date(created.startDate).getHours(), 10);
  assert.equal(new Date(created.endDate).getHours(), 12);
  const assigned = (await server.rows('assignments')).filter((row) => row.event === created.id);
  assert.deepEqual(assigned.map((row) => row.resource), [1]);

  await view.edit('Boat repair');
  await page.keyboard.type('Boat trip');
  await view.saved(() => page.keyboard.press('Enter'));
  assert.equal((await server.row('Boat trip')).id, created.id);

  await view.edit('Boat trip');
  await view.saved(() => view.editor.getByRole('radio', { name: 'Rose' }).check({ force: true }));
  await view.saved(() => view.editor.getByRole('button', { name: 'Celia' }).click());
  await view.saved(() => view.editor.getByRole('button', { name: 'Angelo' }).click());
  const start = await view.editor.getByLabel('Start').inputValue();
  await view.saved(() => view.editor.getByLabel('Start').fill(start.replace('T10:00', 'T13:30')));
  const changed = await server.row('Boat trip');
  assert.equal(changed.eventColor, '#f43f5e');
  assert.deepEqual(hoursFrom(created, changed), { start: 3.5, end: 5.5 });
  const people = (await server.rows('assignments')).filter((row) => row.event === created.id);
  assert.deepEqual(people.map((row) => row.resource), [2]);

  await view.saved(() => view.press('Delete'));
  assert.equal(await view.event('Boat trip').count(), 0);
  assert.equal(await server.row('Boat trip'), undefined);
  const left = (await server.rows('assignments')).filter((row) => row.event === created.id);
  assert.deepEqual(left, []);
  view.assertQuiet();
});

test('a deleted event comes back with its people by Undo', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  await view.edit('Load tests');
  await view.saved(() => view.press('Delete'));
  assert.equal(await server.row('Load tests'), undefined);
  await view.saved(() => view.toast('deleted').getByRole('button', { name: 'Undo' }).click());
  const row = await server.row('Load tests');
  const people = (await server.rows('assignments')).filter(({ event }) => event === row.id);
  assert.deepEqual(people.map(({ resource }) => resource).sort(), [5, 6]);
  view.assertQuiet();
});

test('a locked event that was moved goes back, and the server’s reason is told', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const before = await server.row('Company all-hands');
  // What is refused for another reason is not what the page has asked for.
  const asked = view.page.locator('.tour-step', { hasText: 'Company all-hands' });
  await server.faults({ refuseNext: 1 });
  await view.drag('Bug triage', { days: -1 });
  await view.toast('Bug triage').waitFor();
  assert.equal(await asked.getAttribute('data-done'), 'false');
  const shown = await view.event('Company all-hands').textContent();
  await view.drag('Company all-hands', { days: 1, hours: 2 });
  const toast = view.toast('Company all-hands');
  await toast.waitFor();
  assert.match(await toast.textContent(), /locked/i);
  assert.equal(await asked.getAttribute('data-done'), 'true');
  await view.pill('All changes saved');
  assert.equal(await view.event('Company all-hands').textContent(), shown);
  assert.deepEqual(await server.row('Company all-hands'), before);

  // It stands in the way of nothing else.
  await view.saved(() => view.drag('Bug triage', { days: -1 }));
  view.assertQuiet();
});

test('the editor is worked by the keyboard alone, and gives the focus back', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  const { page } = view;
  const event = view.event('Retrospective');
  await event.focus();
  await page.keyboard.press('Enter');
  await view.editor.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.value), 'Retrospective');
  await page.keyboard.press('Shift+Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Done');
  await page.keyboard.press('Tab');
  await page.keyboard.type('Never mind');
  await page.keyboard.press('Escape');
  assert.equal(await view.editor.count(), 0);
  assert.equal(await event.evaluate((element) => element === document.activeElement), true);
  assert.equal((await server.row('Retrospective')).name, 'Retrospective');

  await page.keyboard.press('Enter');
  await page.keyboard.type('Look back');
  await view.saved(() => page.mouse.click(720, 30));
  assert.equal(await view.editor.count(), 0);
  assert.ok(await server.row('Look back'));
  view.assertQuiet();
});

test('choosing a person shows only the events in which this person takes part', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  await view.page.getByRole('button', { name: 'Kate', exact: true }).click();
  await view.event('Write release notes').waitFor();
  assert.equal(await view.event('Load tests').count(), 0);
  await view.page.getByRole('button', { name: 'Kate', exact: true }).click();
  await view.event('Load tests').waitFor();
  view.assertQuiet();
});

test('unsaved work is guarded on leaving, and saved work is not', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const { page } = view;
  const asked = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await view.saved(() => view.drag('Bug triage', { days: -1 }));
  await page.reload();
  await view.event('Weekly planning').waitFor();
  assert.deepEqual(asked, []);

  await server.faults({ latencyMs: 1500 });
  await view.drag('Bug triage', { days: -1 });
  // A dismissed dialog keeps the page: the reload does not happen.
  await page.evaluate(() => setTimeout(() => location.reload()));
  await assert.doesNotReject(async () => {
    while (asked.length === 0) await page.waitForTimeout(50);
  });
  assert.deepEqual(asked, ['beforeunload']);
  await view.pill('All changes saved');
  view.assertQuiet();
});

test('the page runs under a content security policy that allows nothing inline', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'";
  await view.page.route(`${server.url}/`, async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers(), 'content-security-policy': policy };
    await route.fulfill({ response, headers });
  });
  await view.load();
  await view.saved(() => view.drag('Bug triage', { days: -1 }));
  await view.edit('Bug triage');
  view.assertQuiet();
});

test('a narrow screen shows days of this week, also on its last day', async (t) => {
  const server = await TestServer.start(t);
  const { startDate } = await server.event('Retrospective');
  const sunday = new Date(new Date(startDate).setHours(9) + 2 * 86_400_000);
  const viewport = { width: 390, height: 820 };
  const view = await CalendarPage.open(t, server, { viewport, hasTouch: true, time: sunday });
  await view.event('Retrospective').waitFor();
  await view.page.getByRole('button', { name: 'Later' }).click();
  await view.event('Retrospective').waitFor({ state: 'detached' });
  await view.page.getByRole('button', { name: 'Today' }).click();
  await view.event('Retrospective').waitFor();
  view.assertQuiet();
});

for (const width of [380, 768, 1440]) {
  test(`nothing sticks out at a width of ${width} pixels`, async (t) => {
    const server = await TestServer.start(t);
    const viewport = { width, height: 820 };
    const view = await CalendarPage.open(t, server, { viewport, hasTouch: width < 500 });
    const wide = await view.page.evaluate(() => {
      const inside = (element) => {
        const { left, right } = element.getBoundingClientRect();
        return left >= -1 && right <= innerWidth + 1;
      };
      const parts = document.querySelectorAll('.topbar > *, .toolbar > *, .wire, .person');
      return [...parts]
        .filter((element) => element.checkVisibility() && !inside(element))
        .map((element) => element.className);
    });
    assert.deepEqual(wide, []);
    view.assertQuiet();
  });
}
