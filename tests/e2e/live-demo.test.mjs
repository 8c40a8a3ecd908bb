// Two people in one calendar (or board), each with an engine, a connection and a network of their
// own, and the real server between them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BoardPane, CalendarPane, agree, eventually } from './live.mjs';
import { hoursFrom, startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const EVENTS = 28;

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser.close());

async function two(t, { faults = false, Pane = CalendarPane } = {}) {
  const server = await TestServer.start(t);
  const alice = await Pane.join(t, server, 'alice', { faults });
  const bob = await Pane.join(t, server, 'bob', { faults });
  return { server, alice, bob };
}

async function rename(view, name, to) {
  await view.edit(name);
  await view.page.keyboard.type(to);
  await view.press('Done');
}

async function color(view, name) {
  await view.editor.getByRole('radio', { name }).check({ force: true });
}

async function create(view, day, from, to, name) {
  await view.select(day, from, to);
  await view.editor.waitFor();
  await view.page.keyboard.type(name);
  await view.press('Create');
}

test('what one moves, renames, adds and deletes is there at the other within a moment', async (t) => {
  const { server, alice, bob } = await two(t);
  const before = await server.row('Bug triage');
  await alice.saved(() => alice.drag('Bug triage', { days: -1 }));
  await agree(alice, bob);
  await alice.saved(() => rename(alice, 'Bug triage', 'Triage of bugs'));
  await bob.event('Triage of bugs').waitFor();
  await bob.saved(() => create(bob, 5, 10, 12, 'Boat repair'));
  await alice.event('Boat repair').waitFor();
  await alice.edit('Boat repair');
  await alice.saved(() => alice.press('Delete'));
  await bob.event('Boat repair').waitFor({ state: 'detached' });
  await agree(alice, bob);
  const row = await server.row('Triage of bugs');
  assert.deepEqual(hoursFrom(before, row), { start: -24, end: -23 });
  assert.equal((await server.rows('events')).length, EVENTS);
  alice.assertQuiet();
  bob.assertQuiet();
});

test('who is here is shown, and what they edit has their outline and is locked', async (t) => {
  const { alice, bob } = await two(t);
  await eventually('both faces', async () => (await bob.faces()).length === 2);
  assert.deepEqual(await bob.faces(), ['Alice', 'Bob (you)']);
  await alice.edit('Bug triage');
  const ring = bob.event('Bug triage').locator('.ring');
  await ring.waitFor();
  assert.equal(await ring.textContent(), 'Alice');
  assert.equal(await alice.rings.count(), 0, 'one’s own hand needs no outline');
  await eventually('Alice edits', async () => (await bob.faces()).includes('Alice, editing'));
  await bob.event('Bug triage').click({ position: { x: 20, y: 8 } });
  await bob.toast('Alice is editing this').waitFor();
  assert.equal(await bob.editor.count(), 0);

  await alice.page.keyboard.type('Edited in peace');
  await alice.saved(() => alice.press('Done'));
  await bob.event('Edited in peace').waitFor();
  await eventually('no outline', async () => (await bob.rings.count()) === 0);
  await eventually('the lock is free', async () => {
    await bob.event('Edited in peace').click({ position: { x: 20, y: 8 } });
    return (await bob.editor.count()) === 1;
  });
  await alice.event('Edited in peace').locator('.ring').waitFor();
  await bob.context.close();
  await eventually('Bob is gone', async () => (await alice.faces()).length === 1);
  alice.assertQuiet();
  bob.assertQuiet();
});

test('the mark of an editor leaves the title of a short event to be read', async (t) => {
  const { alice, bob } = await two(t);
  await alice.edit('Stand-up');
  const mark = bob.event('Stand-up').locator('.ring-name').first();
  await mark.waitFor();
  assert.equal(await mark.textContent(), 'Alice', 'for those who can’t see it');
  const { clear, height } = await mark.evaluate((element) => {
    const title = element.closest('.event-inner').querySelector('.event-title');
    const text = document.createRange();
    text.selectNodeContents(title);
    const { right } = text.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    return { clear: box.left - Math.min(right, title.getBoundingClientRect().right), height: box.height };
  });
  assert.ok(clear >= -1, `${clear} px`);
  assert.ok(height > 0);
  await alice.press('Done');
  alice.assertQuiet();
  bob.assertQuiet();
});

