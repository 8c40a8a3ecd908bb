import { standIns } from './ajax-helper.js';
import { asked, asksAnything } from './crud-config.js';
import { type CrudManagerEvents, EVENTS } from './crud-events.js';
import type { CrudManager } from './crud-manager.js';
import {
  EXCHANGES,
  type RequestOptions,
  type RequestType,
  type WireRequest,
  withExchange,
} from './exchange.js';
import { ParamUrl, texts } from './param-url.js';
import { engine } from './runtime.js';
import { checkRecords } from './validity.js';

/** @internal A question of the engine. */
export interface Ask {
  ask: number;
  event: number;
  request: number;
  kind: RequestType;
  pack: string | undefined;
  http: string | undefined;
  body: Uint8Array | undefined;
}

/** @internal */
export function answerAsk(manager: CrudManager<any>, ask: Ask): void {
  const name = EVENTS[ask.event] as keyof CrudManagerEvents;
  if (name === 'invalid') {
    checkRecords(manager);
    engine().answer(ask.ask, true, undefined, undefined, undefined);
  } else if (name === 'beforeSend') askBeforeSend(manager, ask);
  else if (ask.pack === undefined) askBeforeApply(manager, ask, name);
  else askWithPack(manager, ask, name);
}

function askWithPack(manager: CrudManager<any>, ask: Ask, name: keyof CrudManagerEvents): void {
  const pack = JSON.parse(ask.pack as string);
  const serialized = name === 'beforeSync' && serialize(manager, pack);
  // What the engine wrote may differ from what JSON.stringify writes.
  const before = serialized || !manager._hears(name) ? undefined : JSON.stringify(pack);
  whenAsked(manager, manager._fire(name, { pack }), (proceed) => {
    const after = serialized || before !== undefined ? jsonOf(manager, pack, name) : undefined;
    // One that has no JSON form can't be sent: the original goes out.
    const changed = after === before ? undefined : after;
    engine().answer(ask.ask, proceed, changed, undefined, undefined);
  });
}

function askBeforeApply(manager: CrudManager<any>, ask: Ask, name: keyof CrudManagerEvents): void {
  const exchange = EXCHANGES.get(ask.request);
  if (exchange !== undefined) exchange.touched = false;
  const options = exchange?.loadOptions ?? {};
  const event = withExchange({ requestType: ask.kind, options }, exchange);
  whenAsked(manager, manager._fire(name, event), (proceed) => {
    // One that has no JSON form can't be applied, and the original isn't what the listener wants:
    // the request fails.
    const content = exchange?.touched ? (jsonOf(manager, exchange.response, name) ?? '') : undefined;
    engine().answer(ask.ask, proceed, content, undefined, undefined);
  });
}

function askBeforeSend(manager: CrudManager<any>, ask: Ask): void {
  const section = manager._transports[ask.kind];
  const { params, queryParams, headers } = section;
  if (!asksAnything(section)) {
    outfit(manager, ask, {}, {});
    return;
  }
  Promise.all([asked(queryParams), asked(params), asked(headers)]).then(
    ([more, own, named]) => {
      if (!manager.isDestroyed) outfit(manager, ask, { ...more, ...own }, named);
    },
    (thrown) => {
      if (manager.isDestroyed) return;
      manager._threw('beforeSend', thrown);
      const why = `headers or params threw: ${String(thrown)}`;
      engine().answer(ask.ask, false, why, undefined, undefined);
    },
  );
}

