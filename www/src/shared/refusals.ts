import type { Model } from 'syncline';
import { prefersStillness } from './dom';
import type { AnyProject } from './project';
import type { Toasts } from './toasts';

/** How long a record stays marked after the server refused its change. */
const MARKED_MS = 8000;

/**
 * What the server refuses has gone back in the store (`onRecordError: 'revert'`), and with it in
 * the view. Here the user is told why, and what was sent along gets its second chance: a sync
 * is saved as a whole or not at all.
 */
export class Refusals {
  readonly #project: AnyProject;
  readonly #toasts: Toasts;
  readonly #elementOf: (key: string) => HTMLElement | null;
  readonly #marked = new Set<string>();
  #repaint: (key: string) => void = () => undefined;
  #reverted = 0;

  /** `elementOf` finds the element that shows the record of a key. */
  constructor(project: AnyProject, toasts: Toasts, elementOf: (key: string) => HTMLElement | null) {
    this.#project = project;
    this.#toasts = toasts;
    this.#elementOf = elementOf;
    project.on('syncFail', () => {
      this.#reverted = 0;
      // The records that were refused are told of next.
      setTimeout(() => void this.#continue());
    });
    project.on('recordSyncFail', ({ record, message, reverted }) => {
      // What clashes with somebody else's change waits for the user: see the conflict dialog.
      if (!reverted) return;
      this.#reverted += 1;
      this.#tell(record, message);
    });
  }

  /** Whether the record's change was refused a moment ago. */
  has(record: Model): boolean {
    return this.#marked.has(record.key);
  }

  /** Calls `listener` when the record of this key is to be marked, or no longer. */
  onChange(listener: (key: string) => void): void {
    this.#repaint = listener;
  }

  #tell(record: Model | undefined, message: string): void {
    const name: unknown = record?.get('name');
    const what = typeof name === 'string' && name ? `“${name}”` : 'A change';
    this.#toasts.show({ title: `${what} was put back`, text: message, tone: 'danger' });
    if (record) this.#mark(record.key);
  }

  async #continue(): Promise<void> {
    if (this.#reverted === 0) return;
    // How it went on, good or bad, comes as a status.
    if (this.#project.pendingCount > 0) await this.#project.sync().catch(() => undefined);
  }

  #mark(key: string): void {
    this.#marked.add(key);
    this.#repaint(key);
    this.#shake(key);
    setTimeout(() => {
      this.#marked.delete(key);
      this.#repaint(key);
    }, MARKED_MS);
  }

  #shake(key: string): void {
    if (prefersStillness()) return;
    // The view paints first.
    requestAnimationFrame(() => {
      const offsets = [0, -5, 5, -4, 4, -2, 0];
      const frames = offsets.map((offset) => ({ transform: `translateX(${offset}px)` }));
      this.#elementOf(key)?.animate(frames, { duration: 420, easing: 'ease-out' });
    });
  }
}
