// Makes the glue of wasm-bindgen small: the names that it and the module have between them say what
// they are, with a hash each; it can load modules in ways that the package has no use for; and most
// functions in it do the same, or nothing but call the module.
//
//   node scripts/glue.mjs <glue> <module> <glue> <module>

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { encoded, encodedText, exportsOf, importsOf, withSections } from './module.mjs';

/** What wasm-bindgen named; the shell's own exports keep their names, for the facade calls them. */
const MADE = /^_|^wasm_bindgen__/;

/**
 * How the glue starts a module: from a response, bytes, an address. The package always gives a
 * module, once.
 */
const START = /let wasmModule, wasmInstance, wasm;\n[^]*wasm\.(\w+)\(\);\n    return wasm;\n\}\n[^]*$/;

const started = (start) => `let wasm;
export default async function ({ module_or_path }) {
    const { exports } = await WebAssembly.instantiate(module_or_path, __wbg_get_imports());
    wasm = exports;
    wasm.${start}();
    return wasm;
}
`;

/** For hosts, and modules, of other kinds. */
const UNUSED = [
  /if \(!\('encodeInto' in cachedTextEncoder\)\) \{\n[^]*?\n\}\n/,
  /    if \(realloc === undefined\) \{\n[^]*?\n    \}\n\n/,
  /\(typeof FinalizationRegistry === 'undefined'\)\n {4}\? [^\n]*\n {4}: /,
];

/** Passes its arguments on, and gives what comes back: the facade calls the module's own. */
const IDLE = /export function (\w+)\(([\w, ]*)\) \{\n    (?:wasm\.\1\(\2\);|const ret = wasm\.\1\(\2\);\n    return ret;)\n\}\n/g;

/** The same, and throws what the module says. */
const THROWS =
  /export function (\w+)\(([\w, ]*)\) \{\n    const ret = wasm\.\1\(\2\);\n    if \(ret\[1\]\) \{\n        throw takeFromExternrefTable0\(ret\[0\]\);\n    \}\n\}\n/g;

const THROWING = `const throwing = (name) => (...given) => {
    const ret = wasm[name](...given);
    if (ret[1]) {
        throw takeFromExternrefTable0(ret[0]);
    }
};
`;

/** Short names for the long ones. */
function shortened(items) {
  const made = [...new Set(items.map(({ name }) => name).filter((name) => MADE.test(name)))];
  return new Map(made.map((name, index) => [name, `_${index.toString(36)}`]));
}

/** The glue with other names at places that a pattern finds around each. */
function renamed(glue, names, pattern) {
  let text = glue;
  for (const [name, short] of names) {
    const next = text.replace(pattern(name), `$1${short}$2`);
    if (next === text) throw new Error(`glue.mjs: ${name} isn't in the glue`);
    text = next;
  }
  return text;
}

const [glueFrom, moduleFrom, glueTo, moduleTo] = argv.slice(2);
const module = readFileSync(moduleFrom);
const imports = [...importsOf(module)];
const whole = readFileSync(glueFrom, 'utf8');
// What the glue doesn't call nobody calls.
const exports = [...exportsOf(module)].filter(({ name }) => !MADE.test(name) || whole.includes(`wasm.${name}`));
const [taken, offered] = [shortened(imports), shortened(exports)];
if (![START, ...UNUSED].every((known) => known.test(whole))) {
  throw new Error('glue.mjs: the glue has a form that is not known');
}
let glue = whole.replace(START, (_, start) => started(start));
for (const unused of UNUSED) glue = glue.replace(unused, '');
if (!IDLE.test(glue) || !THROWS.test(glue)) throw new Error('glue.mjs: its functions have a form that is not known');
glue = glue.replace(IDLE, '').replace(THROWS, (_, name) => `export const ${name} = throwing('${name}');\n`);
glue = THROWING + glue;
// Bundlers would see it, and ship a second copy of the module that nobody loads.
if (glue.includes('import.meta')) throw new Error('glue.mjs: the glue guesses where the module lies');
glue = renamed(glue, taken, (name) => new RegExp(`^( +)${name}(: function)`, 'm'));
glue = renamed(glue, offered, (name) => new RegExp(`(wasm\\.)${name}\\b()`, 'g'));
const list = (items) => Buffer.from([...encoded(items.length), ...items.flat()]);
const importList = imports.map(({ from, name, type }) => [
  ...encodedText(from),
  ...encodedText(taken.get(name) ?? name),
  ...type,
]);
const exportList = exports.map(({ name, type }) => [...encodedText(offered.get(name) ?? name), ...type]);
writeFileSync(glueTo, glue);
writeFileSync(moduleTo, withSections(module, new Map([[2, list(importList)], [7, list(exportList)]])));
