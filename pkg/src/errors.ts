/** What class of mistake or fault a {@link SyncError} is. */
export type ErrorCode =
  /** A method was called before `await init()`. */
  | 'NOT_INITIALIZED'
  /** The engine could not be loaded or compiled; `init()` can be called again. */
  | 'INIT_FAILED'
  /** The store or manager has been destroyed. */
  | 'DESTROYED'
  /** Another record of the same store has that id. */
  | 'DUPLICATE_ID'
  /** An argument of the wrong kind or out of range. */
  | 'INVALID_ARGUMENT'
  /** An option that can't be used as given. */
  | 'INVALID_CONFIG'
  /** The record belongs to another store. */
  | 'FOREIGN_RECORD'
  /** No URL is configured for the request. */
  | 'NO_URL'
  /** A named limit was reached. */
  | 'LIMIT'
  /** The field isn't there and can't be made. */
  | 'UNKNOWN_FIELD'
  /** The record was removed, or there never was one. */
  | 'UNKNOWN_RECORD'
  /** No store of that name. */
  | 'UNKNOWN_STORE'
  /** A listener said no. */
  | 'VETOED'
  /** A newer request, a cancel or a destroy took its place. */
  | 'CANCELLED'
  /** The server could not be reached, or the connection broke. */
  | 'NETWORK'
  /** No answer within the configured time. */
  | 'TIMEOUT'
  /** The answer can't be read. */
  | 'BAD_RESPONSE'
  /** An HTTP status outside of 200 to 299. */
  | 'HTTP'
  /** The server answered `success: false`. */
  | 'REFUSED'
  /** The server refused because its data is newer. */
  | 'CONFLICT'
  /** Somebody else has locked the record. */
  | 'LOCKED';

const CANCELLED: ReadonlySet<ErrorCode> = new Set(['CANCELLED', 'VETOED', 'DESTROYED']);

/** What Syncline throws and rejects with: a code to decide by, a sentence to read. */
export class SyncError extends Error {
  /** @internal Minified code has other names. */ static override readonly name: string =
    'SyncError';
  override readonly name = 'SyncError';
  /** What class it is. */
  readonly code: ErrorCode;
  /** Whether the same request may succeed when it is sent again. */
  readonly retryable: boolean;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;

  /** The server's answer as JSON, `null` when there was none that can be read. */
  declare readonly response: any;
  /** The server's answer as text. */
  declare readonly responseText: string;
  /** What `fetch` gave, where there was an answer. */
  declare readonly rawResponse: Response | undefined;

  constructor(code: ErrorCode, message: string, retryable = false, status?: number) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.status = status;
  }

  /** Whether the request ended because somebody took it back, rather than failed. */
  get cancelled(): boolean {
    return CANCELLED.has(this.code);
  }
}

// Overridden on the errors of requests that were answered.
Object.defineProperties(SyncError.prototype, {
  response: { value: null, writable: true, configurable: true },
  responseText: { value: '', writable: true, configurable: true },
  rawResponse: { value: undefined, writable: true, configurable: true },
});

/** @internal Refuses what is there and is no object with members. */
export function checkObject(what: string, value: unknown): void {
  if (value != null && (typeof value !== 'object' || Array.isArray(value))) {
    throw new SyncError('INVALID_CONFIG', `${what} must be an object`);
  }
}

/** @internal Refuses what is no array. */
export function checkList(name: string, list: unknown): void {
  if (Array.isArray(list)) return;
  throw new SyncError('INVALID_ARGUMENT', `${name} must be an array`);
}

/** @internal A value in words, whatever it is: not everything can be made text. */
export function inWords(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** @internal Refuses what is no position in a list. */
export function checkPosition(method: string, position: unknown): void {
  if (Number.isInteger(position) && (position as number) >= 0) return;
  throw new SyncError('INVALID_ARGUMENT', `${method}() wants a position from 0`);
}

/** @internal Refuses what can't be called. */
export function checkFunction(method: string, fn: unknown): void {
  if (typeof fn === 'function') return;
  throw new SyncError('INVALID_ARGUMENT', `${method}() wants a function`);
}

/** @internal Refuses options that are no object, or whose lists are none. */
export function checkOptions(what: string, options: unknown, lists: readonly string[]): void {
  if (options === null || typeof options !== 'object') {
    throw new SyncError('INVALID_CONFIG', `${what}: the options must be an object`);
  }
  for (const name of lists) {
    const list = (options as Record<string, unknown>)[name];
    if (list !== undefined && !Array.isArray(list)) {
      throw new SyncError('INVALID_CONFIG', `${what}: ${name} must be an array`);
    }
  }
}
