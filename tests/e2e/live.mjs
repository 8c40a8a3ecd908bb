// Two people in the same data: each in a browser window of their own, with the controls of a pane.

import assert from 'node:assert/strict';
import { BoardPage } from './board.mjs';
import { CalendarPage } from './page.mjs';

const WAIT_MS = 60_000;

/** Adds what a pane can do to a page. */
const pane = (Page, path, sign) =>
  class extends Page {
    static sign = sign;

    static async join(t, server, who, options) {
      const Own = class extends this {
        static path = `${path}?pane&as=${who}`;
      };
      const view = await Own.open(t, server, options);
      await view.isLive();
      return view;
    }

    async isLive() {
      await this.page.locator('#live-state[data-state=live]').waitFor();
    }

    /** Pulls the plug, or puts it back. */
    async network(isOn) {
      await this.page.getByRole('switch', { name: 'Network' }).setChecked(isOn);
    }

    /** Presses the button of a fault, and waits until it is planned. */
    async fault(name) {
      const planned = this.page.waitForResponse((response) => /_faults/.test(response.url()));
      await this.page.getByRole('button', { name }).click();
      assert.equal((await planned).status(), 200);
    }

    /** The outlines with names around what others edit. */
    get rings() {
      return this.page.locator('.ring');
    }

    /** Those who are here, by the names that a screen reader says. */
    async faces() {
      const names = this.page.locator('syncline-presence .for-readers');
      return (await names.allTextContents()).sort();
    }

    /** How many changes were received over the channel. */
    received() {
      return this.page.locator('.wire-summary', { hasText: /^sync · / }).count();
    }
  };

export const CalendarPane = pane(CalendarPage, '/', '.event:not(.is-skeleton)');
export const BoardPane = pane(BoardPage, '/board.html', '.card');

/** Waits until it holds. */
export async function eventually(what, check) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const found = await check();
    if (found) return;
    if (Date.now() > end) assert.fail(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a calendar shows: every event with its day, place and text. */
async function shown(view) {
  const events = await view.page.locator('.event:not(.is-skeleton, [data-mirror])').all();
  const all = await Promise.all(
    events.map((event) =>
      event.evaluate((element) => {
        const { left, top, height } = element.getBoundingClientRect();
        const slots = element.closest('[data-date]')?.dataset.date ?? Math.round(left);
        return `${slots} ${Math.round(height)} ${Math.round(top)} ${element.innerText}`;
      }),
    ),
  );
  return JSON.stringify(all.sort());
}

/** Waits until both show the same, and that all of it is saved. */
export async function agree(...views) {
  for (const view of views) await view.pill('All changes saved');
  await eventually('all show the same', async () => {
    const [first, ...rest] = await Promise.all(views.map(shown));
    return rest.every((other) => other === first);
  });
}
