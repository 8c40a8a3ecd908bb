import { SyncError, type ErrorCode } from './errors.js';

/** @internal What the shell exports; see `src/wasm/exports.rs`. */
export interface Wasm {
  start(facade: object): number;
  scratch(bytes: number): number;
  journal(): number;
  catchUp(): void;
  takeError(): unknown;
  setZone(pairs: Float64Array): void;

  createStore(len: number): number;
  destroyStore(store: number): void;
  ensureField(store: number, len: number): number;
  setNumber(store: number, row: number, generation: number, field: number, value: number): number;
  setBool(store: number, row: number, generation: number, field: number, value: boolean): number;
  setNull(store: number, row: number, generation: number, field: number): number;
  setText(store: number, row: number, generation: number, field: number, len: number): number;
  setJson(store: number, row: number, generation: number, field: number, len: number): number;
  add(store: number, len: number, position: number): void;
  remove(store: number, count: number): void;
  removeAll(store: number): void;
  moveRows(store: number, count: number, position: number): void;
  loadData(store: number, len: number): void;
  beginBatch(store: number): void;
  endBatch(store: number): void;
  beginUpdate(): void;
  endUpdate(): void;
  beginEdit(managed: boolean, home: number, call: number, hidden: boolean): void;
  endEdit(keep: boolean): void;
  track(store: number, tracked: boolean): void;
  setValid(store: number, row: number, generation: number, valid: boolean): void;
  resolveConflict(store: number, conflict: number, mine: boolean, count: number): boolean;
  settled(store: number, row: number, generation: number, call: number): void;
  settleRecord(store: number, row: number, generation: number, accept: boolean): void;
  settleStore(store: number, accept: boolean): void;
  settleManager(manager: number, accept: boolean): void;
  listenStore(store: number, kinds: number): void;

  order(store: number): void;
  range(store: number, start: number, end: number): void;
  referrers(store: number, field: number, len: number): void;
  version(store: number): number;
  findNumber(store: number, id: number): number;
  findText(store: number, len: number): number;
  pack(store: number, count: number): boolean;
  fieldCount(store: number): number;
  fieldNames(store: number): string;
  recordState(store: number, row: number, generation: number): number;
  recordError(store: number, row: number, generation: number): string | undefined;
  modifiedFields(store: number, row: number, generation: number): void;
  baseValue(store: number, row: number, generation: number, field: number): void;
  bag(store: number, which: number): void;
  unconfirmedCount(store: number): number;
  storeTotal(store: number): number;

  createManager(len: number): number;
  destroyManager(manager: number): void;
  addStore(manager: number, store: number, position: number): void;
  removeStore(manager: number, store: number): void;
  configure(manager: number, len: number): void;
  setRevision(manager: number, len: number): void;
  listen(manager: number, kinds: number): void;
  load(manager: number, call: number, len: number): void;
  loadMissing(manager: number, call: number, len: number): void;
  sync(manager: number, call: number): void;
  cancel(manager: number, call: number): void;
  applyResponse(manager: number, len: number): void;
  applyPiece(manager: number, len: number): void;
  applyChangeset(manager: number, len: number): void;
  applyStoreChangeset(store: number, len: number): void;
  suspendAutoSync(manager: number): void;
  resumeAutoSync(manager: number, sync: boolean): void;
  answer(
    ask: number,
    proceed: boolean,
    content: string | undefined,
    request: string | undefined,
    body: Uint8Array | undefined,
  ): void;
  createChannel(manager: number, len: number): void;
  feedChannel(manager: number, what: number, number: number, code: number, len: number): void;
  managerState(manager: number): void;
  managerRevision(manager: number): string | undefined;
  managerChanges(manager: number): boolean;
}

/** @internal Every argument up to this size goes through a piece of memory that never moves. */
const SCRATCH_BYTES = 64 * 1024;

/** From here on the host's encoder is faster than a loop. */
const LOOP_UNITS = 48;

let exports: Wasm | undefined;
let memory: WebAssembly.Memory;
let registersAt = 0;
let scratchAt = 0;
let u8 = new Uint8Array(0);
let u32 = new Uint32Array(0);
let f64 = new Float64Array(0);
const encoder = new TextEncoder();

/** @internal Text as UTF-8. */
export const encode = (text: string): Uint8Array => encoder.encode(text);