test('of two who move the same event at once, one has it, and the other is told or asked', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  const before = await server.row('Bug triage');
  await server.faults({ latencyMs: 1500 });
  const sent = [alice, bob].map(({ page }) =>
    page.waitForRequest((request) => request.url().endsWith('/api/sync')),
  );
  await Promise.all([
    alice.drag('Bug triage', { days: -1 }),
    bob.drag('Bug triage', { hours: 2 }),
  ]);
  await Promise.all(sent);
  await server.faults({ latencyMs: 0 });
  // Whoever came second: the first holds it still, or has saved it already.
  const told = (view) => view.toast('“Bug triage” was put back').count();
  let second = null;
  await eventually('one is told', async () => {
    for (const view of [alice, bob]) {
      if ((await view.conflict.count()) + (await told(view)) > 0) second = view;
    }
    return second !== null;
  });
  let winner = second === alice ? bob : alice;
  if ((await second.conflict.count()) === 1) {
    assert.match(await second.conflict.textContent(), /Start date.*End date/);
    await second.decide('Keep mine');
    winner = second;
  }
  await agree(alice, bob);
  assert.equal(await winner.conflict.count() + await told(winner), 0);
  const its = winner === alice ? { start: -24, end: -23 } : { start: 2, end: 3 };
  assert.deepEqual(hoursFrom(before, await server.row('Bug triage')), its);
  alice.assertQuiet();
  bob.assertQuiet();
});

test('an event that another takes in hand in mid-drag goes back, and the user is told', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  const before = await server.row('Bug triage');
  // Bob hears of Alice late: he has the event in hand by then.
  await server.faults({ client: bob.clientId, latencyMs: 2500 });
  await alice.edit('Bug triage');
  await bob.drag('Bug triage', { hours: 2 }, { drop: false });
  await eventually('Alice is seen', async () => (await bob.rings.count()) > 0);
  await bob.page.mouse.up();
  await bob.toast('Somebody else is editing this').waitFor();
  await alice.press('Done');
  await server.faults({ client: bob.clientId, latencyMs: 0 });
  await agree(alice, bob);
  assert.deepEqual(hoursFrom(before, await server.row('Bug triage')), { start: 0, end: 1 });
  alice.assertQuiet();
  bob.assertQuiet();
});

test('a conflict is decided field by field, or later', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  const { id } = await server.row('Bug triage');
  await bob.network(false);
  await rename(bob, 'Bug triage', 'From Bob');
  await bob.edit('From Bob');
  await color(bob, 'Rose');
  await bob.press('Done');
  await bob.pill('Offline · 1 pending');
  await alice.saved(() => rename(alice, 'Bug triage', 'From Alice'));
  await alice.edit('From Alice');
  await alice.saved(() => color(alice, 'Slate'));
  await alice.press('Done');
  await bob.network(true);
  await bob.conflict.waitFor();
  await bob.decide('Decide later');
  await bob.pill('1 conflict · decide');
  assert.equal(await bob.event('From Bob').count(), 1, 'his is still shown');
  await bob.page.locator('#pill').click();
  const row = bob.conflict.getByRole('row', { name: /^Event color/ });
  assert.match(await row.textContent(), /Rose.*Slate/);
  await row.getByRole('radio').nth(1).check();
  await bob.decide('Save selection');
  await agree(alice, bob);
  const saved = (await server.rows('events')).find((event) => event.id === id);
  assert.equal(saved.name, 'From Bob');
  assert.equal(saved.eventColor, '#64748b');
  alice.assertQuiet();
  bob.assertQuiet();
});

test('where somebody is said to be faster than the next change, its user is asked', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  await alice.fault(/Conflict/);
  await rename(alice, 'Bug triage', 'Mine after all');
  await alice.conflict.waitFor();
  await alice.decide('Keep mine');
  await bob.event('Mine after all').waitFor();
  await agree(alice, bob);
  assert.ok(await server.row('Mine after all'));
  alice.assertQuiet();
  bob.assertQuiet();
});

