import { readdirSync } from 'node:fs';
import { defineConfig } from 'vite';

/** `npm run dev` takes data from a server that runs beside it: `cargo xtask demo`. */
const SERVER = 'http://127.0.0.1:3000';

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
  server: { proxy: { '/api': SERVER } },
});
