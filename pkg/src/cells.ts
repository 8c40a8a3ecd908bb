import type { Field } from './fields.js';
import { writeDown } from './journal.js';
import type { Model } from './model.js';

/** A value of JSON that is parsed when somebody asks for it. @internal */
export class RawJson {
  private text: string | undefined;
  private parsed: unknown;

  constructor(text: string) {
    this.text = text;
  }

  get value(): unknown {
    if (this.text !== undefined) {
      this.parsed = JSON.parse(this.text);
      this.text = undefined;
    }
    return this.parsed;
  }
}

/** Whether a record's cells are what the engine has. @internal */
export const enum Freshness {
  Fresh = 0,
  /** To be read anew: it has no cells but its id. */
  Stale = -1,
  /** The cells are those that it had when it was removed. */
  Removed = -2,
}

/**
 * A record's cells by place of the field. They are properties of the record itself, so that a read
 * costs what a read of any property costs: an array of cells is another two places in memory to go
 * to. Those that don't fit are in `_m`.
 *
 * @internal
 */
export interface Cells {
  _0: unknown;
  _1: unknown;
  _2: unknown;
  _3: unknown;
  _4: unknown;
  _5: unknown;
  _6: unknown;
  _7: unknown;
  _8: unknown;
  _9: unknown;
  _10: unknown;
  _11: unknown;
  _12: unknown;
  _13: unknown;
  _14: unknown;
  _15: unknown;
  _m: unknown[] | undefined;
}

/** How many cells are properties of the record. @internal */
export const CELLS = 16;

/**
 * What few records have, apart: every further property of a record makes the reads of all of them
 * slower, for less of them fits into the processor's cache.
 *
 * @internal
 */
export class Aside {
  /** Dates and converted values made of the cells; of a stale record, the cells that it had. */
  kept: unknown[] | undefined = undefined;
  /** Its key, where it isn't its id. */
  key: string | undefined = undefined;
  /** Values of a batch. */
  batch: Record<string, unknown> | undefined = undefined;
}

/** @internal */
export function aside(record: Model): Aside {
  return (record._x ??= new Aside());
}

/** @internal What is made of the cells and kept, by place of the field. */
export function keptOf(record: Model): unknown[] {
  return (aside(record).kept ??= new Array(record._s._width));
}

type Reader = (this: Model) => unknown;
type Writer = (this: Model, value: unknown) => void;

/**
 * Each a function of its own, as its place must be a constant of the code. A stale record has no
 * cells: what isn't there is looked for, all else needs no further check.
 *
 * And there are several of each, which stores take in turn: engines remember by the code what kinds
 * of objects it has seen. One that sees the records of all stores is a third slower at each, and no
 * longer part of the code that reads.
 */