test('one is offline, both edit, and nothing is lost when the network is back', async (t) => {
  const { server, alice, bob } = await two(t);
  const before = {
    triage: await server.row('Bug triage'),
    notes: await server.row('Write release notes'),
  };
  await bob.network(false);
  await bob.pill('Offline');
  await bob.drag('Write release notes', { days: 1 });
  await rename(bob, 'Retrospective', 'Look back');
  await create(bob, 5, 10, 12, 'Made offline');
  await bob.event('Made offline').and(bob.page.locator('.is-pending')).waitFor();
  await bob.pill('Offline · 3 pending');
  await alice.saved(() => alice.drag('Bug triage', { days: -1 }));
  await alice.saved(() => rename(alice, 'Sprint demo', 'Demo of the sprint'));
  // The same event as Bob, another field.
  await alice.edit('Retrospective');
  await alice.saved(() => color(alice, 'Slate'));
  await alice.press('Done');
  assert.equal(await bob.event('Demo of the sprint').count(), 0);

  await bob.network(true);
  await bob.event('Demo of the sprint').waitFor();
  await alice.event('Made offline').waitFor();
  await agree(alice, bob);
  assert.equal(await bob.page.locator('.is-pending').count(), 0);
  const triage = await server.row('Bug triage');
  assert.deepEqual(hoursFrom(before.triage, triage), { start: -24, end: -23 });
  const notes = await server.row('Write release notes');
  assert.deepEqual(hoursFrom(before.notes, notes), { start: 24, end: 25.5 });
  assert.equal((await server.row('Look back')).eventColor, '#64748b');
  assert.ok(await server.row('Made offline'));
  assert.equal((await server.rows('events')).length, EVENTS + 1);
  alice.assertQuiet();
  bob.assertQuiet();
});

test('a dropped socket, and a server killed under edits, cost nothing', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  const before = {
    triage: await server.row('Bug triage'),
    notes: await server.row('Write release notes'),
  };
  await bob.fault(/Drop the socket/);
  await alice.saved(() => alice.drag('Bug triage', { days: -1 }));
  await bob.isLive();
  await agree(alice, bob);

  await server.faults({ latencyMs: 3000 });
  const sent = alice.page.waitForRequest((request) => request.url().endsWith('/api/sync'));
  await alice.drag('Bug triage', { hours: 2 });
  await create(alice, 5, 10, 12, 'Before the crash');
  await sent;
  await server.kill();
  await bob.drag('Write release notes', { days: 1 });
  await create(bob, 6, 10, 12, 'During the crash');
  await bob.pill('Offline · 2 pending');
  await server.start();
  for (const view of [alice, bob]) {
    const pill = view.page.locator('#pill');
    if (await pill.isEnabled()) await pill.click().catch(() => undefined);
  }
  await alice.event('During the crash').waitFor();
  await bob.event('Before the crash').waitFor();
  await Promise.all([alice.isLive(), bob.isLive()]);
  await agree(alice, bob);
  const rows = await server.rows('events');
  assert.equal(rows.length, EVENTS + 2);
  const triage = await server.row('Bug triage');
  assert.deepEqual(hoursFrom(before.triage, triage), { start: -22, end: -21 });
  const notes = await server.row('Write release notes');
  assert.deepEqual(hoursFrom(before.notes, notes), { start: 24, end: 25.5 });
  assert.ok((await server.row('Before the crash')) && (await server.row('During the crash')));
  alice.assertQuiet();
  bob.assertQuiet();
});

test('messages that come twice or out of order double nothing and lose nothing', async (t) => {
  const { server, alice, bob } = await two(t);
  await bob.fault(/Repeat messages/);
  await bob.fault(/Reorder messages/);
  await alice.saved(() => create(alice, 5, 8, 9, 'First'));
  await alice.saved(() => create(alice, 5, 10, 11, 'Second'));
  await alice.saved(() => rename(alice, 'First', 'First, again'));
  await alice.saved(() => alice.drag('Second', { days: 1 }));
  await alice.saved(() => create(alice, 5, 12, 13, 'Third'));
  await bob.event('Third').waitFor();
  await agree(alice, bob);
  for (const name of ['First, again', 'Second', 'Third']) {
    const all = bob.page.locator('.event:not([data-mirror])', { hasText: name });
    assert.equal(await all.count(), 1, name);
  }
  assert.ok((await bob.received()) > 5, 'some came twice');
  assert.equal((await server.rows('events')).length, EVENTS + 3);
  alice.assertQuiet();
  bob.assertQuiet();
});

test('a refused change goes back, is told, and never reaches the other', async (t) => {
  const { server, alice, bob } = await two(t, { faults: true });
  await alice.fault(/Refuse the next/);
  await rename(alice, 'Bug triage', 'No such luck');
  const toast = alice.toast('was put back');
  await toast.waitFor();
  assert.match(await toast.textContent(), /Not today/);
  await alice.event('Bug triage').waitFor();
  await agree(alice, bob);
  assert.ok(await server.row('Bug triage'));
  await alice.saved(() => rename(alice, 'Bug triage', 'Second try'));
  await bob.event('Second try').waitFor();
  alice.assertQuiet();
  bob.assertQuiet();
});

