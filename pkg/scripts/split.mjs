// A WebAssembly module's code mixes instructions, numbers of variables, addresses and constants, byte by byte. Apart from each
// other, each kind repeats itself far more: brotli makes the module a tenth smaller. Only code is taken apart, and only in the
// package's inlined engine; `engine.wasm` stays as it is.

/**
 * Moves the code of one function, and says of every byte which stream it belongs to. Its source becomes part of the package, so
 * it has to stand on its own.
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
    if (op === 0x0b) depth--;
    else if (op >= 0x02 && op <= 0x04) {
      depth++;
      leb(3);
    } else if (op === 0x0c || op === 0x0d) leb(4);
    else if (op === 0x0e) {
      let targets = byte(5);
      if (targets > 127) targets += (byte(5) - 1) * 128;
      for (; targets >= 0; targets--) leb(5);
    } else if (op === 0x10) leb(6);
    else if (op >= 0x20 && op <= 0x22) leb(op - 0x20 + 7);
    else if (op >= 0x28 && op <= 0x3e) {
      align('23230011001122232301012'.charCodeAt(op - 0x28) - 48);
      leb(op < 0x36 ? 11 : 12);
    } else if (op === 0x41) {
      const next = peek();
      if (last === 0x23) leb(13);
      else if (next === 0x6a || next === 0x6b) leb(14);
      else if (next >= 0x45 && next <= 0x4f) leb(15);
      else leb(next === 0x10 || next === 0x20 || next === 0x41 ? 16 : 17);
    } else if (op === 0x42) leb(18);
    else if (op === 0x43 || op === 0x44) for (let n = op === 0x43 ? 4 : 8; n > 0; n--) byte(19);
    else if (op === 0x1c) for (let types = byte(20); types > 0; types--) byte(20);
    else if (op === 0xfc) {
      const more = byte(20);
      if (more > 7) leb(20);
      if (more === 8 || more === 10 || more === 12 || more === 14) leb(20);
    } else if (op === 0xfd) {
      // 16 bytes at a time: loads and stores, constants and shuffles, lanes.
      let more = byte(20);
      if (more > 127) more += (byte(20) - 1) * 128;
      if (more < 12 || (more >= 84 && more <= 93)) {
        leb(20);
        leb(20);
      }
      if (more === 12 || more === 13) for (let n = 16; n > 0; n--) byte(19);
      if ((more >= 21 && more <= 34) || (more >= 84 && more <= 91)) byte(20);
    } else if (op === 0x11 || (op >= 0x23 && op <= 0x26) || op === 0x3f || op === 0x40 || (op & 0xfd) === 0xd0) {
      leb(21);
      if (op === 0x11) leb(21);
    }
  }
}

/**
 * Puts a module together again. Its source becomes part of the package too.
 *
 * @param {Uint8Array} bytes the streams, one after the other
 * @param {number[]} lengths how long each is
 * @param {number} at where in the first of them the code belongs
 * @param {number} count how many functions there are
 * @param {number} size how long the module is
 */
export function join(bytes, lengths, at, count, size) {
  let end = 0;
  const cursors = lengths.map((length) => (end += length) - length);
  // The last header is written when everything stands, before it is moved to its place.
  const out = new Uint8Array(size + 16);
  out.set(bytes.subarray(0, at));
  let to = at;
  const byte = (stream) => (out[to++] = bytes[cursors[stream]++]);
  const peek = () => bytes[cursors[2]];
  const align = (natural) => (out[to++] = natural - bytes[cursors[10]++]);
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
  before(at, count);
  before(at, to - at, 10);
  out.set(bytes.subarray(at, lengths[0]), to);
  return out.subarray(0, size);
}

/**
 * The arguments for `join` that give the module.
 *
 * @param {Uint8Array} module
 * @returns {[Uint8Array, number[], number, number, number]}
 */
export function split(module) {
  const streams = Array.from({ length: 22 }, () => []);
  let [at, count, place] = [0, 0, 0];
  const byte = (stream) => {
    streams[stream].push(module[place]);
    return module[place++];
  };
  const align = (natural) => streams[10].push(natural - module[place++]);
  const after = (from) => {
    while (module[from++] > 127);
    return from;
  };
  const peek = () => module[after(place)];
  const number = () => {
    let [value, shift, part] = [0, 0, 128];
    for (; part > 127; shift += 7) value += ((part = module[place++]) & 127) * 2 ** shift;
    return value;
  };
  while (place < 8) byte(0);
  while (place < module.length) {
    const start = place++;
    const end = number() + place;
    if (module[start] !== 10) {
      place = start;
      while (place < end) byte(0);
      continue;
    }
    at = streams[0].length;
    count = number();
    for (let left = count; left > 0; left--) {
      place = after(place);
      moveCode(byte, peek, align);
    }
  }
  const lengths = streams.map((stream) => stream.length);
  const args = [Uint8Array.from(streams.flat()), lengths, at, count, module.length];
  if (Buffer.compare(join(...args), module) !== 0) {
    throw new Error('split.mjs does not know all of the instructions in the module');
  }
  return args;
}
