// Places where apps and their tests run: simulated pages, replaced clocks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNode } from './support/package.mjs';

test('an answer is read whose bytes are of another realm, as in simulated pages', async () => {
  const told = await inNode(`
    import { runInNewContext } from 'node:vm';
    import { CalendarProject, init } from 'syncline';
    const foreign = runInNewContext('(bytes) => new Uint8Array(bytes)');
    const bytes = (value) => foreign([...new TextEncoder().encode(JSON.stringify(value))]);
    globalThis.fetch = async () => new Response(new ReadableStream({
      start(stream) {
        stream.enqueue(bytes({ success: true, events: { rows: [{ id: 1, name: 'Talk' }] } }));
        stream.close();
      },
    }));
    await init();
    const project = new CalendarProject({ loadUrl: 'http://app.test/load' });
    await project.load();
    const { name } = project.eventStore.first;
    project.resourceStore.loadData(bytes([{ id: 2, name: 'Ada' }]));
    console.log(JSON.stringify([name, project.resourceStore.first.name]));
  `);
  assert.deepEqual(told, ['Talk', 'Ada']);
});

test('time goes on when the tests of an app put a clock of their own in the place of the host’s', async () => {
  const told = await inNode(`
    import { AjaxHelper, CalendarProject, init } from 'syncline';
    await init();
    const packs = [];
    AjaxHelper.mockUrl('/sync', (_url, _params, { body }) => {
      packs.push(JSON.parse(body).events);
      return { responseJson: { success: true } };
    });
    const project = new CalendarProject({
      inlineData: { events: { rows: [{ id: 1, name: 'Talk' }] } },
      syncUrl: '/sync', autoSync: true,
    });
    project.eventStore.first.name = 'looks at the clock';
    project.revertChanges();

    // As fake timers do it: a clock that starts at 0, and timers that run when it is moved.
    let now = 0;
    const due = new Map();
    performance.now = () => now;
    globalThis.setTimeout = (run, ms = 0) => { due.set(due.size + 1, [now + ms, run]); return due.size; };
    globalThis.clearTimeout = (id) => due.set(id, undefined);
    const advance = async (ms) => {
      const end = now + ms;
      while (now < end) {
        now += 10;
        for (const [id, timer] of due) {
          if (timer === undefined || timer[0] > now) continue;
          due.set(id, undefined);
          timer[1]();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    project.eventStore.first.name = 'Lecture';
    await advance(500);
    console.log(JSON.stringify([packs, project.changes]));
  `);
  assert.deepEqual(told, [[{ updated: [{ id: 1, name: 'Lecture' }] }], null]);
});

test('a channel says what is missing where it can’t be opened', async () => {
  const told = await inNode(`
    import { CalendarProject, init } from 'syncline';
    await init();
    globalThis.WebSocket = undefined;
    const project = new CalendarProject({ channel: 'ws://127.0.0.1:1/ws' });
    const { code, message } = await new Promise((resolve) => project.channel.on('error', resolve));
    project.destroy();
    console.log(JSON.stringify([code, message]));
  `);
  assert.equal(told[0], 'NETWORK');
  assert.match(told[1], /WebSocket/);
});