test('two seconds of latency hold nobody up', async (t) => {
  const { server, alice, bob } = await two(t);
  const slow = alice.page.waitForResponse((response) => /_faults/.test(response.url()));
  await alice.page.getByRole('switch', { name: '2 s latency' }).check();
  await slow;
  // What is on its way takes a minute: the editor doesn’t wait for the lock.
  await server.faults({ latencyMs: 60_000 });
  await alice.edit('Bug triage');
  await server.faults({ latencyMs: 0 });
  await alice.page.keyboard.type('Slow but sure');
  await alice.press('Done');
  await alice.event('Slow but sure').waitFor();
  await alice.pill('Saving…');
  await bob.event('Slow but sure').waitFor();
  await agree(alice, bob);
  assert.ok(await server.row('Slow but sure'));
  alice.assertQuiet();
  bob.assertQuiet();
});

test('the task board is live: cards move, are outlined and locked', async (t) => {
  const { server, alice, bob } = await two(t, { Pane: BoardPane });
  await alice.saved(() => alice.drag('Remove overflow', 'done', 'high'));
  const isThere = async () => (await bob.where('Remove overflow')) === 'done/high';
  await eventually('the card has moved', isThere);
  await alice.handle('Refactor base class').click();
  await alice.editor.waitFor();
  const ring = bob.card('Refactor base class').locator('.ring');
  await ring.waitFor();
  assert.equal(await ring.textContent(), 'Alice');
  await bob.handle('Refactor base class').click();
  await bob.toast('Alice is editing this').waitFor();
  assert.equal(await bob.editor.count(), 0);
  await alice.page.keyboard.type('Refactor it all');
  await alice.saved(() => alice.press('Save'));
  await bob.card('Refactor it all').waitFor();
  await eventually('no outline', async () => (await bob.rings.count()) === 0);
  assert.equal((await server.row('Refactor it all', 'tasks')).status, 'todo');
  alice.assertQuiet();
  bob.assertQuiet();
});

test('the page of two shows both, what goes over the wire, and what was tried', async (t) => {
  const server = await TestServer.start(t);
  const viewport = { width: 1600, height: 960 };
  const context = await browser.newContext({ viewport, locale: 'en-GB' });
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('console', (message) => {
    if (/error|warning/.test(message.type())) complaints.push(message.text());
  });
  await page.goto(`${server.url}/live.html`);
  const pane = (name) => page.frameLocator(`iframe[title="${name}"]`);
  const [alice, bob] = [pane('Alice'), pane('Bob')];
  for (const frame of [alice, bob]) await frame.locator('#live-state[data-state=live]').waitFor();
  const planning = alice.locator('.event', { hasText: 'Weekly planning' });
  await planning.click({ position: { x: 20, y: 8 } });
  await bob.locator('.ring', { hasText: 'Alice' }).waitFor();
  await page.keyboard.type('Planned together');
  await alice.getByRole('button', { name: 'Done' }).click();
  await bob.locator('.event', { hasText: 'Planned together' }).waitFor();
  await bob.locator('.wire-row', { hasText: 'sync · 1 updated' }).first().waitFor();
  await alice.locator('.wire-row', { hasText: '1 updated' }).locator('[data-kind=sync]').waitFor();
  await page.locator('.tour-step[data-done=true]', { hasText: 'both see it' }).waitFor();
  // What comes all the time is shown to those who ask for it.
  const faces = bob.locator('.wire-row', { hasText: /presence · \d here/ }).first();
  await faces.waitFor({ state: 'hidden' });
  await bob.getByLabel('Heartbeats, presence, acks').check();
  await faces.waitFor();
  await bob.locator('.wire-row', { hasText: 'lock · events 1 · Alice' }).first().waitFor();

  const [carol] = await Promise.all([
    context.waitForEvent('page'),
    page.getByRole('link', { name: 'Join as Carol' }).click(),
  ]);
  await carol.locator('.event', { hasText: 'Planned together' }).waitFor();
  await bob.locator('syncline-presence').getByText('Carol').first().waitFor({ state: 'attached' });
  await page.getByRole('link', { name: 'Task board' }).last().click();
  await bob.locator('.card').first().waitFor();
  assert.deepEqual(complaints, []);
});
