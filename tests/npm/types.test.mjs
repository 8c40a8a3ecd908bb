import { join } from 'node:path';
import { test } from 'node:test';
import { APP, program, run } from './support/package.mjs';

for (const [how, config] of [
  ['as Node.js resolves it', 'tsconfig.json'],
  ['as bundlers resolve it', 'tsconfig.bundler.json'],
]) {
  test(`the declarations are right under strict TypeScript, with the package resolved ${how}`, async () => {
    await run(program('tsc'), ['-p', join(APP, 'tests/types', config)]);
  });
}
