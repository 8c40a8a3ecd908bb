import type { CrudManager } from './crud-manager.js';
import { SyncError } from './errors.js';
import type { Id, Model } from './model.js';
import { together } from './notices.js';
import { engine, writeWords } from './runtime.js';
import { stores } from './store-core.js';
import type { Store } from './store.js';
import { sameValue, shown } from './values.js';

/** How conflicts are decided. */
export type ConflictStrategy =
  /** The server's values are taken. */
  | 'server-wins'
  /** The user's values stay, and are sent. */
  | 'client-wins'
  /**
   * Of a field that both changed, `mergeFields` decides, or the newer value stays. A record that
   * one side removed stays.
   */
  | 'merge'
  /** The record keeps both until {@link Conflict.resolve}, and isn't sent before. */
  | 'manual';

/** Whose a value is. */
export type ConflictSide = 'mine' | 'theirs' | 'merged';

/**
 * What becomes of a conflict: one side has all of it, or each field gets a value (fields that
 * aren't named stay the user's). `merge` decides field by field, as the strategy of that name does.
 */
export type ConflictChoice =
  | 'mine'
  | 'theirs'
  | 'client-wins'
  | 'server-wins'
  | 'merge'
  | Record<string, unknown>;

/** Decides a conflict, at once or later; `undefined` leaves it open, to be resolved by hand. */
export type ConflictResolver = (
  conflict: Conflict,
) => ConflictChoice | undefined | Promise<ConflictChoice | undefined>;

/** Makes one value of two: for fields that both sides changed. */
export type FieldMerge = (mine: any, theirs: any, base: any, conflict: Conflict) => unknown;

/** How a manager or a store decides conflicts. */
export interface ConflictOptions {
  /**
   * A strategy, or a function that decides. Without it the user's values stay, and records that the
   * server removes go.
   */
  conflictResolution?: ConflictStrategy | ConflictResolver;
  /** How `merge` makes one value of two, by field. */
  mergeFields?: Record<string, FieldMerge>;
}

/** A field that both sides changed. */
export interface ConflictField {
  /** Its name. */
  field: string;
  /** What both sides had. */
  base: any;
  /** What the user has. */
  mine: any;
  /** What the server has. */
  theirs: any;
}

/** A field of a conflict that is decided. */
export interface ResolvedField extends ConflictField {
  /** Who has it. */
  from: ConflictSide;
  /** What it is now. */
  value: any;
}

/** @internal A conflict as the engine tells of it. */
export interface ConflictDetail {
  id: number;
  store: number;
  row: number;
  generation: number;
  record: Id;
  kind: Conflict['kind'];
  strategy: ConflictStrategy;
  from: ConflictSide;
  fields: { field: number; base: unknown; mine: unknown; theirs: unknown; from: ConflictSide }[];
}

/** What the user has changed and the server too. */
export class Conflict {
  /** @internal Minified code has other names. */ static readonly name: string = 'Conflict';
  /** Stays the same as long as it is open. */
  readonly id: string;
  readonly store: Store<any>;
  /** The record; of one that is gone and was never read, there is none. */
  readonly record: Model | undefined;
  readonly recordId: Id;
  /**
   * `remoteRemove`: the server removed what the user has changed; `localRemove`: the other way
   * round.
   */
  kind: 'update' | 'remoteRemove' | 'localRemove' = 'update';
  /** How it is decided; `function` by the app's function. */
  strategy: ConflictStrategy | 'function' = 'manual';
  fields: ConflictField[] = [];
  /** Whether it is decided. */
  isResolved = false;
  /** @internal */ _newer = new Map<string, ConflictSide>();
  private readonly number: number;
  /** @internal Who decides it. */ private readonly options: ConflictOptions;

  /** @internal */
  constructor(store: Store<any>, detail: ConflictDetail, options: ConflictOptions) {
    this.store = store;
    this.id = `${store._number}:${detail.id}`;
    this.number = detail.id;
    this.recordId = detail.record;
    this.record = store._cache.at(detail.row, detail.generation);
    this.options = options;
    this._tell(detail);
  }

  /** The store's name. */
  get recordType(): string {
    return this.store.id;
  }

  /** The names of the fields that clash. */
  get conflictingFields(): string[] {
    return this.fields.map(({ field }) => field);
  }

  /** What the user has changed. */
  get localChanges(): Record<string, { old: any; new: any }> {
    return changes(this.fields, 'mine');
  }

  /** What the server has changed. */
  get serverChanges(): Record<string, { old: any; new: any }> {
    return changes(this.fields, 'theirs');
  }

  /**
   * Decides it. Gives whether that was still to be done. What stays the user's is sent with the
   * next sync.
   */
  resolve(choice: ConflictChoice): boolean {
    if (this.isResolved || this.store.isDestroyed) return false;
    const { mine, values } = this.decide(choice);
    const all = this.store._allFields();
    const pairs: number[] = [];
    const merged: Record<string, unknown> = {};
    for (const clash of this.fields) {
      if (!Object.hasOwn(values, clash.field)) continue;
      const value = values[clash.field];
      const ix = all.find(({ name }) => name === clash.field)?.ix as number;
      if (sameValue(value, clash.theirs)) pairs.push(ix, 1);
      else if (!sameValue(value, clash.mine)) {
        pairs.push(ix, 2);
        merged[clash.field] = value;
      }
    }
    let resolved = false;
    engine().beginUpdate();
    try {
      together(() => {
        const { record, store, number } = this;
        if (record !== undefined && Object.keys(merged).length > 0) {
          store._update(record, merged, false);
        }
        const count = writeWords(pairs) >> 1;
        resolved = engine().resolveConflict(store._number, number, mine, count);
      });
    } finally {
      engine().endUpdate();
    }
    return resolved || this.isResolved;
  }

