// The custom elements in a page with a strict policy: what they show, what they do when they are
// used with mouse, keyboard or a screen reader, and that markup in data stays text.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { packaged, startBrowser } from './support/browser.mjs';

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title></head><body>
<syncline-status></syncline-status><syncline-offline-banner></syncline-offline-banner>
<syncline-presence></syncline-presence><syncline-conflict-dialog></syncline-conflict-dialog></body></html>`;

let browser;
let server;

before(async () => {
  browser = await startBrowser();
  server = createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://localhost');
    const file = pathname === '/' ? { type: 'text/html', body: PAGE } : packaged(pathname);
    res.writeHead(file ? 200 : 404, {
      'content-type': file?.type ?? 'text/plain',
      'content-security-policy': POLICY,
    });
    res.end(file?.body);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** A page with the elements and `project`: as much of a project as they look at. */
async function open(t) {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC' });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints = [];
  page.on('console', (message) => {
    if (/error|warning/.test(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(async () => {
    class Source {
      #listeners = new Map();
      on(name, listener) {
        const all = this.#listeners.get(name) ?? new Set();
        this.#listeners.set(name, all.add(listener));
        return () => all.delete(listener);
      }
      tell(name) {
        for (const listener of this.#listeners.get(name) ?? []) listener({});
      }
      get listening() {
        return [...this.#listeners.values()].reduce((sum, all) => sum + all.size, 0);
      }
    }
    const project = Object.assign(new Source(), {
      status: 'saved',
      pendingCount: 0,
      isDestroyed: false,
      conflicts: [],
      calls: [],
      channel: Object.assign(new Source(), { peers: [] }),
      sync: async () => void project.calls.push('sync'),
      load: async () => void project.calls.push('load'),
    });
    project.be = (status, pendingCount = 0) => {
      Object.assign(project, { status, pendingCount });
      project.tell('status');
    };
    project.clash = (name, fields, kind = 'update') => {
      const conflict = {
        kind,
        record: { id: name, get: (field) => (field === 'name' ? name : undefined) },
        fields: fields.map(([field, mine, theirs]) => ({ field, base: null, mine, theirs })),
        isResolved: false,
        resolve(choice) {
          conflict.isResolved = true;
          const copy = typeof choice === 'string' ? choice : { ...choice };
          project.calls.push([name, copy]);
          project.conflicts = project.conflicts.filter((other) => other !== conflict);
          project.tell('conflictResolved');
        },
      };
      project.conflicts = [...project.conflicts, conflict];
      project.tell('conflict');
    };
    window.project = project;
    await import('/package/dist/elements/index.js');
    for (const element of document.body.children) element.project = project;
  });
  return { page, complaints, run: (work, given) => page.evaluate(work, given) };
}

test('the status element says where the project stands, and offers to try again', async (t) => {
  const { page, run, complaints } = await open(t);
  const pill = page.locator('syncline-status [part=text]');
  assert.equal(await pill.textContent(), 'All changes saved');
  await run(() => window.project.be('pending', 1));
  assert.equal(await pill.textContent(), 'Saving…');
  await run(() => window.project.be('offline', 1200));
  assert.equal(await pill.textContent(), 'Offline · 1,200 pending');
  await run(() => window.project.be('failed', 2));
  assert.equal(await page.getByRole('status').first().textContent(), 'Sync error');
  assert.equal(await page.locator('syncline-status').getAttribute('state'), 'failed');
  await page.locator('syncline-status').getByRole('button', { name: 'Retry' }).press('Enter');
  assert.deepEqual(await run(() => window.project.calls), ['sync']);
  await run(() => window.project.be('saved'));
  assert.equal(await page.locator('syncline-status [part=retry]').isHidden(), true);
  assert.deepEqual(complaints, []);
});

test('a short save is shown long enough to be read', async (t) => {
  const { page, run } = await open(t);
  const pill = page.locator('syncline-status [part=text]');
  await run(() => {
    window.project.be('saving', 1);
    window.project.be('saved');
  });
  assert.equal(await pill.textContent(), 'Saving…');
  await page.waitForFunction(
    () =>
      document.querySelector('syncline-status').shadowRoot.querySelector('[part=text]')
        .textContent === 'All changes saved',
  );
});

test('the words of an element can be replaced one by one', async (t) => {
  const { page, run } = await open(t);
  await run(() => (document.querySelector('syncline-status').texts = { saved: 'Alles bewaard' }));
  assert.equal(await page.locator('syncline-status [part=text]').textContent(), 'Alles bewaard');
  await run(() => window.project.be('saving'));
  assert.equal(await page.locator('syncline-status [part=text]').textContent(), 'Saving…');
});

test('the banner is there while the server is away, and says when all is saved', async (t) => {
  const { page, run } = await open(t);
  const banner = page.locator('syncline-offline-banner [part=banner]');
  assert.equal(await banner.isHidden(), true);
  await run(() => window.project.be('retrying', 3));
  assert.match(await banner.textContent(), /can’t be reached. 3 changes are kept here/);
  await page.locator('syncline-offline-banner').getByRole('button', { name: 'Try now' }).click();
  assert.deepEqual(await run(() => window.project.calls), ['sync']);
  await run(() => window.project.be('offline', 1));
  await page.context().setOffline(true);
  await page.waitForFunction(() => !navigator.onLine);
  await run(() => window.project.be('offline', 1));
  assert.match(await banner.textContent(), /You are offline. 1 change is kept here/);
  await page.context().setOffline(false);
  await run(() => window.project.be('saving', 1));
  await run(() => window.project.be('saved'));
  assert.match(await banner.textContent(), /Back online. Everything is saved./);
});

test('an element that leaves the page, or gets another project, listens no more', async (t) => {
  const { run } = await open(t);
  const counts = await run(() => {
    const { project } = window;
    const before = [project.listening, project.channel.listening];
    for (const element of document.body.children) element.project = null;
    const none = [project.listening, project.channel.listening];
    for (const element of document.body.children) element.project = project;
    document.body.replaceChildren();
    return [before, none, [project.listening, project.channel.listening]];
  });
  assert.deepEqual(counts, [[4, 2], [0, 0], [0, 0]]);
});

test('the dialog asks field by field, and sends what was chosen', async (t) => {
  const { page, run, complaints } = await open(t);
  await run(() =>
    window.project.clash('Stand-up', [
      ['name', 'Daily', 'Stand-up meeting'],
      ['startDate', new Date('2026-03-02T09:00:00Z'), null],
    ]),
  );
  const dialog = page.getByRole('dialog', { name: 'Someone else changed “Stand-up” too' });
  await dialog.waitFor();
  const cells = await dialog.locator('tbody tr').first().locator('th, td').allTextContents();
  assert.deepEqual(cells, ['Name', 'Daily', 'Stand-up meeting']);
  assert.match(await dialog.locator('tbody tr').nth(1).textContent(), /Start date2 Mar 2026, 09:00–/);
  assert.equal(await dialog.getByRole('radio').first().isChecked(), true);
  await dialog.getByRole('radio', { name: 'name, Theirs: Stand-up meeting' }).check();
  await dialog.getByRole('button', { name: 'Save selection' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await run(() => window.project.calls), [
    ['Stand-up', { name: 'Stand-up meeting', startDate: new Date('2026-03-02T09:00:00Z') }],
  ]);
  assert.deepEqual(complaints, []);
});

test('conflicts are asked one after the other, or answered all at once', async (t) => {
  const { page, run } = await open(t);
  const clash = () =>
    run(() => {
      for (const name of ['One', 'Two', 'Three']) window.project.clash(name, [['name', 'a', 'b']]);
    });
  await clash();
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.getByText('1 of 3').waitFor();
  await dialog.getByRole('button', { name: 'Keep mine' }).click();
  await dialog.getByText('2 of 3').waitFor();
  await dialog.getByRole('checkbox', { name: 'Do the same for all 2 conflicts' }).check();
  await dialog.getByRole('button', { name: 'Take theirs' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await run(() => window.project.calls), [
    ['One', 'mine'],
    ['Two', 'theirs'],
    ['Three', 'theirs'],
  ]);
});

test('Escape leaves a conflict undecided until somebody asks for it again', async (t) => {
  const { page, run } = await open(t);
  await run(() => window.project.clash('One', [['name', 'a', 'b']]));
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await run(() => window.project.calls), []);
  await run(() => document.querySelector('syncline-conflict-dialog').open());
  await dialog.waitFor();
  await dialog.getByRole('button', { name: 'Decide later' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await run(() => window.project.conflicts.length), 1);
});

test('the dialog can be used with the keyboard alone', async (t) => {
  const { page, run } = await open(t);
  await run(() => window.project.clash('One', [['name', 'a', 'b']]));
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.waitFor();
  await dialog.getByRole('radio').first().focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await dialog.getByRole('radio').nth(1).isChecked(), true);
  await page.keyboard.press('Tab');
  for (let presses = 0; presses < 6; presses += 1) {
    const focused = await run(
      () => document.querySelector('syncline-conflict-dialog').shadowRoot.activeElement?.textContent,
    );
    if (focused === 'Save selection') break;
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await run(() => window.project.calls), [['One', { name: 'b' }]]);
});

test('a record that one side removed is kept or let go as a whole', async (t) => {
  const { page, run } = await open(t);
  await run(() => window.project.clash('One', [['name', 'a', 'b']], 'remoteRemove'));
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.getByRole('button', { name: 'Restore with my changes' }).click();
  await run(() => window.project.clash('Two', [], 'localRemove'));
  await dialog.getByRole('button', { name: 'Delete it anyway' }).click();
  assert.deepEqual(await run(() => window.project.calls), [
    ['One', 'mine'],
    ['Two', 'mine'],
  ]);
});

test('markup in names, fields and values is shown, never run', async (t) => {
  const { page, run, complaints } = await open(t);
  const evil = '<img src=x onerror="window.ran = true"><script>window.ran = true</script>';
  await run((evil) => {
    window.project.channel.peers = [
      {
        clientId: 'a',
        userId: evil,
        userName: evil,
        color: `red; background: url(x)`,
        action: 'editing',
        recordType: 'events',
        recordId: evil,
        isSelf: false,
      },
    ];
    window.project.channel.tell('presence');
    window.project.clash(evil, [
      [evil, evil, evil],
      ['__proto__', 'a', 'b'],
    ]);
  }, evil);
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.waitFor();
  assert.ok((await dialog.textContent()).includes(evil));
  assert.equal(await page.locator('img, script').count(), 0);
  await dialog.getByRole('button', { name: 'Save selection' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await run(() => window.ran), undefined);
  assert.equal(await run(() => ({}).a), undefined);
  assert.deepEqual(complaints, []);
});

test('presence shows each person once, who edits with a ring, the rest as a number', async (t) => {
  const { page, run } = await open(t);
  await run(() => {
    const peer = (userId, more = {}) => ({
      clientId: userId + Math.random(),
      userId,
      userName: `${userId} Smith`,
      color: 'hsl(210, 70%, 60%)',
      action: 'viewing',
      recordType: null,
      recordId: null,
      isSelf: false,
      ...more,
    });
    window.project.channel.peers = [
      peer('Me', { isSelf: true }),
      peer('Bob'),
      peer('Bob', { action: 'editing', recordType: 'events', recordId: 4 }),
      peer('Ada'),
    ];
    window.project.channel.tell('presence');
  });
  const faces = () => page.locator('syncline-presence [part=face]').allTextContents();
  assert.deepEqual(await faces(), ['BS', 'AS', 'MS']);
  const list = page.getByRole('list', { name: 'Who is here' });
  assert.deepEqual(await list.locator('li .for-readers').allTextContents(), [
    'Bob Smith, editing',
    'Ada Smith',
    'Me Smith (you)',
  ]);
  await run(() => document.querySelector('syncline-presence').setAttribute('max', '2'));
  assert.deepEqual(await faces(), ['BS']);
  assert.equal(await page.locator('syncline-presence [part=more]').textContent(), '+2');
  await run(() => {
    const element = document.querySelector('syncline-presence');
    element.setAttribute('record-type', 'events');
    element.setAttribute('record-id', '4');
  });
  assert.deepEqual(await faces(), ['BS']);
});

test('what the other has may change while the dialog is open: the choice so far stays', async (t) => {
  const { page, run } = await open(t);
  await run(() => window.project.clash('One', [['name', 'a', 'b'], ['place', 'c', 'd']]));
  const dialog = page.locator('syncline-conflict-dialog dialog');
  await dialog.getByRole('radio', { name: 'Place, Theirs: d' }).check();
  await run(() => {
    const [conflict] = window.project.conflicts;
    conflict.fields = conflict.fields.map((field) => ({ ...field, theirs: `${field.theirs} 2` }));
    window.project.tell('conflict');
  });
  const place = dialog.getByRole('radio', { name: 'Place, Theirs: d 2' });
  assert.equal(await place.isChecked(), true);
  assert.equal(await place.evaluate((it) => it.getRootNode().activeElement === it), true);
  await dialog.getByRole('button', { name: 'Save selection' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await run(() => window.project.calls), [['One', { name: 'a', place: 'd 2' }]]);
});

test('the dialog keeps the focus, has a name, and gives the focus back', async (t) => {
  const { page, run } = await open(t);
  await run(() => {
    const button = Object.assign(document.createElement('button'), { id: 'before', textContent: 'Before' });
    document.body.prepend(button);
    button.focus();
    window.project.clash('One', [['name', 'a', 'b']]);
  });
  const dialog = page.getByRole('dialog', { name: 'Someone else changed “One” too' });
  await dialog.waitFor();
  for (let presses = 0; presses < 12; presses += 1) {
    // Within the page; the browser's own buttons are reached by Tab as well.
    const active = await run(() => document.activeElement.localName);
    assert.ok(['syncline-conflict-dialog', 'body'].includes(active), active);
    await page.keyboard.press(presses % 5 === 4 ? 'Shift+Tab' : 'Tab');
  }
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await run(() => document.activeElement.id), 'before');
});

test('status and banner say what changes to those who listen to the page', async (t) => {
  const { page, run } = await open(t);
  const said = (name) => page.locator(name).getByRole('status');
  await run(() => window.project.be('offline', 2));
  assert.equal(await said('syncline-status').textContent(), 'Offline · 2 pending');
  assert.match(await said('syncline-offline-banner').textContent(), /can’t be reached/);
  await run(() => window.project.be('saving', 2));
  assert.equal(await said('syncline-status').textContent(), 'Offline · 2 pending', 'no chatter');
});

/** Opens everything that the elements can show. */
const everything = (run) =>
  run(() => {
    const peer = (userId, color, isSelf) => ({
      clientId: userId, userId, userName: `${userId} Smith`, color, action: 'editing', isSelf,
    });
    window.project.channel.peers = [
      peer('Ann', 'hsl(60, 70%, 60%)', false),
      peer('Bob', 'hsl(120, 70%, 60%)', false),
      peer('Cleo', 'white', false),
      peer('Dan', 'hsl(240, 70%, 60%)', false),
      peer('Me', 'hsl(300, 70%, 60%)', true),
    ];
    window.project.channel.tell('presence');
    window.project.be('failed', 1);
    window.project.clash('One', [['name', 'a', '']]);
  });

/** The contrast of each text with what lies behind it, in the elements' own trees. */
const contrasts = (run) =>
  run(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const paint = (layers) => {
      context.fillStyle = '#808080';
      context.fillRect(0, 0, 1, 1);
      for (const layer of layers) {
        context.fillStyle = layer;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
      const [r, g, b] = rgb.map((c) => (c <= 10.31475 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const host of document.querySelectorAll('body > *')) {
      for (const element of host.shadowRoot?.querySelectorAll('*') ?? []) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility() || element.closest('.for-readers')) continue;
        const behind = [];
        for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
          behind.unshift(getComputedStyle(at).backgroundColor);
        }
        const page = getComputedStyle(document.documentElement).colorScheme === 'dark' ? '#121212' : '#fff';
        const back = light(paint([page, ...behind]));
        const ink = light(paint([page, ...behind, getComputedStyle(element).color]));
        const ratio = (Math.max(back, ink) + 0.05) / (Math.min(back, ink) + 0.05);
        found.push([`${host.localName} ${element.localName} ${element.textContent}`, ratio]);
      }
    }
    return found;
  });

test('every text can be read, in a light page and in a dark one', async (t) => {
  const { run } = await open(t);
  await everything(run);
  const seen = {};
  for (const scheme of ['light', 'dark']) {
    await run((name) => (document.documentElement.style.colorScheme = name), scheme);
    for (const status of ['failed', 'offline', 'saved', 'saving', 'loading']) {
      await run((name) => window.project.be(name, 1), status);
      const all = await contrasts(run);
      assert.ok(all.length >= 12, String(all.length));
      for (const [what, ratio] of all) {
        assert.ok(ratio >= 4.5, `${scheme}, ${status}: ${what} has ${ratio.toFixed(2)}`);
      }
    }
    seen[scheme] = await run(
      () => getComputedStyle(document.querySelector('syncline-status').shadowRoot.querySelector('.pill')).backgroundColor,
    );
  }
  assert.notEqual(seen.light, seen.dark);
});

test('a page gives the elements its colours, and styles their parts', async (t) => {
  const { page, run } = await open(t);
  await run(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      html { --syncline-surface: rgb(1, 2, 3); --syncline-radius: 3px; }
      syncline-status::part(text) { letter-spacing: 5px; }
      syncline-conflict-dialog::part(dialog) { border-width: 7px; }
    `);
    document.adoptedStyleSheets = [sheet];
  });
  await everything(run);
  const style = (selector, property) =>
    page.locator(selector).first().evaluate((it, name) => getComputedStyle(it)[name], property);
  assert.equal(await style('syncline-status .pill', 'backgroundColor'), 'rgb(1, 2, 3)');
  assert.equal(await style('syncline-status [part=text]', 'letterSpacing'), '5px');
  assert.equal(await style('syncline-conflict-dialog dialog', 'borderTopWidth'), '7px');
  assert.equal(await style('syncline-conflict-dialog dialog button', 'borderTopLeftRadius'), '3px');
});

test('nothing moves for those who asked for stillness', async (t) => {
  const { page, run } = await open(t);
  await run(() => window.project.be('saving', 1));
  const animation = () =>
    page.locator('syncline-status .dot').evaluate((dot) => getComputedStyle(dot).animationName);
  assert.equal(await animation(), 'pulse');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  assert.equal(await animation(), 'none');
});

test('where there is no DOM, the elements can be imported all the same', async () => {
  const { SynclineStatus } = await import('syncline/elements');
  assert.equal(typeof SynclineStatus, 'function');
});
