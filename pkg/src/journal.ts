import { Freshness, isSmall } from './cells.js';
import type { Field } from './fields.js';
import type { Model } from './model.js';
import { bytes, engine } from './runtime.js';

/**
 * Words of 8 bytes, the first of which counts those in use; the format stands in
 * `src/wasm/journal.rs`.
 */
const WORDS = 4096;

/** What stands for the length of a text: the value is a number. */
const NUMBER = 0xffff;

/** Longer texts are given to the engine at once. */
const LENGTH_MAX = 64;

/** The journal. Of no length when the engine's memory has grown since. */
let ints = new Int32Array(0);
let doubles = new Float64Array(0);
let chars = new Uint8Array(0);
/** Whether it is handed over when the turn ends. */
let promised = false;

/**
 * How the records of a store are edited. All that the setter of a field has to know is here, in an
 * object of one class: setters see records of every class that there is, and what they look at in
 * each of those costs more than the edit.
 *
 * @internal
 */
export class EditPort {
  /** An edit can't fail, and has no effect that anybody sees before the turn ends. */
  isOpen = false;
  /** The engine's number of the store. */
  store = -1;
}

/** @internal For records that are in no store. */
export const CLOSED = new EditPort();

/** @internal What is set now isn't to be seen yet: nothing is written down. */
export const journal = { isHeld: false };

/**
 * @internal An edit that can't fail and that nobody hears of is written down in the engine's
 * memory, for a call costs more than all else about it. Every call takes what is written down into
 * account first, whoever makes it; the end of the turn at the latest. Whether the cell is to be
 * put; else the edit was made in the ordinary way.
 */
export function writeDown(record: Model, field: Field, value: unknown): boolean {
  const { _e: port, _x: beside } = record;
  if (
    port.isOpen &&
    record._v === Freshness.Fresh &&
    (beside === undefined || beside.batch === undefined) &&
    !journal.isHeld
  ) {
    if (noted(port.store, record, field, value)) return true;
  }
  record._setField(field, value);
  return false;
}

/**
 * @internal Writes down what is kept as it is; whether it could be: long texts, and what isn't
 * plain ASCII, can't.
 */
export function noted(store: number, record: Model, field: Field, value: unknown): boolean {
  if (typeof value === 'number') {
    if (!field.takesNumbers || value - value !== 0) return false;
    if (!isSmall(value)) record._s._widen(field.ix, value);
    const at = begin(store, record, field.ix | (NUMBER << 16), 3);
    doubles[at + 2] = value;
    return true;
  }
  return typeof value === 'string' && field.takesTexts && notedText(store, record, field.ix, value);
}

function notedText(store: number, record: Model, ix: number, value: string): boolean {
  const { length } = value;
  if (length === 0 || length > LENGTH_MAX) return false;
  const at = begin(store, record, ix | (length << 16), 2 + ((length + 7) >> 3));
  const to = 8 * at + 16;
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 127) {
      ints[0] = at - 1;
      return false;
    }
    chars[to + i] = unit;
  }
  return true;
}

/** Makes room for an edit of so many words, and tells where. */
function begin(store: number, record: Model, what: number, size: number): number {
  if (!promised || ints.length === 0) promise();
  let used = ints[0] as number;
  if (used + size >= WORDS) {
    engine().catchUp();
    promise();
    used = 0;
  }
  ints[0] = used + size;
  const at = used + 1;
  ints[2 * at] = store;
  ints[2 * at + 1] = record._r;
  ints[2 * at + 2] = record._g;
  ints[2 * at + 3] = what;
  return at;
}

/**
 * Sees to it that what is written down is handed over when the turn ends, and that the views are of
 * memory as it is.
 */
function promise(): void {
  if (ints.length === 0) {
    const buffer = bytes().buffer as ArrayBuffer;
    const start = engine().journal();
    ints = new Int32Array(buffer, start, 2 * WORDS);
    doubles = new Float64Array(buffer, start, WORDS);
    chars = new Uint8Array(buffer, start, 8 * WORDS);
  }
  if (promised) return;
  promised = true;
  done.then(handOver);
}

/**
 * For browsers, a callback of a promise is cheaper than `queueMicrotask`: by more than a hundred
 * edits.
 */
const done = Promise.resolve();

function handOver(): void {
  promised = false;
  engine().catchUp();
}
