// Interleaved rounds: ours, plain, ours, plain …, so that a noisy machine hits both alike.

export const median = values => {
    const sorted = [...values].sort((a, b) => a - b), mid = sorted.length >> 1;
    return sorted.length % 2 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
};

const pause = () => new Promise(done => setTimeout(done));

/**
 * Runs each side `rounds` times in turn and gives the median time per operation in ms. A side is a
 * function that does `ops` operations, or `{ before, run, after }` where only `run` is timed.
 */
export async function compare(sides, { rounds = 9, ops = 1, warmup = 2 } = {}) {
    const names = Object.keys(sides), times = Object.fromEntries(names.map(name => [name, []]));
    for (let round = -warmup; round < rounds; round++) {
        // Turn the order about, so that none always runs in the other's shadow.
        for (const name of round % 2 ? names : [...names].reverse()) {
            const side = typeof sides[name] === 'function' ? { run: sides[name] } : sides[name];
            const state = await side.before?.();
            await pause();
            const start = performance.now();
            const result = side.run(state);
            const time = performance.now() - start;
            sink(result);
            await side.after?.(state);
            if (round >= 0) times[name].push(time / ops);
        }
    }
    return Object.fromEntries(names.map(name => [name, median(times[name])]));
}

let sunk = 0;
/** Uses a result, so that the engine can't leave the work out. */
export function sink(value) {
    if (value === sink) throw new Error('never');
    sunk = (sunk + 1) | 0;
}
