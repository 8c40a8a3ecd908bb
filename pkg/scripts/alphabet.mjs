// Which characters stand for the bytes of a stream, so that brotli makes little of the text.
// Characters of ASCII that need no escape take one byte of UTF-8. Brotli guesses each by what kind
// the one before it is of: letters, digits, brackets, single signs are kinds of their own. So bytes
// that are followed by different things get characters of different kinds.

import { brotliCompressSync, constants } from 'node:zlib';

/** The characters of ASCII that need no escape; the first, NUL, is one that tools stumble over. */
const PLAIN = Array.from({ length: 127 }, (_, at) => at + 1).filter((code) => ![10, 13, 39, 92].includes(code));

/**
 * What brotli takes for one kind (RFC 7932, 7.1): a list of patterns, of which the first that fits
 * counts.
 */
const KINDS = [/ /, /"/, /%/, /\./, /=/, /\t/, /[,:;]/, /[([<{]/, /[)\]>}]/, /[AEIOU]/, /[aeiou]/, /[!-/?@^_`|~]/, /\d/, /[A-Z]/, /[a-z]/, /./];

/** The places of the characters of each kind in an alphabet. */
const ROOM = KINDS.map((_, kind) => {
  const is = (code) => KINDS.findIndex((pattern) => pattern.test(String.fromCharCode(code))) === kind;
  return PLAIN.map((code, place) => (is(code) ? place : -1)).filter((place) => place >= 0);
});

/** So many of the commonest bytes are given a kind with care. */
const CHOSEN = 64;

/** How often all bytes are looked at again. */
const ROUNDS_MAX = 30;

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/**
 * The alphabet that suits a stream: of each place in it, the byte. `undefined` when the bytes as
 * they are suit as well.
 *
 * @param {Uint8Array} stream
 */
export function alphabetFor(stream) {
  const alphabet = chosen(stream);
  const cost = size(write(stream, alphabet)) + size(told(alphabet));
  return cost < size(write(stream, BYTES)) ? alphabet : undefined;
}

/** The text of a stream. */
export function write(stream, alphabet = BYTES) {
  const characters = [];
  alphabet.forEach((byte, place) => (characters[byte] = String.fromCharCode(PLAIN[place] ?? place + 5)));
  return Array.from(stream, (byte) => characters[byte]).join('');
}

/**
 * An alphabet as text without anything to escape: character 93 is byte 0. Bytes that aren't told
 * follow in their order.
 */
export function told(alphabet) {
  return String.fromCharCode(...alphabet.slice(0, PLAIN.length).map((byte) => byte + 93));
}

/**
 * The bytes of texts. Its source becomes part of the package, so it has to stand on its own.
 *
 * @param {string[]} texts one of each stream
 * @param {string[]} alphabets theirs; where there is none, the bytes as they are
 * @param {Uint8Array} bytes where to
 * @returns {number[]} how many of each
 */
export function read(texts, alphabets, bytes) {
  let to = 0;
  return texts.map((text, stream) => {
    const alphabet = new Set(Array.from(alphabets[stream], (character) => character.charCodeAt(0) - 93));
    for (let byte = 0; byte < 256; byte++) alphabet.add(byte);
    const table = [];
    let code = 0;
    for (const byte of alphabet) {
      do code++;
      while (code === 10 || code === 13 || code === 39 || code === 92);
      table[code] = byte;
    }
    for (let i = 0; i < text.length; i++) bytes[to++] = table[text.charCodeAt(i)];
    return text.length;
  });
}

function size(text) {
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

function chosen(stream) {
  const counts = new Array(256).fill(0);
  for (const byte of stream) counts[byte]++;
  const byCount = [...BYTES].sort((a, b) => counts[b] - counts[a] || a - b);
  const common = byCount.slice(0, CHOSEN).filter((byte) => counts[byte] > 0);
  const kinds = kindsOf(stream, common);
  const room = ROOM.map((places) => [...places]);
  const alphabet = new Array(PLAIN.length);
  for (const byte of [...common].sort((a, b) => a - b)) {
    alphabet[room[kinds[common.indexOf(byte)]].shift()] = byte;
  }
  const free = room.flat().sort((a, b) => a - b);
  const others = byCount.slice(common.length, PLAIN.length).sort((a, b) => a - b);
  for (const byte of others) alphabet[free.shift()] = byte;
  return [...alphabet, ...byCount.slice(PLAIN.length).sort((a, b) => a - b)];
}

/**
 * Of each of the commonest bytes the kind, found by moving and swapping as long as that saves bits.
 */
function kindsOf(stream, common) {
  const index = new Map(common.map((byte, at) => [byte, at]));
  const follows = common.map(() => new Float64Array(common.length));
  for (let at = 1; at < stream.length; at++) {
    const [before, after] = [index.get(stream[at - 1]), index.get(stream[at])];
    if (before !== undefined && after !== undefined) follows[before][after]++;
  }
  const free = ROOM.map(({ length }) => length);
  const kinds = common.map(() => {
    const kind = free.findIndex((room) => room > 0);
    free[kind]--;
    return kind;
  });
  const rows = ROOM.map((_, kind) => {
    const row = new Float64Array(common.length);
    kinds.forEach((its, at) => its === kind && add(row, follows[at], 1));
    return row;
  });
  const bits = rows.map(bitsOf);
  for (let round = 0, better = true; better && round < ROUNDS_MAX; round++) {
    better = false;
    for (let at = 0; at < common.length; at++) {
      for (let to = 0; to < kinds.length && to < ROOM.length; to++) {
        const from = kinds[at];
        if (to === from) continue;
        const partners = kinds.flatMap((its, other) => (its === to ? [other] : []));
        if (free[to] > 0) partners.push(-1);
        for (const other of partners) {
          const rests = [from, to].map((kind) => Float64Array.from(rows[kind]));
          for (const [row, sign] of [[rests[0], -1], [rests[1], 1]]) {
            add(row, follows[at], sign);
            if (other >= 0) add(row, follows[other], -sign);
          }
          const news = rests.map(bitsOf);
          if (news[0] + news[1] >= bits[from] + bits[to] - 1) continue;
          [rows[from], rows[to]] = rests;
          [bits[from], bits[to]] = news;
          kinds[at] = to;
          if (other >= 0) kinds[other] = from;
          else {
            free[from]++;
            free[to]--;
          }
          better = true;
          break;
        }
      }
    }
  }
  return kinds;
}

function add(row, other, sign) {
  for (let at = 0; at < row.length; at++) row[at] += sign * other[at];
}

/** How many bits it takes to tell what follows, from how often each does. */
function bitsOf(counts) {
  let [all, sum] = [0, 0];
  for (const count of counts) {
    all += count;
    if (count > 0) sum += count * Math.log2(count);
  }
  return all > 0 ? all * Math.log2(all) - sum : 0;
}
