// Takes the README's picture of the task board, in the middle of a save:
// `node tests/e2e/board-picture.mjs docs/board.png`

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { BoardPage } from './board.mjs';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const path = process.argv[2] ?? 'docs/board.png';
const cleanUps = [];
const scope = { after: (work) => cleanUps.unshift(work) };

/** Name, description, column, lane, days to the deadline and assigned people. */
const TASKS = [
  ['Offline banner', 'Say what is kept, and until when', 'todo', 'high', 6, [1, 2]],
  ['Keyboard help', 'A sheet with all shortcuts, opened by ?', 'todo', 'medium', 12, [7]],
  ['Import from CSV', 'Map columns to fields, show what is skipped', 'doing', 'high', 3, [3, 6, 1]],
  ['Dark colours', 'Contrast of the muted texts', 'review', 'low', 1, [2]],
  ['Faster first load', 'One request for all stores', 'done', 'medium', -2, [6]],
];

function dayFromNow(days) {
  const date = new Date();
  date.setDate(date.getDate() + days);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
}

async function fill(server) {
  const { tasks: loaded } = await server.load('taskboard');
  const deadlines = { 'Remove overflow': -3, 'Bug with rendering': 4, 'Refactor base class': 20 };
  const updated = loaded.rows.map(({ id, name, status }, i) => {
    const late = deadlines[name] ?? (status === 'done' ? -8 - i : 9);
    return { id, deadline: dayFromNow(late) };
  });
  const added = TASKS.map(([name, description, status, prio, days], i) => {
    const deadline = dayFromNow(days);
    const weight = (i + 6) * 100;
    return { $PhantomId: `task-${i}`, name, description, status, prio, deadline, weight };
  });
  const assigned = TASKS.flatMap(([name, , , , , people], i) =>
    people.map((resource) => ({
      $PhantomId: `${name}-${resource}`,
      event: `task-${i}`,
      resource,
    })),
  );
  await server.sync({ tasks: { updated, added }, assignments: { added: assigned } });
}

const browser = await startBrowser();
scope.after(() => browser.close());
try {
  const server = await TestServer.start(scope);
  await fill(server);
  const viewport = { width: 1440, height: 900 };
  const view = await BoardPage.open(scope, server, { viewport });
  await view.saved(() => view.drag('Keyboard help', 'doing', 'medium'));
  await view.saved(() => view.drag('Bug with rendering', 'review', 'high'));
  await server.faults({ latencyMs: 4000 });
  const sent = view.page.waitForRequest((request) => request.url().endsWith('/sync'));
  await view.drag('Dark colours', 'review', 'medium');
  await sent;
  await view.page.locator('.wire-kind[data-kind=sync]').nth(1).click();
  await view.page.mouse.move(720, 30);
  await view.pill('Saving…');
  mkdirSync(dirname(path), { recursive: true });
  await view.page.screenshot({ path });
} finally {
  for (const work of cleanUps) await work();
}
