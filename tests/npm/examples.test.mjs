// The code in the documentation: what a newcomer copies has to compile, and has to be JSON where it
// says so.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { APP, INSTALLED, program, run } from './support/package.mjs';

const ROOT = process.env.SYNCLINE_ROOT;

/** What examples take as given. */
const GIVEN = {
  project: "import('syncline').CalendarProject",
  event: "import('syncline').EventModel",
  calendar: "import('syncline/fullcalendar').CalendarLike",
  monday: 'Date',
  nextMonday: 'Date',
  draw: '(key: string, record: unknown) => void',
};

/** An element that `syncline/elements` defines. */
const AMBIENT = `
interface Document {
  querySelector(selector: 'syncline-status'): HTMLElement & { project: import('syncline').CalendarProject };
}
`;

/** The files whose text has examples: the READMEs, the pages, the comments of the sources. */
function sources() {
  const below = (dir, end) =>
    readdirSync(dir, { recursive: true }).filter((name) => name.endsWith(end)).map((name) => join(dir, name));
  const pages = ['README.md', 'CONTRIBUTING.md', 'server/README.md'].map((name) => join(ROOT, name));
  return [
    ...pages,
    // The guide's examples are files that import each other: guide.test.mjs.
    ...below(join(ROOT, 'docs'), '.md').filter((path) => !path.endsWith('guide.md')),
    join(INSTALLED, 'README.md'),
    ...below(join(ROOT, 'pkg/src'), '.ts'),
  ];
}

/** The examples in these languages, with the places where they stand. */
function examples(...languages) {
  const found = [];
  for (const path of sources()) {
    const text = readFileSync(path, 'utf8').replaceAll(/^ *\* ?/gm, path.endsWith('.ts') ? '' : '$&');
    for (const [, language, code] of text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
      if (languages.includes(language)) found.push({ path, code });
    }
  }
  return found;
}

/** What an example uses without importing or declaring it. */
function before(code, exported) {
  const known = [...code.matchAll(/import \{([^}]*)\}/g)].flatMap(([, list]) => list.split(',').map((n) => n.trim()));
  const uses = (name) => !known.includes(name) && new RegExp(`(?<![.'/\\w-])${name}\\b`).test(code);
  const given = Object.entries(GIVEN).filter(([name]) => uses(name) && !code.includes(`const ${name} =`));
  const used = exported.filter(uses);
  return [
    used.length > 0 ? `import { ${used.join(', ')} } from 'syncline';` : '',
    ...given.map(([name, type]) => `declare const ${name}: ${type};`),
  ].join('\n');
}

test('every example of the documentation compiles under strict TypeScript', async (t) => {
  const all = examples('js', 'ts');
  assert.ok(all.length >= 9, `${all.length} examples`);
  const names = Object.keys(await import('syncline'));
  const dir = join(APP, 'tests/examples');
  mkdirSync(dir, { recursive: true });
  t.after(() => rmSync(dir, { recursive: true }));
  const compilerOptions = { noUncheckedIndexedAccess: false };
  const config = { extends: '../types/tsconfig.json', compilerOptions, include: ['*.ts'] };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'ambient.d.ts'), AMBIENT);
  for (const [index, { path, code }] of all.entries()) {
    const text = `// ${path}\n${before(code, names)}\n${code}\nexport {};\n`;
    writeFileSync(join(dir, `example-${index}.ts`), text);
  }
  await run(program('tsc'), ['-p', dir]);
});

test('every example in JSON is JSON, but for what it leaves out', () => {
  const all = examples('json');
  assert.ok(all.length >= 14, `${all.length} examples`);
  for (const { path, code } of all) {
    let rest = '';
    for (const line of code.split('\n')) {
      rest += line
        .replace(/^(->|<-) /, '')
        .replace(/ {2,}\(.*\)$/, '')
        .replaceAll(/\{…[^{}"]*\}/g, '{}')
        .replaceAll(/:…/g, ':null')
        .replaceAll(/,?…(?=[\]}])/g, '');
      try {
        JSON.parse(rest);
        rest = '';
      } catch {
        // Goes on in the next line.
      }
    }
    assert.equal(rest.trim(), '', path);
  }
});
