// The demo's page in a real Chromium, with the moves of a user.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  // A page of loopback can reach its server without a network; one of another name can't.
  '--host-resolver-rules=MAP syncline.test 127.0.0.1',
  // Pages that a test makes up may talk to its server.
  '--disable-features=LocalNetworkAccessChecks',
];
/** Ends what hangs; a busy machine may need most of it. */
const WAIT_MS = 60_000;
const HOUR_MS = 3_600_000;

let browser;

/** Starts the browser once for a file of tests. */
export async function startBrowser() {
  const executablePath = process.env.CHROME ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: 2 * WAIT_MS });
  return browser;
}

/** A team member's browser window, whichever of the pages it shows. */
export class DemoPage {
  /** Where the page is, and what shows that its data is there. */
  static path = '/';
  static sign = '.person';

  /** What the console said, but for what the test has announced. */
  #complaints = [];
  /** What the server knows the page by. */
  clientId = null;

  constructor(page, context, server) {
    this.page = page;
    this.context = context;
    this.server = server;
  }

  /**
   * Opens the page. `faults: true`: failed requests are part of the test, and the browser's own
   * lines about them in the console are not held against the page. `waits: false`: the data may
   * not come. `time`: what the page takes for now.
   */
  static async open(t, server, { faults = false, waits = true, time, ...options } = {}) {
    const context = await browser.newContext({
      // So high that no drag comes near the edges, where the calendar begins to scroll.
      viewport: { width: 1440, height: 1040 },
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ...options,
    });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    const opened = new this(page, context, server);
    opened.#watch(faults);
    if (time) await page.clock.setFixedTime(time);
    if (waits) await opened.load();
    else await page.goto(opened.url);
    return opened;
  }

  get url() {
    return `${this.server.url}${this.constructor.path}`;
  }

  async load() {
    await this.page.goto(this.url);
    await this.page.locator(this.constructor.sign).first().waitFor();
    await this.pill('All changes saved');
  }

  #watch(faults) {
    this.page.on('websocket', (socket) => {
      this.clientId = new URL(socket.url()).searchParams.get('clientId');
    });
    this.page.on('pageerror', (error) => this.#complaints.push(`error: ${error.stack}`));
    this.page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      const text = message.text();
      if (faults && /Failed to load resource|^WebSocket connection to/.test(text)) return;
      this.#complaints.push(`${message.type()}: ${text}`);
    });
  }

  /** Fails if the page wrote errors or warnings to the console. */
  assertQuiet() {
    assert.deepEqual(this.#complaints, []);
  }

  /** Waits until the status pill says this. */
  async pill(text) {
    const pill = this.page.locator('#pill-text');
    await this.page.waitForFunction(
      ([element, wanted]) => element.textContent === wanted,
      [await pill.elementHandle(), text],
      { timeout: WAIT_MS },
    );
  }

  /** Does something and waits until it is saved. */
  async saved(action) {
    const answered = this.page.waitForResponse(
      (response) => response.url().endsWith('/sync') && response.ok(),
    );
    await action();
    await answered;
    await this.pill('All changes saved');
  }

  get editor() {
    return this.page.getByRole('dialog');
  }

  /** The question that a conflict puts. */
  get conflict() {
    return this.page.getByRole('dialog', { name: /[Ss]omeone else/ });
  }

  /** Answers it. */
  async decide(label) {
    await this.conflict.getByRole('button', { name: label, exact: true }).click();
    await this.conflict.waitFor({ state: 'detached' });
  }

  async press(label) {
    await this.editor.getByRole('button', { name: label, exact: true }).click();
  }

  /** A message in the corner with this text. */
  toast(text) {
    return this.page.locator('.toast', { hasText: text });
  }
}

/** The calendar, with the moves of its user. */
export class CalendarPage extends DemoPage {
  event(name) {
    return this.page.locator('.event:not([data-mirror], .is-skeleton)', { hasText: name }).first();
  }

  /** Drags with the mouse, by days and hours, from the upper part of the event. */
  async drag(name, { days = 0, hours = 0 }, { drop = true } = {}) {
    const box = await this.#boxOf(name);
    // The middle of the first quarter of an hour: what it snaps to must not hang on a pixel.
    const [x, y] = [box.x + box.width / 2, box.y + 6];
    await this.#dragFrom(x, y, days, hours, drop);
  }

  /** Drags the lower edge of the event. */
  async resize(name, hours) {
    const box = await this.#boxOf(name);
    await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await this.#dragFrom(box.x + box.width / 2, box.y + box.height - 2, 0, hours, true);
  }

  /** Marks a range in an empty part of a day: 0 is Monday. */
  async select(day, fromHour, toHour) {
    const { column, hour, left } = await this.#scale();
    const x = left + (day + 0.5) * column;
    const y = (await this.#axis(fromHour)) + 4;
    await this.#dragFrom(x, y, 0, toHour - fromHour - 8 / hour, true);
  }

  async #boxOf(name) {
    const event = this.event(name);
    await event.scrollIntoViewIfNeeded();
    return event.boundingBox();
  }

  async #dragFrom(x, y, days, hours, drop) {
    const { column, hour } = await this.#scale();
    const { mouse } = this.page;
    await mouse.move(x, y);
    await mouse.down();
    await mouse.move(x + 3, y + 6, { steps: 3 });
    await mouse.move(x + days * column, y + hours * hour, { steps: 8 });
    if (drop) await mouse.up();
  }

  async #scale() {
    const headers = await this.page.locator('[role=columnheader][data-date]').all();
    const boxes = await Promise.all(headers.map((header) => header.boundingBox()));
    const hour = (await this.#axis(11)) - (await this.#axis(10));
    return { column: boxes[1].x - boxes[0].x, left: boxes[0].x, hour };
  }

  /** Where an hour stands on the page. */
  async #axis(hour) {
    return this.page.evaluate(
      (text) => {
        const labels = [...document.querySelectorAll('#grid [data-time]')];
        const row = labels.find((element) => element.dataset.time === text);
        return row.getBoundingClientRect().top;
      },
      `${String(hour).padStart(2, '0')}:00:00`,
    );
  }

  /** Opens an event's editor with a click. */
  async edit(name) {
    await this.event(name).click({ position: { x: 20, y: 8 } });
    await this.editor.waitFor();
  }
}

/** A row's start and end as hours since the row `from`'s start. */
export function hoursFrom(from, row) {
  const start = (text) => new Date(text).getTime();
  return {
    start: (start(row.startDate) - start(from.startDate)) / HOUR_MS,
    end: (start(row.endDate) - start(from.startDate)) / HOUR_MS,
  };
}
