// Takes the README's picture of the demo, in the middle of a save:
// `node tests/e2e/picture.mjs docs/demo.png`

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CalendarPage, startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const path = process.argv[2] ?? 'docs/demo.png';
const cleanUps = [];
const scope = { after: (work) => cleanUps.unshift(work) };

const browser = await startBrowser();
scope.after(() => browser.close());
try {
  const server = await TestServer.start(scope);
  const { startDate } = await server.event('Weekly planning');
  const wednesday = new Date(startDate);
  wednesday.setDate(wednesday.getDate() + 2);
  wednesday.setHours(10, 40);
  const viewport = { width: 1440, height: 900 };
  const view = await CalendarPage.open(scope, server, { time: wednesday, viewport });

  await view.saved(() => view.drag('Bug triage', { hours: 0.5 }));
  await view.saved(() => view.resize('Write release notes', -0.5));
  await view.edit('Load tests');
  await view.page.keyboard.type('Load tests, round two');
  await view.saved(() => view.page.keyboard.press('Enter'));
  await server.faults({ latencyMs: 4000 });
  const sent = view.page.waitForRequest((request) => request.url().endsWith('/api/sync'));
  await view.drag('Accessibility audit', { days: 3, hours: -1.5 });
  await sent;
  await view.page.locator('.wire-kind[data-kind=sync]').nth(1).click();
  await view.page.mouse.move(720, 30);
  await view.pill('Saving…');
  mkdirSync(dirname(path), { recursive: true });
  await view.page.screenshot({ path });
} finally {
  for (const work of cleanUps) await work();
}
