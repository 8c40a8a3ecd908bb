import { SyncError, inWords } from './errors.js';
import { type Field, Kind } from './fields.js';
import { RawJson } from './cells.js';
import { jsonText } from './runtime.js';

/** @internal */
export function shown(field: Field, cell: unknown): unknown {
  if (field.kind === Kind.Date)
    return typeof cell === 'number' ? new Date(cell) : cell === undefined ? undefined : null;
  return cell instanceof RawJson ? cell.value : cell;
}

/** @internal Ids of equal text are the same, as are dates of the same moment. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (
    (typeof a === 'number' || typeof a === 'string') &&
    (typeof b === 'number' || typeof b === 'string')
  ) {
    return String(a) === String(b);
  }
  return false;
}

/** @internal */
export function moment(value: Date | number | string): number {
  const isDate = value instanceof Date || typeof value === 'string';
  const ms = isDate ? new Date(value).getTime() : typeof value === 'number' ? value : Number.NaN;
  if (Number.isNaN(ms))
    throw new SyncError('INVALID_ARGUMENT', `a date was wanted, not ${inWords(value)}`);
  return ms;
}

/** @internal */
export const noDate = (name: string): SyncError =>
  new SyncError('INVALID_ARGUMENT', `the value for field "${name}" is no date`);

/** @internal */
export function checkValue(name: string, value: unknown): void {
  if (value instanceof Date && Number.isNaN(value.getTime())) throw noDate(name);
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new SyncError(
      'INVALID_ARGUMENT',
      `a ${typeof value} can't be the value of field "${name}"`,
    );
  }
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) jsonText(value);
}

/** @internal Whether the engine keeps the value as it is. */
export function isDirect({ kind, takesNumbers, takesTexts }: Field, value: unknown): boolean {
  switch (typeof value) {
    case 'number':
      return takesNumbers && Number.isFinite(value);
    case 'string':
      return takesTexts;
    case 'boolean':
      return kind === Kind.Auto || kind === Kind.Boolean;
    default:
      return value === null;
  }
}

/** @internal Sets a member. Not by assignment: a field may be called `__proto__`. */
export function own(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