/** Lets listeners see the request as it would go out, and change it. */
function outfit(
  manager: CrudManager<any>,
  ask: Ask,
  own: Record<string, unknown>,
  named: Record<string, unknown>,
): void {
  const http = JSON.parse(ask.http as string) as WireRequest;
  const section = manager._transports[ask.kind];
  const url = new ParamUrl(http.url);
  const params = { ...url.params, ...texts(own) };
  let pack = ask.body === undefined ? undefined : new TextDecoder().decode(ask.body);
  const name = manager._packName(ask.kind);
  // What stands for the server is told what was packed.
  const encodes = manager._replaces('encode') && !standIns.has(url.path);
  if (encodes) {
    const encoded = encode(manager, pack ?? params[name] ?? 'null');
    if (encoded === null) {
      engine().answer(ask.ask, false, 'encode() gave no text', undefined, undefined);
      return;
    }
    if (pack === undefined) params[name] = encoded;
    else pack = encoded;
  }
  const inBody = section.addQueryParamsToBody === true && pack !== undefined;
  const form = pack !== undefined && manager._isForm(ask.kind);
  const formOf = (params: object) =>
    String(new URLSearchParams({ ...params, [name]: pack as string }));
  const moved = (all: object) => (inBody ? withoutOwn(all, section.url) : {});
  const body = form ? formOf(moved(params)) : pack;
  const config: RequestOptions & { body?: string } = {
    ...http.fetchOptions,
    method: http.method,
    url: url.path,
    headers: { ...Object.fromEntries(http.headers), ...texts(named) },
    ...(body !== undefined && { body }),
  };
  if (form) asForm(config.headers);
  const { kind } = ask;
  const event = { type: kind, crudManager: manager, requestType: kind, params, requestConfig: config };
  whenAsked(manager, manager._fire('beforeSend', event), (proceed) => {
    const { url: path, method, headers, body: text, ...fetchOptions } = event.requestConfig ?? {};
    const last = texts(event.params);
    const rest = moved(last);
    const inUrl = Object.entries(last).filter(([name]) => !Object.hasOwn(rest, name));
    const request = {
      method,
      url: url.compose(String(path), Object.fromEntries(inUrl)),
      headers: Object.entries(texts(headers)),
      fetchOptions,
    };
    const sent = text === body && inBody ? formOf(rest) : text;
    const bytes =
      text === body && !form && !encodes
        ? ask.body
        : typeof sent === 'string'
          ? new TextEncoder().encode(sent)
          : undefined;
    engine().answer(ask.ask, proceed, undefined, jsonOf(manager, request, 'beforeSend'), bytes);
  });
}

/** The pack as the app writes it; `null` when it can't. */
function encode(manager: CrudManager<any>, pack: string): string | null {
  try {
    const text: unknown = manager.encode(JSON.parse(pack));
    return typeof text === 'string' ? text : null;
  } catch (thrown) {
    manager._threw('encode', thrown);
    return null;
  }
}

/** Parameters but those that stand in a URL itself. */
function withoutOwn(params: object, url = ''): object {
  const { params: own } = new ParamUrl(url);
  return Object.fromEntries(Object.entries(params).filter(([name]) => !Object.hasOwn(own, name)));
}

function asForm(headers: Record<string, string>): void {
  for (const name of Object.keys(headers)) {
    if (name.toLowerCase() === 'content-type') delete headers[name];
  }
  headers['Content-Type'] = 'application/x-www-form-urlencoded';
}

function jsonOf(manager: CrudManager<any>, value: unknown, name: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (thrown) {
    manager._threw(name, thrown);
    return undefined;
  }
}

function whenAsked(
  manager: CrudManager<any>,
  verdict: boolean | Promise<boolean>,
  answer: (proceed: boolean) => void,
): void {
  if (typeof verdict === 'boolean') {
    answer(verdict);
    return;
  }
  verdict.then(
    (proceed) => {
      if (!manager.isDestroyed) answer(proceed);
    },
    (thrown) => manager._threw('before', thrown),
  );
}

/** Lets fields say how they are written; whether any did. */
function serialize(manager: CrudManager<any>, pack: any): boolean {
  let any = false;
  for (const store of manager.stores) {
    const section = pack[store.id];
    const fields = store._serialized();
    if (section === undefined || fields.length === 0) continue;
    const phantomName = store._phantomIdName;
    const idName = store._idName;
    for (const row of [...(section.added ?? []), ...(section.updated ?? [])]) {
      const record = store.getById(row[phantomName] ?? row[idName]);
      if (record === undefined) continue;
      for (const field of fields) {
        const path = (field.config.writeSource ?? field.config.dataSource ?? field.name).split('.');
        const last = path.pop() as string;
        const holder = path.reduce((at, part) => at?.[part], row);
        if (holder === undefined || !Object.hasOwn(holder, last)) continue;
        holder[last] = field.serialize?.(record.get(field.name), record);
        any = true;
      }
    }
  }
  return any;
}
