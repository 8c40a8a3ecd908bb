// Run in a project into which the packed package is installed: does the optimised engine load, and
// does it want nothing that a page hasn't got?

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(import.meta.resolve('syncline/engine.wasm'));
const module = await WebAssembly.compile(readFileSync(path));
const foreign = WebAssembly.Module.imports(module).filter(({ module: from }) => from === 'env');
assert.deepEqual(foreign, [], 'the engine imports from `env`: a C library slipped in');
console.log(`engine.wasm: ${WebAssembly.Module.exports(module).length} exports, none from env`);

const { init } = await import('syncline');
await init();
await Promise.all([init(), init()]);
console.log('syncline: init() is fine, again and again');

await import('syncline/slim');
console.log('syncline/slim: imports without a side effect');
