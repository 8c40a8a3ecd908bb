// How requests go out: what a section of the transport can say, and when it is asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loaded, muteConsole, next, rejection, setup, within } from './support/setup.mjs';
import { gate, silence } from './support/server.mjs';

const urls = (server) => ({
  load: { url: `${server.origin}/load` },
  sync: { url: `${server.origin}/sync` },
});

test('queryParams are params under another name', async (t) => {
  const { server, manager } = await setup(t);
  const { load } = urls(server);
  manager.transport = {
    load: { ...load, queryParams: { tenant: 7, later: () => 'asked' }, params: { page: 1 } },
  };
  await manager.load();
  const { query } = server.loads[0];
  assert.deepEqual([query.get('tenant'), query.get('later'), query.get('page')], ['7', 'asked', '1']);
});

test('addQueryParamsToBody puts the parameters into the body, as a form with the pack', async (t) => {
  const { server, manager, events } = await loaded(t);
  const { sync } = urls(server);
  manager.transport = {
    sync: {
      url: `${sync.url}?stays=1`,
      params: { tenant: 7, token: () => 'now' },
      addQueryParamsToBody: true,
      paramName: 'pack',
    },
  };
  manager.on('beforeSend', ({ params, requestType }) => {
    if (requestType === 'sync') params.more = 'heard';
  });
  events.first.name = 'new';
  server.nextSync({ success: true });
  await manager.sync();
  const [{ url, text, headers }] = server.syncs;
  const form = new URLSearchParams(text);
  assert.match(headers['content-type'], /^application\/x-www-form-urlencoded/);
  assert.equal(url.search, '?stays=1');
  assert.deepEqual(
    [form.get('tenant'), form.get('token'), form.get('more'), form.get('stays')],
    ['7', 'now', 'heard', null],
  );
  assert.deepEqual(JSON.parse(form.get('pack')).events.updated, [{ id: 1, name: 'new' }]);
});

test('sendAsFormData sends what encoder.requestData says, too', async (t) => {
  const { server, manager, events } = await loaded(t, {
    sendAsFormData: true,
    encoder: { requestData: { user: 'ada', type: 'mine' } },
  });
  manager.transport = { sync: { ...urls(server).sync, paramName: 'data' } };
  events.first.name = 'new';
  await manager.sync();
  const [{ pack, text, query }] = server.syncs;
  assert.ok(text.startsWith('data='));
  assert.equal(query.size, 0);
  assert.equal(pack.user, 'ada');
  assert.equal(pack.type, 'sync', 'what the protocol needs is not the app’s to say');
});

test('headers and parameters may be promises, asked anew at every request', async (t) => {
  const { server, manager } = await setup(t);
  let count = 0;
  manager.transport = {
    load: {
      url: `${server.origin}/load`,
      headers: async () => ({ 'X-Token': `t${++count}`, 'X-Plain': 'p' }),
      params: { nonce: async () => `n${count}` },
    },
  };
  await manager.load();
  await manager.load();
  assert.deepEqual(server.loads.map(({ headers }) => headers['x-token']), ['t1', 't2']);
  assert.equal(server.loads[0].headers['x-plain'], 'p');
  assert.match(server.loads[0].query.get('nonce'), /^n\d$/);
});

test('a token that cannot be had fails the request, and the next one is asked for anew', async (t) => {
  const { server, manager } = await setup(t);
  muteConsole(t);
  let broken = true;
  manager.transport = {
    load: {
      url: `${server.origin}/load`,
      headers: async () => {
        if (broken) throw new Error('no token');
        return { 'X-Token': 't' };
      },
    },
  };
  const error = await rejection(manager.load());
  assert.match(error.message, /no token/);
  assert.equal(manager.isLoading, false);
  broken = false;
  await manager.load();
  assert.equal(server.loads[0].headers['x-token'], 't');
});

