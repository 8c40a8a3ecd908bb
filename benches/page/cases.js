// What is measured, each side doing the same work. Times are per operation, in ms.

import { CrudManager, Model, Store, init } from '/pkg/dist/index.js';
import { WEEK, answer, rows as dataRows } from './data.js';
import { compare, median, sink } from './measure.js';
import { PlainEvent, PlainStore } from './plain.js';

class BenchEvent extends Model {
    static fields = [
        { name: 'name', type: 'string' },
        { name: 'startDate', type: 'date' },
        { name: 'endDate', type: 'date' },
        { name: 'resourceId', type: 'number' },
        { name: 'allDay', type: 'boolean' },
        { name: 'notes', type: 'string' },
        { name: 'color', type: 'string' },
        { name: 'eventType', type: 'string' },
        { name: 'priority', type: 'number' },
    ];
}

const texts = new Map();
const bytes = (n, ascii = false) => {
    const key = `${n} ${ascii}`;
    if (!texts.has(key)) texts.set(key, answer(n, ascii));
    return texts.get(key);
};

function manager() {
    const store = new Store({ id: 'events', modelClass: BenchEvent });
    return { store, manager: new CrudManager({ crudStores: [store] }) };
}

function load(ours, n, ascii) {
    ours.manager.loadCrudManagerData(bytes(n, ascii));
    // The interval index is built when it is first asked for; asking makes it part of the load.
    sink(ours.store.range(WEEK[0], WEEK[0]));
    return ours;
}

const loaded = n => load(manager(), n, false);
const plain = n => new PlainStore().load(bytes(n));
const done = ours => { ours.manager.destroy(); ours.store.destroy(); };

/**
 * For work of nanoseconds: more rounds, and so many before them that the browser has compiled both
 * sides to the end. What it does in an app with code that is run this often is the same.
 */
const micro = rounds => ({ rounds: rounds * 3, warmup: 40 });

/** Positions all over the data, the same for both sides. */
const spread = (n, count) => Array.from({ length: count }, (_, i) => Math.floor((i * 7919 * 13) % n));

async function loading(n, rounds, ascii) {
    const ours = manager();
    const size = bytes(n, ascii);
    const times = await compare({
        ours: () => load(ours, n, ascii),
        plain: () => new PlainStore().load(size),
        indexed: () => new PlainStore().load(size).index(),
    }, { rounds });
    done(ours);
    const kind = ascii ? 'plain ASCII' : '29 % of names non-ASCII';
    return [
        { name: `load, ${kind}`, ours: times.ours, plain: times.plain, target: ascii ? '2.5x' : '5x' },
        { name: `  … plain JS indexed too`, ours: times.ours, plain: times.indexed },
    ];
}

