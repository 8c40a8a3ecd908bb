// Names the functions of a module so that those that are alike stand beside each other once
// `wasm-opt --reorder-functions-by-name` has sorted them: what brotli repeats is then near.
//
//   node scripts/order.mjs <module> <module with names>

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { codeOf, encoded, encodedText, importedFunctions, isNames, sectionsOf } from './module.mjs';
import { moveFunction } from './split.mjs';

/** How many instructions in a row are looked at as one. */
const RUN = 5;

/** What more functions than these have says nothing about any two. */
const COMMON = 200;

/** After how many of the last functions the next one is chosen. */
const LOOK_BACK = 12;

/** Instructions and a part of their numbers: the streams of `split.mjs`. */
const TELLING = new Set([2, 5, 9, 10]);

/** The runs of instructions in a function. */
function runsOf(module, place) {
  const code = [];
  moveFunction(module, place, (stream, byte) => {
    if (TELLING.has(stream)) code.push(stream * 256 + byte);
  });
  const runs = new Set();
  for (let at = RUN; at <= code.length; at++) {
    runs.add(code.slice(at - RUN, at).reduce((hash, part) => (Math.imul(hash, 1000003) + part) | 0, 0));
  }
  return runs;
}

/** For each run that tells something, the functions that have it. */
function whoHas(functions) {
  const owners = new Map();
  functions.forEach((runs, index) => {
    for (const run of runs) owners.set(run, [...(owners.get(run) ?? []).slice(0, COMMON), index]);
  });
  for (const [run, { length }] of owners) if (length < 2 || length >= COMMON) owners.delete(run);
  return owners;
}

/** The functions' numbers, each after those that it is most alike. */
function order(functions) {
  const owners = whoHas(functions);
  const left = new Set(functions.keys());
  const sorted = [];
  while (left.size > 0) {
    const scores = new Map();
    sorted.slice(-LOOK_BACK).forEach((before, at, last) => {
      const weight = 1 / (last.length - at);
      for (const run of functions[before]) {
        const others = owners.get(run) ?? [];
        for (const other of others) {
          if (left.has(other)) scores.set(other, (scores.get(other) ?? 0) + weight / others.length);
        }
      }
    });
    let [best] = left;
    let most = 0;
    for (const [index, score] of scores) {
      const alike = score / Math.sqrt(functions[index].size + 8);
      if (alike > most) [best, most] = [index, alike];
    }
    left.delete(best);
    sorted.push(best);
  }
  return sorted;
}

const [from, to] = argv.slice(2);
const module = readFileSync(from);
const imports = importedFunctions(module);
const places = new Map(order(codeOf(module).functions.map((at) => runsOf(module, at))).map((f, at) => [f, at]));
const names = Array.from(places.keys(), (f) => f)
  .sort((a, b) => a - b)
  .flatMap((f) => [...encoded(f + imports), ...encodedText(String(places.get(f)).padStart(6, '0'))]);
const list = [...encoded(places.size), ...names];
const content = [...encodedText('name'), 1, ...encoded(list.length), ...list];
const kept = [...sectionsOf(module)].filter((section) => !isNames(module, section));
const sections = kept.map(({ start, end }) => module.subarray(start, end));
writeFileSync(to, Buffer.concat([module.subarray(0, 8), ...sections, Buffer.from([0, ...encoded(content.length), ...content])]));
