import type { SyncError } from './errors.js';
import { EXCHANGES, withExchange } from './exchange.js';

/** What a load or a sync gives: the answer of the server. */
export interface CrudResult {
  /** The server's answer, parsed when it is first read. */
  readonly response: any;
  /** The answer as text. */
  readonly responseText: string;
  /** What `fetch` gave; its body has been read. */
  readonly rawResponse: Response;
}

interface Call {
  resolve(result: CrudResult | null): void;
  reject(error: unknown): void;
}

/** Promises that the engine is to settle, by number. */
const calls = new Map<number, Call>();
const callOf = new WeakMap<Promise<unknown>, number>();
let nextCall = 0;

/** @internal Makes the promise of a call that `send` hands to the engine. */
export function makeCall(send: (call: number) => void): Promise<CrudResult | null> {
  const call = nextCall++;
  const promise = new Promise<CrudResult | null>((resolve, reject) => {
    calls.set(call, { resolve, reject });
    try {
      send(call);
    } catch (thrown) {
      calls.delete(call);
      reject(thrown);
    }
  });
  callOf.set(promise, call);
  return promise;
}

/** @internal The number of a promise that isn't settled. */
export function openCall(promise: Promise<unknown>): number | undefined {
  const call = callOf.get(promise);
  return call !== undefined && calls.has(call) ? call : undefined;
}

/** @internal */
export function settleCall(call: number, request: number, error: SyncError | undefined): void {
  const waiting = calls.get(call);
  if (waiting === undefined) return;
  calls.delete(call);
  const exchange = EXCHANGES.get(request);
  if (error !== undefined) {
    waiting.reject(exchange === undefined ? error : withExchange(error, exchange));
  } else if (request < 0) {
    waiting.resolve(null);
  } else {
    waiting.resolve(withExchange({}, exchange) as CrudResult);
  }
}
