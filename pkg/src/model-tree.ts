import { checkFunction } from './errors.js';
import type { Model } from './model.js';
import type { Store } from './store.js';
import type { TreeInput } from './store-tree.js';

/**
 * What records of a tree have, see the store's option `tree`. A field of the same name as one of
 * the properties takes its place.
 */
export interface TreeRecord {
  /** The record above; the store's `rootNode` for those without one, `null` outside of trees. */
  readonly parent: this | null;
  /** The records below, as the store shows them; `null` outside of trees. */
  readonly children: this[] | null;
  /**
   * The records below, in the order of their data, filtered out ones included; `null` outside of
   * trees.
   */
  readonly allChildren: this[] | null;
  /** Whether it stands for the top of a tree. */
  readonly isRoot: boolean;
  /** Whether there is no record below, nor any to be loaded. */
  readonly isLeaf: boolean;
  /** Whether there are records below, or to be loaded. */
  readonly isParent: boolean;
  /**
   * Whether what is below is there: `false` where data says `children: true` (or `leaf: false`) and
   * none came.
   */
  readonly isLoaded: boolean;
  /** How many records are above it. */
  readonly childLevel: number;
  /** Its place among the children of its parent; -1 when it is in no tree. */
  readonly parentIndex: number;
  readonly firstChild: this | null;
  readonly lastChild: this | null;
  readonly previousSibling: this | null;
  readonly nextSibling: this | null;
  /** How many records are below it, on all levels. */
  readonly descendantCount: number;

  /**
   * Whether what is below it is shown among the store's records; see {@link Store.toggleCollapse}.
   */
  isExpanded(store?: object): boolean;
  /**
   * Puts records (of the tree, new ones, or data) behind its children. Gives what was put there: a
   * list for a list.
   */
  appendChild<T extends TreeInput>(
    child: T,
    silent?: boolean,
  ): T extends readonly any[] ? this[] : this | null;
  /** The same, before one of its children. */
  insertChild<T extends TreeInput>(
    child: T,
    before?: this | null,
    silent?: boolean,
  ): T extends readonly any[] ? this[] : this | null;
  /** Removes children, and what is below them, from the store. Gives all that went. */
  removeChild(child: this | readonly this[], silent?: boolean): this[];
  /** Removes all children. */
  clearChildren(silent?: boolean): this[];
  /**
   * Calls the function with it and all records below, parents first; what is below one that gets
   * `false` is passed over.
   */
  traverse(fn: (record: this) => unknown, skipSelf?: boolean): void;
  /** Calls the function with it and all records above, until it gives `false`. */
  bubble(fn: (record: this) => unknown, skipSelf?: boolean): void;
  /** Whether a record is this one or, on any level, below it. */
  contains(other: this): boolean;
}

/** The tree that the record is in. */
function treeOf(record: Model): Store<any> | undefined {
  const store = record._s._store;
  return store?.isTree === true && !store.isDestroyed ? store : undefined;
}

function isRoot(record: Model): boolean {
  return record._r < 0 && record._s._store !== undefined;
}

function childrenOf(record: Model): Model[] {
  const tree = treeOf(record);
  return tree === undefined ? [] : tree.childrenOf(record);
}

const isEmpty = (record: Model) => childrenOf(record).length === 0;

/** Servers have many ways to say no. */
const isSaid = (value: unknown) => ![false, 0, '0', 'false'].includes(value as never);

function siblings(record: Model): Model[] {
  const tree = treeOf(record);
  if (tree === undefined || isRoot(record) || record.isRemoved) return [];
  return tree.childrenOf(tree.parentOf(record) ?? null);
}

function sibling(record: Model, by: number): Model | null {
  const all = siblings(record);
  const at = all.indexOf(record);
  return at < 0 ? null : (all[at + by] ?? null);
}

function traverse(record: Model, fn: (record: Model) => unknown, skipSelf: boolean): void {
  const seen = new Set<Model>();
  const visit = (one: Model, skip: boolean) => {
    if (seen.has(one)) return;
    seen.add(one);
    if (!skip && fn(one) === false) return;
    for (const child of childrenOf(one)) visit(child, false);
  };
  visit(record, skipSelf);
}

function graft(record: Model, child: TreeInput, before: Model | null, silent?: boolean): any {
  const grafted = record._s._store?._graft(record, child, before, silent) ?? [];
  return Array.isArray(child) ? grafted : (grafted[0] ?? null);
}

/** @internal */
export const tree: Omit<TreeRecord, 'children'> & { readonly children: any } & ThisType<Model> = {
  get parent(): any {
    const tree = treeOf(this);
    if (tree === undefined || isRoot(this) || this.isRemoved) return null;
    return tree.parentOf(this) ?? tree.rootNode;
  },
  get children(): any {
    // A record that is in no store yet has what it was made with.
    if (this._s._store === undefined) return this.get('children') ?? null;
    return treeOf(this)?.childrenOf(this) ?? null;
  },
  get allChildren(): any {
    return treeOf(this)?.allChildrenOf(this) ?? null;
  },
  get isRoot() {
    return isRoot(this);
  },
  get isLeaf() {
    return isEmpty(this) && this.isLoaded;
  },
  get isParent() {
    return !this.isLeaf;
  },
  get isLoaded() {
    const tree = treeOf(this);
    if (tree === undefined || isRoot(this) || isSaid(this.get('leaf'))) return true;
    return tree._loadedParents.has(this) || !isEmpty(this);
  },
  get childLevel() {
    return treeOf(this)?._ancestors(this).length ?? 0;
  },
  get parentIndex() {
    return siblings(this).indexOf(this);
  },
  get firstChild(): any {
    return childrenOf(this)[0] ?? null;
  },
  get lastChild(): any {
    return childrenOf(this).at(-1) ?? null;
  },
  get previousSibling(): any {
    return sibling(this, -1);
  },
  get nextSibling(): any {
    return sibling(this, 1);
  },
  get descendantCount() {
    let count = 0;
    traverse(this, () => count++, true);
    return count;
  },
  isExpanded() {
    const said = treeOf(this)?._view?.toggled.get(this.key);
    return said === undefined ? isSaid(this.get('expanded')) : !said;
  },
  appendChild(child: TreeInput, silent?: boolean) {
    return graft(this, child, null, silent);
  },
  insertChild(child: TreeInput, before: any = null, silent?: boolean) {
    return graft(this, child, before, silent);
  },
  removeChild(child: any, silent?: boolean): any {
    const own = childrenOf(this);
    const all = (Array.isArray(child) ? child : [child]).filter((one: any) => own.includes(one));
    return this._s._store?.remove(all, silent) ?? [];
  },
  clearChildren(silent?: boolean): any {
    return this._s._store?.remove(treeOf(this)?.allChildrenOf(this) ?? [], silent) ?? [];
  },
  traverse(fn: (record: any) => unknown, skipSelf = false) {
    checkFunction('traverse', fn);
    traverse(this, fn, skipSelf);
  },
  bubble(fn: (record: any) => unknown, skipSelf = false) {
    checkFunction('bubble', fn);
    const above = treeOf(this)?._ancestors(this) ?? [];
    for (const one of skipSelf ? above : [this as Model, ...above]) if (fn(one) === false) return;
  },
  contains(other: any) {
    if ((other as Model) === this) return true;
    if (typeof other?._s !== 'object') return false;
    if (isRoot(this)) return treeOf(other) === treeOf(this);
    return treeOf(this)?._ancestors(other).includes(this) ?? false;
  },
};
