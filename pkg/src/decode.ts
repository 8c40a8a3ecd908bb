import { Kind } from './fields.js';
import { RawJson } from './cells.js';
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

/**
 * @internal Reads the rows that `pack` left; the format stands in `data/src/json/pack.rs`. A row's cells come by
 * place of the field, in an array that the next row is put into as well. Objects are parsed when they are read, but for those in
 * fields that hold plain values.
 */
export function unpack(
  kinds: readonly Kind[],
  each: (row: number, generation: number, cells: readonly unknown[]) => void,
): void {
  const at = register(0) >> 3;
  const rows = words()[2 * at] as number;
  const fields = words()[2 * at + 1] as number;
  const texts: Texts = {
    fields,
    plain: text(ascii, register(1), register(2)),
    other: text(utf8, register(3), register(4)),
    inPlain: 0,
    inOther: 0,
  };
  // A copy: the constructor of a record may read another one, which would be packed in the same place.
  const f64 = numbers().slice(at + 2, at + 2 + rows * (fields + 1));
  const u32 = new Uint32Array(f64.buffer);
  // All texts first, then all records: those that are read together lie side by side.
  const all: unknown[] = new Array(rows * fields);
  for (let row = 0; row < rows; row++) {
    unpackRow(f64, u32, row * (fields + 1) + 1, kinds, texts, all, row * fields);
  }
  const cells: unknown[] = new Array(fields);
  for (let row = 0; row < rows; row++) {
    const word = 2 * row * (fields + 1);
    copyRow(all, row * fields, cells);
    each(u32[word] as number, u32[word + 1] as number, cells);
  }
}

function copyRow(all: readonly unknown[], from: number, cells: unknown[]): void {
  for (let field = 0; field < cells.length; field++) cells[field] = all[from + field];
}

/** The texts of the rows that are being unpacked, and how far they were read. */
interface Texts {
  fields: number;
  plain: string;
  other: string;
  inPlain: number;
  inOther: number;
}

/** A function of its own: what is called often is soon compiled, what is called once is interpreted to its end. */
function unpackRow(
  f64: Float64Array,
  u32: Uint32Array,
  first: number,
  kinds: readonly Kind[],
  texts: Texts,
  cells: unknown[],
  to: number,
): void {
  for (let field = 0; field < texts.fields; field++) {
    const word = first + field;
    const value = f64[word] as number;
    // Everything else is a NaN with its meaning in the upper half.
    if (value !== value) {
      const high = u32[2 * word + 1] as number;
      cells[to + field] = unpackOther(high, u32[2 * word] as number, kinds[field], texts);
      continue;
    }
    cells[to + field] = small(value);
  }
}

/** Small integers are kept in place, other numbers in an object of their own: unless told, engines take them for such. */
function small(value: number): number {
  const integer = value | 0;
  return integer === value && (integer !== 0 || 1 / value > 0) ? integer : value;
}

function unpackOther(
  high: number,
  low: number,
  kind: Kind | undefined,
  texts: Texts,
): unknown {
  const tag = high >>> 16;
  if (tag === NULL) return null;
  if (tag === ABSENT) return undefined;
  if (tag === BOOL) return (low & 1) === 1;
  let piece: string;
  if ((high & 1) === 1) piece = plainPiece(texts.plain, texts.inPlain, (texts.inPlain += low));
  else piece = texts.other.slice(texts.inOther, (texts.inOther += low));
  if (tag === TEXT) return piece;
  return isPlain(kind) ? JSON.parse(piece) : new RawJson(piece);
}

/** Short texts that were met before: colours, kinds and states stand in many records, and take room in each. */
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

/** @internal What a notice says; the numbers are those of `NoticeKind` and `Origin` in `src/engine/event.rs`. */
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

/** @internal Reads which fields changed without a notice, of those that `takeNotices` left. */
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

/** @internal Reads the notices that `takeNotices` left; the format stands in `src/wasm/buffers.rs`. */
export function readNotices(): Notice[] {
  const count = register(1);
  const texts = register(2);
  const u32 = words();
  const f64 = numbers();
  const notices: Notice[] = new Array(count);
  // Cut out of one text where that is possible: a decoder takes longer to be called than to decode.
  const all = register(6) === 1 ? text(ascii, texts, register(3)) : undefined;
  const value = (tag: number, word: number): unknown => {
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
  };
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
      old: value(tags & 0xff, word + 3),
      value: value((tags >>> 8) & 0xff, word + 4),
    };
  }
  return notices;
}
