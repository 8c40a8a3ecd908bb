import type { SynclineConflictDialog } from 'syncline/elements';
import { byId } from './dom';
import { count } from './format';
import type { AnyProject } from './project';

/** A save shorter than this would flicker: `Saving…` stays at least as long. */
const SAVING_SHOWN_MS = 900;
const BACK_ONLINE_SHOWN_MS = 4000;

type State = 'loading' | 'saved' | 'saving' | 'offline' | 'error' | 'conflict';

/** The pill in the header and the strip below it: whether the user's work is safe. */
export class StatusView {
  readonly #project: AnyProject;
  readonly #pill = byId<HTMLButtonElement>('pill');
  readonly #text = byId('pill-text');
  readonly #announcement = byId('pill-announce');
  readonly #strip = byId('strip');
  #state: State = 'loading';
  #savingSince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stripTimer: ReturnType<typeof setTimeout> | undefined;
  #wasOffline = false;
  #loadFailed = false;

  constructor(project: AnyProject) {
    this.#project = project;
    project.on('loadFail', () => (this.#loadFailed = true));
    project.on('load', () => (this.#loadFailed = false));
    project.on('status', () => this.#update());
    // A conflict is told of before it stands in the list.
    for (const event of ['conflict', 'conflictResolved'] as const)
      project.on(event, () => queueMicrotask(() => this.#update()));
    this.#pill.addEventListener('click', () => void this.#retry());
    addEventListener('online', () => this.#update());
    addEventListener('offline', () => this.#update());
  }

  #update(): void {
    clearTimeout(this.#timer);
    const next = this.#wanted();
    const wait = this.#savingSince + SAVING_SHOWN_MS - performance.now();
    if (this.#state === 'saving' && next === 'saved' && wait > 0) {
      this.#timer = setTimeout(() => this.#update(), wait);
      return;
    }
    if (next === 'saving' && this.#state !== 'saving') this.#savingSince = performance.now();
    this.#show(next);
  }

  #wanted(): State {
    switch (this.#project.status) {
      case 'loading':
        return 'loading';
      case 'pending':
      case 'saving':
        if (!navigator.onLine) return 'offline';
        return this.#onlyConflicts() ? 'conflict' : 'saving';
      case 'retrying':
      case 'offline':
        return 'offline';
      case 'failed':
        // What was refused has been put back and told of: there is nothing to try again.
        return this.#project.pendingCount > 0 || this.#loadFailed ? 'error' : 'saved';
      default:
        return navigator.onLine ? 'saved' : 'offline';
    }
  }

  #show(state: State): void {
    const text = this.#label(state);
    if (this.#text.textContent !== text) {
      this.#text.textContent = text;
      // `Saving…` at each edit would be chatter for those who listen to the page.
      if (state !== 'saving') this.#announcement.textContent = text;
    }
    this.#state = state;
    this.#pill.dataset['state'] = state;
    const canRetry = state === 'error' || state === 'conflict' || (state === 'offline' && navigator.onLine);
    this.#pill.disabled = !canRetry;
    const title = state === 'conflict' ? 'Decide now' : 'Try again now';
    this.#pill.title = canRetry ? title : '';
    this.#showStrip(state);
  }

  #label(state: State): string {
    const pending = this.#project.pendingCount;
    switch (state) {
      case 'loading':
        return 'Loading…';
      case 'saving':
        return 'Saving…';
      case 'offline':
        return pending > 0 ? `Offline · ${pending.toLocaleString()} pending` : 'Offline';
      case 'conflict':
        return `${count(this.#project.conflicts.length, 'conflict')} · decide`;
      case 'error':
        return 'Sync error · retry';
      case 'saved':
        return 'All changes saved';
    }
  }

  #showStrip(state: State): void {
    if (state === 'offline') {
      clearTimeout(this.#stripTimer);
      this.#wasOffline = true;
      this.#strip.dataset['tone'] = 'offline';
      const why = navigator.onLine ? 'The server can’t be reached.' : 'You are offline.';
      this.#strip.textContent = `${why} Keep working: changes are kept here and sent later.`;
      this.#strip.hidden = false;
    } else if (state === 'saved' && this.#wasOffline) {
      this.#wasOffline = false;
      this.#strip.dataset['tone'] = 'online';
      this.#strip.textContent = 'Back online. Everything is saved.';
      this.#stripTimer = setTimeout(() => (this.#strip.hidden = true), BACK_ONLINE_SHOWN_MS);
    } else if (state === 'error' || state === 'conflict') {
      this.#wasOffline = false;
      this.#strip.hidden = true;
    }
  }

  /** Whether all that isn't saved waits for the user to decide. */
  #onlyConflicts(): boolean {
    const { conflicts, pendingCount } = this.#project;
    return conflicts.length > 0 && pendingCount <= conflicts.length;
  }

  async #retry(): Promise<void> {
    if (this.#state === 'conflict') {
      document.querySelector<SynclineConflictDialog>('syncline-conflict-dialog')?.open();
      return;
    }
    const { pendingCount } = this.#project;
    // The outcome, good or bad, comes as a status.
    await (pendingCount > 0 ? this.#project.sync() : this.#project.load()).catch(() => undefined);
  }
}
