// Builds the npm package: `wasm/` (glue and module, made by `cargo xtask build`) and `src/` ->
// `dist/`.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inlineModule } from './inline.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The names of the entries, which are what `exports` offers as JavaScript. */
function entryNames() {
  const targets = Object.values(manifest.exports).map((target) => target.default ?? target);
  return targets
    .map((target) => /^\.\/dist\/(.+)\.js$/.exec(target)?.[1])
    .filter((name) => name !== undefined);
}

/**
 * Keeps what the store's entry imports an import: bundled with the others, it would split what they
 * share in two, which compresses worse. Of the two entries, the slim one names no engine.
 */
const apiStaysOutside = {
  name: 'api',
  setup({ onResolve }) {
    onResolve({ filter: /(^|\/)slim\.js$/ }, () => ({ path: './slim.js', external: true }));
  },
};

/**
 * Keeps `import('./engine-inline.js')` an import: the file is generated, and a chunk of its own.
 */
const engineStaysOutside = {
  name: 'engine-inline',
  setup({ onResolve }) {
    onResolve({ filter: /(^|\/)engine-inline\.js$/ }, () => ({
      path: './engine-inline.js',
      external: true,
      sideEffects: false,
    }));
  },
};

async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entryNames().map((name) => `src/${name}.ts`),
    outbase: 'src',
    outdir: 'dist',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    // The source map gives a debugger the names back. Classes that apps see have theirs as a static
    // property: `keepNames` gives one to every function as well, also to those that are made anew
    // with each call.
    minifySyntax: true,
    minifyWhitespace: true,
    minifyIdentifiers: true,
    sourcemap: true,
    legalComments: 'none',
    external: Object.keys(manifest.peerDependencies ?? {}),
    plugins: [engineStaysOutside, apiStaysOutside],
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs).map((path) => relative('dist', path));
}

function declarations() {
  const tsc = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'tsc.cmd' : 'tsc');
  execFileSync(tsc, ['-p', root, '--emitDeclarationOnly'], { cwd: root, stdio: 'inherit' });
  const written = filesIn(dist).filter((path) => path.endsWith('.d.ts'));
  for (const path of written) {
    // The glue's own types are not shipped, and don't compile with every `lib`.
    if (/(from|import\()\s*['"][./]*wasm\//.test(readFileSync(join(dist, path), 'utf8'))) {
      throw new Error(`dist/${path} refers to the generated glue: keep its types out of the API`);
    }
  }
  return written;
}

function filesIn(dir) {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)));
}

mkdirSync(dist, { recursive: true });
for (const path of filesIn(dist)) {
  // A declaration whose source is gone would otherwise be shipped for ever.
  if (path.endsWith('.d.ts')) rmSync(join(dist, path));
}
const engine = readFileSync(join(root, 'wasm', 'syncline_bg.wasm'));
writeFileSync(join(dist, 'engine.wasm'), engine);
writeFileSync(join(dist, 'engine-inline.js'), inlineModule(engine));
const kept = new Set(['engine.wasm', 'engine-inline.js', ...(await bundle()), ...declarations()]);
for (const path of filesIn(dist)) {
  if (!kept.has(path)) rmSync(join(dist, path));
}
for (const licence of ['LICENSE-APACHE', 'LICENSE-MIT']) {
  copyFileSync(join(root, '..', licence), join(root, licence));
}
