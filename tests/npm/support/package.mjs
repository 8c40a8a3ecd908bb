// The installed package as files, the tools of the repository, and other processes.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** The project into which the package is installed. */
export const APP = resolve(import.meta.dirname, '../..');

/** The installed package. */
export const INSTALLED = dirname(fileURLToPath(import.meta.resolve('syncline/package.json')));

/** Its package.json. */
export const MANIFEST = JSON.parse(readFileSync(join(INSTALLED, 'package.json'), 'utf8'));

/** The repository, with its tools. */
const ROOT = process.env.SYNCLINE_ROOT ?? resolve(import.meta.dirname, '../../..');

/** All files of the package, by path inside of it. */
export function packagedFiles() {
  return readdirSync(INSTALLED, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(INSTALLED, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/**
 * A development tool of the repository, imported from where it is installed: in `pkg` or in
 * `tests`.
 */
export function tool(name, where = 'pkg') {
  const require = createRequire(join(ROOT, where, 'package.json'));
  return import(pathToFileURL(require.resolve(name)).href);
}

/** The path of a program that an npm package of `pkg` brings. */
export const program = (name) => join(ROOT, 'pkg/node_modules/.bin', name);

/** What a program prints. An error, with what it printed, when it fails. */
export async function run(file, args, options = {}) {
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      cwd: APP,
      timeout: 300_000,
      ...options,
    });
    return stdout;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

/**
 * What a module prints that is given as text and runs in a Node.js of its own: JSON is expected.
 */
export async function inNode(text, flags = []) {
  return JSON.parse(await run(process.execPath, [...flags, '--input-type=module', '--eval', text]));
}

/** Chromium, as the repository's set-up installs it or `CHROME` names it. */
export function chromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const paths = [process.env.CHROME, ...names.map((name) => `/usr/bin/${name}`)];
  const found = paths.find((path) => path && existsSync(path));
  if (!found) throw new Error('no Chromium: set CHROME to its path, or run `cargo xtask setup`');
  return found;
}
