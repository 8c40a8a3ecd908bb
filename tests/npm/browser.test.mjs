// The package in a page without any tool: module scripts, an import map, a strict policy.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { after, before, test } from 'node:test';
import { TYPES, packaged, startBrowser } from './support/browser.mjs';
import { within } from './support/setup.mjs';

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** What every page does with the module that it got; it reports what it saw. */
const SCENARIO = `
  export async function scenario({ CrudManager, EventModel, Store }) {
    const seen = [];
    const events = new Store({ id: 'events', modelClass: EventModel });
    const manager = new CrudManager({
      crudStores: [events], loadUrl: '/api/load', syncUrl: '/api/sync', autoSync: true, autoSyncTimeout: 10,
    });
    await manager.load();
    seen.push(events.first.name, events.first.startDate.toISOString());
    const saved = new Promise((resolve) => manager.once('noChanges', resolve));
    const [added] = events.add({ name: 'Grüße 👋' });
    await saved;
    seen.push(added.id, manager.status);
    manager.destroy();
    return seen;
  }
  export const report = (what) =>
    fetch('/report', { method: 'POST', body: JSON.stringify(what) });
  export const reporting = (run) =>
    run().then((seen) => report({ seen }), (error) => report({ error: String(error?.stack ?? error) }));
`;

const EXPECTED = ['Stand-up', '2026-03-02T09:00:00.000Z', 501, 'saved'];

