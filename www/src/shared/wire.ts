import { h, icon, ICONS } from './dom';
import { isPane } from './identity';

/** One request, from its start to its end. */
export interface Exchange {
  kind: 'load' | 'sync';
  /** What was sent, in a few words. */
  summary: string;
  sent: unknown;
}

export interface Outcome {
  ok: boolean;
  /** HTTP status, or a word: `no answer`. */
  status: string;
  revision: number | null;
  /** What came, in a few words, where that says more than what was sent. */
  summary?: string;
  received: unknown;
}

const KEPT_MAX = 40;
const JSON_SHOWN_MAX = 6000;
/** In one of two pages side by side the log is what one looks at, where there is room for it. */
const OPEN_HEIGHT_MIN = 700;

/** The panel that shows what goes over the wire: the newest request first. */
export class Wire {
  readonly #list: HTMLElement;
  readonly #root: HTMLElement;
  readonly #toggle: HTMLButtonElement;
  readonly #last: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
    const list = { class: 'wire-list', id: 'wire-list', tabindex: 0, 'aria-label': 'Requests' };
    this.#list = h('ol', list);
    this.#last = h('span', { class: 'wire-last' }, 'Nothing sent yet');
    this.#toggle = h(
      'button',
      {
        type: 'button',
        class: 'wire-toggle',
        'aria-expanded': 'false',
        'aria-controls': 'wire-list',
        onclick: () => this.#setOpen(this.#root.dataset['open'] !== 'true'),
      },
      h('span', { class: 'wire-title', id: 'wire-title' }, 'On the wire'),
      this.#last,
      icon(ICONS.chevron),
    );
    const hint = h(
      'p',
      { class: 'wire-hint' },
      'Each save is one small request: only what changed, with the revision it was based on.',
    );
    const quiet = h('input', {
      type: 'checkbox',
      onchange: () => (this.#root.dataset['quiet'] = String(!quiet.checked)),
    });
    const filter = h('label', { class: 'wire-filter' }, quiet, 'Heartbeats, presence, acks');
    root.dataset['quiet'] = 'true';
    root.append(this.#toggle, hint, filter, this.#list);
    this.#setOpen(isPane() && innerHeight >= OPEN_HEIGHT_MIN);
  }

  /** Shows a request that has just gone out; call what it returns when the answer is there. */
  begin(exchange: Exchange): (outcome: Outcome) => void {
    const start = performance.now();
    const summary = h('span', { class: 'wire-summary' }, exchange.summary);
    const status = h('span', { class: 'wire-status' }, '…');
    const meta = h('span', { class: 'wire-meta' });
    const body = h('div', { class: 'wire-body' });
    const row = h(
      'details',
      { class: 'wire-row', 'data-state': 'running' },
      h(
        'summary',
        {},
        h('span', { class: 'wire-kind', 'data-kind': exchange.kind }, exchange.kind),
        summary,
        status,
        meta,
      ),
      body,
    );
    let received: unknown;
    const fill = () => {
      if (!row.open) return;
      body.replaceChildren(block('Sent', exchange.sent), block('Answered', received));
    };
    // Pretty-printing a large answer takes its time: only for those who look.
    row.addEventListener('toggle', fill);
    this.#put(row, false);
    return (outcome) => {
      const ms = Math.max(1, Math.round(performance.now() - start));
      received = outcome.received;
      row.dataset['state'] = outcome.ok ? 'ok' : 'failed';
      status.textContent = outcome.status;
      if (outcome.summary) summary.textContent = outcome.summary;
      const revision = outcome.revision === null ? '' : `rev ${outcome.revision} · `;
      meta.textContent = `${revision}${ms} ms`;
      this.#last.textContent = `${exchange.kind} · ${outcome.status} · ${meta.textContent}`;
      fill();
    };
  }

  /** Shows a message of the channel: what comes all the time only to those who want to see it. */
  note(direction: 'in' | 'out', message: unknown): void {
    const frame = frameOf(message);
    const { type, revision } = frame;
    const isQuiet = QUIET.has(type);
    const summary = wordsOf(frame);
    const arrow = direction === 'in' ? '↓' : '↑';
    const body = h('div', { class: 'wire-body' });
    const row = h(
      'details',
      { class: 'wire-row', 'data-state': 'ok' },
      h(
        'summary',
        {},
        h('span', { class: 'wire-kind', 'data-kind': 'live' }, `${arrow} live`),
        h('span', { class: 'wire-summary' }, summary),
        h('span', { class: 'wire-status' }),
        h('span', { class: 'wire-meta' }, revision === null ? '' : `rev ${revision}`),
      ),
      body,
    );
    const what = direction === 'in' ? 'Received' : 'Sent';
    row.addEventListener('toggle', () => body.replaceChildren(block(what, message)));
    this.#put(row, isQuiet);
    if (!isQuiet) this.#last.textContent = `${arrow} ${summary}`;
  }

  /** The newest comes first. What is quiet never crowds out the rest. */
  #put(row: HTMLElement, isQuiet: boolean): void {
    this.#list.prepend(h('li', { 'data-quiet': isQuiet }, row));
    const alike = this.#list.querySelectorAll(isQuiet ? 'li[data-quiet]' : 'li:not([data-quiet])');
    for (const old of [...alike].slice(KEPT_MAX)) old.remove();
  }

  #setOpen(isOpen: boolean): void {
    this.#root.dataset['open'] = String(isOpen);
    this.#toggle.setAttribute('aria-expanded', String(isOpen));
  }
}

