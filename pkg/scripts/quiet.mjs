// Takes out of a module what a panic would say and where it was: the module's panic handler
// (`src/wasm/module.rs`) says nothing, but the standard library comes compiled, with all of that in
// it.
//
//   node scripts/quiet.mjs <module with names> <module>

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { codeOf, encoded, importedFunctions, namesOf, numberAt, sectionsOf, withSections } from './module.mjs';

/** Functions of the standard library that end in a panic whatever they are given. */
const PANICS = [
  /^core::panicking::/,
  /^core::(option|result)::(unwrap|expect)_failed$/,
  /^core::cell::(lazy::)?panic_\w+$/,
  /^core::slice::(index::\w+_fail|copy_from_slice_impl::len_mismatch_fail)$/,
  /^alloc::(alloc::handle_alloc_error|raw_vec::handle_error|raw_vec::capacity_overflow)$/,
  /^<?alloc::vec::Vec<.*::assert_failed$/,
];

/** Whether a function is one of them: names carry hashes, of two kinds. */
function panics(name) {
  const plain = name.replace(/\[[0-9a-f]+\]/g, '').replace(/::h[0-9a-f]{16}$/, '');
  return PANICS.some((pattern) => pattern.test(plain));
}

/** Nothing but `unreachable`: no locals, the instruction, the end. */
const UNREACHABLE = [3, 0, 0x00, 0x0b];

/** A place in the source: where its file's name stands, how long that is, line and column. */
const PLACE_BYTES = 16;

/** The module's code with functions that panic cut short. */
function quietCode(module) {
  const { functions } = codeOf(module);
  const names = namesOf(module);
  const imports = importedFunctions(module);
  const bodies = functions.map((at, index) => {
    const length = numberAt(module, at);
    if (panics(names.get(index + imports) ?? '')) return Buffer.from(UNREACHABLE);
    return module.subarray(at, length.end + length.value);
  });
  return Buffer.concat([Buffer.from(encoded(bodies.length)), ...bodies]);
}

/** The data of a module: where it goes, and where it stands. */
function* dataOf(module) {
  const section = [...sectionsOf(module)].find(({ id }) => id === 11);
  let { value: left, end: at } = numberAt(module, section.from);
  for (; left > 0; left--) {
    // Into the first memory, from a constant: flags, `i32.const`, the address, `end`.
    if (module[at] !== 0 || module[at + 1] !== 0x41) throw new Error('quiet.mjs: data of another kind than known');
    const address = numberAt(module, at + 2);
    const length = numberAt(module, address.end + 1);
    yield { address: address.value, from: length.end, to: length.end + length.value };
    at = length.end + length.value;
  }
}

/** Clears the places of panics, and the names of files, in the data. */
function clearPlaces(module) {
  const data = [...dataOf(module)];
  const textAt = (address, length) => {
    const part = data.find((one) => one.address <= address && address + length <= one.address + one.to - one.from);
    if (part === undefined) return undefined;
    const from = part.from + address - part.address;
    return module.subarray(from, from + length);
  };
  const found = [];
  for (const { address, from, to } of data) {
    for (let at = from + (-address & 3); at + PLACE_BYTES <= to; at += 4) {
      const [name, length, line, column] = [0, 4, 8, 12].map((offset) => module.readUInt32LE(at + offset));
      if (length < 5 || length > 300 || line === 0 || line > 100_000 || column === 0 || column > 1000) continue;
      const text = textAt(name, length);
      if (!text?.toString('latin1').endsWith('.rs')) continue;
      found.push(module.subarray(at, at + PLACE_BYTES), text);
    }
  }
  // Names are shared: all are read before any is cleared.
  for (const bytes of found) bytes.fill(0);
}

const [from, to] = argv.slice(2);
const module = readFileSync(from);
const code = quietCode(module);
clearPlaces(module);
writeFileSync(to, withSections(module, new Map([[10, code]])));
