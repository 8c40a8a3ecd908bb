// The examples that the READMEs begin with, run as they stand there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { INSTALLED, inNode } from './support/package.mjs';

/** The server of the examples, and what they take as given. */
const BEFORE = `
import { AjaxHelper } from 'syncline';
const packs = [];
const drawn = [];
globalThis.draw = (key, record) => drawn.push(record?.name);
globalThis.monday = new Date(2026, 2, 2);
globalThis.nextMonday = new Date(2026, 2, 9);
AjaxHelper.mockUrl('/api/load', {
  responseJson: {
    success: true,
    revision: 1,
    events: {
      rows: [{ id: 1, name: 'Planning', startDate: '2026-03-03T09:00:00Z', duration: 1, durationUnit: 'hour' }],
    },
  },
});
AjaxHelper.mockUrl('/api/sync', (_url, _params, { body }) => {
  const pack = JSON.parse(body);
  packs.push(pack.events);
  const rows = pack.events.added?.map(({ $PhantomId }) => ({ $PhantomId, id: 7 }));
  return { responseJson: { success: true, requestId: pack.requestId, events: { rows: rows ?? [] } } };
});
`;

const AFTER = `
await new Promise((resolve) => project.on('sync', resolve));
const events = project.eventStore.map(({ id, name }) => [id, name]);
console.log(JSON.stringify({ packs, drawn, events, left: project.changes }));
project.destroy();
`;

/** The first example in JavaScript of a README. */
function example(path) {
  const [, code] = /```js\n([\s\S]*?)```/.exec(readFileSync(path, 'utf8'));
  return code;
}

test("the repository's example saves the event that it adds, and draws what changes", async () => {
  const code = example(join(process.env.SYNCLINE_ROOT, 'README.md'));
  const { packs, drawn, events, left } = await inNode(BEFORE + code + AFTER);
  assert.equal(packs.length, 1);
  assert.deepEqual(packs[0].added.map(({ name }) => name), ['Stand-up']);
  assert.deepEqual(events.toSorted(), [[1, 'Planning'], [7, 'Stand-up']]);
  assert.ok(drawn.includes('Stand-up'), `drawn: ${drawn}`);
  assert.equal(left, null);
});

test("the package's example saves the event that it renames", async () => {
  const { packs, events, left } = await inNode(BEFORE + example(join(INSTALLED, 'README.md')) + AFTER);
  assert.deepEqual(packs, [{ updated: [{ id: 1, name: 'Stand-up' }] }]);
  assert.deepEqual(events, [[1, 'Stand-up']]);
  assert.equal(left, null);
});
