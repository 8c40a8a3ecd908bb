import type { CrudResult } from './calls.js';
import type { CrudParts } from './crud-parts.js';
import { SyncError } from './errors.js';
import { type Id, Model, makeRecord } from './model.js';
import { StoreChanging } from './store-changing.js';
import { sameValue } from './values.js';

/** What is put into a tree: records of it, new ones, or their data. */
export type TreeInput = object | readonly object[];

/** Records that have parents. */
export abstract class StoreTree<R extends Model = Model> extends StoreChanging<R> {
  private root: R | undefined;

  /**
   * What stands for the top of a tree: its children are the records without a parent. It is none of
   * the records; nothing of it is sent. `null` in stores that are no trees.
   */
  get rootNode(): R | null {
    if (!this.isTree) return null;
    if (this.root === undefined) {
      const store = this;
      const home = {
        _fields: this._fields,
        _store: this as any,
        _shadows: undefined,
        get _width() {
          return store._width;
        },
        _refresh() {},
        _widen() {},
        _write: () => false,
        _field: (name: string) => this._field(name),
        _ensureField: (name: string) => this._ensureField(name),
      };
      this.root = makeRecord(this._cache.recordClass, home, -1, 0, ['root']);
    }
    return this.root;
  }

  /**
   * The records whose parent is that one, as they are shown; those without a parent for `null` and
   * the root.
   */
  childrenOf(parent: R | Id | null): R[] {
    const children = this.allChildrenOf(parent);
    const view = this._view;
    if (view === undefined) return children;
    return children
      .filter(({ _r }) => view.rank(_r) >= 0)
      .sort((a, b) => view.rank(a._r) - view.rank(b._r));
  }

  /** The same with those that are filtered out, in the order of their data. */
  allChildrenOf(parent: R | Id | null): R[] {
    const field = this._parentField() ?? 'parentId';
    const id = parent instanceof Model ? (parent === this.root ? null : parent.id) : parent;
    if (id !== null) {
      return this.referrers(field, id).filter((child) => !sameValue(child.id, id));
    }
    return this.allRecords.filter((record) => {
      const above = this.parentOf(record);
      return above === undefined || above === record;
    });
  }

  // --- open and closed ---------------------------------------------------------------------------

  /**
   * Shows what is below a record among the {@link Store.records}; loads it first where it isn't
   * there.
   */
  expand(node: R | Id): Promise<void> {
    return this.toggleCollapse(node, false);
  }

  /** Shows what is below a record no longer. */
  collapse(node: R | Id): Promise<void> {
    return this.toggleCollapse(node, true);
  }

  /**
   * Collapses or expands a record; the other of both when nothing is said. That is no change of the
   * record. A record whose data says nothing (`expanded`) is expanded.
   */
  async toggleCollapse(node: R | Id, collapse?: boolean): Promise<void> {
    this._alive();
    const record = this._expect(node);
    const collapsed = collapse ?? record.isExpanded();
    if (!collapsed && !record.isLoaded) await this.loadChildren(record);
    const view = this._view;
    if (record.isRemoved || view === undefined || record.isExpanded() !== collapsed) return;
    view.toggle(record, collapsed);
    if (this._subscriptions.active) this._subscriptions.refresh('local');
    const told = this as { _fire(name: string, event: object): unknown };
    told._fire('refresh', { action: collapsed ? 'collapse' : 'expand', origin: 'local' });
  }

  /**
   * Loads what is below a record, when it isn't there: data said `children: true`, or
   * `leaf: false`. Resolves with the server's answer; `null` when there was nothing to load, or no
   * manager to do it.
   */
  async loadChildren(parent: R | Id): Promise<CrudResult | null> {
    this._alive();
    const record = this._expect(parent);
    const manager = this._manager as CrudParts | undefined;
    if (record.isLoaded || manager === undefined) return null;
    const result = await manager.ensureLoaded({ parentId: record.id });
    // Also when none came.
    this._loadedParents.add(record);
    return result;
  }

  /** @internal Whose children were asked for. */
  readonly _loadedParents = new WeakSet<Model>();

  /**
   * @internal Puts records below a parent, before one of its children or behind all: those that are
   * here move, others are added. Nothing is done when one of them can't go there.
   */
  _graft(parent: R, input: TreeInput, before: R | null, silent?: boolean): R[] {
    const field = this._parentField();
    if (field === undefined) {
      throw new SyncError('INVALID_ARGUMENT', `store "${this.id}" is no tree`);
    }
    const list = (Array.isArray(input) ? input : [input]) as object[];
    const parentId = parent === this.root ? null : this._expect(parent).id;
    if (before !== null && !this.allChildrenOf(parentId).includes(this._expect(before))) {
      throw new SyncError(
        'INVALID_ARGUMENT',
        'the record to insert before is no child of this one',
      );
    }
    // All of them before any is touched: nothing is done by halves.
    for (const one of list) {
      if (one === null || typeof one !== 'object') {
        throw new SyncError('INVALID_ARGUMENT', 'children are objects or records');
      }
      if (one === parent || (isHere(one, this) && this._isAbove(one as R, parent))) {
        throw new SyncError('INVALID_ARGUMENT', 'the record would be its own ancestor');
      }
    }
    const below = (record: R) => sameValue(record.get(field) ?? null, parentId);
    const coming = new Set(list.filter((one) => !isHere(one, this)));
    for (const one of coming) if (one instanceof Model && !one.store) one.set(field, parentId);
    const rows = Array.from(coming, (one) => {
      if (one instanceof Model && !one.isRemoved) return one;
      return { ...(one instanceof Model ? one.data : one), [field]: parentId };
    });
    // What came with them has parents of its own.
    const added = this.add(rows, silent).filter(below);
    const grafted: (R | undefined)[] = [];
    for (const one of list) {
      if (!isHere(one, this) || coming.has(one)) grafted.push(added.shift());
      else {
        if (!below(one as R)) (one as R).set({ [field]: parentId }, silent);
        grafted.push(one as R);
      }
    }
    // What was vetoed isn't where it was to be moved to.
    const moved = grafted.filter((one) => one !== undefined && isHere(one, this) && below(one)) as R[];
    if (moved.length > 0) this.move(moved, before);
    return moved;
  }

  /** @internal Whether a record is an ancestor of another. */
  _isAbove(record: R, other: R): boolean {
    return this._ancestors(other).includes(record);
  }

  /** @internal From the parent upwards. Data may go in circles: nobody is named twice. */
  _ancestors(record: R): R[] {
    const found: R[] = [];
    let above = this.parentOf(record);
    while (above !== undefined && above !== record && !found.includes(above)) {
      found.push(above);
      above = this.parentOf(above);
    }
    return found;
  }
}

function isHere(one: object, store: object): boolean {
  return one instanceof Model && one.store === store && !one.isRemoved;
}
