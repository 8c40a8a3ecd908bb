// `cargo xtask demo`, as a newcomer calls it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = process.env.SYNCLINE_ROOT ?? join(import.meta.dirname, '..', '..');

/** Runs the command in a process group of its own, as a terminal does. */
function demo(t, ...options) {
  const child = spawn('cargo', ['xtask', 'demo', ...options], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run = { out: '', errors: '', ended: new Promise((done) => child.once('close', done)) };
  child.stdout.on('data', (data) => (run.out += data));
  child.stderr.on('data', (data) => (run.errors += data));
  run.signal = (name) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
  };
  t.after(() => run.signal('SIGKILL'));
  return run;
}

async function until(what, run) {
  const ended = run.ended.then(() => 'ended');
  for (;;) {
    const found = what();
    if (found) return found;
    const step = new Promise((resolve) => setTimeout(resolve, 20));
    assert.notEqual(await Promise.race([step, ended]), 'ended', run.out + run.errors);
  }
}

test('the demo says its address once, when it can be opened, and Ctrl-C ends it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'syncline demo 100% '));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'week?.sqlite');
  const run = demo(t, '--port', '0', '--database', file);
  const [address] = await until(() => /http:\/\/127\.0\.0\.1:\d+/.exec(run.out), run);
  for (const page of ['/', '/board.html', '/live.html', '/api/calendar/load']) {
    const response = await fetch(address + page);
    assert.equal(response.status, 200, page);
    await response.arrayBuffer();
  }
  assert.equal(run.out.split('http://').length, 2, run.out);
  assert.ok(existsSync(file));
  run.signal('SIGINT');
  await run.ended;
  await assert.rejects(fetch(address));
});

test('a port that is in use is told in one line, before anything is built', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const run = demo(t, '--port', String(taken.address().port));
  assert.notEqual(await run.ended, 0);
  assert.match(run.errors, /^error: port \d+ can't be used .*--port$/m);
  assert.equal(run.out, '');
});
