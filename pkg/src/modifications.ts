import { type Field, toJsonValue } from './fields.js';
import type { CrudManager } from './crud-manager.js';
import type { Model } from './model.js';
import { engine } from './runtime.js';
import { own } from './values.js';

/**
 * What of a record is changed, and how it goes out. A field of the same name takes the place of
 * each.
 */
export interface Modifications {
  /** The changed fields with their values; `null` when nothing is changed. */
  readonly rawModifications: Record<string, any> | null;
  /**
   * The changed fields that are sent, by their wire names and as they go out, and the id; `null`
   * when there are none.
   */
  readonly modificationData: Record<string, any> | null;
  /** The same with the fields that go along with every change (`alwaysWrite`). */
  readonly modificationDataToWrite: Record<string, any> | null;
  /** All fields that are sent, by their wire names and as they go out. */
  readonly persistableData: Record<string, any>;
  /** Whether changes of a batch wait for its end. */
  readonly isBatchUpdating: boolean;
  /**
   * Whether the record can go out with the next sync: no batch is open, and nothing keeps it back.
   */
  readonly isPersistable: boolean;
  /**
   * Whether it is there for a trial (a form is open for it): it is kept back from syncs until this
   * is `false` again; its store tells `addConfirmed` then.
   */
  isCreating: boolean;
  /** The same as {@link Model.acceptChanges}. */
  clearChanges(): void;
}

const creating = new WeakSet<Model>();

/** @internal Keeps a record back: it is there for a trial, or a batch is open for it. */
export function holdBack(record: Model): void {
  if (record.store === undefined || record.isRemoved) return;
  engine().setValid(record.store._number, record._r, record._g, false);
}

/** @internal Ends that, unless there is another reason. */
export function release(record: Model): void {
  const { store } = record;
  if (store === undefined || record.isRemoved || isOpen(record)) return;
  if (!store._stateOf(record, 'held')) return;
  engine().setValid(store._number, record._r, record._g, true);
  const manager = store._manager as CrudManager | undefined;
  // Its time to be sent may have passed.
  manager?.suspendAutoSync();
  manager?.resumeAutoSync();
}

/** @internal Whether a record isn't complete yet. */
export const isOpen = (record: Model): boolean =>
  creating.has(record) || (record.store !== undefined && record._x?.batch !== undefined);

const persists = (field: Field) => field.config.persist !== false;

/** @internal */
export const modifications: Modifications & ThisType<Model> = {
  get rawModifications() {
    const { modifications: changed } = this;
    if (changed === null) return null;
    const { id: _id, ...raw } = changed;
    return raw;
  },
  get modificationData() {
    return changes(this as any, () => false);
  },
  get modificationDataToWrite() {
    return changes(this as any, (field) => field.config.alwaysWrite === true);
  },
  get persistableData() {
    return wired(this as any, fieldsOf(this as any).filter(persists));
  },
  get isBatchUpdating() {
    return this.store !== undefined && this._x?.batch !== undefined;
  },
  get isPersistable() {
    return !isOpen(this as any) && !this.isHeldBack && this.isValid;
  },
  get isCreating() {
    return creating.has(this as any);
  },
  set isCreating(is) {
    if (is === creating.has(this as any)) return;
    if (is) creating.add(this as any);
    else creating.delete(this as any);
    if (is) {
      holdBack(this as any);
      return;
    }
    release(this as any);
    const { store } = this;
    if (!this.isRemoved) store?._fire('addConfirmed', { record: this });
  },
  clearChanges() {
    this.acceptChanges();
  },
};

function fieldsOf(record: Model): readonly Field[] {
  return record.store?._allFields() ?? record._s._fields.list;
}

function changes(record: Model, also: (field: Field) => boolean): Record<string, any> | null {
  const changed = record.store?._modified(record) ?? [];
  const fields = fieldsOf(record).filter(persists);
  if (!fields.some(({ name }) => changed.includes(name))) return null;
  const sent = fields.filter((field) => changed.includes(field.name) || also(field));
  const id = fields.filter(({ ix }) => ix === 0);
  return wired(record, [...id, ...sent.filter(({ ix }) => ix !== 0)]);
}

/** Fields as they go out: by their wire names, dots making inner objects. */
function wired(record: Model, fields: readonly Field[]): Record<string, any> {
  const row: Record<string, any> = {};
  for (const field of fields) {
    const value = record.get(field.name);
    if (value === undefined) continue;
    const id = field.ix === 0 ? record.store?._idName : undefined;
    const path = (id ?? field.config.dataSource ?? field.name).split('.');
    const last = path.pop() as string;
    let at = row;
    for (const part of path) {
      if (!Object.hasOwn(at, part)) own(at, part, {});
      at = at[part];
    }
    own(at, last, field.serialize ? field.serialize(value, record) : toJsonValue(value));
  }
  return row;
}
