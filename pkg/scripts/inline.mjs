// Makes the module that carries the engine inside of itself, for pages that can't or won't serve a
// `.wasm` file.

import { join, moveCode, split } from './split.mjs';

/**
 * Of every character that stands for a byte, the byte. The commonest bytes get the characters of ASCII that need no escape, the
 * others those after it, which are two bytes of UTF-8; both in their order, for bytes that are close mean things that are alike.
 * Its source becomes part of the package.
 *
 * @param {number[]} rare the bytes that get no ASCII
 * @returns {number[]}
 */
function alphabet(rare) {
  const bytes = [];
  let code = 0;
  for (let byte = 0; byte < 256; byte++) {
    if (rare.includes(byte)) continue;
    // Neither line ends nor the quote and the backslash.
    do code++;
    while (code === 10 || code === 13 || code === 39 || code === 92);
    bytes[code] = byte;
  }
  for (const byte of rare) bytes[++code] = byte;
  return bytes;
}

/** How many characters of ASCII need no escape; the first, NUL, is one that tools stumble over. */
const PLAIN = 123;

/** The bytes that aren't among the commonest, in their order. */
function rareOnes(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const order = counts.map((_, byte) => byte).sort((a, b) => counts[b] - counts[a] || a - b);
  return order.slice(PLAIN).sort((a, b) => a - b);
}

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
  const [bytes, ...places] = split(engine);
  const rare = rareOnes(bytes);
  const characters = [];
  alphabet(rare).forEach((byte, code) => (characters[byte] = String.fromCharCode(code)));
  const text = Array.from(bytes, (byte) => characters[byte]).join('');
  return `// Generated: the engine as WebAssembly, one character a byte; its code is sorted by kind.
const text = '${text}';

${short(alphabet)}

${short(moveCode)}

${short(join)}

/** Unpacks and compiles the engine; each call compiles anew. */
export async function engineModule() {
  const bytes = new Uint8Array(text.length);
  const table = alphabet(${JSON.stringify(rare)});
  for (let i = 0; i < bytes.length; i++) bytes[i] = table[text.charCodeAt(i)];
  if (bytes.length !== ${bytes.length}) throw new Error('the engine inlined in the package is damaged');
  return WebAssembly.compile(join(bytes, ${places.map((place) => JSON.stringify(place)).join(', ')}));
}
`;
}

/** A function's source without comments and indentation. */
function short(code) {
  return String(code).replace(/^ *\/\/.*\n/gm, '').replace(/^ +/gm, '');
}
