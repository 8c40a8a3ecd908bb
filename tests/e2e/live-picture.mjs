// Takes the README's picture of two people side by side, one of whom was offline:
// `node tests/e2e/live-picture.mjs docs/live.png`

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { startBrowser } from './page.mjs';
import { TestServer } from './server.mjs';

const path = process.argv[2] ?? 'docs/live.png';
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
  const viewport = { width: 1600, height: 960 };
  const context = await browser.newContext({ viewport, locale: 'en-GB' });
  const page = await context.newPage();
  await page.clock.setFixedTime(wednesday);
  await page.goto(`${server.url}/live.html`);
  const [alice, bob] = ['Alice', 'Bob'].map((name) => {
    const frame = page.frameLocator(`iframe[title="${name}"]`);
    const event = (text) => frame.locator('.event:not([data-mirror])', { hasText: text }).first();
    const pill = (text) => frame.locator('#pill-text', { hasText: text }).waitFor();
    const edit = async (text) => {
      await event(text).click({ position: { x: 20, y: 8 } });
      await frame.getByRole('dialog', { name: 'Event' }).waitFor();
    };
    const rename = async (text, to) => {
      await edit(text);
      await page.keyboard.type(to);
      await page.keyboard.press('Enter');
    };
    return { frame, event, pill, edit, rename };
  });
  for (const { frame } of [alice, bob]) {
    await frame.locator('#live-state[data-state=live]').waitFor();
  }
  const network = bob.frame.getByRole('switch', { name: 'Network' });
  await network.uncheck();
  await bob.rename('Load tests', 'Load tests, round two');
  await bob.rename('Sprint demo', 'Demo for customers');
  await bob.pill('2 pending');
  await alice.rename('Load tests', 'Load tests at night');
  await alice.pill('All changes saved');
  await network.check();
  await bob.frame.getByRole('dialog', { name: /omeone else/ }).waitFor();
  await alice.edit('Weekly planning');
  await bob.frame.locator('.ring').waitFor();
  await page.mouse.move(800, 30);
  await bob.frame.locator('.toast').waitFor({ state: 'detached' });
  mkdirSync(dirname(path), { recursive: true });
  await page.screenshot({ path });
} finally {
  for (const work of cleanUps) await work();
}
