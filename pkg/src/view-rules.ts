import { SyncError, inWords } from './errors.js';
import type { Model } from './model.js';
import { sameValue } from './values.js';

/** Compares two records: below 0 when the first comes first. */
export type SortFunction<R extends Model = Model> = (a: R, b: R) => number;

/** By what records are ordered. */
export interface Sorter<R extends Model = Model> {
  /**
   * By the values of which field (or getter of the class); nothing comes before everything else.
   */
  field?: string;
  /** `false`: the greatest first. */
  ascending?: boolean;
  /** Compares the records themselves. */
  fn?: SortFunction<R>;
  /** The same as `fn`. */
  sortFn?: SortFunction<R>;
}

/** How a sorter can be given: a field's name, a function, or in full. */
export type SorterInput<R extends Model = Model> = string | SortFunction<R> | Sorter<R>;

/** How a filter compares a field's value with its own. */
export type FilterOperator =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  /** The field's text contains the value; the same as `includes`. */
  | '*'
  | 'includes'
  | 'doesNotInclude'
  | 'startsWith'
  | 'endsWith'
  /** The value is an array that has the field's value. */
  | 'isIncludedIn'
  | 'isNotIncludedIn'
  /** The value is an array of the least and the greatest. */
  | 'between'
  | 'notBetween'
  | 'sameDay'
  | 'empty'
  | 'notEmpty'
  | 'isTrue'
  | 'isFalse';

/** Which records are shown. */
export interface Filter<R extends Model = Model> {
  /** To replace or remove it by; the property when not given. */
  id?: string;
  /** Which field, or getter of the class. */
  property?: string;
  /** What its value is compared with. */
  value?: unknown;
  /** How; `*` for text, else `=`, when not given. */
  operator?: FilterOperator;
  /** `false`: upper and lower case are the same. */
  caseSensitive?: boolean;
  /** Says yes or no to the record itself. */
  filterBy?: (record: R) => unknown;
  /** Whether it is passed over for the time being; call `store.filter()` after a change of it. */
  disabled?: boolean;
}

/** How a filter can be given: a function, or in full. */
export type FilterInput<R extends Model = Model> = ((record: R) => unknown) | Filter<R>;

/** How text is ordered: `true` or a language for that of people, else by its characters. */
export type LocaleSort = boolean | string | (Intl.CollatorOptions & { locale?: string });

type Test = (value: any, wanted: any) => boolean;

const equal: Test = (value, wanted) =>
  value == null || wanted == null ? value == wanted : sameValue(value, wanted);
const includes: Test = (value, wanted) =>
  Array.isArray(value)
    ? value.some((one) => sameValue(one, wanted))
    : String(value ?? '').includes(String(wanted));
const among: Test = (value, wanted) => wanted.some((one: unknown) => equal(value, one));
const between: Test = (value, [least, greatest]) =>
  value != null && value >= least && value <= greatest;
const empty: Test = (value) => value == null || value === '' || value.length === 0;
const day = (value: any) => (value == null ? '' : new Date(value).toDateString());

const TESTS: Record<FilterOperator, Test> = {
  '=': equal,
  '!=': (value, wanted) => !equal(value, wanted),
  '<': (value, wanted) => value != null && value < wanted,
  '<=': (value, wanted) => value != null && value <= wanted,
  '>': (value, wanted) => value != null && value > wanted,
  '>=': (value, wanted) => value != null && value >= wanted,
  '*': includes,
  includes,
  doesNotInclude: (value, wanted) => !includes(value, wanted),
  startsWith: (value, wanted) => String(value ?? '').startsWith(String(wanted)),
  endsWith: (value, wanted) => String(value ?? '').endsWith(String(wanted)),
  isIncludedIn: among,
  isNotIncludedIn: (value, wanted) => !among(value, wanted),
  between,
  notBetween: (value, wanted) => !between(value, wanted),
  sameDay: (value, wanted) => day(value) === day(wanted),
  empty,
  notEmpty: (value, wanted) => !empty(value, wanted),
  isTrue: (value) => value === true,
  isFalse: (value) => value === false,
};

const LISTS: ReadonlySet<string> = new Set([
  'isIncludedIn',
  'isNotIncludedIn',
  'between',
  'notBetween',
]);

