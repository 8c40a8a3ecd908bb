import { SyncError, checkFunction } from './errors.js';
import type { Model } from './model.js';
import type { Store } from './store.js';

/** Changes of one store, as the server tells them. */
export interface StoreChangeset {
  added?: object[];
  updated?: object[];
  modified?: object[];
  removed?: (object | string | number)[];
}

function checkChangeset(given: unknown): void {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new SyncError('INVALID_ARGUMENT', 'a changeset is an object of lists of records');
  }
}

/** @internal What an app's function makes of a changeset, if there is one. */
export function transformed<T>(given: T, transform: ((given: T) => T) | null | undefined): T {
  if (transform != null) checkFunction('applyChangeset', transform);
  const made = transform?.(given) ?? given;
  checkChangeset(made);
  return made;
}

/** @internal The same changes with the client ids under another name. */
export function renamed(section: StoreChangeset, from: string, to: string): StoreChangeset {
  const row = (one: any) => {
    if (one === null || typeof one !== 'object' || !Object.hasOwn(one, from)) return one;
    const { [from]: phantom, ...rest } = one;
    return { ...rest, [to]: phantom };
  };
  const lists = Object.entries(section);
  return Object.fromEntries(
    lists.map(([kind, rows]) => [kind, Array.isArray(rows) ? rows.map(row) : rows]),
  );
}

/** @internal Makes changes as if the user had made them: they are to be sent. */
export function applyAsOwn(
  store: Store<any>,
  changes: StoreChangeset,
  phantomIdField: string,
): void {
  checkChangeset(changes);
  const { added = [], updated = [], modified = [], removed = [] } = changes;
  for (const list of [added, updated, modified, removed]) {
    const isList = Array.isArray(list) && (list === removed || list.every(isObject));
    if (!isList) throw new SyncError('INVALID_ARGUMENT', 'a changeset has lists of records');
  }
  const missing: object[] = [];
  for (const row of [...added, ...updated, ...modified] as any[]) {
    const { [phantomIdField]: phantom, ...rest } = row;
    const { id = phantom, ...values } = namedAsHere(store, rest);
    const record: Model | undefined = store.getById(id) ?? store.getById(phantom);
    if (record !== undefined) record.set(values);
    else missing.push({ ...values, id });
  }
  if (missing.length > 0) store.add(missing);
  const gone = removed.map((row: any) => {
    if (row === null || typeof row !== 'object') return row;
    return namedAsHere(store, row).id ?? row[phantomIdField];
  });
  store.remove(gone);
}

const isObject = (value: unknown) => value !== null && typeof value === 'object';

/** A row of the wire with the names of the store's fields. */
function namedAsHere(store: Store<any>, row: any): Record<string, any> {
  const named = { ...row };
  for (const { name, ix, config } of store._fields.list) {
    const sources = ix === 0 ? [store._idName] : [config.dataSource, config.writeSource];
    for (const source of sources) {
      if (source === undefined || source === name) continue;
      const path = source.split('.');
      const value = path.reduce((at: any, part: string) => at?.[part], row);
      if (value === undefined) continue;
      delete named[path[0] as string];
      named[name] = value;
    }
  }
  return named;
}
