// A bare page with the package, for tests of the live channel, and the folder that it is served
// from.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = process.env.SYNCLINE_ROOT ?? join(import.meta.dirname, '..', '..');
const SOCKET_IO = 'node_modules/socket.io-client/dist/socket.io.esm.min.js';
export const WAIT_MS = 60_000;

/** Puts the page, the built package and socket.io-client into a folder; `done()` takes it away. */
export function bareFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-bare-'));
  cpSync(join(import.meta.dirname, 'bare'), folder, { recursive: true });
  cpSync(join(root, 'pkg', 'dist'), join(folder, 'package'), { recursive: true });
  cpSync(join(import.meta.dirname, '..', SOCKET_IO), join(folder, 'socket-io-client.js'));
  return { folder, done: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Somebody's window on the bare page. */
export class BarePage {
  /** `[method, path]` of every load and sync. */
  requests = [];
  /** Errors of the page that nobody caught. */
  errors = [];
  /** How many WebSockets the server has greeted: what is saved from then on is told there. */
  greeted = 0;

  constructor(page, context, server) {
    this.page = page;
    this.context = context;
    this.server = server;
    page.setDefaultTimeout(WAIT_MS);
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('websocket', (socket) => socket.once('framereceived', () => (this.greeted += 1)));
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (/\/(load|sync)$/.test(pathname)) {
        const name = pathname.endsWith('load') ? 'load' : 'sync';
        this.requests.push([name, request.postDataJSON?.() ?? null]);
      }
    });
  }

  /** A window of its own, without a channel yet. `host`: by what name it knows the server. */
  static async open(t, browser, server, host = '127.0.0.1') {
    const context = await browser.newContext();
    t.after(() => context.close());
    const it = new this(await context.newPage(), context, server);
    await it.page.goto(server.url.replace('127.0.0.1', host));
    await it.until(() => window.ready === true);
    return it;
  }

  /** Opens the project; see `bare/page.js`. */
  join(options) {
    return this.run((given) => window.join(given), options);
  }

  run(work, given) {
    return this.page.evaluate(work, given);
  }

  /** Waits until something holds in the page. */
  async until(test, given) {
    try {
      await this.page.waitForFunction(test, given, { polling: 20 });
    } catch (error) {
      const told = await this.run(() => {
        const { locks, peers } = window.project?.channel ?? {};
        return JSON.stringify({ ...window.told, locks, peers });
      }).catch(() => '');
      throw new Error(`${error.message}\n${test}\n${told}\n${this.errors.join('\n')}`);
    }
  }

  /** Waits until so many WebSockets were greeted. */
  async isGreeted(count = 1) {
    for (const end = Date.now() + WAIT_MS; this.greeted < count; await pause(20)) {
      if (Date.now() > end) assert.fail(`${this.greeted} of ${count} sockets were greeted`);
    }
  }

  live() {
    return this.until(() => project.channel.isLive);
  }

  /** Waits until it has been told that the connection broke, which may be mended already. */
  dropped() {
    return this.until(() => window.told.events.some(([type]) => type === 'disconnected'));
  }

  told(what) {
    return this.run((name) => window.told[name], what);
  }

  /** Forgets what was told and asked for so far. */
  async forget() {
    this.requests.length = 0;
    await this.run(() => Object.values(window.told).forEach((list) => list.splice(0)));
  }

  count(name) {
    return this.requests.filter(([kind]) => kind === name).length;
  }

  set(id, values) {
    return this.run(([id, values]) => {
      project.eventStore.getById(id).set(values);
    }, [id, values]);
  }

  /** Waits until the event's field shows this. */
  shows(id, field, value) {
    return this.until(
      ([id, field, value]) => project.eventStore.getById(id)?.[field] === value,
      [id, field, value],
    );
  }

  /** Waits until everything is saved. */
  saved() {
    return this.until(() => project.changes === null && !project.isSyncing);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until all pages show what the server has, and have nothing to save. */
export async function converged(server, ...pages) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const { events } = await server.load();
    const wanted = events.rows
      .map(({ id, name, location }) => `${id}|${name}|${location ?? ''}`)
      .sort();
    const states = await Promise.all(
      pages.map(({ page }) => page.evaluate(() => [window.shown(), project.changes])),
    );
    const clean = states.every(([, changes]) => changes === null);
    if (clean && states.every(([shown]) => shown.join() === wanted.join())) return wanted;
    if (Date.now() > end) {
      for (const [shown, changes] of states) {
        assert.deepEqual([shown, changes], [wanted, null], 'the pages did not converge');
      }
      assert.fail('the pages did not converge in time');
    }
    await pause(40);
  }
}
