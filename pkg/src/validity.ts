import type { CrudManager } from './crud-manager.js';
import { Model } from './model.js';
import { isOpen } from './modifications.js';
import { engine } from './runtime.js';
import type { Store } from './store.js';

/** @internal Whether the records of a store can say that they aren't valid. */
export function judges(store: Store<any>): boolean {
  let at: object | null = store.modelClass.prototype as object;
  while (at !== null && at !== Model.prototype) {
    if (Object.hasOwn(at, 'isValid')) return true;
    at = Object.getPrototypeOf(at) as object | null;
  }
  return false;
}

/** @internal The changed records that say that they aren't valid. */
export function invalidRecords(manager: CrudManager<any>): Model[] {
  return changed(manager).filter((record) => !isValid(manager, record));
}

function changed(manager: CrudManager<any>): Model[] {
  const judging = manager.stores.filter(judges);
  return judging.flatMap((store) => [...store.added, ...store.modified] as Model[]);
}

function isValid(manager: CrudManager<any>, record: Model): boolean {
  try {
    const said: unknown = record.isValid;
    return typeof said === 'function' ? said.call(record) !== false : said !== false;
  } catch (thrown) {
    // One that can't tell isn't sent: what the server would get nobody knows.
    manager._threw('isValid', thrown);
    return false;
  }
}

/** @internal Tells the engine which records are to be kept back, before a package is made. */
export function checkRecords(manager: CrudManager<any>): void {
  const records: Model[] = [];
  for (const record of changed(manager)) {
    const valid = isValid(manager, record);
    if (!valid) records.push(record);
    const number = record.store?._number;
    const ready = valid && !isOpen(record);
    if (number !== undefined) engine().setValid(number, record._r, record._g, ready);
  }
  const known = manager._invalid;
  manager._invalid = new Set(records);
  if (records.some((record) => !known.has(record))) manager._fire('invalid', { records });
}
