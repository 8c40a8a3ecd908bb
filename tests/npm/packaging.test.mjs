// What is published: files, entries, and that it runs where people run things.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from './support/server.mjs';
import { INSTALLED, MANIFEST, inNode, packagedFiles, run, tool } from './support/package.mjs';

const installed = (path) => join(INSTALLED, path);

/** The text doesn't have it; says where it is, without showing megabytes. */
function lacks(text, pattern, path) {
  const at = text.search(pattern);
  assert.equal(at, -1, `${path} has ${pattern}: …${text.slice(Math.max(0, at - 40), at + 80)}…`);
}

// --- files ----------------------------------------------------------------------------------

test('the package holds what it needs, and nothing else', () => {
  const files = packagedFiles();
  const outside = files.filter((path) => !path.startsWith('dist/'));
  assert.deepEqual(outside, ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json']);
  for (const path of files) {
    assert.match(path, /\.(js|js\.map|d\.ts|wasm|json|md)$|^LICENSE-/, path);
  }
  assert.ok(files.includes('dist/engine.wasm'));
});

test('no file tells where it was built', () => {
  for (const path of packagedFiles().filter((name) => !name.endsWith('.wasm'))) {
    const text = readFileSync(installed(path), 'utf8');
    lacks(text, /(^|["'\s(])\/(tmp|root|home|work|Users)\/[a-z]/, path);
    lacks(text, /file:\/\/\//, path);
  }
  const wasm = readFileSync(installed('dist/engine.wasm'), 'latin1');
  lacks(wasm, /\/(tmp|root|home|work)\/[\w.-]+\//, 'engine.wasm');
});

test('every entry exists, with its types named first', () => {
  assert.equal(MANIFEST.type, 'module');
  assert.deepEqual(Object.keys(MANIFEST.exports).slice(0, 2), ['.', './slim']);
  for (const [entry, target] of Object.entries(MANIFEST.exports)) {
    const paths = typeof target === 'string' ? [target] : Object.values(target);
    for (const path of paths) assert.ok(existsSync(installed(path)), `${entry}: ${path}`);
    if (typeof target !== 'string') assert.equal(Object.keys(target)[0], 'types', entry);
  }
});

test('there are no dependencies, no install scripts and no side effects but the elements to keep', () => {
  assert.deepEqual(Object.keys(MANIFEST.dependencies ?? {}), []);
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    assert.equal(MANIFEST.scripts?.[script], undefined);
  }
  // Importing the elements makes their names known to the page.
  assert.deepEqual(MANIFEST.sideEffects, ['./dist/elements/index.js']);
  for (const peer of Object.keys(MANIFEST.peerDependencies ?? {})) {
    assert.equal(MANIFEST.peerDependenciesMeta?.[peer]?.optional, true, peer);
  }
});

test('what is not an entry can not be imported', async () => {
  for (const path of [
    'syncline/dist/index.js',
    'syncline/dist/engine-inline.js',
    'syncline/src/index.ts',
  ]) {
    await assert.rejects(import(path), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, path);
  }
});

test('source maps lie beside the code and hold their sources', () => {
  for (const path of packagedFiles().filter((name) => name.endsWith('.js.map'))) {
    const map = JSON.parse(readFileSync(installed(path), 'utf8'));
    assert.equal(map.version, 3, path);
    assert.equal(map.sources.length, map.sourcesContent?.length, path);
    const code = readFileSync(installed(path.replace(/\.map$/, '')), 'utf8');
    assert.match(code, /\/\/# sourceMappingURL=[\w.-]+\.js\.map/, path);
  }
});

test('the code has nothing that a strict page or a bundler stumbles over', () => {
  for (const path of packagedFiles().filter((name) => /^dist\/.*\.js$/.test(name))) {
    const code = readFileSync(installed(path), 'utf8');
    for (const trap of [
      /\beval\(/,
      /new Function\(/,
      /import\.meta\.url/,
      /\brequire\(/,
      /["']node:/,
      /blob:/,
      /["']data:/,
    ]) {
      lacks(code, trap, path);
    }
  }
});

test('publint finds nothing to complain about', async () => {
  const { publint } = await tool('publint');
  const { messages } = await publint({ pkgDir: INSTALLED, pack: false, strict: true });
  assert.deepEqual(messages, []);
});

// --- Node.js --------------------------------------------------------------------------------

test('importing does nothing: no globals, no requests, no compiling, nothing that runs on', async () => {
  const told = await inNode(`
    const did = [];
    const spy = (object, name) => {
      const original = object[name];
      if (typeof original === 'function') {
        object[name] = (...args) => { did.push(name); return original.apply(object, args); };
      }
    };
    const spied = [
      [globalThis, ['fetch', 'setTimeout', 'setInterval', 'queueMicrotask', 'addEventListener']],
      [WebAssembly, ['compile', 'instantiate', 'compileStreaming', 'instantiateStreaming']],
      [console, ['log', 'warn', 'error']],
    ];
    const log = console.log;
    for (const [object, names] of spied) for (const name of names) spy(object, name);
    const before = Reflect.ownKeys(globalThis).map(String);
    const main = await import('syncline');
    const slim = await import('syncline/slim');
    const added = Reflect.ownKeys(globalThis).map(String).filter((key) => !before.includes(key));
    log(JSON.stringify({
      did, added,
      running: process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
      shared: main.Store === slim.Store && main.SyncError === slim.SyncError,
    }));
  `);
  assert.deepEqual(told, { did: [], added: [], running: [], shared: true });
});

test('classes can be declared and records be made before, or without, init', async () => {
  const told = await inNode(`
    import { EventModel, Model, SyncError } from 'syncline';
    class Talk extends EventModel {
      static fields = [{ name: 'speaker', defaultValue: 'Ada' }];
      get title() { return this.name + ' by ' + this.speaker; }
    }
    const talk = new Talk({ name: 'Engines', startDate: '2026-03-02T09:00:00Z' });
    console.log(JSON.stringify([talk.title, talk.startDate.getTime(), talk instanceof Model,
      new SyncError('HTTP', 'x') instanceof Error]));
  `);
  assert.deepEqual(told, ['Engines by Ada', Date.UTC(2026, 2, 2, 9), true, true]);
});

test('a process with an idle manager ends by itself', async (t) => {
  const { urls } = await startServer(t, { a: [{ id: 1 }] });
  const told = await inNode(`
    import { CrudManager, Store, init } from 'syncline';
    await init();
    const store = new Store({ id: 'a', fields: ['n'] });
    const manager = new CrudManager({ crudStores: [store], autoSync: true, ...${JSON.stringify(urls)} });
    await manager.load();
    console.log(store.count);
  `);
  assert.equal(told, 1);
});

test('code generated at run time is neither needed nor made', async () => {
  const told = await inNode(
    `import { Store, init } from 'syncline';
     await init();
     const store = new Store({ id: 'a', fields: ['n'], data: [{ id: 1, n: 'x' }] });
     store.first.n = 'y';
     console.log(JSON.stringify(store.changes.modified[0]));`,
    ['--disallow-code-generation-from-strings'],
  );
  assert.deepEqual(told, { id: 1, n: 'y' });
});

test('require() gives the same module', { skip: !process.features.require_module }, async () => {
  const text = `
    const { init, Store } = require('syncline');
    import('syncline').then(async (module) => {
      await init();
      new module.Store({ id: 'a' });
      console.log(JSON.stringify(module.Store === Store));
    });
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=commonjs', '--eval', text];
  assert.equal((await run(process.execPath, args)).trim(), 'true');
});

test('the engine is there as a file, and wants nothing that a page does not have', async () => {
  const path = fileURLToPath(import.meta.resolve('syncline/engine.wasm'));
  const module = await WebAssembly.compile(readFileSync(path));
  const from = new Set(WebAssembly.Module.imports(module).map((wanted) => wanted.module));
  assert.ok(!from.has('env'), 'a C library slipped in');
  assert.equal(from.size, 1);
});

// --- slim -----------------------------------------------------------------------------------

/** Serves engine.wasm, as that type. */
async function serveEngine(t, type = 'application/wasm') {
  const bytes = readFileSync(fileURLToPath(import.meta.resolve('syncline/engine.wasm')));
  const server = createServer((req, res) => {
    if (req.url !== '/engine.wasm') {
      res.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>');
      return;
    }
    res.writeHead(200, { 'content-type': type }).end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/engine.wasm`;
}

const SLIM = `
  import { readFileSync } from 'node:fs';
  import { fileURLToPath } from 'node:url';
  import { Store, init } from 'syncline/slim';
  const bytes = readFileSync(fileURLToPath(import.meta.resolve('syncline/engine.wasm')));
  const works = () => new Store({ id: 'a', data: [{ id: 1 }] }).count === 1;
`;

for (const [what, source] of [
  ['bytes', 'bytes'],
  ['a buffer', 'bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)'],
  ['a compiled module', 'new WebAssembly.Module(bytes)'],
  ['a promise of a module', 'WebAssembly.compile(bytes)'],
  ['a response', 'new Response(bytes, { headers: { "content-type": "application/wasm" } })'],
]) {
  test(`slim starts from ${what}`, async () => {
    assert.equal(
      await inNode(`${SLIM} await init({ wasm: ${source} }); console.log(works());`),
      true,
    );
  });
}

test('slim starts from an address: text, URL, promise of a response; with any content type', async (t) => {
  const right = await serveEngine(t);
  const wrong = await serveEngine(t, 'application/octet-stream');
  for (const source of [
    `'${right}'`,
    `new URL('${right}')`,
    `new Request('${right}')`,
    `fetch('${right}')`,
    `'${wrong}'`,
  ]) {
    const told = await inNode(`${SLIM} await init({ wasm: ${source} }); console.log(works());`);
    assert.equal(told, true, source);
  }
});

test('slim says what is wrong with a source, and can be started again with a right one', async (t) => {
  const url = await serveEngine(t);
  const told = await inNode(`${SLIM}
    const codes = [];
    for (const options of [
      undefined, {}, { wasm: 7 }, { wasm: new Uint8Array(9) }, { wasm: '${url}x' },
      { wasm: 'http://127.0.0.1:1/' }, { wasm: 'no address' },
    ]) {
      await init(options).then(() => codes.push('none'), ({ name, code }) => codes.push(name + ' ' + code));
    }
    await Promise.all([init({ wasm: bytes }), init({ wasm: bytes })]);
    console.log(JSON.stringify({ codes, works: works() }));
  `);
  const invalid = 'SyncError INVALID_ARGUMENT';
  const failed = 'SyncError INIT_FAILED';
  assert.deepEqual(told, {
    codes: [invalid, invalid, invalid, failed, failed, failed, failed],
    works: true,
  });
});

// --- bundlers -------------------------------------------------------------------------------

const APP_CODE = `
  import { CrudManager, EventModel, Store, init } from 'syncline';
  await init();
  const events = new Store({ id: 'events', modelClass: EventModel });
  const manager = new CrudManager({ crudStores: [events], loadUrl: URLS.loadUrl, syncUrl: URLS.syncUrl });
  await manager.load();
  events.first.name = 'bundled';
  await manager.sync();
  console.log(JSON.stringify([events.first.name, manager.changes]));
`;

for (const [what, options] of [
  ['one file', {}],
  ['several chunks', { splitting: true }],
  ['one file, minified', { minify: true }],
]) {
  test(`an app bundled by esbuild into ${what} runs`, async (t) => {
    const { build } = await tool('esbuild');
    const { urls } = await startServer(t, { events: [{ id: 1, name: 'a' }] });
    const out = mkdtempSync(join(tmpdir(), 'syncline-bundle-'));
    t.after(() => rmSync(out, { recursive: true, force: true }));
    const entry = join(import.meta.dirname, `bundle-${what.replaceAll(/\W+/g, '-')}.mjs`);
    writeFileSync(entry, APP_CODE);
    t.after(() => rmSync(entry));
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      entryNames: 'app',
      outdir: out,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      define: { URLS: JSON.stringify(urls) },
      logLevel: 'silent',
      write: false,
      ...options,
    });
    assert.deepEqual(warnings, []);
    for (const { path, contents } of outputFiles) writeFileSync(path, contents);
    const said = await run(process.execPath, [join(out, 'app.mjs')]);
    assert.deepEqual(JSON.parse(said), ['bundled', null]);
  });
}
