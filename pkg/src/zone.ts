const DAY = 86_400_000;

/** Shorter than any stretch of summer time, the suspensions for Ramadan included. */
const STEP = 14 * DAY;

/** Before it, and after {@link TO}, the nearest known offset holds. */
const FROM = 0;
const TO = Date.UTC(2038, 0, 1);

/**
 * The offsets of the host's time zone, as pairs of the moment from which one holds and the offset
 * (both ms, east positive).
 */
export function zoneTable(offsetAt: (ms: number) => number = hostOffset): Float64Array {
  const pairs: number[] = [];
  let before = offsetAt(FROM);
  pairs.push(FROM, before);
  for (let from = FROM; from < TO; from += STEP) {
    const after = offsetAt(from + STEP);
    if (after === before) continue;
    let low = from;
    let high = from + STEP;
    // Offsets change on whole minutes.
    while (high - low > 60_000) {
      const middle = Math.floor((low + high) / 120_000) * 60_000;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    pairs.push(high, after);
    before = after;
  }
  return Float64Array.from(pairs);
}

function hostOffset(ms: number): number {
  return -new Date(ms).getTimezoneOffset() * 60_000;
}
