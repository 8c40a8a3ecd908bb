import { makeCall } from './calls.js';
import { SyncError, checkFunction } from './errors.js';
import { journal } from './journal.js';
import { Model } from './model.js';
import { together } from './notices.js';
import { engine } from './runtime.js';
import type { Store } from './store.js';

/** How an edit is made. */
export interface EditOptions {
  /** No events; what changed is tracked and sent all the same. */
  silent?: boolean;
  /**
   * `false`: it is sent, but shown only when the server has confirmed it. Refused, it is gone, and
   * whoever waits for it gets the error.
   */
  optimistic?: boolean;
}

/** Where edits belong together: a manager, or a store that has none. */
interface Home {
  readonly _number: number;
  readonly isCrudManager?: true;
}

interface Making {
  hidden: boolean;
  /** The promises of edits inside of this one. */
  inner: ((outer: Promise<unknown>) => void)[];
}

/** The edit that is being made. */
let making: Making | undefined;

/** @internal Whether what is set now isn't to be seen yet. */
export const hides = (): boolean => journal.isHeld;

/** @internal Whether edits are being made that are one. */
export const isMaking = (): boolean => making !== undefined;

/** @internal Whether an edit was asked for that isn't to be seen yet. */
export const unseen = (options: unknown): boolean =>
  (options as EditOptions | undefined)?.optimistic === false;

/** @internal Where the edits of a store belong. */
export function homeOf(store: Store<any>): Home {
  store._alive();
  return (store._manager as Home | undefined) ?? store;
}

/**
 * @internal Makes edits whose fate is one: the promise resolves when the server has confirmed all
 * of them, and rejects when it refuses one; then all are taken back. Inside of another edit, they
 * belong to that.
 */
export function edit(home: Home, hidden: boolean, make: () => void): Promise<unknown> {
  const outer = making;
  if (outer !== undefined) {
    make();
    return new Promise((resolve) => outer.inner.push(resolve));
  }
  const mine: Making = { hidden, inner: [] };
  let failed: { thrown: unknown } | undefined;
  let promise: Promise<unknown> = makeCall((call) => {
    // Listeners hear of it when it is complete: what they do then is no part of it.
    together(() => {
      engine().beginEdit(home.isCrudManager === true, home._number, call, hidden);
      making = mine;
      journal.isHeld = hidden;
      try {
        make();
      } catch (thrown) {
        failed = { thrown };
      } finally {
        making = undefined;
        journal.isHeld = false;
        engine().endEdit(failed === undefined);
      }
    });
  });
  if (failed !== undefined) {
    promise.catch(() => {});
    promise = Promise.reject((failed as { thrown: unknown }).thrown);
  }
  for (const settle of mine.inner) settle(promise);
  return promise;
}

/** @internal Makes an edit that isn't to be seen yet, and whose promise nobody holds. */
export function editUnseen(store: Store<any>, make: () => void): void {
  if (making !== undefined) {
    const message = 'an edit that is shown at once can not contain one that is not';
    if (!making.hidden) throw new SyncError('INVALID_ARGUMENT', message);
  }
  let failed: { thrown: unknown } | undefined;
  edit(homeOf(store), true, () => {
    try {
      make();
    } catch (thrown) {
      failed = { thrown };
      throw thrown;
    }
  }).catch(() => {});
  if (failed !== undefined) throw (failed as { thrown: unknown }).thrown;
}

/** @internal Sets fields of a record so that it isn't to be seen yet. */
export function setUnseen(
  store: Store<any>,
  record: Model,
  values: Record<string, unknown>,
  silent: boolean,
): void {
  const set = () => editUnseen(store, () => store._update(record, values, silent, true));
  if (!store._vetoed(record, values, set)) set();
}

/** @internal Resolves when what is unconfirmed of a record by now is confirmed. */
export function settledRecord(record: Model): Promise<void> {
  const store = record instanceof Model ? record._s._store : undefined;
  return makeCall((call) => {
    if (store === undefined) {
      throw new SyncError('FOREIGN_RECORD', 'the record is in no store');
    }
    const number = store._alive();
    store._isRemoved(record);
    engine().settled(number, record._r, record._g, call);
  }).then(() => {});
}

/** @internal Sets fields of a record as one edit; see {@link edit}. */
export function updateRecord<R extends Model>(
  home: Home,
  record: R,
  changes: Record<string, unknown>,
  options: EditOptions | undefined,
): Promise<R> {
  const store = record instanceof Model ? record._s._store : undefined;
  if (store === undefined || (homeOf(store) as object) !== home) {
    const message = 'update() wants a record of one of the manager\'s stores';
    return Promise.reject(new SyncError('FOREIGN_RECORD', message));
  }
  if (changes === null || typeof changes !== 'object') {
    const message = 'update() wants an object of changes';
    return Promise.reject(new SyncError('INVALID_ARGUMENT', message));
  }
  const set = (proceed: boolean): Promise<R> => {
    if (!proceed) return Promise.reject(new SyncError('VETOED', 'a listener said no'));
    const make = () => store._update(record, changes, options?.silent === true, true);
    return edit(home, unseen(options), make).then(() => record);
  };
  try {
    const verdict = store._askUpdate(record, changes);
    return typeof verdict === 'boolean' ? set(verdict) : verdict.then(set);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** @internal What a function does is one edit; see {@link edit}. */
export function transact<T>(home: Home, make: () => T): Promise<T> {
  let result: T;
  return edit(home, false, () => {
    checkFunction('transact', make);
    result = make();
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function') {
      // What comes later could not be told from what others do meanwhile.
      const message = 'transact() wants a function that is done when it returns';
      throw new SyncError('INVALID_ARGUMENT', message);
    }
  }).then(() => result);
}
