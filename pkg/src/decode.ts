import { Kind } from './fields.js';
import { RawJson, type Shape, isSmall } from './cells.js';
import type { Model } from './model.js';
import { bytes, numbers, register, words } from './runtime.js';

const ascii = new TextDecoder('latin1');
// A text may begin with U+FEFF; swallowed, it would shift all that follow.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const NULL = 0xfff9;
const ABSENT = 0xfffa;
const BOOL = 0xfffb;
const TEXT = 0xfffc;

/** Shorter texts are put together faster than a decoder is asked. */
const SHORT = 24;

/** What is there beyond a row's cells, as records have room for more of them than they may need. */
const SPARE = 3;

/**
 * @internal Reads the rows that `pack` left; the format stands in `data/src/json/pack.rs`. Cells
 * come by place of the field, those of all rows in one array: a row's begin where `each` is told.
 * Objects are parsed when they are read, but for those in fields that hold plain values.
 */
export function unpack(
  kinds: readonly Kind[],
  shape: Shape,
  each: (row: number, generation: number, cells: readonly unknown[], from: number) => void,
): void {
  const f64 = numbers();
  const u32 = words();
  const word = register(0) >> 3;
  const rows = u32[2 * word] as number;
  const fields = u32[2 * word + 1] as number;
  const pieces = readPieces(u32);
  // All before the first record is made: its constructor may read another one, which is packed in
  // the same place. And then records that are read together lie side by side.
  const stride = 2 + fields + SPARE;
  // Filled first, as an array that changes its kind with what is put in is another one for compiled
  // code.
  const cells: unknown[] = new Array(rows * stride).fill(undefined);
  for (let row = 0; row < rows; row++) {
    const first = word + 1 + row * (1 + fields);
    unpackRow(f64, u32, first, kinds, shape, pieces, cells, row * stride, fields);
  }
  for (let at = 0; at < cells.length; at += stride) {
    each(cells[at] as number, cells[at + 1] as number, cells, at + 2);
  }
}

/** The texts of the rows. */
function readPieces(u32: Uint32Array): string[] {
  const plain = text(ascii, register(1), register(2));
  const other = text(utf8, register(3), register(4));
  const from = register(5) >> 2;
  const count = register(6);
  const pieces = new Array<string>(count);
  let [inPlain, inOther] = [0, 0];
  for (let i = 0; i < count; i++) {
    const piece = u32[from + i] as number;
    const length = piece >>> 1;
    if ((piece & 1) === 1) pieces[i] = plainPiece(plain, inPlain, (inPlain += length));
    else pieces[i] = other.slice(inOther, (inOther += length));
  }
  return pieces;
}

/**
 * A function of its own: what is called often is soon compiled, what is called once is interpreted
 * to its end.
 */
function unpackRow(
  f64: Float64Array,
  u32: Uint32Array,
  first: number,
  kinds: readonly Kind[],
  shape: Shape,
  pieces: readonly string[],
  cells: unknown[],
  to: number,
  fields: number,
): void {
  cells[to] = u32[2 * first];
  cells[to + 1] = u32[2 * first + 1];
  for (let field = 0; field < fields; field++) {
    const word = first + 1 + field;
    const at = to + 2 + field;
    const value = f64[word] as number;
    if (value === value) {
      if (isSmall(value)) cells[at] = value | 0;
      else {
        if (shape.small[field] === true) shape.expect(field, value);
        cells[at] = value;
      }
      continue;
    }
    // Everything else is a NaN with its meaning in the upper half.
    const tag = (u32[2 * word + 1] as number) >>> 16;
    const low = u32[2 * word] as number;
    if (tag === TEXT) cells[at] = pieces[low];
    else cells[at] = unpackOther(tag, low, kinds[field], pieces);
  }
}

/**
 * Small integers are kept in place, other numbers in an object of their own: unless told, engines
 * take them for such.
 */
function small(value: number): number {
  return isSmall(value) ? value | 0 : value;
}

function unpackOther(
  tag: number,
  low: number,
  kind: Kind | undefined,
  pieces: readonly string[],
): unknown {
  if (tag === NULL) return null;
  if (tag === ABSENT) return undefined;
  if (tag === BOOL) return (low & 1) === 1;
  const piece = pieces[low] as string;
  return isPlain(kind) ? JSON.parse(piece) : new RawJson(piece);
}

/**
 * Short texts that were met before: colours, kinds and states stand in many records, and take room
 * in each.
 */
const met: string[] = new Array(256).fill('');
const MET_LENGTH_MAX = 12;

function plainPiece(all: string, from: number, to: number): string {
  const length = to - from;
  if (length > MET_LENGTH_MAX || length === 0) return all.slice(from, to);
  const middle = all.charCodeAt(from + (length >> 1));
  const mixed = all.charCodeAt(from) * 7 + middle * 31 + all.charCodeAt(to - 1) * 3 + length;
  const known = met[mixed & 255] as string;
  if (known.length === length && all.startsWith(known, from)) return known;
  return (met[mixed & 255] = all.slice(from, to));
}

function isPlain(kind: Kind | undefined): boolean {
  return kind !== undefined && kind >= Kind.Text && kind <= Kind.Boolean;
}