  /** Whether the user has the record, and the value of each field. */
  private decide(choice: ConflictChoice): { mine: boolean; values: Record<string, unknown> } {
    if (choice !== null && typeof choice === 'object') return { mine: true, values: choice };
    const values: Record<string, unknown> = {};
    switch (choice) {
      case 'mine':
      case 'client-wins':
        return { mine: true, values };
      case 'theirs':
      case 'server-wins':
        for (const { field, theirs } of this.fields) values[field] = theirs;
        return { mine: false, values };
      case 'merge': {
        const { mergeFields = {} } = this.options;
        for (const { field, base, mine, theirs } of this.fields) {
          const merge = Object.hasOwn(mergeFields, field) ? mergeFields[field] : undefined;
          if (merge !== undefined) values[field] = merge(mine, theirs, base, this);
          else values[field] = this._newer.get(field) === 'mine' ? mine : theirs;
        }
        return { mine: this.kind !== 'localRemove', values };
      }
      default:
        throw new SyncError(
          'INVALID_ARGUMENT',
          "resolve() wants 'mine', 'theirs', 'merge' or an object of values",
        );
    }
  }

  /** @internal Takes over what the engine says; gives the fields with who has them. */
  _tell(detail: ConflictDetail): ResolvedField[] {
    const all = this.store._allFields();
    const told = detail.fields.map(({ field: ix, base, mine, theirs, from }) => {
      const field = all[ix] as NonNullable<(typeof all)[0]>;
      const of = (value: unknown) => shown(field, value);
      return { field: field.name, base: of(base), mine: of(mine), theirs: of(theirs), from };
    });
    this.kind = detail.kind;
    const { own } = resolving(this.options);
    this.strategy = typeof own === 'function' ? 'function' : (own ?? detail.strategy);
    this.fields = told.map(({ field, base, mine, theirs }) => ({ field, base, mine, theirs }));
    this._newer = new Map(told.map(({ field, from }) => [field, from]));
    return told.map((field) => ({
      ...field,
      value: field.from === 'theirs' ? field.theirs : field.mine,
    }));
  }
}

function changes(
  fields: readonly ConflictField[],
  side: 'mine' | 'theirs',
): Record<string, { old: any; new: any }> {
  return Object.fromEntries(
    fields.map((field) => [field.field, { old: field.base, new: field[side] }]),
  );
}

/** @internal The strategy that the engine works by: what functions decide, it leaves to them. */
export function engineStrategy(options: ConflictOptions): ConflictStrategy | undefined {
  const { own, mergeFields } = resolving(options);
  if (typeof own === 'function') return 'manual';
  return own === 'merge' && mergeFields !== undefined ? 'manual' : own;
}

/** Who makes one value of two wants to be asked. */
function resolving({ conflictResolution, mergeFields }: ConflictOptions) {
  const own = conflictResolution ?? (mergeFields === undefined ? undefined : 'merge');
  return { own, mergeFields };
}

/** @internal What the engine says about conflicts. */
export function tellConflict(
  manager: CrudManager<any>,
  name: 'conflict' | 'conflictResolved',
  detail: ConflictDetail,
): void {
  const store = stores.get(detail.store);
  if (store === undefined) return;
  const ofStore = resolving(store._config).own !== undefined;
  const options: ConflictOptions = ofStore ? store._config : manager._options;
  const { _conflicts: open } = manager;
  const id = `${store._number}:${detail.id}`;
  let conflict = open.get(id);
  if (name === 'conflict') {
    conflict?._tell(detail);
    conflict ??= new Conflict(store, detail, options);
    open.set(id, conflict);
    manager._fire('conflict', { conflict });
    if (conflict.kind === detail.kind && !conflict.isResolved) {
      resolveByOptions(manager, conflict, options);
    }
    return;
  }
  conflict ??= new Conflict(store, detail, options);
  const fields = conflict._tell(detail);
  conflict.isResolved = true;
  open.delete(id);
  for (const field of fields) {
    if (field.from === 'merged') field.value = conflict.record?.get(field.field);
  }
  manager._fire('conflictResolved', { conflict, strategy: conflict.strategy, fields });
}

function resolveByOptions(
  manager: CrudManager<any>,
  conflict: Conflict,
  options: ConflictOptions,
): void {
  const { own, mergeFields } = resolving(options);
  const apply = (choice: ConflictChoice | undefined) => {
    if (choice !== undefined && !manager.isDestroyed) conflict.resolve(choice);
  };
  const threw = (thrown: unknown) => manager._threw('conflictResolution', thrown);
  try {
    if (typeof own === 'function') {
      const choice = own.call(manager, conflict);
      if (choice instanceof Promise) choice.then(apply).catch(threw);
      else apply(choice);
    } else if (own === 'merge' && mergeFields !== undefined) {
      apply('merge');
    }
  } catch (thrown) {
    threw(thrown);
  }
}
