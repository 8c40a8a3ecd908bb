import type { RequestType } from './exchange.js';
import type { Store } from './store.js';

/** @internal What is wrong with the form of an answer, in sentences; for developers of servers. */
export function formErrors(
  kind: RequestType,
  response: any,
  stores: readonly Store<any>[],
  needsSuccess: boolean,
): string[] {
  if (!isObject(response)) return ['the answer is no JSON object'];
  const errors: string[] = [];
  if (needsSuccess && typeof response.success !== 'boolean') errors.push('"success" is missing');
  if (response.requestId === undefined) errors.push('"requestId" is missing');
  const known = new Set(stores.map(({ id }) => id));
  for (const [name, section] of Object.entries<any>(response)) {
    if (!known.has(name) && Array.isArray(section?.rows)) {
      errors.push(`"${name}" is a section, but there is no such store`);
    }
  }
  for (const store of stores) {
    const section = response[store.id];
    if (section === undefined) {
      if (kind === 'load') errors.push(`"${store.id}" is missing: the store stays as it is`);
    } else sectionErrors(kind, store, section, errors);
  }
  return errors;
}

function sectionErrors(kind: RequestType, store: Store<any>, section: any, errors: string[]): void {
  const { id: name, _idName: idName } = store;
  const say = (what: string) => errors.push(`"${name}": ${what}`);
  if (section === null || typeof section !== 'object') {
    say('a section must be an object with "rows"');
    return;
  }
  const data = section.rows ?? section.data?.rows ?? section.data;
  const rows = Array.isArray(section) ? section : data;
  if (rows === undefined) {
    if (kind === 'load' && section.added === undefined && section.updated === undefined) {
      say('"rows" is missing');
    }
  } else rowErrors(rows, 'rows', idName, say);
  if (section.removed !== undefined) rowErrors(section.removed, 'removed', idName, say);
  if (section.total !== undefined && typeof section.total !== 'number') {
    say('"total" is no number');
  }
}

function rowErrors(rows: any, what: string, idName: string, say: (what: string) => void): void {
  if (!Array.isArray(rows)) {
    say(`"${what}" is no array`);
    return;
  }
  const seen = new Set<string>();
  let [nameless, twice, odd] = [0, 0, 0];
  for (const row of rows) {
    const plain = what === 'removed' && ['string', 'number'].includes(typeof row);
    if (!plain && !isObject(row)) {
      odd++;
      continue;
    }
    const id = plain ? row : idName.split('.').reduce((at, part) => at?.[part], row);
    if (id === undefined || id === null) nameless++;
    else if (seen.has(String(id))) twice++;
    else seen.add(String(id));
  }
  if (odd > 0) say(`${odd} of "${what}" are no objects`);
  if (nameless > 0) say(`${nameless} of "${what}" have no "${idName}"`);
  if (twice > 0) say(`${twice} of "${what}" have an id that another one has`);
}

function isObject(value: unknown): value is Record<string, any> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