function text(decoder: TextDecoder, at: number, length: number): string {
  if (length === 0) return '';
  if (length <= SHORT) {
    const short = asciiText(at, length);
    if (short !== undefined) return short;
  }
  return decoder.decode(bytes().subarray(at, at + length));
}

/** A short text, or nothing when it isn't plain ASCII. */
function asciiText(at: number, length: number): string | undefined {
  const u8 = bytes();
  let out = '';
  for (let i = at; i < at + length; i++) {
    const unit = u8[i] as number;
    if (unit > 127) return undefined;
    out += String.fromCharCode(unit);
  }
  return out;
}

/**
 * @internal What a notice says; the numbers are those of `NoticeKind` and `Origin` in
 * `src/engine/event.rs`.
 */
export const enum NoticeKind {
  Add,
  Update,
  Remove,
  Move,
  Refresh,
  IdChange,
  State,
}

/** @internal */
export const enum OriginCode {
  Local,
  Remote,
  Rollback,
  Rebase,
  Load,
}

/** @internal */
export interface Notice {
  kind: NoticeKind;
  origin: OriginCode;
  field: number;
  store: number;
  row: number;
  generation: number;
  group: number;
  old: unknown;
  value: unknown;
  /** The record that was removed: by the time it is told of, another one may live in its row. */
  removed: Model | undefined;
}

/** Words of 8 bytes of one notice. */
const NOTICE_WORDS = 5;

/** @internal Reads the value that `baseValue` left. */
export function readValue(): unknown {
  const tag = register(0);
  const [low, high] = [register(2), register(3)];
  switch (tag) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return false;
    case 3:
      return true;
    case 4:
      return new Float64Array(Uint32Array.of(low, high).buffer)[0];
  }
  const piece = text(utf8, low, high);
  return tag === 5 ? piece : new RawJson(piece);
}

/** @internal A value that was not read along: text, or JSON. */
export const UNREAD = Symbol('unread');

/** Words of 8 bytes of a field that changed without a notice. */
const STALE_WORDS = 3;

/** @internal Who takes note of a field that changed without a notice. */
interface StaleReader {
  absorbStale(row: number, generation: number, field: number, value: unknown): void;
}

/**
 * @internal Reads which fields changed without a notice, of those that were left with the notices.
 */
export function readStale(of: (store: number) => StaleReader | undefined): void {
  const u32 = words();
  const f64 = numbers();
  const from = register(4) >> 3;
  const until = from + STALE_WORDS * register(5);
  let store = -1;
  let reader: StaleReader | undefined;
  for (let word = from; word < until; word += STALE_WORDS) {
    const at = 2 * word;
    if (u32[at] !== store) reader = of((store = u32[at] as number));
    reader?.absorbStale(
      u32[at + 1] as number,
      u32[at + 2] as number,
      (u32[at + 3] as number) & 0xffff,
      cellValue(f64[word + 2] as number, u32[at + 5] as number, u32[at + 4] as number),
    );
  }
}

/** A cell as it lies in memory. */
function cellValue(value: number, high: number, low: number): unknown {
  if (value === value) return small(value);
  const tag = high >>> 16;
  if (tag === NULL) return null;
  if (tag === ABSENT) return undefined;
  return tag === BOOL ? (low & 1) === 1 : UNREAD;
}

/** Where the values of notices lie. */
interface Values {
  f64: Float64Array;
  u32: Uint32Array;
  /** Their texts, where all are plain ASCII. */
  all: string | undefined;
  texts: number;
}

/** @internal Reads the notices that were packed; the format stands in `src/wasm/buffers.rs`. */
export function readNotices(): Notice[] {
  const count = register(1);
  const texts = register(2);
  const u32 = words();
  // Cut out of one text where that is possible: a decoder takes longer to be called than to decode.
  const all = register(6) === 1 ? text(ascii, texts, register(3)) : undefined;
  const values: Values = { f64: numbers(), u32, all, texts };
  const notices: Notice[] = new Array(count);
  let word = register(0) >> 3;
  for (let i = 0; i < count; i++, word += NOTICE_WORDS) {
    const at = 2 * word;
    const first = u32[at] as number;
    const tags = u32[at + 5] as number;
    notices[i] = {
      kind: first & 0xff,
      origin: (first >>> 8) & 0xff,
      field: first >>> 16,
      store: u32[at + 1] as number,
      row: u32[at + 2] as number,
      generation: u32[at + 3] as number,
      group: u32[at + 4] as number,
      old: noticeValue(values, tags & 0xff, word + 3),
      value: noticeValue(values, (tags >>> 8) & 0xff, word + 4),
      removed: undefined,
    };
  }
  return notices;
}

function noticeValue({ f64, u32, all, texts }: Values, tag: number, word: number): unknown {
  switch (tag) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return false;
    case 3:
      return true;
    case 4:
      return small(f64[word] as number);
  }
  const from = u32[2 * word] as number;
  const length = u32[2 * word + 1] as number;
  const piece = all?.slice(from, from + length) ?? text(utf8, texts + from, length);
  return tag === 5 ? piece : new RawJson(piece);
}
