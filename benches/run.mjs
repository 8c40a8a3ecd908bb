// Syncline against plain JavaScript, in one page of headless Chromium, in interleaved rounds.
//   node benches/run.mjs [--json] [--rows 10000,100000] [--rounds 9] [--only name,name]
// What is needed: the built package (`cargo xtask bench` builds it) and Chromium (CHROME names
// another one).

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { chromium } = createRequire(join(root, 'tests/package.json'))('playwright-core');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--js-flags=--expose-gc'];

const { values: flags } = parseArgs({
    options: {
        json: { type: 'boolean', default: false },
        rows: { type: 'string', default: '10000,100000' },
        rounds: { type: 'string', default: '9' },
        only: { type: 'string', default: '' },
    },
});

const sizes = flags.rows.split(',').map(Number);
const rounds = Number(flags.rounds);
const only = flags.only.split(',').filter(Boolean);
const say = text => { if (!flags.json) process.stdout.write(text); };

if (!existsSync(join(root, 'pkg/dist/index.js'))) {
    console.error('The package is not built: run `cargo xtask bench`, which does it first.');
    process.exit(1);
}

// Isolation gives the page a timer of 5 µs.
const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname)).replace(/^([/\\])+/, '');
    const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
    try {
        if (path.startsWith('..')) throw new Error('outside');
        const body = await readFile(join(root, path));
        response.writeHead(200, { ...headers, 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
        response.writeHead(path === 'favicon.ico' ? 204 : 404, headers).end();
    }
});
await new Promise(done => server.listen(0, '127.0.0.1', done));
const origin = `http://127.0.0.1:${server.address().port}`;
const executablePath = process.env.CHROME ?? ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser'].find(existsSync);

/** Runs `work` in a page of a browser of its own. */
async function inPage(work) {
    const browser = await chromium.launch({ executablePath, args: FLAGS });
    try {
        const page = await (await browser.newContext()).newPage();
        page.on('console', message => { if (message.type() === 'error') console.error('page:', message.text()); });
        page.on('pageerror', error => console.error('page:', error.message));
        await page.goto(`${origin}/benches/page/index.html`);
        await page.waitForFunction(() => globalThis.bench);
        return await work(page);
    } finally {
        await browser.close();
    }
}

/**
 * What a side holds on to after loading, in bytes: JS heap after collection, typed arrays,
 * WebAssembly pages.
 */
function memory(side, n) {
    return inPage(async page => {
        const session = await page.context().newCDPSession(page);
        const heap = async () => {
            for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
            return (await session.send('Runtime.getHeapUsage')).usedSize;
        };
        const before = await page.evaluate(n => globalThis.bench.memoryBefore(n), n);
        const heapBefore = await heap();
        const after = await page.evaluate(([side, n]) => globalThis.bench.memoryLoad(side, n), [side, n]);
        return await heap() - heapBefore + after - before;
    });
}

const results = [];
const report = (name, n, ours, plain, unit, target) => {
    const result = { name, n, ours, plain, ratio: plain === null ? null : plain / ours, unit, target };
    results.push(result);
    say(`${name.padEnd(34)} ${String(n).padStart(7)}  ${format(ours, unit).padStart(11)}  ${(plain === null ? '' : format(plain, unit)).padStart(11)}  ${
        (plain === null ? '' : `${result.ratio.toFixed(2)}x`).padStart(9)}  ${target ?? ''}\n`);
};

function format(value, unit) {
    if (unit === 'MB') return `${value.toFixed(1)} MB`;
    if (value >= 1) return `${value.toFixed(2)} ms`;
    return value >= 1e-3 ? `${(value * 1e3).toFixed(2)} µs` : `${(value * 1e6).toFixed(0)} ns`;
}

try {
    say(`${'what'.padEnd(34)} ${'rows'.padStart(7)}  ${'Syncline'.padStart(11)}  ${'plain JS'.padStart(11)}  ${'faster by'.padStart(9)}  to reach\n`);
    for (const n of sizes) {
        await inPage(async page => {
            const cases = await page.evaluate(() => globalThis.bench.names());
            for (const name of cases.filter(name => !only.length || only.some(part => name.includes(part)))) {
                const rows = await page.evaluate(([name, n, rounds]) => globalThis.bench.run(name, n, rounds), [name, n, rounds]);
                for (const row of rows) report(row.name, n, row.ours, row.plain ?? null, 'ms', row.target);
            }
        });
        if (!only.length || only.includes('memory')) {
            report('memory after load', n, await memory('ours', n) / 1e6, await memory('plain', n) / 1e6, 'MB', '1.43x (0.7 of it)');
        }
    }
    if (flags.json) console.log(JSON.stringify(results, null, 2));
} finally {
    server.close();
}
