// Runs these tests against the package as it is published: packed, installed into an empty project,
// imported by its name.
//
//   node tests/npm/run.mjs [name …]     only the files whose names contain one of these words
//
// `pkg/dist` has to be built. With SYNCLINE_PACKAGE, that tarball is taken instead of a new one.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = process.env.SYNCLINE_ROOT ?? resolve(here, '../..');
const words = process.argv.slice(2);
const project = mkdtempSync(join(tmpdir(), 'syncline-npm-'));
process.on('exit', () => rmSync(project, { recursive: true, force: true }));

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function tarball() {
  const given = process.env.SYNCLINE_PACKAGE;
  if (given) return resolve(given);
  const args = ['pack', '--loglevel=error', '--pack-destination', project];
  const name = npm(args, join(root, 'pkg')).trim().split('\n').at(-1);
  return join(project, name);
}

function install(packed) {
  const app = join(project, 'app');
  mkdirSync(app);
  const manifest = { name: 'empty', private: true, type: 'module' };
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest));
  npm(['install', '--no-audit', '--no-fund', '--offline', '--loglevel=error', packed], app);
  // Copied, so that `import 'syncline'` finds the installed package and nothing else.
  cpSync(here, join(app, 'tests'), { recursive: true });
  return app;
}

const app = install(tarball());
const files = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
  .map((name) => join('tests', name));
if (files.length === 0) throw new Error(`no test file is called like ${words.join(' or ')}`);
const { status } = spawnSync(
  'node',
  ['--test', '--test-timeout=1200000', '--test-reporter=spec', ...files],
  {
    cwd: app,
    env: { ...process.env, SYNCLINE_ROOT: root },
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