const page = (head, script) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title>${head}</head>` +
  `<body>${script}</body></html>`;

const IMPORT_MAP = JSON.stringify({ imports: { syncline: '/package/dist/index.js' } });
const MAP_HASH = createHash('sha256').update(IMPORT_MAP).digest('base64');

/** Pages and scripts by path; a page brings its policy along. */
const FILES = {
  '/scenario.js': SCENARIO,
  '/plain.html': page('', '<script type="module" src="/plain.js"></script>'),
  '/plain.js': `
    import { reporting, scenario } from '/scenario.js';
    import * as syncline from '/package/dist/index.js';
    reporting(async () => {
      await syncline.init();
      return scenario(syncline);
    });
  `,
  '/mocks.html': page('', '<script type="module" src="/mocks.js"></script>'),
  '/mocks.js': `
    import { reporting } from '/scenario.js';
    import { AjaxHelper, CrudManager, Store, init } from '/package/dist/index.js';
    reporting(async () => {
      await init();
      const { parsedJson } = await AjaxHelper.get('/api/load', { parseJson: true });
      AjaxHelper.DEFAULT_FETCH_OPTIONS = { headers: { 'X-All': 'yes' } };
      const heard = [];
      AjaxHelper.mockUrl('/nowhere', (url, params, { method, headers }) => {
        heard.push(method, headers.get('X-All'));
        return { responseJson: { success: true, things: { rows: [{ id: 1, name: 'b' }, { id: 2, name: 'a' }] } } };
      });
      const things = new Store({ id: 'things', fields: ['id', 'name'], sorters: ['name'] });
      const manager = new CrudManager({ loadUrl: '/nowhere', crudStores: [things] });
      const { rawResponse } = await manager.load();
      const names = things.map(({ name }) => name).join();
      things.filter({ property: 'name', value: 'a' });
      return [parsedJson.events.rows.length > 0, heard.join(), rawResponse.status, names, things.count, things.allCount];
    });
  `,
  '/map.html': page(
    `<script type="importmap">${IMPORT_MAP}</script>`,
    '<script type="module" src="/map.js"></script>',
  ),
  '/map.js': `
    import { reporting, scenario } from '/scenario.js';
    import * as syncline from 'syncline';
    reporting(async () => {
      await Promise.all([syncline.init(), syncline.init()]);
      return scenario(syncline);
    });
  `,
  '/slim.html': page('', '<script type="module" src="/slim.js"></script>'),
  '/slim.js': `
    import { reporting, scenario } from '/scenario.js';
    import * as syncline from '/package/dist/slim.js';
    reporting(async () => {
      await syncline.init({ wasm: '/package/dist/engine.wasm' });
      return scenario(syncline);
    });
  `,
  '/worker.html': page('', '<script type="module" src="/start-worker.js"></script>'),
  '/start-worker.js': `
    import { report } from '/scenario.js';
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onerror = ({ message }) => report({ error: message || 'the worker failed' });
  `,
  '/worker.js': `
    import { reporting, scenario } from '/scenario.js';
    import * as syncline from '/package/dist/index.js';
    reporting(async () => {
      await syncline.init();
      return scenario(syncline);
    });
  `,
  '/no-wasm.html': page('', '<script type="module" src="/no-wasm.js"></script>'),
  '/no-wasm.js': `
    import { reporting } from '/scenario.js';
    import { init } from '/package/dist/index.js';
    reporting(() => init().then(() => 'started', ({ code, message }) => [code, message]));
  `,
};

const POLICIES = {
  '/map.html': POLICY.replace('script-src', `script-src 'sha256-${MAP_HASH}'`),
  '/no-wasm.html': POLICY.replace(" 'wasm-unsafe-eval'", ''),
};

let browser;
let server;
let origin;
let reported;

async function answer(req, res) {
  const { pathname } = new URL(req.url, origin);
  const send = (body, type, headers = {}) => {
    const policy = POLICIES[pathname] ?? POLICY;
    res.writeHead(200, { 'content-type': type, 'content-security-policy': policy, ...headers });
    res.end(body);
  };
  const json = (body) => send(JSON.stringify(body), 'application/json');
  if (pathname in FILES) return send(FILES[pathname], TYPES[extname(pathname)]);
  const file = packaged(pathname);
  if (file) return send(file.body, file.type);
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (pathname === '/api/load') {
    const startDate = '2026-03-02T09:00:00Z';
    return json({ success: true, events: { rows: [{ id: 1, name: 'Stand-up', startDate }] } });
  }
  if (pathname === '/api/sync') {
    const [{ $PhantomId, name }] = JSON.parse(text).events.added;
    return json({ success: true, events: { rows: [{ $PhantomId, name, id: 501 }] } });
  }
  if (pathname === '/report') {
    reported(JSON.parse(text));
    return json({});
  }
  res.writeHead(404).end();
  return undefined;
}

before(async () => {
  server = createServer((req, res) => answer(req, res));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Opens a page; gives what it reports, and what the browser complained about. */
async function open(path) {
  const context = await browser.newContext();
  const tab = await context.newPage();
  const complaints = [];
  tab.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  tab.on('pageerror', (error) => complaints.push(String(error)));
  const report = new Promise((resolve) => (reported = resolve));
  try {
    await tab.goto(origin + path);
    const { seen, error } = await within(report, `the report of ${path}: ${complaints}`);
    assert.equal(error, undefined);
    // The browser asks for an icon by itself, which nobody allowed.
    return { seen, complaints: complaints.filter((text) => !/favicon|404/.test(text)) };
  } finally {
    await context.close();
  }
}

for (const [what, path] of [
  ['a plain module script', '/plain.html'],
  ['an import map', '/map.html'],
  ['the slim entry with engine.wasm', '/slim.html'],
  ['a module worker', '/worker.html'],
]) {
  test(`a page with ${what} loads, edits and syncs under a strict policy`, async () => {
    const { seen, complaints } = await open(path);
    assert.deepEqual(seen, EXPECTED);
    assert.deepEqual(complaints, []);
  });
}

test('requests can be made up in a page, those of managers too', async () => {
  const { seen, complaints } = await open('/mocks.html');
  assert.deepEqual(seen, [true, 'GET,yes', 200, 'a,b', 1, 2]);
  assert.deepEqual(complaints, []);
});

test('a policy that forbids WebAssembly is an error of init() that says so', async () => {
  const { seen } = await open('/no-wasm.html');
  const [code, message] = seen;
  assert.equal(code, 'INIT_FAILED');
  assert.match(message, /Content Security Policy|unsafe-eval/i);
});
