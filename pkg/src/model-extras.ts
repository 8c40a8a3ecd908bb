import { giveWay } from './accessors.js';
import { SyncError, inWords } from './errors.js';
import type { Id, Model } from './model.js';
import type { Store } from './store.js';
import { sameValue } from './values.js';

/** What records have besides. A field of the same name takes the place of each. */
export interface RecordExtras {
  /** Whatever the app wants to remember about the record: it is neither a change nor sent. */
  readonly meta: any;
  /** The record as JSON text. */
  readonly json: string;
  /** The stores that the record is in: one, or none. */
  readonly stores: Store<any>[];
  /** The same as {@link Model.store}. */
  readonly firstStore: Store<any> | undefined;
  /**
   * Gives the record the id that the server has for it, told by another way: no change, and nothing
   * is sent of it. A new record is the server's from then on.
   */
  syncId(id: Id): void;
  /** To be written by classes that make the ids of new records themselves; else they are UUIDs. */
  generateId?(): Id;
}

const metas = new WeakMap<Model, object>();

/** @internal */
export const extras: RecordExtras & ThisType<Model> = {
  get meta() {
    let meta = metas.get(this as any);
    if (meta === undefined) metas.set(this as any, (meta = {}));
    return meta;
  },
  get json() {
    return JSON.stringify(this);
  },
  get stores() {
    return this.store === undefined || this.isRemoved ? [] : [this.store];
  },
  get firstStore() {
    return this.store;
  },
  syncId(id) {
    const { store } = this;
    if (store === undefined) this.set('id', id);
    else if (!sameValue(this.id, id)) {
      if (!this.isPhantom || id == null) {
        throw new SyncError('INVALID_ARGUMENT', `the server knows the record as ${inWords(this.id)}`);
      }
      // An id of the app's choice means nothing to a changeset, a UUID does: this one lives as long
      // as the next line takes.
      const made = (1 + Math.random()).toFixed(12).slice(2);
      if (!/^[\da-f-]{36}$/i.test(String(this.id))) this.set('id', `00000000-0000-4000-8000-${made}`, true);
      const row = { [store._phantomIdName]: this.id, [store._idName]: id };
      store.applyChangeset({ updated: [row] });
    }
  },
};

/** @internal Puts members on a model's prototype whose properties give way to fields. */
export function defineExtras(prototype: object, members: object): void {
  const descriptors = Object.getOwnPropertyDescriptors(members);
  for (const { get } of Object.values(descriptors)) if (get !== undefined) giveWay(get);
  Object.defineProperties(prototype, descriptors);
}
