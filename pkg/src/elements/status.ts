import type { CrudManager } from '../crud-manager.js';
import type { SyncStatus } from '../crud-events.js';
import { SynclineElement, make, onWindow, styles } from './base.js';

/** The words of {@link SynclineStatus}; `pending` is how many records wait. */
export interface StatusTexts {
  loading: string;
  saved: string;
  saving: string;
  offline(pending: number): string;
  retrying(pending: number): string;
  failed: string;
  retry: string;
}

const TEXTS: StatusTexts = {
  loading: 'Loading…',
  saved: 'All changes saved',
  saving: 'Saving…',
  offline: (pending) =>
    pending === 0 ? 'Offline' : `Offline · ${pending.toLocaleString()} pending`,
  retrying: (pending) =>
    pending === 0 ? 'Reconnecting…' : `Reconnecting… · ${pending.toLocaleString()} pending`,
  failed: 'Sync error',
  retry: 'Retry',
};

/** A save that is over sooner would flicker: `saving` is shown at least as long, in ms. */
const SAVING_SHOWN_MS = 700;

const SHEET = styles(`
:host { display: inline-flex; }
.pill {
  display: inline-flex; align-items: center; gap: 8px; padding: 5px 12px;
  border: 1px solid var(--_line); border-radius: 999px; background: var(--_surface);
  white-space: nowrap;
}
.dot { width: 8px; height: 8px; flex: none; border-radius: 50%; background: var(--_state); }
.pill[data-state='saving'] .dot, .pill[data-state='loading'] .dot {
  animation: pulse 1s ease-in-out infinite alternate;
}
.pill { --_state: var(--_ink-soft); }
.pill[data-state='saved'] { --_state: var(--_good); }
.pill[data-state='saving'], .pill[data-state='loading'] { --_state: var(--_accent); }
.pill[data-state='offline'], .pill[data-state='retrying'] { --_state: var(--_warn); }
.pill[data-state='failed'] { --_state: var(--_bad); }
button { padding: 0 8px; border-color: transparent; text-decoration: underline; }
@keyframes pulse { from { opacity: 0.35; } }
@media (prefers-reduced-motion: reduce) { .dot { animation: none !important; } }
`);

/**
 * `<syncline-status>`: whether the user's work is safe. Shows where its {@link project} stands,
 * says it to screen readers, and offers to try again when something failed. Parts: `pill`, `dot`,
 * `text`, `retry`; the attribute `state` of the element has the status.
 */
export class SynclineStatus extends SynclineElement<StatusTexts> {
  readonly #text = make('span', { part: 'text' });
  readonly #said = make('span', { class: 'for-readers', role: 'status' });
  readonly #retry = make('button', { part: 'retry', type: 'button', hidden: true });
  readonly #pill: HTMLElement;
  #shown: SyncStatus | undefined;
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super(TEXTS, SHEET);
    const dot = make('span', { class: 'dot', part: 'dot', 'aria-hidden': 'true' });
    this.#pill = make('span', { class: 'pill', part: 'pill' }, dot, this.#text, this.#retry);
    this._root.append(this.#pill, this.#said);
    this.#retry.addEventListener('click', () => void this.#again());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** @internal */
  protected override _listen(project: CrudManager<any>): (() => void)[] {
    const show = (): void => this._show(project);
    return [project.on('status', show), onWindow('online', show), onWindow('offline', show)];
  }

  /** @internal */
  protected override _show(project: CrudManager<any> | null): void {
    clearTimeout(this.#timer);
    this.#pill.hidden = project === null || project.isDestroyed;
    if (project === null || project.isDestroyed) return;
    const status = wanted(project);
    const left = this.#since + SAVING_SHOWN_MS - performance.now();
    if (this.#shown === 'saving' && status === 'saved' && left > 0) {
      this.#timer = setTimeout(() => this._show(project), left);
      return;
    }
    if (status === 'saving' && this.#shown !== 'saving') this.#since = performance.now();
    this.#shown = status;
    const text = this.#words(status, project.pendingCount);
    this.#text.textContent = text;
    // `Saving…` at each edit would be chatter for those who listen to the page.
    if (status !== 'saving' && this.#said.textContent !== text) this.#said.textContent = text;
    this.#pill.dataset['state'] = status;
    this.setAttribute('state', status);
    this.#retry.textContent = this.texts.retry;
    this.#retry.hidden = status !== 'failed' && status !== 'retrying';
  }

  #words(status: SyncStatus, pending: number): string {
    const { texts } = this;
    if (status === 'offline' || status === 'retrying') return texts[status](pending);
    return status === 'pending' ? texts.saving : texts[status];
  }

  async #again(): Promise<void> {
    const { project } = this;
    if (project === null || project.isDestroyed) return;
    // The outcome, good or bad, comes as a status.
    const again = project.pendingCount > 0 ? project.sync() : project.load();
    await again.catch(() => undefined);
  }
}

/** What waits for autoSync is as good as being saved, for the user. */
function wanted(project: CrudManager<any>): SyncStatus {
  const { status } = project;
  const waits = status === 'pending' || status === 'saving' || status === 'saved';
  if (waits && navigator.onLine === false) return 'offline';
  return status === 'pending' ? 'saving' : status;
}
