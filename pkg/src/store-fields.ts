import { defineAccessor } from './accessors.js';
import { type Field, type FieldList, type Kind, makeField } from './fields.js';
import { engine, writeText } from './runtime.js';

/** @internal A store's fields: the declared ones, and after them those that came with the data. */
export class StoreFields {
  private readonly found: Field[] = [];
  private readonly foundByName = new Map<string, Field>();
  /** By place; what comes with the data is of any kind. */
  readonly kinds: readonly Kind[];
  /** How many there are. */
  width: number;

  constructor(
    readonly declared: FieldList,
    /** What the records inherit their accessors from. */
    private readonly prototype: object,
  ) {
    this.kinds = declared.list.map(({ kind }) => kind);
    this.width = declared.list.length;
  }

  find(name: string): Field | undefined {
    return this.declared.byName.get(name) ?? this.foundByName.get(name);
  }

  /** The field of that name, made where there is none. */
  ensure(store: number, name: string): Field {
    const known = this.find(name);
    if (known !== undefined) return known;
    const ix = engine().ensureField(store, writeText(name));
    this.discover(store);
    return this.find(name) ?? makeField({ name }, ix);
  }

  all(): readonly Field[] {
    return this.found.length > 0 ? [...this.declared.list, ...this.found] : this.declared.list;
  }

  /** Takes note of fields that came with the data. */
  discover(store: number): void {
    if (engine().fieldCount(store) <= this.width) return;
    const names = JSON.parse(engine().fieldNames(store)) as string[];
    for (; this.width < names.length; this.width++) {
      const field = makeField({ name: names[this.width] as string }, this.width);
      this.found.push(field);
      this.foundByName.set(field.name, field);
      defineAccessor(this.prototype, field);
    }
  }
}
