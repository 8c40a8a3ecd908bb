import { defineAccessor, fieldsOf } from './accessors.js';
import { READER_SETS } from './cells.js';
import type { ConflictOptions } from './conflicts.js';
import type { SyncDataOnLoadConfig } from './crud-policies.js';
import type { Listeners, OnListeners } from './emitter.js';
import type { FieldInput, FieldList } from './fields.js';
import { Model } from './model.js';
import type { StoreEvents } from './store-events.js';
import type { Store } from './store.js';
import type { FilterInput, LocaleSort, SorterInput } from './view-rules.js';

/** What a store's data can be given as: objects, records, or JSON as text or bytes. */
export type DataInput = readonly object[] | object | string | Uint8Array;

/** A field that holds the id of another store's record. */
export interface RelationConfig {
  /** Which field. */
  field: string;
  /** The id of the store that it refers to. */
  store: string;
  /** What becomes of the referring record when the other goes; `cascade` when not given. */
  onRemove?: 'cascade' | 'setNull' | 'none';
  /** Whether removals made by a cascade are sent too; else the server is trusted to do the same. */
  sendCascade?: boolean;
}

/** A store's options. */
export type StoreConfig<R extends Model = Model> = {
  /** Its name, also its section on the wire. */
  id?: string;
  /** The same as `id`. */
  storeId?: string;
  /** The class of its records. */
  modelClass?: new (data?: any) => R;
  /** Fields beyond those of the class. */
  fields?: readonly FieldInput[];
  /** Confirmed data to begin with. */
  data?: DataInput;
  /** Makes the store a tree by `parentId`, or by the field that is named. */
  tree?: boolean | string;
  /** The fields that span a record's time; `startDate` and `endDate` when the class has both. */
  interval?: readonly [string, string] | null;
  /** Fields that refer to records of other stores. */
  relations?: readonly RelationConfig[];
  /** The wire name of the id; `id` when not given. */
  idField?: string;
  /** Whether an update carries all persistable fields. */
  writeAllFields?: boolean;
  /** The wire name of a phantom's client id; the manager's when not given. */
  phantomIdField?: string;
  /** Whether edits that wait survive a load (default), or go with the old data. */
  keepUncommittedChanges?: boolean;
  /**
   * Fields that tell a record apart without its id. When it is unknown whether an addition arrived,
   * and the server doesn't recognise repeated requests, a loaded record that is alike in them is
   * taken for it.
   */
  naturalKey?: readonly string[];
  /**
   * Loaded data is taken over by what is different in it: records stay, and each difference is
   * told. The manager's when not given.
   */
  syncDataOnLoad?: boolean | SyncDataOnLoadConfig;
  /** Whether an addition carries all persistable fields, also those without a value. */
  writeUnsetFields?: boolean;
  /** Whether loaded rows may lack an id (default): they get one. Else such data is refused. */
  allowNoId?: boolean;
  /**
   * Whether a load warns (`syncWarning`) of ids that a client made up and the server kept:
   * `_generated…`; `true` when not given.
   */
  verifyNoGeneratedIds?: boolean;
  /** By what the records are ordered. */
  sorters?: readonly SorterInput<R>[];
  /** Which records are shown. */
  filters?: FilterInput<R> | readonly FilterInput<R>[];
  /**
   * What `applyChangeset` does to a filtered or sorted store. When not given, everything is shown
   * as filters and sorters say. With `changes`, what it updates stays shown when it doesn't pass
   * any longer; with `none`, what it touches stays where it is, shown or not, and what it adds is
   * shown last. Both until the app filters or sorts again.
   */
  applyChangesetFilterSortTarget?: 'changes' | 'none';
  /** How sorters order text. */
  useLocaleSort?: LocaleSort;
  /**
   * The date field with the moment of the server's last change: of two values that clash, `merge`
   * takes the newer. Without it, the server's is taken for the newer one.
   */
  modifiedField?: string;
  /**
   * Whether local changes are committed by themselves: for stores whose changes are not to be sent.
   */
  autoCommit?: boolean;
  /** Listeners by event name. */
  listeners?: Listeners<StoreEvents<R>, Store<R>>;
} & ConflictOptions &
  OnListeners<StoreEvents<R>, Store<R>>;

/** @internal */
export function isModelClass(value: unknown): boolean {
  return typeof value === 'function' && (value === Model || value.prototype instanceof Model);
}

/** How many classes of records there are. */
let classes = 0;

/**
 * @internal A class of its own for a store's records: fields that come with its data become
 * properties of them alone, and it has readers of its own.
 */
export function recordClass<R extends Model>(model: new () => R, fields: FieldList): new () => R {
  const made = class extends (model as any) {} as any;
  Object.defineProperty(made, 'name', { value: model.name });
  Object.defineProperty(made.prototype, 'constructor', {
    value: model,
    configurable: true,
    writable: true,
  });
  fieldsOf(model as any);
  const set = classes++ % READER_SETS;
  for (const field of fields.list) defineAccessor(made.prototype, field, set);
  return made;
}

/** @internal */
export function interval(
  fields: FieldList,
  given: StoreConfig['interval'],
): readonly string[] | undefined {
  if (given !== undefined) return given ?? undefined;
  const both = fields.byName.has('startDate') && fields.byName.has('endDate');
  return both ? ['startDate', 'endDate'] : undefined;
}

/** @internal */
export function parentField(tree: StoreConfig['tree']): string | undefined {
  return tree === true ? 'parentId' : tree || undefined;
}

/**
 * @internal What rows of trees say about themselves, and what isn't sent unless the class says
 * otherwise.
 */
export function withTreeFields(fields: FieldList): FieldList {
  const missing = ['expanded', 'leaf'].filter((name) => !fields.byName.has(name));
  return fields.extend(missing.map((name) => ({ name, type: 'boolean', persist: false })));
}
