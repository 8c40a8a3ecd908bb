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

/** Tells the engine which records may be sent. Gives those that say that they aren't valid. */
function judge(manager: CrudManager<any>): Model[] {
  const invalid = new Set<Model>();
  const records = changed(manager);
  for (const record of records) if (!isValid(manager, record)) invalid.add(record);
  const tell = (record: Model) => {
    const ready = !invalid.has(record) && !isOpen(record);
    const number = record.store?._number;
    if (number !== undefined) engine().setValid(number, record._r, record._g, ready);
  };
  // What depends on them is looked for when the last is told.
  const last = records.pop();
  engine().beginUpdate();
  records.forEach(tell);
  engine().endUpdate();
  if (last !== undefined) tell(last);
  return [...invalid];
}

/**
 * @internal Lets the engine know which records may be sent as they stand: somebody asks for one.
 */
export function judgeAnew(manager: CrudManager<any>): void {
  if (manager.isDestroyed || !manager.stores.some(judges)) return;
  const version = manager.stores.reduce((sum, { _number }) => sum + engine().version(_number), 0);
  if (version === manager._judged) return;
  manager._judged = version;
  judge(manager);
}

/** @internal Tells the engine which records are to be kept back, before a package is made. */
export function checkRecords(manager: CrudManager<any>): void {
  const records = judge(manager);
  const known = manager._invalid;
  manager._invalid = new Set(records);
  if (records.some((record) => !known.has(record))) manager._fire('invalid', { records });
}