// prettier-ignore
const READERS: readonly (readonly Reader[])[] = [
  [
    function () { const cell = this._0; return cell !== undefined ? cell : absent(this, 0); },
    function () { const cell = this._1; return cell !== undefined ? cell : absent(this, 1); },
    function () { const cell = this._2; return cell !== undefined ? cell : absent(this, 2); },
    function () { const cell = this._3; return cell !== undefined ? cell : absent(this, 3); },
    function () { const cell = this._4; return cell !== undefined ? cell : absent(this, 4); },
    function () { const cell = this._5; return cell !== undefined ? cell : absent(this, 5); },
    function () { const cell = this._6; return cell !== undefined ? cell : absent(this, 6); },
    function () { const cell = this._7; return cell !== undefined ? cell : absent(this, 7); },
    function () { const cell = this._8; return cell !== undefined ? cell : absent(this, 8); },
    function () { const cell = this._9; return cell !== undefined ? cell : absent(this, 9); },
    function () { const cell = this._10; return cell !== undefined ? cell : absent(this, 10); },
    function () { const cell = this._11; return cell !== undefined ? cell : absent(this, 11); },
    function () { const cell = this._12; return cell !== undefined ? cell : absent(this, 12); },
    function () { const cell = this._13; return cell !== undefined ? cell : absent(this, 13); },
    function () { const cell = this._14; return cell !== undefined ? cell : absent(this, 14); },
    function () { const cell = this._15; return cell !== undefined ? cell : absent(this, 15); },
  ],
  [
    function () { const cell = this._0; return cell !== undefined ? cell : absent(this, 0); },
    function () { const cell = this._1; return cell !== undefined ? cell : absent(this, 1); },
    function () { const cell = this._2; return cell !== undefined ? cell : absent(this, 2); },
    function () { const cell = this._3; return cell !== undefined ? cell : absent(this, 3); },
    function () { const cell = this._4; return cell !== undefined ? cell : absent(this, 4); },
    function () { const cell = this._5; return cell !== undefined ? cell : absent(this, 5); },
    function () { const cell = this._6; return cell !== undefined ? cell : absent(this, 6); },
    function () { const cell = this._7; return cell !== undefined ? cell : absent(this, 7); },
    function () { const cell = this._8; return cell !== undefined ? cell : absent(this, 8); },
    function () { const cell = this._9; return cell !== undefined ? cell : absent(this, 9); },
    function () { const cell = this._10; return cell !== undefined ? cell : absent(this, 10); },
    function () { const cell = this._11; return cell !== undefined ? cell : absent(this, 11); },
    function () { const cell = this._12; return cell !== undefined ? cell : absent(this, 12); },
    function () { const cell = this._13; return cell !== undefined ? cell : absent(this, 13); },
    function () { const cell = this._14; return cell !== undefined ? cell : absent(this, 14); },
    function () { const cell = this._15; return cell !== undefined ? cell : absent(this, 15); },
  ],
  [
    function () { const cell = this._0; return cell !== undefined ? cell : absent(this, 0); },
    function () { const cell = this._1; return cell !== undefined ? cell : absent(this, 1); },
    function () { const cell = this._2; return cell !== undefined ? cell : absent(this, 2); },
    function () { const cell = this._3; return cell !== undefined ? cell : absent(this, 3); },
    function () { const cell = this._4; return cell !== undefined ? cell : absent(this, 4); },
    function () { const cell = this._5; return cell !== undefined ? cell : absent(this, 5); },
    function () { const cell = this._6; return cell !== undefined ? cell : absent(this, 6); },
    function () { const cell = this._7; return cell !== undefined ? cell : absent(this, 7); },
    function () { const cell = this._8; return cell !== undefined ? cell : absent(this, 8); },
    function () { const cell = this._9; return cell !== undefined ? cell : absent(this, 9); },
    function () { const cell = this._10; return cell !== undefined ? cell : absent(this, 10); },
    function () { const cell = this._11; return cell !== undefined ? cell : absent(this, 11); },
    function () { const cell = this._12; return cell !== undefined ? cell : absent(this, 12); },
    function () { const cell = this._13; return cell !== undefined ? cell : absent(this, 13); },
    function () { const cell = this._14; return cell !== undefined ? cell : absent(this, 14); },
    function () { const cell = this._15; return cell !== undefined ? cell : absent(this, 15); },
  ],
  [
    function () { const cell = this._0; return cell !== undefined ? cell : absent(this, 0); },
    function () { const cell = this._1; return cell !== undefined ? cell : absent(this, 1); },
    function () { const cell = this._2; return cell !== undefined ? cell : absent(this, 2); },
    function () { const cell = this._3; return cell !== undefined ? cell : absent(this, 3); },
    function () { const cell = this._4; return cell !== undefined ? cell : absent(this, 4); },
    function () { const cell = this._5; return cell !== undefined ? cell : absent(this, 5); },
    function () { const cell = this._6; return cell !== undefined ? cell : absent(this, 6); },
    function () { const cell = this._7; return cell !== undefined ? cell : absent(this, 7); },
    function () { const cell = this._8; return cell !== undefined ? cell : absent(this, 8); },
    function () { const cell = this._9; return cell !== undefined ? cell : absent(this, 9); },
    function () { const cell = this._10; return cell !== undefined ? cell : absent(this, 10); },
    function () { const cell = this._11; return cell !== undefined ? cell : absent(this, 11); },
    function () { const cell = this._12; return cell !== undefined ? cell : absent(this, 12); },
    function () { const cell = this._13; return cell !== undefined ? cell : absent(this, 13); },
    function () { const cell = this._14; return cell !== undefined ? cell : absent(this, 14); },
    function () { const cell = this._15; return cell !== undefined ? cell : absent(this, 15); },
  ],
];