/** @internal The engine, once it was started. */
export function engine(): Wasm {
  if (exports === undefined) {
    throw new SyncError(
      'NOT_INITIALIZED',
      'Syncline has not been started: `await init()` before you make stores and managers',
    );
  }
  return exports;
}

/** @internal */
export function isStarted(): boolean {
  return exports !== undefined;
}

/** @internal */
export function startEngine(wasm: Wasm, itsMemory: WebAssembly.Memory, facade: object): void {
  memory = itsMemory;
  registersAt = wasm.start(facade) >> 2;
  scratchAt = wasm.scratch(0);
  exports = wasm;
}

/** @internal A view of the engine's memory. Never kept: it dies when the memory grows. */
export function bytes(): Uint8Array {
  if (u8.length === 0) look();
  return u8;
}

/** @internal */
export function words(): Uint32Array {
  if (u32.length === 0) look();
  return u32;
}

/** @internal */
export function numbers(): Float64Array {
  if (f64.length === 0) look();
  return f64;
}

function look(): void {
  u8 = new Uint8Array(memory.buffer);
  u32 = new Uint32Array(memory.buffer);
  f64 = new Float64Array(memory.buffer);
}

/** @internal What the last call left in a register. */
export function register(index: number): number {
  return words()[registersAt + index] as number;
}

/** @internal Writes text as an argument; gives its length in bytes. */
export function writeText(text: string): number {
  const units = text.length;
  if (units <= LOOP_UNITS) {
    const out = bytes();
    let i = 0;
    for (; i < units; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) break;
      out[scratchAt + i] = unit;
    }
    if (i === units) return units;
  }
  if (units * 3 <= SCRATCH_BYTES) {
    return encoder.encodeInto(text, bytes().subarray(scratchAt, scratchAt + units * 3)).written;
  }
  // Mostly a unit is a byte: then the text goes to where it is read.
  const room = units + (units >> 3);
  const at = argument(room);
  const { read, written } = encoder.encodeInto(text, bytes().subarray(at, at + room));
  return read === units ? written : writeBytes(encoder.encode(text));
}

/** @internal Writes bytes as an argument; gives their length. */
export function writeBytes(source: Uint8Array): number {
  const at = argument(source.length);
  bytes().set(source, at);
  return source.length;
}

/**
 * @internal Writes bytes as arguments of the size that needs no memory of its own, and calls
 * `piece` with each length but the last, which it gives.
 */
export function writePieces(source: Uint8Array, piece: (length: number) => void): number {
  let from = 0;
  for (; source.length - from > SCRATCH_BYTES; from += SCRATCH_BYTES) {
    piece(writeBytes(source.subarray(from, from + SCRATCH_BYTES)));
  }
  return writeBytes(source.subarray(from));
}

/** @internal Writes words as an argument. */
export function writeWords(source: ArrayLike<number>): number {
  const at = argument(source.length * 4);
  words().set(source, at >> 2);
  return source.length;
}

/** @internal A value as JSON, or the error for one that has no such form. */
export function jsonText(value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
    throw new TypeError(typeof value);
  } catch (thrown) {
    const error = new SyncError(
      'INVALID_ARGUMENT',
      `the value has no JSON form: ${String(thrown)}`,
    );
    error.cause = thrown;
    throw error;
  }
}

/** @internal Writes one value as JSON. */
export function writeJson(value: unknown): number {
  return writeText(jsonText(value));
}

function argument(length: number): number {
  return length <= SCRATCH_BYTES ? scratchAt : engine().scratch(length);
}

/** @internal Words that a call left: a copy. */
export function readWords(): Uint32Array {
  const at = register(0) >> 2;
  return words().slice(at, at + register(1));
}

/** @internal Pairs of row and generation that a call left: a copy. */
export function readPairs(): Uint32Array {
  const at = register(0) >> 2;
  return words().slice(at, at + 2 * register(1));
}

/** @internal The error that the shell made of a setter's -1. */
export function thrown(): unknown {
  return engine().takeError() ?? new SyncError('INVALID_ARGUMENT', 'the value could not be set');
}

/** @internal */
export function makeError(
  code: string,
  message: string,
  retryable: boolean,
  status: number,
): SyncError {
  return new SyncError(code as ErrorCode, message, retryable, status === 0 ? undefined : status);
}
