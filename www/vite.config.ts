import { readFileSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

/** Where `npm run dev` takes its data from: `cargo xtask demo` runs such a server. */
const SERVER = process.env.SYNCLINE_URL ?? 'http://127.0.0.1:3000';

const root = import.meta.dirname;
const pages = readdirSync(root).filter((name) => name.endsWith('.html'));

/**
 * Puts `parts/name.html` where a page says `<!-- part: name -->`, so that what the pages share is
 * there with the first byte. `%view%` in a part marks the link to the page that says
 * `<html data-view="view">`.
 */
function parts(): Plugin {
  return {
    name: 'parts',
    transformIndexHtml: {
      order: 'pre',
      handler: (html) => {
        const current = /data-view="(\w+)"/.exec(html)?.[1];
        const fill = (text: string): string =>
          text.replace(/^( *)<!-- part: (\w+) -->$/gm, (_, indent: string, name: string) => {
            const part = readFileSync(`${root}/parts/${name}.html`, 'utf8').trimEnd();
            const marked = part.replace(/ %(\w+)%/g, (_mark, view: string) =>
              view === current ? ' aria-current="page"' : '',
            );
            return fill(marked).replace(/^(?=.)/gm, indent);
          });
        return fill(html);
      },
    },
  };
}

export default defineConfig({
  appType: 'mpa',
  plugins: [parts()],
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
    proxy: {
      '/api': { target: SERVER, changeOrigin: false },
      '/ws': { target: SERVER, changeOrigin: false, ws: true },
    },
  },
});