/** How many sets of readers there are. @internal */
export const READER_SETS = READERS.length;

/**
 * The same for edits: those that need nothing but their cell, and to be written down, are done
 * here.
 */
const WRITERS: readonly ((field: Field) => Writer)[] = [
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._0 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._1 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._2 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._3 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._4 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._5 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._6 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._7 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._8 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._9 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._10 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._11 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._12 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._13 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._14 = value;
    },
  (field) =>
    function (value) {
      if (writeDown(this, field, value)) this._15 = value;
    },
];

/** @internal What sets the field of records. */
export function cellWriter(field: Field): Writer {
  const writer = WRITERS[field.ix];
  if (writer !== undefined) return writer(field);
  return function (this: Model, value: unknown) {
    this._setField(field, value);
  };
}

const NAMES = WRITERS.map((_, ix) => `_${ix}`) as (keyof Cells)[];

/** @internal What reads the cell at a place, anew where the record is stale; one of a set. */
export function cellReader(ix: number, set: number): Reader {
  return (
    READERS[set]?.[ix] ??
    function (this: Model) {
      return cellAt(this, ix);
    }
  );
}

/** @internal The cell at a place, read anew where the record is stale. */
export function cellAt(record: Model, ix: number): unknown {
  const cell = ix < CELLS ? record[NAMES[ix] as keyof Cells] : record._m?.[ix - CELLS];
  return cell !== undefined ? cell : absent(record, ix);
}

function absent(record: Model, ix: number): unknown {
  if (record._v !== Freshness.Stale) return undefined;
  record._s._refresh(record);
  return ix < CELLS ? record[NAMES[ix] as keyof Cells] : record._m?.[ix - CELLS];
}

/**
 * @internal Place by place, as a name that is computed costs more than the rest of an edit here.
 */
export function putCell(record: Model, ix: number, value: unknown): void {
  switch (ix) {
    case 0:
      record._0 = value;
      break;
    case 1:
      record._1 = value;
      break;
    case 2:
      record._2 = value;
      break;
    case 3:
      record._3 = value;
      break;
    case 4:
      record._4 = value;
      break;
    case 5:
      record._5 = value;
      break;
    case 6:
      record._6 = value;
      break;
    case 7:
      record._7 = value;
      break;
    case 8:
      record._8 = value;
      break;
    case 9:
      record._9 = value;
      break;
    case 10:
      record._10 = value;
      break;
    case 11:
      record._11 = value;
      break;
    case 12:
      record._12 = value;
      break;
    case 13:
      record._13 = value;
      break;
    case 14:
      record._14 = value;
      break;
    case 15:
      record._15 = value;
      break;
    default:
      (record._m ??= [])[ix - CELLS] = value;
  }
}

/**
 * @internal Gives a record all its cells, as many as `width`, which begin at `from`. The
 * constructor of records does the same, for it makes the properties.
 */
