import type { CrudTransport } from './crud-transport.js';

/** Load or sync. */
export type RequestType = 'load' | 'sync';

/** A request as listeners see it. */
export interface RequestOptions {
  method: string;
  url: string;
  headers: Record<string, string>;
  [fetchOption: string]: unknown;
}

/** @internal How the shell tells of a request. */
export interface WireRequest {
  method: string;
  url: string;
  headers: [string, string][];
  fetchOptions: Record<string, unknown> | null;
}

/** @internal */
export const EXCHANGES = new Map<number, Exchange>();

/** @internal One request and its answer, as much of it as somebody can ask for. */
export class Exchange {
  /** What `fetch` gave. */
  raw: Response | undefined;
  /** The answer's bytes; gone once they were parsed and nobody else can ask. */
  private chunks: Uint8Array[] = [];
  private text: string | undefined;
  private parsed: unknown;
  private isParsed = false;
  /** A listener has seen the response, so that it may have changed it. */
  touched = false;
  private unwatch: () => void = () => {};
  /** What the call of load() asked for. */
  loadOptions: object = {};
  /** Whose it is. */
  manager: CrudTransport | undefined;

  constructor(
    readonly kind: RequestType,
    readonly request: WireRequest,
  ) {}

  /** Ends the request with the app's signal; without one, that counts no more. */
  watch(signal: AbortSignal | undefined, end: () => void = () => {}): void {
    this.unwatch();
    if (signal === undefined) return;
    let ended = false;
    const abort = () => {
      if (!ended) end();
    };
    this.unwatch = () => {
      ended = true;
      signal.removeEventListener('abort', abort);
    };
    // Not from within what sends it.
    if (signal.aborted) queueMicrotask(abort);
    else signal.addEventListener('abort', abort);
  }

  add(chunk: Uint8Array): void {
    if (this.text === undefined) this.chunks.push(chunk);
  }

  /** The app has read the answer by itself. */
  take(raw: Response, text: string, said: unknown): void {
    this.raw = raw;
    this.text = text;
    this.isParsed = true;
    this.parsed = said;
  }

  /** The answer as text. */
  get responseText(): string {
    if (this.text === undefined) {
      const decoder = new TextDecoder();
      let text = '';
      for (const chunk of this.chunks) text += decoder.decode(chunk, { stream: true });
      this.text = text + decoder.decode();
      this.chunks = [];
    }
    return this.text;
  }

  /** The answer as JSON: parsed when somebody asks, once. `null` when it isn't JSON. */
  get response(): any {
    this.touched = true;
    if (!this.isParsed) {
      try {
        this.parsed = JSON.parse(this.responseText);
      } catch {
        this.parsed = null;
      }
      this.isParsed = true;
    }
    return this.parsed;
  }

  set response(replacement: unknown) {
    this.touched = true;
    this.isParsed = true;
    this.parsed = replacement;
  }

  get options(): RequestOptions {
    const { method, url, headers, fetchOptions } = this.request;
    return { ...fetchOptions, method, url, headers: Object.fromEntries(headers) };
  }
}

/** @internal Gives an event (or error, or result) what it says about the answer. */
export function withExchange<T extends object>(target: T, exchange: Exchange | undefined): T {
  const lazy = (name: string, get: () => unknown, set?: (value: unknown) => void) =>
    Object.defineProperty(target, name, {
      enumerable: true,
      configurable: true,
      get,
      ...(set && { set }),
    });
  lazy(
    'response',
    () => exchange?.response ?? null,
    (value) => {
      if (exchange !== undefined) exchange.response = value;
    },
  );
  lazy('responseText', () => exchange?.responseText ?? '');
  Object.defineProperty(target, 'rawResponse', {
    enumerable: true,
    configurable: true,
    // Listeners look at its status: without an answer it is 0.
    value: exchange?.raw ?? Response.error(),
  });
  return target;
}