/** A field's value, or that of a getter of the class. */
function valueOf(record: Model, name: string): unknown {
  const value = record.get(name);
  return value === undefined ? (record as unknown as Record<string, unknown>)[name] : value;
}

function bad(what: string): never {
  throw new SyncError('INVALID_ARGUMENT', what);
}

/** @internal A sorter in full. */
export function sorterOf<R extends Model>(input: SorterInput<R>, ascending?: boolean): Sorter<R> {
  const given: Sorter<R> =
    typeof input === 'string'
      ? { field: input }
      : typeof input === 'function'
        ? { fn: input }
        : { ...input };
  const by = given.fn ?? given.sortFn ?? given.field;
  if (typeof by !== 'function' && (typeof by !== 'string' || by === '')) {
    bad('a sorter wants a field or a function');
  }
  return { ...given, ascending: ascending ?? given.ascending ?? true };
}

/** @internal A filter in full: the object itself, so that its owner can disable it later. */
export function filterOf<R extends Model>(input: FilterInput<R>): Filter<R> {
  const filter: Filter<R> = typeof input === 'function' ? { filterBy: input } : input;
  if (filter === null || typeof filter !== 'object') bad('a filter is a function or an object');
  const { property, filterBy } = filter;
  if (typeof filterBy !== 'function' && (typeof property !== 'string' || property === '')) {
    bad('a filter wants a property or a function');
  }
  predicate(filter);
  return filter;
}

/** @internal What a filter asks of a record. */
export function predicate<R extends Model>(filter: Filter<R>): (record: R) => unknown {
  const { property = '', value, caseSensitive = true, filterBy } = filter;
  if (filterBy !== undefined) return (record) => filterBy.call(filter, record);
  const operator = filter.operator ?? (typeof value === 'string' ? '*' : '=');
  const test = Object.hasOwn(TESTS, operator) ? TESTS[operator] : undefined;
  if (test === undefined) bad(`a filter's operator can't be "${inWords(operator)}"`);
  if (LISTS.has(operator) && !Array.isArray(value)) bad(`"${operator}" wants an array`);
  const plain = (one: unknown): unknown => {
    if (one instanceof Date) return one.getTime();
    if (Array.isArray(one)) return one.map(plain);
    return caseSensitive || typeof one !== 'string' ? one : one.toLowerCase();
  };
  const wanted = plain(value);
  return (record) => test(plain(valueOf(record, property)), wanted);
}

/** @internal What compares records by their places in the list, equal ones by those places. */
export function comparator<R extends Model>(
  records: readonly R[],
  sorters: readonly Sorter<R>[],
  locale: LocaleSort | undefined,
): (a: number, b: number) => number {
  const { compare } = collator(locale) ?? {};
  const by = sorters.map(({ field = '', fn, sortFn, ascending }) => {
    const own = fn ?? sortFn;
    const sign = ascending === false ? -1 : 1;
    if (own !== undefined) {
      return (a: number, b: number) => sign * own(records[a] as R, records[b] as R);
    }
    const keys = records.map((record) => sortKey(valueOf(record, field)));
    return (a: number, b: number) => sign * compareKeys(keys[a], keys[b], compare);
  });
  return (a, b) => {
    for (const one of by) {
      const order = one(a, b);
      if (order !== 0 && !Number.isNaN(order)) return order;
    }
    return a - b;
  };
}

type Key = string | number | boolean | null;

function sortKey(value: unknown): Key {
  if (value == null) return null;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'object' ? String(value) : (value as Key);
}

function compareKeys(
  a: Key | undefined,
  b: Key | undefined,
  compare: ((a: string, b: string) => number) | undefined,
): number {
  if (a === b) return 0;
  if (a == null || b == null) return a == null ? -1 : 1;
  if (typeof a !== typeof b) return typeof a < typeof b ? -1 : 1;
  if (compare !== undefined && typeof a === 'string') return compare(a, b as string);
  return a < b ? -1 : a > b ? 1 : 0;
}

function collator(locale: LocaleSort | undefined): Intl.Collator | undefined {
  if (!locale) return undefined;
  const options = typeof locale === 'object' ? locale : {};
  const language = typeof locale === 'string' ? locale : options.locale;
  try {
    return new Intl.Collator(language, options);
  } catch (thrown) {
    throw new SyncError('INVALID_CONFIG', `useLocaleSort: ${String(thrown)}`);
  }
}
