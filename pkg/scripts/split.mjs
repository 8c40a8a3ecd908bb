// A WebAssembly module's code mixes instructions, numbers of variables, addresses and constants,
// byte by byte. Apart from each other, each kind repeats itself far more: brotli makes the module a
// tenth smaller. Only code is taken apart, and only in the package's inlined engine; `engine.wasm`
// stays as it is.

import { codeOf, numberAt } from './module.mjs';

/**
 * Moves the code of one function, and says of every byte which stream it belongs to. Its source
 * becomes part of the package, so it has to stand on its own.
 *
 * @param {(stream: number) => number} byte moves one byte and gives it
 * @param {() => number} peek the instruction after the number that comes next
 * @param {(natural: number) => void} align moves an alignment, of which the natural one is known
 */
export function moveCode(byte, peek, align) {
  const leb = (stream) => {
    while (byte(stream) > 127);
  };
  for (let groups = byte(1); groups > 0; groups--) {
    leb(1);
    byte(1);
  }
  for (let depth = 1, last = 0, op = 0; depth > 0; last = op) {
    op = byte(2);
    const next = peek();
    const loads = next >= 0x28 && next <= 0x35;
    if (op === 0x0b) depth--;
    else if (op >= 0x02 && op <= 0x04) {
      depth++;
      leb(3);
    } else if (op === 0x0c || op === 0x0d) leb(4);
    else if (op === 0x0e) {
      let targets = byte(4);
      if (targets > 127) targets += (byte(4) - 1) * 128;
      for (; targets >= 0; targets--) leb(4);
    } else if (op === 0x10) leb(5);
    else if (op >= 0x20 && op <= 0x22) leb(loads ? 6 : 7);
    else if (op >= 0x28 && op <= 0x3e) {
      const natural = +'23230011001122232301012'[op - 0x28];
      align(natural);
      leb(natural === 0 ? 9 : 10);
    } else if (op === 0x41) {
      const place = last === 0x23 || next === 0x6a || next === 0x6b;
      leb(place ? 11 : next === 0x10 || next === 0x20 || next === 0x41 ? 12 : 13);
    } else if (op === 0x42) leb(14);
    else if (op === 0x43 || op === 0x44) for (let n = op === 0x43 ? 4 : 8; n > 0; n--) byte(15);
    else if (op === 0x1c) for (let types = byte(16); types > 0; types--) byte(16);
    else if (op === 0xfc) {
      const more = byte(16);
      if (more > 7) leb(16);
      if (more === 8 || more === 10 || more === 12 || more === 14) leb(16);
    } else if (op === 0xfd) {
      // 16 bytes at a time: loads and stores, constants and shuffles, lanes.
      let more = byte(16);
      if (more > 127) more += (byte(16) - 1) * 128;
      if (more < 12 || (more >= 84 && more <= 93)) {
        leb(16);
        leb(16);
      }
      if (more === 12 || more === 13) for (let n = 16; n > 0; n--) byte(15);
      if ((more >= 21 && more <= 34) || (more >= 84 && more <= 91)) byte(16);
    } else if (op === 0x11 || (op >= 0x23 && op <= 0x26) || op === 0x3f || op === 0x40 || (op & 0xfd) === 0xd0) {
      leb(17);
      if (op === 0x11) leb(17);
    }
  }
}

/**
 * Puts a module together again. Its source becomes part of the package too.
 *
 * @param {Uint8Array} bytes the streams, one after the other: what stands before the code, the
 * code's, what stands after it
 * @param {number[]} lengths how long each is
 * @param {number} count how many functions there are
 * @param {number} size how long the module is
 */
export function join(bytes, lengths, count, size) {
  let end = 0;
  const cursors = lengths.map((length) => (end += length) - length);
  // The last header is written when everything stands, before it is moved to its place.
  const out = new Uint8Array(size + 16);
  const start = lengths[0];
  out.set(bytes.subarray(0, start));
  let to = start;
  const byte = (stream) => (out[to++] = bytes[cursors[stream]++]);
  const peek = () => bytes[cursors[2]];
  const align = (natural) => (out[to++] = natural - bytes[cursors[8]++]);
  // Puts a number, and what stands before it, in front of what was written from a place on.
  const before = (from, value, ...head) => {
    do head.push((value & 127) | (value > 127 ? 128 : 0));
    while ((value >>>= 7));
    out.copyWithin(from + head.length, from, to);
    out.set(head, from);
    to += head.length;
  };
  for (let left = count; left > 0; left--) {
    const from = to;
    moveCode(byte, peek, align);
    before(from, to - from);
  }
  before(start, count);
  before(start, to - start, 10);
  out.set(bytes.subarray(cursors.pop()), to);
  return out.subarray(0, size);
}

/** How many streams there are. */
const STREAMS = 19;

/**
 * The arguments for `join` that give the module.
 *
 * @param {Uint8Array} module
 * @returns {[Uint8Array, number[], number, number]}
 */
export function split(module) {
  const streams = Array.from({ length: STREAMS }, () => []);
  const { start, end, functions } = codeOf(module);
  streams[0].push(...module.subarray(0, start));
  streams[STREAMS - 1].push(...module.subarray(end));
  for (const at of functions) moveFunction(module, at, (stream, byte) => streams[stream].push(byte));
  const lengths = streams.map((stream) => stream.length);
  const args = [Uint8Array.from(streams.flat()), lengths, functions.length, module.length];
  if (Buffer.compare(join(...args), module) !== 0) {
    throw new Error('split.mjs does not know all of the instructions in the module');
  }
  return args;
}

/**
 * Reads the code of one function.
 *
 * @param {Uint8Array} module
 * @param {number} at where it begins
 * @param {(stream: number, byte: number) => void} tell takes each byte of it
 */
export function moveFunction(module, at, tell) {
  let place = numberAt(module, at).end;
  const byte = (stream) => {
    tell(stream, module[place]);
    return module[place++];
  };
  moveCode(
    byte,
    () => module[numberAt(module, place).end],
    (natural) => tell(8, natural - module[place++]),
  );
}
