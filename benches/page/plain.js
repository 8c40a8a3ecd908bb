// The best plain JavaScript that does the same: parsed objects kept as they are, a Map by id,
// instants in typed arrays, originals kept on the first write of a field.

export class PlainStore {
    load(bytes) {
        const rows = JSON.parse(new TextDecoder().decode(bytes)).events.rows;
        const n = rows.length, start = new Float64Array(n), end = new Float64Array(n), byId = new Map();
        for (let i = 0; i < n; i++) {
            const row = rows[i];
            byId.set(row.id, i);
            start[i] = Date.parse(row.startDate);
            end[i] = Date.parse(row.endDate);
        }
        this.rows = rows;
        this.start = start;
        this.end = end;
        this.byId = byId;
        this.changed = new Map();
        return this;
    }

    /** Sorted starts with a running maximum of ends: the usual interval index. */
    index() {
        const order = Uint32Array.from(this.rows, (_, i) => i).sort((a, b) => this.start[a] - this.start[b]);
        const start = Float64Array.from(order, i => this.start[i]), max = new Float64Array(order.length);
        let top = -Infinity;
        for (let i = 0; i < order.length; i++) max[i] = top = Math.max(top, this.end[order[i]]);
        this.sorted = { order, start, max };
        return this;
    }

    range(from, to) {
        const { order, start, max } = this.sorted, found = [];
        let low = bound(max, from, true);
        const high = bound(start, to, false);
        for (; low < high; low++) if (this.end[order[low]] > from) found.push(this.rows[order[low]]);
        return found;
    }

    filter(from, to) {
        return this.rows.filter((_, i) => this.start[i] < to && this.end[i] > from);
    }

    /** Changes of others: originals are written where there are any, else the rows. */
    remote({ added, updated, removed }) {
        for (const change of updated) {
            const row = this.rows[this.byId.get(change.id)], originals = this.changed.get(row), changes = {};
            for (const name in change) {
                if (originals && name in originals) originals[name] = change[name];
                else if (row[name] !== change[name]) {
                    changes[name] = { oldValue: row[name], value: change[name] };
                    row[name] = change[name];
                }
            }
            this.listener?.({ action: 'update', records: [row], changes });
        }
        for (const row of added) {
            const at = this.rows.push(row) - 1;
            this.byId.set(row.id, at);
            if (at >= this.start.length) {
                const grown = length => { const next = new Float64Array(at * 2); next.set(length); return next; };
                this.start = grown(this.start);
                this.end = grown(this.end);
            }
            this.start[at] = Date.parse(row.startDate);
            this.end[at] = Date.parse(row.endDate);
        }
        if (added.length > 0) this.listener?.({ action: 'add', records: added });
        const gone = new Set(removed.map(({ id }) => id));
        if (gone.size > 0) this.listener?.({ action: 'remove', records: removed.map(({ id }) => this.rows[this.byId.get(id)]) });
        this.rows = this.rows.filter(row => !gone.has(row.id));
        this.byId = new Map(this.rows.map((row, i) => [row.id, i]));
    }

    set(row, name, value) {
        const old = row[name];
        if (old === value) return;
        let originals = this.changed.get(row);
        if (!originals) this.changed.set(row, (originals = { __proto__: null }));
        if (!(name in originals)) originals[name] = old;
        else if (originals[name] === value) {
            delete originals[name];
            let left = false;
            for (const _ in originals) { left = true; break; }
            if (!left) this.changed.delete(row);
        }
        row[name] = value;
        this.listener?.({ record: row, changes: { [name]: { oldValue: old, value } } });
    }

    pack() {
        const updated = [];
        for (const [row, originals] of this.changed) {
            const out = { id: row.id };
            for (const name in originals) out[name] = row[name];
            updated.push(out);
        }
        return new TextEncoder().encode(JSON.stringify({ type: 'sync', requestId: 2, revision: 1, events: { updated } }));
    }

    reject() {
        for (const [row, originals] of this.changed) for (const name in originals) row[name] = originals[name];
        this.changed.clear();
    }
}

/** The first index whose value is above `limit` (`above`), or not below it. */
function bound(values, limit, above) {
    let low = 0, high = values.length;
    while (low < high) {
        const mid = (low + high) >> 1;
        if (above ? values[mid] > limit : values[mid] >= limit) high = mid;
        else low = mid + 1;
    }
    return low;
}

/** A class instance with the same fields, as an app would make to have methods on its rows. */
export class PlainEvent {
    constructor(row) {
        this.id = row.id;
        this.name = row.name;
        this.startDate = row.startDate;
        this.endDate = row.endDate;
        this.resourceId = row.resourceId;
        this.allDay = row.allDay;
        this.notes = row.notes;
        this.color = row.color;
        this.eventType = row.eventType;
        this.priority = row.priority;
    }
}