test('destroy while a token is awaited settles the promise', async (t) => {
  const { server, manager } = await setup(t);
  let give;
  const token = new Promise((resolve) => (give = resolve));
  manager.transport = { load: { url: `${server.origin}/load`, headers: () => token } };
  const load = rejection(manager.load());
  manager.destroy();
  assert.equal((await load).cancelled, true);
  give({});
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(server.loads.length, 0);
});

for (const [how, section] of [
  ['signal', ({ signal }) => ({ signal })],
  ['abortController', (abortController) => ({ abortController })],
  ['fetchOptions.signal', ({ signal }) => ({ fetchOptions: { signal } })],
]) {
  test(`an app can end requests by ${how}: they reject as cancelled, nothing is lost`, async (t) => {
    const { server, manager, events } = await loaded(t);
    const abort = new AbortController();
    const { load, sync } = urls(server);
    manager.transport = { load: { ...load, ...section(abort) }, sync: { ...sync, ...section(abort) } };
    server.nextSync(silence());
    events.first.name = 'new';
    const waiting = rejection(manager.sync());
    await server.request('sync', 1);
    const told = next(manager, 'syncCanceled');
    abort.abort();
    const error = await waiting;
    assert.deepEqual([error.code, error.cancelled], ['CANCELLED', true]);
    await told;
    assert.equal(manager.isSyncing, false);
    assert.equal(events.first.isPending, true);
    assert.deepEqual(manager.changes.events.updated, [{ id: 1, name: 'new' }]);
    assert.equal((await rejection(manager.load())).code, 'CANCELLED', 'it stays aborted');
    manager.transport = { load, sync };
    await manager.sync();
    assert.equal(manager.changes, null);
  });
}

test('an answered request is not concerned by a signal any more', async (t) => {
  const { server, manager, events } = await setup(t);
  const abort = new AbortController();
  const { load, sync } = urls(server);
  manager.transport = { load: { ...load, signal: abort.signal }, sync };
  await manager.load();
  const answer = gate();
  server.nextSync(answer);
  events.first.name = 'new';
  const syncing = manager.sync();
  await answer.asked;
  abort.abort();
  answer.answer({ success: true });
  await within(syncing, 'the sync');
  assert.equal(manager.changes, null);
});

test('cancelRequest without a promise ends what is under way', async (t) => {
  const { server, manager, events } = await loaded(t, { autoSync: true, autoSyncTimeout: 1 });
  manager.cancelRequest();
  server.nextSync(silence());
  events.first.name = 'new';
  await server.request('sync', 1);
  const told = next(manager, 'syncCanceled');
  manager.cancelRequest();
  await told;
  assert.equal(manager.isSyncing, false);
  await manager.sync();
  assert.equal(manager.changes, null);
});

const FETCH_OPTIONS = {
  credentials: 'include',
  mode: 'same-origin',
  cache: 'no-store',
  redirect: 'error',
  referrer: '',
  referrerPolicy: 'no-referrer',
  integrity: 'sha256-abc',
  keepalive: true,
};

for (const [where, section] of [
  ['a section of the transport', FETCH_OPTIONS],
  ['its fetchOptions', { fetchOptions: FETCH_OPTIONS }],
]) {
  test(`each option of fetch in ${where} goes out with the request`, async (t) => {
    const { fetch } = globalThis;
    t.after(() => (globalThis.fetch = fetch));
    const seen = [];
    globalThis.fetch = async (request) => {
      seen.push(request);
      return Response.json({ success: true });
    };
    const { server, manager } = await setup(t, { forceSync: true });
    const { load, sync } = urls(server);
    manager.transport = { load: { ...load, ...section }, sync: { ...sync, ...section } };
    await manager.load();
    await manager.sync();
    assert.equal(seen.length, 2);
    for (const request of seen) {
      const { referrer, ...others } = FETCH_OPTIONS;
      for (const [name, value] of Object.entries(others)) assert.equal(request[name], value, name);
      assert.equal(request.referrer, referrer);
    }
  });
}
