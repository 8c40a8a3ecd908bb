import { SyncError, inWords } from './errors.js';

/** What a field holds. */
export type FieldType =
  | 'auto'
  | 'string'
  | 'number'
  | 'integer'
  | 'int'
  | 'boolean'
  | 'bool'
  | 'date'
  | 'object'
  | 'array';

/** A declared field of a model. */
export interface FieldConfig {
  /** Its name for the app. */
  name: string;
  /** What it holds; whatever comes when not given. */
  type?: FieldType | (string & {});
  /** Its wire name; dots make nested objects. The name when not given. */
  dataSource?: string;
  /** Taken from older code: dots in `dataSource` make nested objects anyway. */
  complexMapping?: boolean;
  /** What a record that doesn't say gets: a value, or a function that makes one. */
  defaultValue?: unknown;
  /**
   * How dates are written: `YYYY-MM-DD`, `YYYY-MM-DD HH:mm:ss`, …; ISO 8601 with the zone's offset
   * when not given.
   */
  format?: string;
  /** Whether changes are sent; `true` when not given. */
  persist?: boolean;
  /** Whether it goes along with every update. */
  alwaysWrite?: boolean;
  /** Its name in what is sent, dots for nested objects; `dataSource` when not given. */
  writeSource?: string;
  /**
   * Makes what the app sees of what came from the server or was set. Asked when the field is read,
   * and its answer is kept.
   */
  convert?(value: any, record: any): unknown;
  /** Makes what is sent of what the app sees. */
  serialize?(value: any, record: any): unknown;
}

/** A field's declaration, or just its name. */
export type FieldInput = FieldConfig | string;

/** @internal How a field's values are read and written. */
export interface Field {
  readonly name: string;
  /** Its place in a record's row. */
  readonly ix: number;
  readonly kind: Kind;
  /** Whether numbers are kept as they are. */
  readonly takesNumbers: boolean;
  /** The same of texts. */
  readonly takesTexts: boolean;
  readonly config: FieldConfig;
  readonly convert: FieldConfig['convert'];
  readonly serialize: FieldConfig['serialize'];
}

/** @internal */
export const enum Kind {
  Auto,
  Text,
  Number,
  Integer,
  Boolean,
  Date,
  Object,
  Array,
}

const KINDS: Record<string, Kind> = {
  auto: Kind.Auto,
  string: Kind.Text,
  number: Kind.Number,
  integer: Kind.Integer,
  int: Kind.Integer,
  boolean: Kind.Boolean,
  bool: Kind.Boolean,
  date: Kind.Date,
  object: Kind.Object,
  array: Kind.Array,
};

/** @internal */
export function fieldConfig(input: FieldInput): FieldConfig {
  const config = typeof input === 'string' ? { name: input } : input;
  if (typeof config?.name !== 'string' || config.name === '') {
    throw new SyncError('INVALID_CONFIG', 'a field needs a name');
  }
  if (config.type !== undefined && !Object.hasOwn(KINDS, inWords(config.type))) {
    const known = Object.keys(KINDS).join(', ');
    throw new SyncError('INVALID_CONFIG', `field "${config.name}": type must be one of ${known}`);
  }
  for (const path of [config.dataSource, config.writeSource]) {
    if (path != null && typeof path !== 'string') {
      throw new SyncError('INVALID_CONFIG', `field "${config.name}": a data source is a name or path`);
    }
  }
  return config;
}

/** @internal */
export function makeField(config: FieldConfig, ix: number): Field {
  const kind = KINDS[config.type ?? 'auto'] ?? Kind.Auto;
  // Of the id, something else becomes than of other values.
  const takes = (only: Kind) => ix !== 0 && (kind === Kind.Auto || kind === only);
  return {
    name: config.name,
    ix,
    kind,
    takesNumbers: takes(Kind.Number),
    takesTexts: takes(Kind.Text),
    config,
    convert: config.convert,
    serialize: config.serialize,
  };
}

/** @internal The field as the engine wants it. */
export function engineField({ config }: Field): object {
  const { name, type, dataSource, format, defaultValue, persist, alwaysWrite, writeSource } = config;
  const plain = typeof defaultValue === 'function' ? undefined : toJsonValue(defaultValue);
  return { name, type, dataSource, format, defaultValue: plain, persist, alwaysWrite, writeSource };
}

/** @internal A value as JSON has it: dates as ISO text, `undefined` stays away. */
export function toJsonValue(value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  return value;
}

/** @internal The declared fields of a model class, those of its ancestors first. */
export class FieldList {
  readonly list: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;

  constructor(list: readonly Field[]) {
    this.list = list;
    this.byName = new Map(list.map((field) => [field.name, field]));
  }

  /** With further declarations; a name that is there already keeps its place. */
  extend(inputs: readonly FieldInput[]): FieldList {
    const list = [...this.list];
    for (const input of inputs) {
      const config = fieldConfig(input);
      const at = list.findIndex((field) => field.name === config.name);
      const old = at < 0 ? undefined : list[at];
      const ix = old?.ix ?? list.length;
      list[ix] = makeField({ ...old?.config, ...config }, ix);
    }
    return new FieldList(list);
  }
}
