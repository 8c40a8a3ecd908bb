// AjaxHelper: requests of apps, options that all requests have in common, answers that are made up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AjaxHelper, CrudManager, EventModel, Store } from 'syncline';
import { startServer } from './support/server.mjs';
import { SAMPLE, rejection, setup } from './support/setup.mjs';

/** Requests that went out, each answered with what it was. */
function spyFetch(t, answer = () => Response.json({ success: true })) {
  const sent = [];
  t.mock.method(globalThis, 'fetch', async (request) => {
    sent.push(request);
    return answer(request);
  });
  return sent;
}

function cleanUp(t) {
  t.after(() => {
    AjaxHelper.unmockUrl();
    AjaxHelper.DEFAULT_FETCH_OPTIONS = {};
  });
}

test('get and post send what they are given', async (t) => {
  const sent = spyFetch(t);
  const url = 'http://127.0.0.1/api';
  await AjaxHelper.get(url, {
    queryParams: { a: 1, b: 'x y', none: null },
    headers: { 'X-Team': 'blue' },
  });
  await AjaxHelper.post(url, { a: [1] }, { credentials: 'omit' });
  await AjaxHelper.post(url, 'plain');
  await AjaxHelper.post(url, undefined, { queryParams: { a: 1 }, addQueryParamsToBody: true });
  const form = new FormData();
  form.append('a', '1');
  await AjaxHelper.post(url, form);
  await AjaxHelper.fetch(`${url}?a=1`, { queryParams: { b: 2 }, method: 'DELETE' });
  assert.deepEqual(
    sent.map(({ method, url: to }) => [method, to.slice(url.length)]),
    [
      ['GET', '?a=1&b=x+y'],
      ['POST', ''],
      ['POST', ''],
      ['POST', ''],
      ['POST', ''],
      ['DELETE', '?a=1&b=2'],
    ],
  );
  assert.equal(sent[0].headers.get('X-Team'), 'blue');
  assert.deepEqual(
    [sent[1].headers.get('Content-Type'), await sent[1].text()],
    ['application/json', '{"a":[1]}'],
  );
  assert.equal(sent[1].credentials, 'omit');
  assert.equal(await sent[2].text(), 'plain');
  assert.match(sent[3].headers.get('Content-Type'), /x-www-form-urlencoded/);
  assert.equal(await sent[3].text(), 'a=1');
  assert.match(sent[4].headers.get('Content-Type'), /multipart\/form-data/);
});

test('an answer is parsed where that is asked for', async (t) => {
  const server = await startServer(t, SAMPLE);
  const response = await AjaxHelper.get(server.urls.loadUrl, { parseJson: true });
  assert.equal(response.parsedJson.events.rows.length, 2);
  assert.equal(response.status, 200);
  assert.equal((await AjaxHelper.get(server.urls.loadUrl)).parsedJson, undefined);
});

test('what goes wrong is a SyncError with a code', async (t) => {
  cleanUp(t);
  AjaxHelper.mockUrl('/broken', { responseText: '{' });
  const broken = await rejection(AjaxHelper.get('/broken', { parseJson: true }));
  assert.deepEqual([broken.code, broken.rawResponse.status], ['BAD_RESPONSE', 200]);
  AjaxHelper.mockUrl('/slow', { delay: 60_000 });
  const abortController = new AbortController();
  const slow = AjaxHelper.get('/slow', { abortController });
  abortController.abort();
  const aborted = await rejection(slow);
  assert.deepEqual([aborted.code, aborted.cancelled], ['CANCELLED', true]);
  t.mock.method(globalThis, 'fetch', async () => {
    throw new TypeError('fetch failed');
  });
  const failed = await rejection(AjaxHelper.get('http://127.0.0.1/x'));
  assert.deepEqual([failed.code, failed.retryable], ['NETWORK', true]);
  for (const wrong of [[], [5, {}], ['/x'], ['/x', null], ['/x', 'text']]) {
    assert.throws(() => AjaxHelper.mockUrl(...wrong), { code: 'INVALID_ARGUMENT' });
  }
});

