// Makes the module that carries the engine inside of itself, for pages that can't or won't serve a
// `.wasm` file.

import { alphabetFor, read, told, write } from './alphabet.mjs';
import { join, moveCode, split } from './split.mjs';

/**
 * The text of `engine-inline.js`.
 *
 * One character a byte, and not compressed: what a server does with gzip or brotli on the way then
 * works as well as on the module itself (base64 of a deflated module, which neither can squeeze any
 * further, comes to a quarter more in brotli). Left out on purpose: `fetch('data:…')` (a strict
 * `connect-src` forbids it), `DecompressionStream` (missing in some test environments), top-level
 * await (older bundlers refuse it) and `eval`.
 *
 * @param {Uint8Array} engine the WebAssembly module
 */
export function inlineModule(engine) {
  const [bytes, lengths, ...sizes] = split(engine);
  let end = 0;
  const streams = lengths.map((length) => bytes.subarray((end += length) - length, end));
  const alphabets = streams.map(alphabetFor);
  const texts = streams.map((stream, index) => write(stream, alphabets[index]));
  return `// Generated: the engine as WebAssembly, one character a byte; its code is sorted by kind.
const texts = '${texts.join('\\n')}';

const alphabets = '${alphabets.map((alphabet) => (alphabet ? told(alphabet) : '')).join('\\n')}';

${short(moveCode)}

${short(join)}

${short(read)}

/** Unpacks and compiles the engine; each call compiles anew. */
export async function engineModule() {
  const bytes = new Uint8Array(${bytes.length});
  const lengths = read(texts.split('\\n'), alphabets.split('\\n'), bytes);
  if (String(lengths) !== '${lengths}') throw new Error('the engine inlined in the package is damaged');
  return WebAssembly.compile(join(bytes, lengths, ${sizes.join(', ')}));
}
`;
}

/** A function's source without comments and indentation. */
function short(code) {
  return String(code).replace(/^ *\/\/.*\n/gm, '').replace(/^ +/gm, '');
}
