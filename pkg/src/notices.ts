import { type Notice, NoticeKind, OriginCode, readNotices, readStale } from './decode.js';
import type { Model } from './model.js';
import { engine } from './runtime.js';
import { type FieldChange, ORIGINS, type Origin } from './store-events.js';
import { stores } from './store-core.js';
import type { Store } from './store.js';
import { shown } from './values.js';

/** The notices that were absorbed and not yet told. */
let waiting: Notice[] = [];

/** While several fields are being set: one update is told, when all are. */
let holding = 0;

/** @internal Sets several fields: what is noticed meanwhile is told when all are set. */
export function together(set: () => void): void {
  holding++;
  try {
    set();
  } finally {
    holding--;
    deliverNotices();
  }
}

/** @internal Reads the notices that wait in the engine, so that no stale row is seen. */
export function absorbNotices(): void {
  engine().takeNotices();
  readStale((store) => stores.get(store)?._cache);
  for (const notice of readNotices()) {
    const store = stores.get(notice.store);
    if (store === undefined) continue;
    store._cache.absorb(notice);
    if (!store._isSilent || notice.origin !== OriginCode.Local) waiting.push(notice);
  }
}

/** @internal Tells the listeners of stores what was absorbed. */
export function deliverNotices(): void {
  if (holding > 0 || waiting.length === 0) return;
  const notices = waiting;
  waiting = [];
  for (let at = 0; at < notices.length;) {
    const { store, group, origin } = notices[at] as Notice;
    let end = at + 1;
    while (end < notices.length) {
      const next = notices[end] as Notice;
      if (next.store !== store || next.group !== group || next.origin !== origin) break;
      end++;
    }
    const told = stores.get(store);
    if (told !== undefined) announce(told, notices.slice(at, end));
    at = end;
  }
}

/** Tells listeners and subscribers what the notices of one group say. */
function announce<R extends Model>(store: Store<R>, notices: readonly Notice[]): void {
  if (store.isDestroyed) return;
  const origin = ORIGINS[notices[0]?.origin ?? 0] as Origin;
  store._cache.expect(notices);
  for (let at = 0; at < notices.length;) {
    const { kind } = notices[at] as Notice;
    let end = at + 1;
    while (end < notices.length && notices[end]?.kind === kind) end++;
    const run = notices.slice(at, end);
    at = end;
    if (kind === NoticeKind.Update) announceUpdates(store, run, origin);
    else if (kind === NoticeKind.IdChange) announceIds(store, run, origin);
    else if (kind === NoticeKind.Refresh) announceRefresh(store, origin);
    else if (kind === NoticeKind.State) {
      for (const notice of run) {
        const record = recordOf(store, notice);
        // That a removal is confirmed is no news of a record that is shown.
        if (record?.isRemoved === false) note(store, record, 'update', origin);
      }
    } else announceRows(store, kind, run, origin);
  }
}

function announceUpdates<R extends Model>(
  store: Store<R>,
  run: readonly Notice[],
  origin: Origin,
): void {
  const updates: Update<R>[] = [];
  // A record's fields mostly stand side by side; only where they don't, it has to be looked for.
  const byRow = new Map<number, Update<R>>();
  const all = store._allFields();
  let update: Update<R> | undefined;
  let row = -1;
  for (const notice of run) {
    const field = all[notice.field];
    if (field === undefined) continue;
    if (notice.row !== row) {
      row = notice.row;
      update = byRow.get(row);
      if (update === undefined) {
        const record = recordOf(store, notice);
        if (record !== undefined) {
          updates.push((update = { record, changes: new Changes() }));
          byRow.set(row, update);
        }
      }
    }
    if (update === undefined) continue;
    // Of several changes of one field, the first knows what was there before.
    const { changes } = update;
    const first = changes[field.name];
    const oldValue = first === undefined ? shown(field, notice.old) : first.oldValue;
    changes[field.name] = { value: shown(field, notice.value), oldValue };
  }
  // Mostly, one of the two is all that anybody listens to.
  const hears = { update: store._hears('update'), change: store._hears('change') };
  for (const { record, changes } of updates) {
    if (store._subscriptions.active) note(store, record, 'update', origin, Object.keys(changes));
    if (hears.update) store._fire('update', { record, changes, origin });
    if (!hears.change) continue;
    store._fire('change', { action: 'update', record, records: [record], changes, origin });
  }
}

/** What happened to one record. */
interface Update<R extends Model> {
  record: R;
  changes: Changes;
}

/** Changes by field. Inherits nothing, as a field may have any name; an object made without a prototype would be a slow one. */
// Consoles show it under the name of the function, and minified code has others: a property keeps its own.
const [Changes] = Object.values({ Object: function () {} }) as unknown as [new () => Changes];
type Changes = Record<string, FieldChange>;
Changes.prototype = Object.create(null);

function announceIds<R extends Model>(
  store: Store<R>,
  run: readonly Notice[],
  origin: Origin,
): void {
  for (const notice of run) {
    const record = recordOf(store, notice);
    if (record === undefined) continue;
    note(store, record, 'update', origin, ['id']);
    store._fire('idChange', { record, oldValue: notice.old, value: notice.value, origin });
  }
}

function announceRefresh<R extends Model>(store: Store<R>, origin: Origin): void {
  const action = origin === 'load' ? 'dataset' : 'batch';
  if (store._subscriptions.active) store._subscriptions.refresh(origin);
  store._fire('refresh', { action, origin });
  store._fire('change', { action, record: undefined, records: [], changes: undefined, origin });
  if (origin === 'load') store._fire('load', {});
}

function announceRows<R extends Model>(
  store: Store<R>,
  kind: NoticeKind,
  run: readonly Notice[],
  origin: Origin,
): void {
  const name = kind === NoticeKind.Add ? 'add' : kind === NoticeKind.Remove ? 'remove' : 'move';
  const records = run.map((notice) => recordOf(store, notice)).filter((one) => one !== undefined);
  for (const record of records) note(store, record, name === 'move' ? 'update' : name, origin);
  const record = records.length === 1 ? records[0] : undefined;
  // Looked for only by who asks.
  store._fire(name, {
    records,
    origin,
    get index() {
      return records[0] === undefined ? -1 : store.indexOf(records[0]);
    },
  });
  store._fire('change', { action: name, record, records, changes: undefined, origin });
}
function note<R extends Model>(
  store: Store<R>,
  record: R | undefined,
  op: 'add' | 'update' | 'remove',
  origin: Origin,
  fields?: readonly string[],
): void {
  if (record !== undefined && store._subscriptions.active) {
    store._subscriptions.note(record, op, origin, fields);
  }
}

/** The record of a notice; one that was never read and is gone can't be had. */
function recordOf<R extends Model>(store: Store<R>, { row, generation }: Notice): R | undefined {
  return store._cache.at(row, generation);
}