test('a mocked URL is answered without a request, until it is unmocked', async (t) => {
  cleanUp(t);
  const sent = spyFetch(t);
  const url = 'http://127.0.0.1/api';
  AjaxHelper.mockUrl(url, { responseText: '{"a":1}', status: 201, headers: { 'X-A': 'b' } });
  const response = await AjaxHelper.get(url, { queryParams: { any: 1 }, parseJson: true });
  assert.deepEqual(
    [response.parsedJson, response.status, response.headers.get('X-A')],
    [{ a: 1 }, 201, 'b'],
  );
  assert.ok(response instanceof Response);
  AjaxHelper.mockUrl(`${url}?only=1`, { responseJson: [1] });
  assert.deepEqual(await (await AjaxHelper.get(`${url}?only=1`)).json(), [1]);
  const asked = [];
  AjaxHelper.mockUrl(url, (...args) => {
    asked.push(args);
    return { responseJson: { said: args[2].body } };
  });
  const said = await AjaxHelper.post(`${url}?a=b`, { x: 1 }, { parseJson: true });
  assert.deepEqual(said.parsedJson, { said: '{"x":1}' });
  assert.deepEqual([asked[0][0], asked[0][1], asked[0][2].method], [url, { a: 'b' }, 'POST']);
  assert.equal(sent.length, 0);
  AjaxHelper.unmockUrl(url);
  await AjaxHelper.get(url);
  assert.equal(sent.length, 1);
});

test('managers load and sync by what is mocked, relative URLs included', async (t) => {
  cleanUp(t);
  const sent = spyFetch(t);
  const bodies = [];
  AjaxHelper.mockUrl('api/load', {
    responseJson: { success: true, events: { rows: SAMPLE.events } },
  });
  AjaxHelper.mockUrl('api/sync', async (_url, _params, { method, body }) => {
    bodies.push([method, JSON.parse(body)]);
    const { requestId } = bodies[0][1];
    return { responseJson: { success: true, requestId } };
  });
  const events = new Store({ id: 'events', modelClass: EventModel });
  const manager = new CrudManager({
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    crudStores: [events],
  });
  t.after(() => manager.destroy());
  const { rawResponse } = await manager.load();
  assert.ok(rawResponse instanceof Response);
  assert.equal(events.count, 2);
  events.first.name = 'Mocked';
  await manager.sync();
  assert.deepEqual(
    [bodies[0][0], bodies[0][1].events.updated],
    ['POST', [{ id: 1, name: 'Mocked' }]],
  );
  assert.equal(manager.changes, null);
  AjaxHelper.mockUrl('api/load', { status: 503, responseText: 'closed' });
  const error = await rejection(manager.load());
  assert.deepEqual([error.code, error.status, error.responseText], ['HTTP', 503, 'closed']);
  AjaxHelper.mockUrl('api/load', () => {
    throw new Error('oops');
  });
  assert.equal((await rejection(manager.load())).code, 'NETWORK');
  AjaxHelper.mockUrl('api/load', { delay: 60_000 });
  const late = manager.load();
  queueMicrotask(() => manager.cancelRequest(late));
  assert.equal((await rejection(late)).cancelled, true);
  assert.equal(sent.length, 0);
});

test('requests of managers have the default options, and headers of their own besides', async (t) => {
  cleanUp(t);
  AjaxHelper.DEFAULT_FETCH_OPTIONS = {
    credentials: 'include',
    headers: { Authorization: 'Bearer all', 'X-Both': 'default' },
  };
  const sent = spyFetch(t);
  const { manager } = await setup(t, {
    transport: { load: { headers: { 'X-Both': 'own' } }, sync: { credentials: 'omit' } },
    forceSync: true,
  });
  await manager.load();
  await manager.sync();
  const [load, sync] = sent;
  assert.deepEqual(
    [load.credentials, load.headers.get('Authorization'), load.headers.get('X-Both')],
    ['include', 'Bearer all', 'own'],
  );
  assert.deepEqual([sync.credentials, sync.headers.get('X-Both')], ['omit', 'default']);
  await AjaxHelper.get('http://127.0.0.1/x', { headers: { 'X-Both': 'mine' } });
  assert.deepEqual([sent[2].credentials, sent[2].headers.get('X-Both')], ['include', 'mine']);
});

test('a function that stands for the server stays when all URLs are unmocked', async (t) => {
  cleanUp(t);
  const events = new Store({ id: 'events', modelClass: EventModel });
  const requestData = () => ({ success: true, events: { rows: SAMPLE.events } });
  const manager = new CrudManager({ crudStores: [events], requestData });
  t.after(() => manager.destroy());
  AjaxHelper.unmockUrl();
  await manager.load();
  assert.equal(events.count, 2);
});

test('a mocked answer takes its delay, in which the request can be ended', async (t) => {
  t.after(() => AjaxHelper.unmockUrl());
  AjaxHelper.mockUrl('/slow', { responseJson: { slow: true }, delay: 60 });
  const begun = performance.now();
  const { parsedJson } = await AjaxHelper.get('/slow', { parseJson: true });
  assert.deepEqual(parsedJson, { slow: true });
  assert.ok(performance.now() - begun >= 55);
  const abortController = new AbortController();
  const ended = AjaxHelper.get('/slow', { abortController });
  abortController.abort();
  await assert.rejects(ended, { code: 'CANCELLED' });
});