/** Messages that come all the time, and say nothing of records. */
const QUIET: ReadonlySet<string> = new Set(['ping', 'pong', 'heartbeat', 'presence', 'ack']);

function frameOf(message: unknown): { type: string; data: unknown; revision: number | null } {
  let frame = message;
  if (typeof frame === 'string') {
    try {
      frame = JSON.parse(frame);
    } catch {
      return { type: frame as string, data: null, revision: null };
    }
  }
  const { type, data, revision } = asRecord(frame);
  return {
    type: String(type ?? 'message'),
    data,
    revision: typeof revision === 'number' ? revision : null,
  };
}

/** A message in a few words: what of it a person asks for. */
function wordsOf({ type, data }: { type: string; data: unknown }): string {
  const { action, userName, recordType, recordId, type: store, id } = asRecord(data);
  const place = [recordType ?? store, recordId ?? id];
  const what = place.every(Boolean) ? ` ${place.map(String).join(' ')}` : '';
  if (type === 'sync') return `sync · ${summarize(asRecord(data))}`;
  if (type === 'presence' && Array.isArray(data)) return `presence · ${data.length} here`;
  if (type === 'presence') return `presence · ${String(action)}${what}`;
  if (!what) return type;
  return `${type} ·${what}${userName ? ` · ${String(userName)}` : ''}`;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function block(label: string, value: unknown): HTMLElement {
  let text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '–');
  if (text.length > JSON_SHOWN_MAX) {
    const more = (text.length - JSON_SHOWN_MAX).toLocaleString();
    text = `${text.slice(0, JSON_SHOWN_MAX)}\n… ${more} more characters`;
  }
  return h('div', { class: 'wire-block' }, h('span', {}, label), h('pre', { tabindex: 0 }, text));
}

/** `2 updated, 1 added`, from a sync package. */
export function summarize(pack: Record<string, unknown>): string {
  const counts = { added: 0, updated: 0, removed: 0 };
  for (const section of Object.values(pack)) {
    if (typeof section !== 'object' || section === null) continue;
    for (const command of ['added', 'updated', 'removed'] as const) {
      const rows = (section as Record<string, unknown>)[command];
      if (Array.isArray(rows)) counts[command] += rows.length;
    }
  }
  const words = Object.entries(counts).filter(([, amount]) => amount > 0);
  return words.map(([command, amount]) => `${amount} ${command}`).join(', ') || 'no changes';
}
