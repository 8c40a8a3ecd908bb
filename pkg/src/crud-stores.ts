import type { CrudStoreDescriptor, CrudStoreInput } from './crud-config.js';
import { CrudTransport } from './crud-transport.js';
import { SyncError, checkPosition, inWords } from './errors.js';
import type { Model } from './model.js';
import { engine } from './runtime.js';
import type { StoreConfig } from './store-config.js';
import { Store } from './store.js';

/** Any object, whose values are the stores' records: `{ events: MyEvent }`. */
export type StoreModels = { [storeId: string]: Model };

/** A store by its id: surely there when the manager's type names it. */
export type StoreOf<Stores extends object, K extends keyof Stores> = string extends keyof Stores
  ? Store<Extract<Stores[K], Model>> | undefined
  : Store<Extract<Stores[K], Model>>;

/** The stores of a manager. */
export abstract class CrudStores<Stores extends object = StoreModels> extends CrudTransport {
  /** @internal Whether somebody hears of every edit. */ _hearsEdits = false;
  protected descriptors: CrudStoreDescriptor[] = [];
  private readonly made: Store<any>[] = [];
  private readonly relays = new Map<Store<any>, () => void>();

  /** The stores, in the order in which loads are applied. */
  override get stores(): Store<any>[] {
    return this.descriptors.map(({ store }) => store);
  }

  /** The stores with what is known about each. */
  get crudStores(): CrudStoreDescriptor[] {
    return this.descriptors.map((descriptor) => ({ ...descriptor, storeId: descriptor.store.id }));
  }

  /** Puts stores under the manager, at a position of the load order or last. */
  addCrudStore(
    input: CrudStoreInput | readonly CrudStoreInput[],
    position?: number,
    fromStore?: Store<any> | string,
  ): void {
    const number = this._alive();
    if (Array.isArray(input)) {
      input.forEach((one, i) =>
        this.addCrudStore(one, position === undefined ? undefined : position + i, fromStore),
      );
      return;
    }
    if (position !== undefined && position !== -1) checkPosition('addCrudStore', position);
    const descriptor = describe(
      input as CrudStoreInput,
      this._options.storeIdProperty ?? 'id',
      (config) => this._make(config),
    );
    const { store } = descriptor;
    let at = position ?? -1;
    if (fromStore !== undefined) {
      const from = this.stores.findIndex((one) => one === fromStore || one.id === fromStore);
      if (from >= 0) at = Math.max(0, from + (position ?? 0));
    }
    engine().addStore(number, store._alive(), at);
    store._manager = this;
    store._tune();
    if (this._options.relayStoreEvents) this.relays.set(store, store.relayAll(this, 'store'));
    this.descriptors.splice(at < 0 ? this.descriptors.length : at, 0, descriptor);
    this._listenersChanged();
  }

  /** Takes a store out; it lives on. */
  removeCrudStore(store: Store<any> | string): void {
    const found = this._expectStore(store);
    engine().removeStore(this._alive(), found._number);
    found._manager = undefined;
    found._tune();
    this.relays.get(found)?.();
    this.descriptors = this.descriptors.filter((descriptor) => descriptor.store !== found);
    const { syncApplySequence } = this._options;
    if (syncApplySequence?.includes(found.id)) {
      this.syncApplySequence = syncApplySequence.filter((id) => id !== found.id);
    }
    this._listenersChanged();
  }

  /** The store of that id. */
  getCrudStore<K extends keyof Stores & string>(id: K): StoreOf<Stores, K> {
    return this.stores.find((store) => store.id === id) as StoreOf<Stores, K>;
  }

  /** The same as {@link CrudManager.getCrudStore}. */
  getStore<K extends keyof Stores & string>(id: K): StoreOf<Stores, K> {
    return this.getCrudStore(id);
  }

  /** A store with what is known about it. */
  getStoreDescriptor(id: string | Store<any>): CrudStoreDescriptor | undefined {
    return this.crudStores.find(({ store }) => store === id || store.id === id);
  }

  /** The data of all stores, as a load answer has it. */
  override toJSON(): Record<string, { rows: object[] }> {
    return Object.fromEntries(this.stores.map((store) => [store.id, { rows: store._wireRows() }]));
  }

  protected _expectStore(what: Store<any> | string): Store<any> {
    const found = this.stores.find((store) => store === what || store.id === what);
    if (found !== undefined) return found;
    const id = what instanceof Store ? what.id : inWords(what);
    throw new SyncError('UNKNOWN_STORE', `there is no store "${id}" under this manager`);
  }

  /** @internal A store that goes with the manager. */
  protected _make<R extends Model>(config: StoreConfig<R>): Store<R> {
    const store = new Store<R>(config);
    this.made.push(store);
    return store;
  }

  /** @internal They live on, but those that the manager made. */
  protected _letStoresGo(): void {
    for (const { store } of this.descriptors) {
      store._manager = undefined;
      store._tune();
    }
    for (const end of this.relays.values()) end();
    for (const store of this.made) store.destroy();
  }
}

/** Another property than `id` may name a store's section. */
function named(store: Store<any>, property: string): Store<any> {
  const name = (store as any)[property];
  if (typeof name === 'string') store._adjust({ id: name });
  return store;
}

/**
 * The store that an app means by what it gave: one that is there, or options of one that is made.
 */
function describe(
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
