// Makes the module that carries the engine inside of itself, for pages that can't or won't serve a
// `.wasm` file.

import { constants, deflateRawSync } from 'node:zlib';

/**
 * The text of `engine-inline.js`.
 *
 * Plain deflate and base64, decoded by what every browser, worker and server runtime has. Left out
 * on purpose: `fetch('data:…')` (a strict `connect-src` forbids it), `Blob.stream()` (missing in
 * jsdom), top-level await (older bundlers refuse it) and `eval`.
 *
 * @param {Uint8Array} engine the WebAssembly module
 */
export function inlineModule(engine) {
  const packed = deflateRawSync(engine, { level: constants.Z_BEST_COMPRESSION, memLevel: 9 });
  return `// Generated: the engine as WebAssembly, deflated, in base64.
const size = ${engine.length};
const packed = '${packed.toString('base64')}';

function bytesOfBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Unpacks and compiles the engine; each call compiles anew. */
export async function engineModule() {
  const inflate = new DecompressionStream('deflate-raw');
  const writer = inflate.writable.getWriter();
  // A failure shows on the reading side, which is awaited.
  writer.write(bytesOfBase64(packed)).catch(() => {});
  writer.close().catch(() => {});
  const bytes = new Uint8Array(size);
  const reader = inflate.readable.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value, at);
    at += value.length;
  }
  if (at !== size) throw new Error('the engine inlined in the package is damaged');
  return WebAssembly.compile(bytes);
}
`;
}
