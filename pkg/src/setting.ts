import { type Field, Kind } from './fields.js';
import type { Model } from './model.js';
import { engine, jsonText, writeText } from './runtime.js';
import { checkValue } from './values.js';

/**
 * @internal Tells the engine what a field is set to: 1 when that changed something, 0 when not, -1
 * when it refused.
 */
export function sendValue(store: number, record: Model, field: Field, value: unknown): number {
  const { _r: row, _g: generation } = record;
  const { ix } = field;
  switch (typeof value) {
    case 'number':
      return engine().setNumber(store, row, generation, ix, value);
    case 'string':
      return engine().setText(store, row, generation, ix, writeText(value));
    case 'boolean':
      return engine().setBool(store, row, generation, ix, value);
    case 'undefined':
      return engine().setNull(store, row, generation, ix);
    case 'object':
      if (value !== null) break;
      return engine().setNull(store, row, generation, ix);
  }
  checkValue(field.name, value);
  if (typeof value === 'bigint') {
    const digits = String(value);
    if (field.kind !== Kind.Auto) return sendValue(store, record, field, digits);
    // As a number of JavaScript's it might lose digits.
    if (!Number.isSafeInteger(Number(value))) {
      return engine().setJson(store, row, generation, ix, writeText(digits));
    }
    return engine().setNumber(store, row, generation, ix, Number(value));
  }
  if (value instanceof Date) {
    const ms = value.getTime();
    const known = field.kind === Kind.Date ? ms : value.toJSON();
    return sendValue(store, record, field, known);
  }
  const text = jsonText(value);
  if (text !== undefined && /^[[{]/.test(text)) {
    return engine().setJson(store, row, generation, ix, writeText(text));
  }
  // It has a JSON form of its own: a wrapped number, a Temporal date.
  return sendValue(store, record, field, text === undefined ? null : JSON.parse(text));
}
