import type { Model } from './model.js';
import { bytes, engine, numbers, words } from './runtime.js';

/** Words of 8 bytes for edits; the format stands in `src/wasm/journal.rs`. */
const WORDS = 4095;

/** What stands for the length of a text: the value is a number. */
const NUMBER = 0xffff;

/** Longer texts are given to the engine at once. */
const LENGTH_MAX = 64;

/** Where the journal is, in words of 8 bytes. */
let start = 0;
let promised = false;

/**
 * @internal An edit that can't fail and that nobody hears of is written down in the engine's memory, for a call costs more than
 * all else about it. Every call takes what is written down into account first, whoever makes it; the end of the turn at the
 * latest. `false` when it has to be given to the engine.
 */
export function writeDown(
  store: number,
  record: Model,
  ix: number,
  value: number | string,
): boolean {
  if (typeof value === 'number') {
    const at = begin(store, record, 3);
    words()[2 * at + 3] = ix | (NUMBER << 16);
    numbers()[at + 2] = value;
    return true;
  }
  const { length } = value;
  if (length === 0 || length > LENGTH_MAX) return false;
  const size = (length + 7) >> 3;
  const at = begin(store, record, 2 + size);
  words()[2 * at + 3] = ix | (length << 16);
  const u8 = bytes();
  for (let i = 0, to = 8 * at + 16; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 127) {
      words()[2 * start] = at - 1 - start;
      return false;
    }
    u8[to + i] = unit;
  }
  return true;
}

/** Makes room for an edit of so many words, and tells where. */
function begin(store: number, record: Model, size: number): number {
  if (!promised) promise();
  let used = words()[2 * start] as number;
  if (used + size > WORDS) {
    engine().catchUp();
    used = 0;
  }
  const u32 = words();
  u32[2 * start] = used + size;
  const at = start + 1 + used;
  u32[2 * at] = store;
  u32[2 * at + 1] = record._r;
  u32[2 * at + 2] = record._g;
  return at;
}

function promise(): void {
  start ||= engine().journal() >> 3;
  promised = true;
  queueMicrotask(() => {
    promised = false;
    engine().catchUp();
  });
}
