import * as glue from '../wasm/syncline.js';
import { makeRequest, sendRequest } from './ajax-helper.js';
import { settleCall } from './calls.js';
import { signalOf } from './crud-config.js';
import { managers } from './crud-manager.js';
import { SyncError } from './errors.js';
import { EXCHANGES, Exchange, type RequestType } from './exchange.js';
import { type Ask, answerAsk } from './manager-asks.js';
import { tellEvent } from './manager-events.js';
import { type Wasm, engine, isStarted, makeError, startEngine } from './runtime.js';
import { type Sending, ownWay } from './transport.js';
import { absorbNotices, deliverNotices } from './notices.js';
import { zoneTable } from './zone.js';

let starting: Promise<void> | undefined;

/** @internal Starts the engine once. A failure can be tried again. */
export function startOnce(module: () => Promise<WebAssembly.Module>): Promise<void> {
  if (isStarted()) return Promise.resolve();
  starting ??= module()
    .then(start)
    .catch((thrown: unknown) => {
      starting = undefined;
      if (thrown instanceof SyncError) throw thrown;
      const error = new SyncError(
        'INIT_FAILED',
        `the engine could not be started: ${String(thrown)}`,
        true,
      );
      error.cause = thrown;
      throw error;
    });
  return starting;
}

async function start(module: WebAssembly.Module): Promise<void> {
  if (isStarted()) return;
  const exports = await glue.default({ module_or_path: module });
  startEngine(callable(exports), exports.memory, facade);
  engine().setZone(zoneTable());
}

/**
 * What the glue makes of the results of these the facade doesn't need: called as they are, like all
 * that the glue leaves out.
 */
const DIRECT = ['findNumber', 'findText', 'pack', 'version', 'fieldCount'] as const;

function callable(exports: glue.InitOutput): Wasm {
  const wasm = { ...exports, ...glue } as unknown as Record<string, unknown>;
  for (const name of DIRECT) wasm[name] = exports[name];
  return wasm as unknown as Wasm;
}

const kindOf = (kind: number): RequestType => (kind === 0 ? 'load' : 'sync');

/** What the shell calls; see `src/wasm/facade.rs`. */
const facade = {
  absorb: absorbNotices,
  deliver: deliverNotices,
  makeError,

  ask(
    ask: number,
    manager: number,
    event: number,
    request: number,
    kind: number,
    pack: string | undefined,
    http: string | undefined,
    body: Uint8Array | undefined,
  ): void {
    const question: Ask = { ask, event, request, kind: kindOf(kind), pack, http, body };
    const asking = managers.get(manager);
    if (asking !== undefined) answerAsk(asking, question);
  },

  event(manager: number, event: number, kind: number, request: number, detail: string): void {
    const telling = managers.get(manager);
    if (telling === undefined) return;
    tellEvent(telling, event, kindOf(kind), request, detail === '' ? {} : JSON.parse(detail));
  },

  settle: settleCall,

  request: (url: string, init: Record<string, any>, request: number) =>
    ownWay(EXCHANGES.get(request), url, init) ?? makeRequest(url, init),
  fetch: (made: Request | Sending) => ('send' in made ? made.send() : sendRequest(made)),

  sent(request: number, manager: number, kind: number, http: string): void {
    const exchange = new Exchange(kindOf(kind), JSON.parse(http));
    EXCHANGES.set(request, exchange);
    const sending = managers.get(manager);
    if (sending === undefined) return;
    exchange.manager = sending;
    const signal = signalOf(sending._transports[exchange.kind]);
    exchange.watch(signal, () => engine().cancel(manager, -1));
    if (exchange.kind !== 'load') return;
    exchange.loadOptions = sending._loadOptions;
    // The next load may be nobody's.
    sending._loadOptions = {};
  },

  head(request: number, response: Response): void {
    const exchange = EXCHANGES.get(request);
    if (exchange !== undefined) exchange.raw ??= response;
  },

  chunk(request: number, bytes: Uint8Array): void {
    EXCHANGES.get(request)?.add(bytes);
  },

  release(request: number): void {
    EXCHANGES.get(request)?.watch(undefined);
    EXCHANGES.delete(request);
  },

  channel(manager: number, act: number, epoch: number, text: string): void {
    managers.get(manager)?.channel?._act(act, epoch, text);
  },

  report(thrown: unknown): void {
    console.error('Syncline: a callback threw', thrown);
  },
};
