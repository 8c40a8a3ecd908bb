// Finds its way in the bytes of a WebAssembly module.

/**
 * Where a module's code section begins and ends, and each function, the length of its code first.
 */
export function codeOf(module) {
  for (const { id, start, from, end } of sectionsOf(module)) {
    if (id !== 10) continue;
    const { value: count, end: first } = numberAt(module, from);
    const functions = [];
    for (let place = first; functions.length < count; ) {
      functions.push(place);
      const length = numberAt(module, place);
      place = length.end + length.value;
    }
    return { start, end, functions };
  }
  throw new Error('the module has no code');
}

/** The sections of a module: from where they start, with their content's place. */
export function* sectionsOf(module) {
  for (let start = 8; start < module.length; ) {
    const { value, end: from } = numberAt(module, start + 1);
    yield { id: module[start], start, from, end: from + value };
    start = from + value;
  }
}

/** A number in LEB128, and where it ends. */
export function numberAt(module, at) {
  let [value, shift, part] = [0, 0, 128];
  for (; part > 127; shift += 7) {
    part = module[at++];
    value += (part & 127) * 2 ** shift;
  }
  return { value, end: at };
}

/**
 * What a module takes from outside: module and name as texts, and the bytes that say what it is.
 */
export function* importsOf(module) {
  const section = [...sectionsOf(module)].find(({ id }) => id === 2);
  if (section === undefined) return;
  let { value: left, end: at } = numberAt(module, section.from);
  const number = () => {
    const { value, end } = numberAt(module, at);
    at = end;
    return value;
  };
  const text = () => {
    const length = number();
    return module.toString('utf8', at, (at += length));
  };
  for (; left > 0; left--) {
    const names = [text(), text()];
    const from = at;
    const kind = module[at++];
    if (kind === 0) number();
    else if (kind === 3) at += 2;
    else {
      // A table has a type before its limits.
      if (kind === 1) at++;
      const bounded = number() & 1;
      number();
      if (bounded) number();
    }
    yield { from: names[0], name: names[1], kind, type: module.subarray(from, at) };
  }
}

/** How many functions come from outside: they are counted first. */
export function importedFunctions(module) {
  return [...importsOf(module)].filter(({ kind }) => kind === 0).length;
}

/** What a module offers: name, and the bytes that say what it is. */
export function* exportsOf(module) {
  const section = [...sectionsOf(module)].find(({ id }) => id === 7);
  let { value: left, end: at } = numberAt(module, section.from);
  for (; left > 0; left--) {
    const length = numberAt(module, at);
    const from = length.end + length.value;
    at = numberAt(module, from + 1).end;
    yield { name: module.toString('utf8', length.end, from), type: module.subarray(from, at) };
  }
}

/** A text with its length before it. */
export function encodedText(text) {
  const bytes = Buffer.from(text);
  return [...encoded(bytes.length), ...bytes];
}

/** A module with other contents of some sections, by their ids. */
export function withSections(module, contents) {
  const sections = [...sectionsOf(module)].flatMap(({ id, start, end }) => {
    const content = contents.get(id);
    return content ? [Buffer.from([id, ...encoded(content.length)]), content] : [module.subarray(start, end)];
  });
  return Buffer.concat([module.subarray(0, 8), ...sections]);
}

/** A number as LEB128. */
export function encoded(value) {
  const bytes = [];
  do bytes.push((value & 127) | (value > 127 ? 128 : 0));
  while ((value >>>= 7));
  return bytes;
}

/** Whether a section holds the names of functions. */
export function isNames(module, { id, from }) {
  return id === 0 && module.toString('latin1', from, from + 5) === '\x04name';
}

/** The names of functions, by their numbers. */
export function namesOf(module) {
  const names = new Map();
  const section = [...sectionsOf(module)].find((one) => isNames(module, one));
  for (let at = section?.from + 5; at < section?.end; ) {
    const kind = module[at];
    const size = numberAt(module, at + 1);
    at = size.end + size.value;
    if (kind !== 1) continue;
    let { value: left, end: place } = numberAt(module, size.end);
    for (; left > 0; left--) {
      const index = numberAt(module, place);
      const length = numberAt(module, index.end);
      place = length.end + length.value;
      names.set(index.value, module.toString('utf8', length.end, place));
    }
  }
  return names;
}
