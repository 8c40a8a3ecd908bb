import { RawJson, cellAt, cellReader, cellWriter, keptOf } from './cells.js';
import { type Field, FieldList, Kind } from './fields.js';
import type { Model } from './model.js';

const lists = new WeakMap<object, FieldList>();

/** @internal The fields of a model class; defines their accessors the first time. */
export function fieldsOf(model: typeof Model): FieldList {
  const known = lists.get(model);
  if (known !== undefined) return known;
  const parent = Object.getPrototypeOf(model);
  const inherited = parent === Function.prototype ? new FieldList([]) : fieldsOf(parent);
  const own = Object.hasOwn(model, 'fields') ? (model.fields ?? []) : [];
  const list = own.length > 0 ? inherited.extend(own) : inherited;
  lists.set(model, list);
  if (list !== inherited) {
    for (const field of list.list) {
      if (inherited.byName.get(field.name) !== field) defineAccessor(model.prototype, field);
    }
  }
  return list;
}

/**
 * @internal Whether records keep something of their own under that name: as a field, it is read by
 * `get` alone.
 */
export function isInternal(name: string): boolean {
  return /^_(\d+|[msergvx])$/.test(name);
}

/**
 * @internal Makes `record.name` read and write the field, unless the class says something else
 * about that name.
 *
 * @param set which of the sets of readers it takes
 */
export function defineAccessor(prototype: object, field: Field, set = 0): void {
  const { name } = field;
  if (Object.hasOwn(prototype, name) || isInternal(name)) return;
  // A field may take the place of another field's accessor, never that of a method or getter of the
  // app or of Model.
  const inherited = findProperty(prototype, name);
  if (inherited !== undefined && !accessors.has(inherited.get as object)) return;
  const get = getter(field, set);
  accessors.add(get);
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get,
    set: cellWriter(field),
  });
}

const accessors = new WeakSet<object>();

/** @internal A property of Model that a field of the same name takes the place of. */
export function giveWay(getter: object): void {
  accessors.add(getter);
}

function findProperty(prototype: object | null, name: string): PropertyDescriptor | undefined {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function getter(field: Field, set: number): (this: Model) => unknown {
  const { ix } = field;
  if (field.convert !== undefined) {
    return function (this: Model) {
      return readField(this, field);
    };
  }
  const read = cellReader(ix, set);
  switch (field.kind) {
    case Kind.Date:
      return function (this: Model) {
        const cell = read.call(this);
        return typeof cell === 'number' ? dateOf(this, ix, cell) : asDate(cell);
      };
    case Kind.Text:
    case Kind.Number:
    case Kind.Integer:
    case Kind.Boolean:
      return read;
    default:
      return function (this: Model) {
        const cell = read.call(this);
        return typeof cell === 'object' && cell !== null ? unwrap(cell) : cell;
      };
  }
}

function unwrap(value: object): unknown {
  return value instanceof RawJson ? value.value : value;
}

/** What a date field reads as that holds something else: nonsense reads as `null`. */
function asDate(value: unknown): Date | null | undefined {
  if (value instanceof Date) return value;
  return value === undefined ? undefined : null;
}

/** The same `Date` as long as the field holds the same moment. */
function dateOf(record: Model, ix: number, ms: number): Date {
  const kept = keptOf(record);
  const date = kept[ix] as Date | undefined;
  if (date !== undefined && date.getTime() === ms) return date;
  return (kept[ix] = new Date(ms));
}

interface Converted {
  raw: unknown;
  value: unknown;
}

/** @internal A field's value as the app sees it. */
export function readField(record: Model, field: Field): unknown {
  const { ix, kind, convert } = field;
  const cell = cellAt(record, ix);
  let value: unknown = cell;
  if (kind === Kind.Date) {
    value =
      typeof cell === 'number' && convert === undefined
        ? dateOf(record, ix, cell)
        : asDate(typeof cell === 'number' ? new Date(cell) : cell);
  } else if (typeof cell === 'object' && cell !== null) {
    value = unwrap(cell);
  }
  if (convert === undefined) return value;
  const kept = keptOf(record);
  const converted = kept[ix] as Converted | undefined;
  // An object that is parsed when it is read is another one each time the row is.
  if (converted !== undefined && Object.is(converted.raw, cell)) return converted.value;
  value = field.convert?.(value, record);
  kept[ix] = { raw: cell, value } satisfies Converted;
  return value;
}
