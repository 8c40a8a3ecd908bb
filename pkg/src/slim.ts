import { SyncError } from './errors.js';
import { startOnce } from './init.js';

export * from './api.js';

/** Where the engine is to be had: `engine.wasm` of this package, in one of these forms. */
export type EngineSource =
  string | URL | Request | Response | Promise<Response> | BufferSource | WebAssembly.Module;

/** Options of {@link init}. */
export interface InitOptions {
  /** Its address, its bytes, the answer of a request, or a compiled module. */
  wasm: EngineSource;
}

/**
 * Starts the engine from where the app says. Has to be awaited once, before stores and managers are
 * made; further calls give the same promise. After a failure it can be called again.
 */
export function init(options: InitOptions): Promise<void> {
  return startOnce(() => compile(options?.wasm));
}

async function compile(source: EngineSource): Promise<WebAssembly.Module> {
  const given = await source;
  if (given instanceof WebAssembly.Module) return given;
  if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return WebAssembly.compile(given);
  if (given instanceof Response) return fromResponse(given);
  if (typeof given === 'string' || given instanceof URL || given instanceof Request) {
    return fromResponse(await fetch(given));
  }
  throw new SyncError(
    'INVALID_ARGUMENT',
    'init({ wasm }) wants the address, the bytes or the module of engine.wasm',
  );
}

async function fromResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new SyncError(
      'INIT_FAILED',
      `engine.wasm: HTTP ${response.status}`,
      true,
      response.status,
    );
  }
  const type = response.headers.get('Content-Type') ?? '';
  if (type.startsWith('application/wasm')) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
