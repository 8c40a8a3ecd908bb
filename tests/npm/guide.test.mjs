// The samples of docs/guide.md: all compile, and what runs without a browser is run.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startServer } from './support/server.mjs';
import { APP, program, run } from './support/package.mjs';

const HERE = join(APP, 'guide');
const guide = readFileSync(join(process.env.SYNCLINE_ROOT, 'docs/guide.md'), 'utf8');

/** What the samples take from libraries that aren't installed here. */
const LIBRARIES = `
declare module 'react' {
  export const Suspense: (props: { fallback: unknown; children: unknown }) => unknown;
  export function memo<P>(component: (props: P) => unknown): (props: P & { key?: string }) => unknown;
  export function use<T>(promise: Promise<T>): T;
  export function useCallback<F>(callback: F, deps: unknown[]): F;
  export function useEffect(effect: () => (() => void) | void, deps: unknown[]): void;
  export function useRef<T>(value: T): { current: T };
  export function useState<T>(value: T): [T, (value: T) => void];
  export function useSyncExternalStore<T>(
    subscribe: (changed: () => void) => () => void, snapshot: () => T, server?: () => T): T;
}
declare module 'react/jsx-runtime' {
  export const jsx: unknown, jsxs: unknown, Fragment: unknown;
  export namespace JSX {
    type Element = unknown;
    type ElementType = any;
    interface ElementChildrenAttribute { children: unknown }
    interface IntrinsicElements {
      [name: string]: { onChange?: (event: { target: { value: string } }) => void; [more: string]: unknown };
    }
  }
}
declare module 'vue' {
  export type ShallowRef<T> = { value: T };
  export function shallowRef<T>(value: T): ShallowRef<T>;
  export function onScopeDispose(end: () => void): void;
}
declare module 'svelte/store' {
  export interface Readable<T> { subscribe(run: (value: T) => void): () => void }
  export function readable<T>(value: T, start: (set: (value: T) => void) => () => void): Readable<T>;
}
declare module '@event-calendar/core' {
  export const Interaction: unknown, TimeGrid: unknown;
  export function createCalendar(element: HTMLElement, plugins: unknown[], options: object): any;
  export function destroyCalendar(calendar: any): void;
}
declare const process: { env: Record<string, string | undefined> };
`;

const samples = [...guide.matchAll(/```(ts|tsx|js)\n([\s\S]*?)```/g)].map(([, kind, code], at) => ({
  name: /^\/\/ (\S+)\n/.exec(code)?.[1] ?? `sample-${at}.${kind}`,
  code,
}));

before(() => {
  mkdirSync(HERE, { recursive: true });
  for (const { name, code } of samples) writeFileSync(join(HERE, name), code);
  writeFileSync(join(HERE, 'libraries.d.ts'), LIBRARIES);
  const compilerOptions = { jsx: 'react-jsx', rootDir: APP };
  const include = ['*.ts', '*.tsx'];
  const config = { extends: '../tests/types/tsconfig.json', compilerOptions, include };
  writeFileSync(join(HERE, 'tsconfig.json'), JSON.stringify(config));
});

test('the guide has samples for each of its tasks', () => {
  assert.ok(samples.length >= 11, `${samples.length} samples`);
});

test('the samples of the guide compile under strict TypeScript', async () => {
  await run(program('tsc'), ['-p', HERE]);
});

test('the sample of how to test an app passes', async () => {
  await run(process.execPath, ['--test', join(HERE, 'app.test.js')]);
});

test('the sample of a script saves what it changes, and ends by itself', async (t) => {
  const rows = [
    { id: 1, name: 'Late', endDate: '2020-01-01T00:00:00Z' },
    { id: 2, name: 'Early', endDate: '2999-01-01T00:00:00Z' },
  ];
  const server = await startServer(t, { tasks: rows });
  const { loadUrl, syncUrl } = server.urls;
  const { code } = samples.find((sample) => sample.code.includes("process.env['API']"));
  const here = code
    .replace(/loadUrl: .*,/, `loadUrl: '${loadUrl}',`)
    .replace(/syncUrl: .*,/, `syncUrl: '${syncUrl}',`);
  await run(process.execPath, ['--input-type=module', '--eval', here]);
  const sent = server.syncs.map(({ pack }) => pack.tasks);
  assert.deepEqual(sent, [{ updated: [{ id: 1, status: 'done' }] }]);
});
