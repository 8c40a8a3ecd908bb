import { SyncError } from './errors.js';

/** Asking the server for news. */
export interface PollingConfig {
  /** How long after the last answer, in ms. */
  interval: number;
  /** By loads (default), or by syncs, which go out without changes too. */
  mode?: 'load' | 'sync';
  /** Not while the page is hidden (default). */
  pauseWhenHidden?: boolean;
  /** Not while there are changes that the server hasn't confirmed (default). */
  skipWhileDirty?: boolean;
}

/** Taking a data set over by what is different in it. */
export interface SyncDataOnLoadConfig {
  /**
   * With more records added or removed than this (or than a part of them: `'20%'`), the new data
   * replaces the old as a whole.
   */
  threshold?: number | `${number}%`;
  /** Fields that a row doesn't have keep their values (default), or become `null`. */
  keepMissingValues?: boolean;
}

type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

/** Units of time. */
export type DurationUnit = Unit | `${Unit}s`;

/** Loading parts of the data, when they are wanted. */
export interface LazyLoadConfig {
  /** How many rows a request asks for; 100 when not given. */
  chunkSize?: number;
  /** The unit of `bufferAmount`; `day` when not given. */
  bufferUnit?: DurationUnit;
  /**
   * How much before and after a span of time is asked for too; as much as the span when not given.
   */
  bufferAmount?: number;
  /** The id of the store that is counted in rows; `resources` when not given, or the first one. */
  store?: string;
  /** The same as `chunkSize`, where other code has it. */
  lazyLoad?: { chunkSize?: number };
}

/** A part of the data: a span of time, some rows, the children of a record. */
export interface DataPart {
  startDate?: Date | number | string;
  endDate?: Date | number | string;
  startIndex?: number;
  count?: number;
  parentId?: string | number | null;
}

/** What a request for a part of the data says. */
export interface DataPartParams {
  startIndex?: number;
  count?: number;
  startDate?: Date;
  endDate?: Date;
  parentId?: string | number;
  page?: number;
  pageSize?: number;
  /** The ids of the stores that are asked for. */
  stores: string[];
}

const DAY = 86_400_000;

const UNITS: Record<Unit, number> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY,
  week: 7 * DAY,
  month: 31 * DAY,
  quarter: 92 * DAY,
  year: 366 * DAY,
};

/** @internal */
export function enginePolling(
  given: PollingConfig | number | false | null | undefined,
): object | undefined {
  if (given === undefined) return undefined;
  if (given === false || given === null) return { interval: 0 };
  return typeof given === 'number' ? { interval: given } : given;
}

/** @internal */
export function engineDifferences(
  given: boolean | SyncDataOnLoadConfig | undefined,
): object | undefined {
  if (given == null || given === false) return undefined;
  if (given === true) return {};
  const { threshold, keepMissingValues } = given;
  const options: Record<string, unknown> = { dropMissingValues: keepMissingValues === false };
  if (typeof threshold === 'string') {
    const percent = /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(threshold)?.[1];
    if (percent === undefined) {
      throw new SyncError('INVALID_CONFIG', `syncDataOnLoad.threshold: "${threshold}" is no part`);
    }
    options[threshold.includes('%') ? 'percent' : 'threshold'] = Number(percent);
  } else options.threshold = threshold;
  return options;
}

/** @internal */
export function engineLazy(given: boolean | LazyLoadConfig | undefined): object | undefined {
  if (given === undefined || given === false || given === null) return undefined;
  if (given === true) return {};
  const { bufferAmount, bufferUnit = 'day', store } = given;
  const unit = UNITS[String(bufferUnit).replace(/s$/, '') as Unit];
  if (unit === undefined) {
    throw new SyncError('INVALID_CONFIG', `lazyLoad.bufferUnit: "${bufferUnit}" is no unit of time`);
  }
  return {
    chunkSize: given.chunkSize ?? given.lazyLoad?.chunkSize,
    buffer: bufferAmount === undefined ? undefined : bufferAmount * unit,
    store,
  };
}

/** @internal What a function that stands for the server is asked, made of a pack. */
export function partParams(pack: any): DataPartParams {
  const { type: _type, requestId: _id, stores, startDate, endDate, ...rest } = pack;
  return {
    ...rest,
    ...(startDate !== undefined && { startDate: new Date(startDate) }),
    ...(endDate !== undefined && { endDate: new Date(endDate) }),
    stores: stores.map((store: any) => store?.id ?? store),
  };
}
