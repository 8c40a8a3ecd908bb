// Makes the module that carries the engine inside of itself, for pages that can't or won't serve a
// `.wasm` file.

import { join, moveCode, split } from './split.mjs';

/**
 * By how much bytes are moved before they become characters: so far that the commonest byte, 0, is
 * a character that needs no escape, and that few others do. Measured: of all shifts one of the best.
 */
const SHIFT = 14;

const ESCAPES = new Map([
  [0x00, '\\x00'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x27, "\\'"],
  [0x5c, '\\\\'],
]);

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
  let text = '';
  for (const byte of bytes) {
    const moved = (byte + SHIFT) & 0xff;
    text += ESCAPES.get(moved) ?? String.fromCharCode(moved);
  }
  return `// Generated: the engine as WebAssembly, one character a byte, moved by ${SHIFT}; its code is sorted by kind.
const text = '${text}';

${short(moveCode)}

${short(join)}

/** Unpacks and compiles the engine; each call compiles anew. */
export async function engineModule() {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i) - ${SHIFT};
  if (bytes.length !== ${bytes.length}) throw new Error('the engine inlined in the package is damaged');
  return WebAssembly.compile(join(bytes, ${places.map((place) => JSON.stringify(place)).join(', ')}));
}
`;
}

/** A function's source without comments and indentation. */
function short(code) {
  return String(code).replace(/^ *\/\/.*\n/gm, '').replace(/^ +/gm, '');
}
