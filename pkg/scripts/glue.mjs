// Makes the glue of wasm-bindgen small: the names that it and the module have between them say what they are, with a hash each; and it
// can load modules in ways that the package has no use for.
//
//   node scripts/glue.mjs <glue> <module> <glue> <module>

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { encoded, encodedText, exportsOf, importsOf, withSections } from './module.mjs';

/** What wasm-bindgen named; the shell's own exports keep their names, for the facade calls them. */
const MADE = /^_|^wasm_bindgen__/;

/** A function of the glue that takes a response, bytes or a module; the package always gives a module. */
const LOAD = /async function __wbg_load\(module, imports\) \{\n[^]*?\n\}\n/;

const LOAD_MODULE = `async function __wbg_load(module, imports) {
    return { module, instance: await WebAssembly.instantiate(module, imports) };
}
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
if (!LOAD.test(whole)) throw new Error('glue.mjs: the glue loads modules in a way that is not known');
let glue = whole.replace(LOAD, LOAD_MODULE);
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
