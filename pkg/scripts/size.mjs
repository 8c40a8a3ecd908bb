// Prints what a browser downloads, raw and compressed.
//
//   node scripts/size.mjs [--json] [--budget <bytes>]
//
// `--budget` limits the brotli size of the default entry with all that it loads; above it the exit
// code is 1.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');

/** The file and everything it imports by a relative path, at once or later. */
function closure(entry) {
  const found = new Set();
  const waiting = [join(dist, entry)];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (found.has(path)) continue;
    found.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+\.js)["']/g)) {
      waiting.push(join(dirname(path), target));
    }
  }
  return [...found];
}

function measure(name, paths) {
  const sizes = { name, files: paths.map((path) => relative(dist, path)), raw: 0, gzip: 0, brotli: 0 };
  for (const path of paths) {
    const bytes = readFileSync(path);
    sizes.raw += bytes.length;
    sizes.gzip += gzipSync(bytes, { level: 9 }).length;
    sizes.brotli += brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }).length;
  }
  return sizes;
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, budget: { type: 'string' } } });
const rows = [
  measure('default entry', closure('index.js')),
  measure('slim entry', closure('slim.js')),
  measure('engine.wasm', [join(dist, 'engine.wasm')]),
];
if (values.json) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(11);
  console.log(`${''.padEnd(14)}${'raw'.padStart(11)}${'gzip'.padStart(11)}${'brotli'.padStart(11)}`);
  for (const { name, files, raw, gzip, brotli } of rows) {
    const sizes = [raw, gzip, brotli].map(kilobytes).join('');
    console.log(`${name.padEnd(14)}${sizes}   ${files.join(' + ')}`);
  }
}
const budget = Number(values.budget ?? Infinity);
if (Number.isNaN(budget)) {
  console.error(`--budget takes a number of bytes, not ${values.budget}`);
  process.exitCode = 2;
} else if (rows[0].brotli > budget) {
  console.error(`the default entry has ${rows[0].brotli} bytes in brotli, over its budget of ${budget}`);
  process.exitCode = 1;
}