export function putCells(record: Model, cells: readonly unknown[], from: number, width: number): void {
  record._0 = cells[from];
  record._1 = cells[from + 1];
  record._2 = cells[from + 2];
  record._3 = cells[from + 3];
  if (width > 4) {
    record._4 = cells[from + 4];
    record._5 = cells[from + 5];
  }
  if (width > 6) {
    record._6 = cells[from + 6];
    record._7 = cells[from + 7];
  }
  if (width > 8) {
    record._8 = cells[from + 8];
    record._9 = cells[from + 9];
  }
  if (width > 10) {
    record._10 = cells[from + 10];
    record._11 = cells[from + 11];
  }
  if (width > 12) {
    record._12 = cells[from + 12];
    record._13 = cells[from + 13];
    record._14 = cells[from + 14];
    record._15 = cells[from + 15];
  }
  if (width > CELLS) record._m = cells.slice(from + CELLS, from + width);
  if (record._x !== undefined) record._x.kept = undefined;
  record._v = Freshness.Fresh;
}

/** @internal Whether engines keep a number in place: 31 bits, and no zero below zero. */
export function isSmall(value: number): boolean {
  return (value << 1) >> 1 === value && (value !== 0 || 1 / value > 0);
}

/**
 * @internal What engines know of a class's records. They give objects a shape by what they have
 * seen in each property; one that changed when there are many records would change with each of
 * them. So the class's first record has cells of every kind, but where it has a small integer: a
 * property that never held anything else is read without any check. What else it may hold makes it
 * a property of any kind in place; other numbers alone don't, and so are announced.
 */
export class Shape {
  /** By place, whether no other numbers have been seen. */
  readonly small: boolean[] = [];
  private sample: Model | undefined;

  /** Takes note of a class's first record; of others nothing. */
  settle(record: Model, width: number): void {
    if (this.sample !== undefined) return;
    this.sample = record;
    for (let ix = 0; ix < width && ix < CELLS; ix++) {
      const cell = record[NAMES[ix] as keyof Cells];
      this.small[ix] = typeof cell === 'number' && isSmall(cell);
      if (!this.small[ix]) this.loosen(record, ix);
    }
  }

  /** Before a number is put in a cell. */
  expect(ix: number, value: unknown): void {
    if (typeof value !== 'number' || this.small[ix] !== true || isSmall(value)) return;
    this.small[ix] = false;
    if (this.sample !== undefined) this.loosen(this.sample, ix);
  }

  private loosen(record: Model, ix: number): void {
    const cell = record[NAMES[ix] as keyof Cells];
    for (const any of ['', 0, cell]) putCell(record, ix, any);
  }
}

/** @internal A record's cells, read anew where they are stale. */
export function freshen(record: Model): void {
  if (record._v === Freshness.Stale) record._s._refresh(record);
}

/** @internal Its id stays: if that changes, it is told. */
export function markStale(record: Model): void {
  if (record._v !== Freshness.Fresh) return;
  const kept = takeCells(record);
  const width = record._s._width;
  putCells(record, blanks(width, kept[0]), 0, width);
  record._v = Freshness.Stale;
  aside(record).kept = kept;
}

/** @internal A record is gone: it keeps what it had. */
export function markRemoved(record: Model): void {
  const kept = record._x?.kept;
  if (record._v === Freshness.Stale && kept !== undefined) {
    putCells(record, kept, 0, kept.length);
  }
  record._v = Freshness.Removed;
}

function takeCells(record: Model): unknown[] {
  const count = record._s._width;
  const cells: unknown[] = [record._0, record._1, record._2, record._3];
  if (count > 4) cells.push(record._4, record._5);
  if (count > 6) cells.push(record._6, record._7);
  if (count > 8) cells.push(record._8, record._9);
  if (count > 10) cells.push(record._10, record._11);
  if (count > 12) cells.push(record._12, record._13, record._14, record._15);
  return count > CELLS ? cells.concat(record._m ?? []) : cells;
}

let blank: unknown[] = [];

/** The cells of a stale record. */
function blanks(count: number, id: unknown): readonly unknown[] {
  if (blank.length !== count) blank = new Array(count).fill(undefined);
  blank[0] = id;
  return blank;
}
