// The demo when things go wrong: a dead server, a dead network, lost and contradicting answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CalendarPage, hoursFrom, startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const EVENTS = 28;

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

test('a server killed in the middle of a sync loses nothing and doubles nothing', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const { page } = view;
  const before = {
    triage: await server.row('Bug triage'),
    notes: await server.row('Write release notes'),
  };
  await server.faults({ latencyMs: 60_000 });
  const sent = page.waitForRequest((request) => request.url().endsWith('/api/sync'));
  await view.select(5, 10, 12);
  await page.keyboard.type('Added before the crash');
  await view.press('Create');
  await view.drag('Bug triage', { days: -1 });
  await sent;
  await server.kill();
  assert.equal((await server.rows('events')).length, EVENTS, 'nothing of the sync was saved');

  await view.drag('Write release notes', { days: 1 });
  await view.drag('Bug triage', { hours: 2 });
  await view.pill('Offline · 3 pending');
  assert.equal(await page.locator('.strip').isVisible(), true);
  await view.event('Added before the crash').and(page.locator('.is-pending')).waitFor();

  await server.start();
  await page.locator('#pill').click();
  await view.pill('All changes saved');
  assert.equal(await page.locator('.is-pending').count(), 0);
  const rows = await server.rows('events');
  assert.equal(rows.length, EVENTS + 1);
  assert.ok(await server.row('Added before the crash'));
  const triage = hoursFrom(before.triage, await server.row('Bug triage'));
  assert.deepEqual(triage, { start: -22, end: -21 });
  const notes = hoursFrom(before.notes, await server.row('Write release notes'));
  assert.deepEqual(notes, { start: 24, end: 25.5 });
  view.assertQuiet();
});

test('an added event whose answer got lost is one row, and can be edited on', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  await server.faults({ dropAnswer: 1 });
  await view.select(5, 10, 12);
  await view.page.keyboard.type('Exactly once');
  await view.press('Create');
  await view.pill('All changes saved');
  const once = await server.row('Exactly once');
  assert.equal((await server.rows('events')).length, EVENTS + 1);
  await view.saved(() => view.drag('Exactly once', { days: 1 }));
  const row = await server.row('Exactly once');
  assert.equal(row.id, once.id);
  assert.deepEqual(hoursFrom(once, row), { start: 24, end: 26 });
  assert.equal((await server.rows('events')).length, EVENTS + 1);
  view.assertQuiet();
});

test('edits made offline are counted in the pill, and saved when the network is back', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const before = await server.row('Bug triage');
  await view.context.setOffline(true);
  await view.pill('Offline');
  await view.drag('Bug triage', { days: -1 });
  await view.pill('Offline · 1 pending');
  await view.edit('Retrospective');
  await view.page.keyboard.type('Look back');
  await view.press('Done');
  await view.pill('Offline · 2 pending');
  assert.match(await view.page.locator('.strip').textContent(), /You are offline/);
  assert.deepEqual(await server.row('Bug triage'), before);

  await view.context.setOffline(false);
  await view.pill('All changes saved');
  assert.deepEqual(hoursFrom(before, await server.row('Bug triage')), { start: -24, end: -23 });
  assert.ok(await server.row('Look back'));
  assert.match(await view.page.locator('.strip').textContent(), /Back online/);
  view.assertQuiet();
});

test('an event edited while its creation is on the way arrives with the last values', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server);
  await server.faults({ latencyMs: 60_000 });
  await view.select(5, 10, 12);
  await view.page.keyboard.type('Draft');
  const sent = view.page.waitForRequest((request) => request.url().endsWith('/api/sync'));
  await view.press('Create');
  await sent;
  await view.drag('Draft', { hours: 2 });
  await view.edit('Draft');
  await view.page.keyboard.type('Final');
  await view.press('Done');
  await view.pill('Saving…');
  await server.faults({ latencyMs: 0 });
  await view.pill('All changes saved');
  const row = await server.row('Final');
  assert.equal(new Date(row.startDate).getHours(), 12);
  assert.equal((await server.rows('events')).length, EVENTS + 1);
  view.assertQuiet();
});

test('what somebody else changed first is asked about, other edits are kept', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const { id } = await server.event('Bug triage');
  const before = await server.row('Write release notes');
  await server.faults({ conflictNext: 1, latencyMs: 60_000 });
  await view.edit('Bug triage');
  await view.page.keyboard.type('Bug triage in my words');
  const sent = view.page.waitForRequest((request) => request.url().endsWith('/api/sync'));
  await view.press('Done');
  await sent;
  await view.drag('Write release notes', { days: 1 });
  await server.faults({ latencyMs: 0 });

  const row = view.conflict.getByRole('row', { name: /^Name/ });
  assert.match(await row.textContent(), /in my words.*\(changed\)/);
  await view.decide('Take theirs');
  await view.pill('All changes saved');
  const moved = await server.row('Write release notes');
  assert.deepEqual(hoursFrom(before, moved), { start: 24, end: 25.5 });
  const { name } = (await server.rows('events')).find((event) => event.id === id);
  assert.match(name, /\(changed\)$/);
  assert.equal(await view.event(name).count(), 1, 'the page shows what the server has');
  view.assertQuiet();
});

test('a failing server is told in the pill, and a click on it tries again', async (t) => {
  const server = await TestServer.start(t);
  const view = await CalendarPage.open(t, server, { faults: true });
  const before = await server.row('Bug triage');
  await server.faults({ failNext: { status: 422, count: 1 } });
  await view.drag('Bug triage', { days: -1 });
  await view.pill('Sync error · retry');
  assert.deepEqual(await server.row('Bug triage'), before);
  await view.saved(() => view.page.locator('#pill').click());
  assert.deepEqual(hoursFrom(before, await server.row('Bug triage')), { start: -24, end: -23 });
  view.assertQuiet();
});

test('a week that can’t be loaded says so, and comes by Try again', async (t) => {
  const server = await TestServer.start(t);
  await server.faults({ failNext: { status: 500, count: 1 } });
  const view = await CalendarPage.open(t, server, { faults: true, waits: false });
  const again = view.page.getByRole('button', { name: 'Try again' });
  await again.waitFor();
  await again.click();
  await view.event('Weekly planning').waitFor();
  await view.pill('All changes saved');
  assert.equal(await again.isVisible(), false);
  view.assertQuiet();
});
