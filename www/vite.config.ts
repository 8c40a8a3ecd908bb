import { readdirSync } from 'node:fs';
import { defineConfig } from 'vite';

/** Where `npm run dev` takes its data from: `cargo xtask demo` runs such a server. */
const SERVER = process.env.SYNCLINE_URL ?? 'http://127.0.0.1:3000';

const root = import.meta.dirname;
const pages = readdirSync(root).filter((name) => name.endsWith('.html'));

export default defineConfig({
  appType: 'mpa',
  build: {
    // The engine is inlined in the package: one chunk of this size is what is meant.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: { input: pages.map((page) => `${root}/${page}`) },
    target: 'es2022',
  },
  server: {
    // The package is linked from beside this directory.
    fs: { allow: ['..'] },
    // The server asks that a page which writes is its own: the host must stay the page's.
    proxy: { '/api': { target: SERVER, changeOrigin: false } },
  },
});
