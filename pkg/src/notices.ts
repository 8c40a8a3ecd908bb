import { type Notice, NoticeKind, OriginCode, readNotices, readStale } from './decode.js';
import type { Model } from './model.js';
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

/** @internal Reads the notices that the engine has packed, so that no stale row is seen. */
export function absorbNotices(): void {
  readStale((store) => stores.get(store)?._cache);
  let number = -1;
  let store: Store<any> | undefined;
  for (const notice of readNotices()) {
    if (notice.store !== number) store = stores.get((number = notice.store));
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
    if (told !== undefined) announce(told, at === 0 && end === notices.length ? notices : notices.slice(at, end));
    at = end;
  }
}

/** Tells listeners and subscribers what the notices of one group say. */
function announce<R extends Model>(store: Store<R>, notices: readonly Notice[]): void {
  if (store.isDestroyed) return;
  const origin = ORIGINS[notices[0]?.origin ?? 0] as Origin;
  store._cache.expect(notices, false);
  for (let at = 0; at < notices.length;) {
    const { kind } = notices[at] as Notice;
    let end = at + 1;
    while (end < notices.length && notices[end]?.kind === kind) end++;
    const run = at === 0 && end === notices.length ? notices : notices.slice(at, end);
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
  const updates = updatesOf(store, run);
  // Mostly, one of the two is all that anybody listens to.
  const hears = { update: store._hears('update'), change: store._hears('change') };
  for (const { record, changes } of updates) {
    if (store._subscriptions.active) note(store, record, 'update', origin, Object.keys(changes));
    if (hears.update) {
      store._fire('update', { source: store, type: 'update', record, changes, origin });
    }
    if (!hears.change) continue;
    const records = [record];
    store._fire('change', { source: store, type: 'change', action: 'update', record, records, changes, origin });
  }
}

/** The notices of a run by record, in the order of the first of each. */
function updatesOf<R extends Model>(store: Store<R>, run: readonly Notice[]): Update<R>[] {
  const updates: Update<R>[] = [];
  const all = store._allFields();
  // A record's fields mostly stand side by side, and records mostly come in their order: only where
  // they don't, a record has to be looked for.
  let byRow: Map<number, Update<R>> | undefined;
  let update: Update<R> | undefined;
  let row = -1;
  let last = -1;
  for (const notice of run) {
    const field = all[notice.field];
    if (field === undefined) continue;
    if (notice.row !== row) {
      row = notice.row;
      if (row < last) byRow ??= new Map(updates.map((one) => [one.row, one]));
      last = row;
      update = byRow?.get(row);
      const record = update === undefined ? recordOf(store, notice) : undefined;
      if (record !== undefined) {
        updates.push((update = { row, record, changes: new Changes() }));
        byRow?.set(row, update);
      }
    }
    if (update === undefined) continue;
    // Of several changes of one field, the first knows what was there before.
    const { changes } = update;
    const first = changes[field.name];
    const oldValue = first === undefined ? shown(field, notice.old) : first.oldValue;
    changes[field.name] = { value: shown(field, notice.value), oldValue };
  }
  return updates;
}

/** What happened to one record. */
interface Update<R extends Model> {
  row: number;
  record: R;
  changes: Changes;
}

/**
 * Changes by field. Inherits nothing, as a field may have any name; an object made without a
 * prototype would be a slow one.
 */
// Consoles show it under the name of the function, and minified code has others: a property keeps
// its own.
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
  // Records that nobody has read yet are made for who looks at them.
  let made: R[] | undefined;
  const records = (): R[] => {
    if (made === undefined) {
      store._cache.expect(run, true);
      made = run.map((notice) => recordOf(store, notice)).filter((one) => one !== undefined);
    }
    return made;
  };
  if (kind === NoticeKind.Move) records();
  if (store._subscriptions.active) {
    for (const record of records()) note(store, record, name === 'move' ? 'update' : name, origin);
  }
  store._fire(name, {
    get records() {
      return records();
    },
    origin,
    // Looked for only by who asks.
    get index() {
      const [first] = records();
      return first === undefined ? -1 : store.indexOf(first);
    },
  });
  if (!store._hears('change')) return;
  store._fire('change', {
    action: name,
    get record() {
      const [first, second] = records();
      return second === undefined ? first : undefined;
    },
    get records() {
      return records();
    },
    changes: undefined,
    origin,
  });
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

/** The record of a notice. */
function recordOf<R extends Model>(store: Store<R>, notice: Notice): R | undefined {
  return store._cache.of(notice);
}
