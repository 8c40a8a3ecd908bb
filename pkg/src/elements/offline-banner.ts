import type { CrudManager } from '../crud-manager.js';
import { SynclineElement, make, onWindow, styles } from './base.js';

/** The words of {@link SynclineOfflineBanner}; `pending` is how many records wait. */
export interface OfflineTexts {
  offline(pending: number): string;
  unreachable(pending: number): string;
  back: string;
  retry: string;
}

const kept = (pending: number): string => {
  if (pending === 0) return 'Keep working: changes are kept here and saved later.';
  const changes = pending === 1 ? '1 change is' : `${pending.toLocaleString()} changes are`;
  return `${changes} kept here and will be saved later.`;
};

const TEXTS: OfflineTexts = {
  offline: (pending) => `You are offline. ${kept(pending)}`,
  unreachable: (pending) => `The server can’t be reached. ${kept(pending)}`,
  back: 'Back online. Everything is saved.',
  retry: 'Try now',
};

/** How long the good news stays, in ms. */
const BACK_SHOWN_MS = 4000;

const SHEET = styles(`
:host { display: block; }
.banner {
  display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 4px 12px;
  padding: 8px 16px; background: var(--_warn-surface); color: var(--_warn);
}
.banner[data-state='back'] {
  background: color-mix(in oklab, var(--_good) 14%, var(--_surface)); color: var(--_good);
}
button { padding: 2px 10px; border-color: currentColor; background: none; }
`);

/**
 * `<syncline-offline-banner>`: there while the browser is offline or the server out of reach, with
 * what that means for the user's work; then, for a moment, that everything is saved. Parts:
 * `banner`, `text`, `retry`.
 */
export class SynclineOfflineBanner extends SynclineElement<OfflineTexts> {
  readonly #text = make('span', { part: 'text' });
  readonly #retry = make('button', { part: 'retry', type: 'button' });
  readonly #banner: HTMLElement;
  readonly #region = make('div', { role: 'status' });
  #away = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super(TEXTS, SHEET);
    this.#banner = make('div', { class: 'banner', part: 'banner' }, this.#text, this.#retry);
    this.#banner.hidden = true;
    // The region has to be there before it changes, or screen readers stay silent.
    this.#region.append(this.#banner);
    this._root.append(this.#region);
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
    if (project === null || project.isDestroyed) {
      this.#away = false;
      this.#banner.hidden = true;
      return;
    }
    const { status, pendingCount } = project;
    const online = navigator.onLine !== false;
    if (!online || status === 'offline' || status === 'retrying') {
      this.#away = true;
      const words = online ? this.texts.unreachable : this.texts.offline;
      this.#put('away', words(pendingCount), online);
    } else if (status === 'saved' && this.#away) {
      this.#away = false;
      this.#put('back', this.texts.back, false);
      this.#timer = setTimeout(() => (this.#banner.hidden = true), BACK_SHOWN_MS);
    } else if (!this.#away || status === 'failed') {
      this.#away = false;
      this.#banner.hidden = true;
    }
  }

  #put(state: string, text: string, canRetry: boolean): void {
    this.#banner.dataset['state'] = state;
    this.#banner.hidden = false;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#retry.textContent = this.texts.retry;
    this.#retry.hidden = !canRetry;
  }

  async #again(): Promise<void> {
    const { project } = this;
    if (project === null || project.isDestroyed) return;
    const again = project.pendingCount > 0 ? project.sync() : project.load();
    await again.catch(() => undefined);
  }
}