const cases = {
    'load': (n, rounds) => loading(n, rounds, false),
    'load-ascii': (n, rounds) => loading(n, rounds, true),

    async 'read'(n, rounds) {
        const ours = loaded(n), { records } = ours.store;
        const objects = plain(n).rows.map(row => new PlainEvent(row));
        // Hot: the same 1,000 again and again. All: every object once, in an order that no cache
        // foresees. The same on both sides.
        const order = spread(n, n), some = order.slice(0, 1000);
        const reads = {
            number: list => { let sum = 0; for (const one of list) sum += one.priority; return sum; },
            text: list => { let sum = 0; for (const one of list) sum += one.color.length; return sum; },
        };
        // Made anew for each side: code that both run must expect both kinds of objects, and is
        // slower for it.
        const reads2 = {
            number: list => { let sum = 0; for (const one of list) sum += one.priority; return sum; },
            text: list => { let sum = 0; for (const one of list) sum += one.color.length; return sum; },
        };
        const measure = (what, at, times) => {
            const side = (read, list) => () => { let sum = 0; for (let i = 0; i < times; i++) sum += read(list); return sum; };
            return compare({
                ours: side(reads[what], at.map(i => records[i])),
                plain: side(reads2[what], at.map(i => objects[i])),
            }, { ...micro(rounds), ops: at.length * times });
        };
        const target = '1x (a class instance)', result = [];
        for (const what of ['number', 'text']) {
            result.push({ name: `read a ${what}, hot`, ...await measure(what, some, 50), target });
            result.push({ name: `read a ${what}, of all`, ...await measure(what, order, 1), target });
        }
        done(ours);
        return result;
    },

    async 'first'(n, rounds) {
        // A reload makes every record stale; then a screenful is asked for and read for the first
        // time, all fields.
        const ours = manager(), span = 200 / (n / 730) * 864e5;
        const read = records => {
            let seen = 0;
            for (const { id, name, startDate, endDate, resourceId, allDay, notes, color, eventType, priority } of records) {
                for (const value of [id, name, startDate, endDate, resourceId, allDay, notes, color, eventType, priority]) if (value !== undefined) seen++;
            }
            return seen;
        };
        const visible = load(ours, n, false).store.range(WEEK[0], WEEK[0] + span).length;
        const times = await compare({
            ours: {
                before: () => load(ours, n, false),
                run: () => read(ours.store.range(WEEK[0], WEEK[0] + span)),
            },
        }, { rounds });
        done(ours);
        return [{ name: `first read of ${visible} rows`, ...times, target: 'under 0.5 ms for 200' }];
    },

    async 'set'(n, rounds) {
        const ours = loaded(n), other = plain(n), at = spread(n, 1000);
        const records = ours.store.records, some = at.map(i => records[i]), rows = at.map(i => other.rows[i]);
        let turn = 0;
        const words = ['amber', 'indigo'];
        const reset = () => { turn++; };
        // Edits are written down first, and handed to the engine when somebody asks it anything:
        // that is part of the time.
        const asked = () => ours.store.hasChanges;
        const numbers = await compare({
            ours: { before: reset, run: () => { for (const record of some) record.priority = 100 + (turn & 1); return asked(); } },
            calls: { before: reset, run: () => { for (const record of some) record.priority = 100 + (turn & 1); } },
            plain: { before: reset, run: () => { for (const row of rows) other.set(row, 'priority', 100 + (turn & 1)); } },
        }, { ...micro(rounds), ops: 1000 });
        const strings = await compare({
            ours: { before: reset, run: () => { for (const record of some) record.color = words[turn & 1]; return asked(); } },
            calls: { before: reset, run: () => { for (const record of some) record.color = words[turn & 1]; } },
            plain: { before: reset, run: () => { for (const row of rows) other.set(row, 'color', words[turn & 1]); } },
        }, { ...micro(rounds), ops: 1000 });
        done(ours);
        return [
            { name: 'set a number, tracked', ...numbers, target: '1x; under 150 ns' },
            { name: '  … the calls alone', ours: numbers.calls, plain: numbers.plain },
            { name: 'set a text, tracked', ...strings, target: '0.67x' },
            { name: '  … the calls alone', ours: strings.calls, plain: strings.plain },
        ];
    },

    async 'package'(n, rounds) {
        const ours = loaded(n), other = plain(n), records = ours.store.records;
        for (const i of spread(n, 1000)) {
            records[i].set({ name: `Changed ${i} é`, priority: 50 });
            other.set(other.rows[i], 'name', `Changed ${i} é`);
            other.set(other.rows[i], 'priority', 50);
        }
        const times = await compare({
            ours: () => ours.manager.changesAsBytes().length,
            plain: () => other.pack().length,
        }, { rounds: rounds * 3 });
        const size = { ours: ours.manager.changesAsBytes().length, plain: other.pack().length };
        if (size.ours < size.plain * 0.9) throw new Error(`the packages differ: ${JSON.stringify(size)}`);
        done(ours);
        return [{ name: 'package of 1,000 changed', ...times, target: '1.5x' }];
    },

    async 'range'(n, rounds) {
        const ours = loaded(n), other = plain(n).index();
        const found = ours.store.range(...WEEK).length;
        if (found !== other.range(...WEEK).length) throw new Error(`${found} events here, ${other.range(...WEEK).length} there`);
        const times = await compare({
            ours: () => { let sum = 0; for (let i = 0; i < 200; i++) sum += ours.store.range(WEEK[0], WEEK[1]).length; return sum; },
            plain: () => { let sum = 0; for (let i = 0; i < 200; i++) sum += other.range(WEEK[0], WEEK[1]).length; return sum; },
        }, { ...micro(rounds), ops: 200 });
        const filter = await compare({ plain: () => other.filter(WEEK[0], WEEK[1]).length }, { rounds });
        const dates = other.rows.map(row => ({ ...row, startDate: new Date(row.startDate), endDate: new Date(row.endDate) }));
        const filterDates = await compare({ plain: () => dates.filter(row => row.startDate < WEEK[1] && row.endDate > WEEK[0]).length }, { rounds });
        done(ours);
        return [
            { name: `events of a week (${found}), as records`, ...times, target: '1x (sorted, prefix maximum)' },
            { name: '  … against filter, instants', ours: times.ours, plain: filter.plain },
            { name: '  … against filter, Date fields', ours: times.ours, plain: filterDates.plain, target: '500x' },
        ];
    },

    async 'notify'(n, rounds) {
        const ours = loaded(n), other = plain(n), at = spread(n, 1000);
        const records = ours.store.records, some = at.map(i => records[i]), rows = at.map(i => other.rows[i]);
        let heard = 0, turn = 0;
        const off = ours.store.on('update', ({ changes }) => { heard += changes.priority.value; });
        other.listener = ({ changes }) => { heard += changes.priority.value; };
        await Promise.resolve();
        const times = await compare({
            ours: { before: () => { turn++; heard = 0; }, run: () => { for (const record of some) record.priority = 100 + (turn & 1); return heard; } },
            plain: { before: () => { turn++; }, run: () => { for (const row of rows) other.set(row, 'priority', 100 + (turn & 1)); return heard; } },
        }, { ...micro(rounds), ops: 1000 });
        if (heard === 0) throw new Error('nobody heard anything');
        off?.();
        done(ours);
        return [{ name: 'from set to a listener', ...times, target: 'under 2 µs' }];
    },

    async 'reject'(n, rounds) {
        const count = Math.min(n, 10_000), ours = loaded(n), other = plain(n), records = ours.store.records;
        const times = await compare({
            ours: {
                before: () => { for (let i = 0; i < count; i++) records[i].priority = 50; },
                run: () => ours.manager.rejectChanges(),
            },
            plain: {
                before: () => { for (let i = 0; i < count; i++) other.set(other.rows[i], 'priority', 50); },
                run: () => other.reject(),
            },
        }, { rounds });
        done(ours);
        return [{ name: `take ${count} edits back`, ...times, target: '1x' }];
    },

    async 'batch'(n, rounds) {
        const count = Math.min(n, 10_000), ours = loaded(n), other = plain(n), records = ours.store.records;
        let heard = 0, turn = 0;
        ours.store.on('change', () => { heard++; });
        await Promise.resolve();
        const times = await compare({
            ours: {
                before: () => { heard = 0; turn++; },
                run: () => {
                    ours.store.beginBatch();
                    for (let i = 0; i < count; i++) records[i].priority = 50 + (turn & 1);
                    ours.store.endBatch();
                },
                after: () => { if (heard !== 1) throw new Error(`${heard} notifications of one batch`); },
            },
            plain: {
                before: () => { turn++; },
                run: () => { for (let i = 0; i < count; i++) other.set(other.rows[i], 'priority', 50 + (turn & 1)); },
            },
        }, { rounds });
        done(ours);
        return [{ name: `${count} edits in one batch`, ...times, target: '1x' }];
    },

    async 'remote'(n, rounds) {
        // What a channel brings: 1,000 updates, 100 additions, 100 removals in one message, from
        // its text to the end of all notices.
        const count = Math.min(n, 10_000), times = { ours: [], plain: [] }, other = plain(count);
        const host = globalThis.WebSocket;
        let socket;
        globalThis.WebSocket = class { constructor() { socket = this; } send() {} close() {} };
        const store = new Store({ id: 'events', modelClass: BenchEvent });
        const manager = new CrudManager({ crudStores: [store], channel: { url: 'ws://localhost/', dialect: 'calendar' } });
        load({ manager, store }, count, false);
        // Somebody listens, on both sides.
        let heard = 0, others = 0;
        store.on('change', () => { heard++; });
        other.listener = () => { others++; };
        try {
            while (!socket) await new Promise(resolve => setTimeout(resolve, 10));
            socket.onopen();
            const rows = dataRows(count), added = rows.slice(0, 100);
            for (let round = -10; round < rounds * 3; round++) {
                // What is gathered until the next picture is over.
                await new Promise(resolve => setTimeout(resolve, 60));
                const updated = rows.slice(200, 1200).map(row => ({ id: row.id, priority: 1000 + round, notes: `round ${round}` }));
                const fresh = added.map((row, i) => ({ ...row, id: 1_000_000 + (round + 10) * 100 + i }));
                const removed = round === -10 ? rows.slice(100, 200) : added.map((_, i) => ({ id: 1_000_000 + (round + 9) * 100 + i }));
                const text = JSON.stringify({ type: 'sync', data: { events: { added: fresh, updated, removed: removed.map(({ id }) => ({ id })) } } });
                for (const [kind, act] of Object.entries({
                    ours: () => socket.onmessage({ data: text }),
                    plain: () => other.remote(JSON.parse(text).data.events),
                })) {
                    const start = performance.now();
                    act();
                    if (round >= 0) times[kind].push(performance.now() - start);
                }
                if (store.getById(fresh[99].id) === undefined) throw new Error('the changes were not applied');
            }
        } finally {
            globalThis.WebSocket = host;
            manager.destroy();
            store.destroy();
        }
        if (heard !== others) throw new Error(`${heard} events here, ${others} there`);
        return [{ name: '1,200 changes of others', ours: median(times.ours), plain: median(times.plain), target: '1x' }];
    },

    async 'answer'(n, rounds) {
        // From the moment at which the answer is there to that at which its promise resolves;
        // package and network don't count.
        const count = Math.min(n, 10_000), rows = dataRows(count), times = { load: [], sync: [] };
        const text = new TextEncoder(), asked = globalThis.fetch;
        const store = new Store({ id: 'events', modelClass: BenchEvent });
        const manager = new CrudManager({ crudStores: [store], loadUrl: '/load', syncUrl: '/sync' });
        let start = 0, body;
        globalThis.fetch = async () => {
            const response = new Response(body);
            start = performance.now();
            return response;
        };
        const timed = async (kind, list, act) => {
            body = text.encode(JSON.stringify({ success: true, revision: 1, events: { rows: list } }));
            await act();
            times[kind].push(performance.now() - start);
        };
        try {
            for (let round = -2; round < rounds; round++) {
                await timed('load', rows, () => manager.load());
                sink(store.range(WEEK[0], WEEK[0]));
                for (const record of store.records) record.priority = 50 + (round & 1);
                // The server says all of each record, as many do.
                const answered = rows.map(row => ({ ...row, priority: 50 + (round & 1) }));
                await timed('sync', answered, () => manager.sync());
                if (manager.changes !== null) throw new Error('the answer did not confirm everything');
            }
        } finally {
            globalThis.fetch = asked;
            manager.destroy();
            store.destroy();
        }
        const [load, sync] = [times.load, times.sync].map(list => median(list.slice(2)));
        return [{ name: `answer for ${count} (against load)`, ours: sync, plain: load, target: '0.5x (twice a load)' }];
    },
};

// The module's memory, to count its pages.
let pages;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...given) => {
    const made = await instantiate.apply(WebAssembly, given);
    pages = (made.instance ?? made).exports.memory ?? pages;
    return made;
};

let held;
await init();
globalThis.bench = {
    names: () => Object.keys(cases),
    run: (name, n, rounds) => cases[name](n, rounds),
    /** What the JS heap doesn't count, before loading: the pages of the module. */
    memoryBefore(n) {
        bytes(n);
        return pages.buffer.byteLength;
    },
    /** … and after. */
    memoryLoad(side, n) {
        held = side === 'ours' ? loaded(n) : plain(n);
        const arrays = side === 'ours' ? 0 : held.start.byteLength + held.end.byteLength;
        return pages.buffer.byteLength + arrays;
    },
};
