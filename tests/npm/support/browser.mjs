// The browser of the tests, and pages in it.

import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { INSTALLED, chromium, tool } from './package.mjs';

export const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
};

/** Starts Chromium once for a file of tests. */
export async function startBrowser() {
  const { chromium: launcher } = (await tool('playwright-core', 'tests')).default;
  return launcher.launch({
    executablePath: chromium(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}

/** A file of the installed package by its path below `/package/`, or nothing. */
export function packaged(pathname) {
  if (!pathname.startsWith('/package/')) return undefined;
  const path = join(INSTALLED, normalize(pathname.slice('/package/'.length)));
  if (!path.startsWith(INSTALLED) || !existsSync(path)) return undefined;
  return { type: TYPES[extname(path)] ?? 'text/plain', body: readFileSync(path) };
}
