import type { CrudStoreDescriptor, CrudStoreInput } from './crud-config.js';
import { SyncError } from './errors.js';
import type { StoreConfig } from './store-config.js';
import { Store } from './store.js';

/** Another property than `id` may name a store's section. */
function named(store: Store<any>, property: string): Store<any> {
  const name = (store as any)[property];
  if (typeof name === 'string') store._adjust({ id: name });
  return store;
}

/** The store that an app means by what it gave: one that is there, or options of one that is made. */
export function describe(
  input: CrudStoreInput,
  nameProperty: string,
  make: (config: StoreConfig<any>) => Store<any>,
): CrudStoreDescriptor {
  if (input instanceof Store) return { store: named(input, nameProperty) };
  if (typeof input === 'string') {
    const store = Store.getStore(input);
    if (store === undefined) throw new SyncError('UNKNOWN_STORE', `there is no store "${input}"`);
    return { store: named(store, nameProperty) };
  }
  if (input === null || typeof input !== 'object') {
    throw new SyncError(
      'INVALID_CONFIG',
      'crudStores wants stores, their ids, or options of stores',
    );
  }
  if ('store' in input) {
    const { store, storeId, phantomIdField, idField, writeAllFields } = input;
    const real = typeof store === 'string' ? Store.getStore(store) : store;
    if (!(real instanceof Store)) {
      throw new SyncError('UNKNOWN_STORE', `there is no store "${storeId ?? String(store)}"`);
    }
    real._adjust({ id: storeId, phantomIdField, idField, writeAllFields });
    return { ...input, store: real };
  }
  const prototype = Object.getPrototypeOf(input);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new SyncError(
      'INVALID_CONFIG',
      'crudStores wants stores, their ids, or options of stores',
    );
  }
  return { store: make(input as StoreConfig<any>) };
}
