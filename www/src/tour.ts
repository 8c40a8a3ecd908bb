import { h, icon, ICONS } from './dom';
import type { Project } from './project';

const STEPS = {
  drag: 'Drag an event to another time, and reload the page.',
  offline: 'Stop the server or go offline, keep working, and start it again.',
  refused: 'Move the locked “Company all-hands”: the server says no.',
} as const;

type Step = keyof typeof STEPS;

/** Three things to try. Each is ticked off when it has happened, whoever did it. */
export class Tour {
  readonly #steps = new Map<Step, HTMLElement>();
  #isSaving = false;
  #wasOffline = false;

  constructor(root: HTMLElement) {
    const list = h('ol', {});
    for (const [step, text] of Object.entries(STEPS) as [Step, string][]) {
      const mark = h('span', { class: 'tour-mark' }, icon(ICONS.check));
      const item = h('li', { class: 'tour-step', 'data-done': 'false' }, mark, h('span', {}, text));
      this.#steps.set(step, item);
      list.append(item);
    }
    root.append(h('h2', { class: 'tour-title', id: 'tour-title' }, 'Try it'), list);
  }

  watch(project: Project): void {
    project.on('status', ({ status, pending }) => {
      if (status === 'saving') this.#isSaving = true;
      const isAway = status === 'offline' || status === 'retrying';
      if (isAway && pending > 0) this.#wasOffline = true;
      if (status !== 'saved') return;
      if (this.#isSaving) this.#done('drag');
      if (this.#isSaving && this.#wasOffline) this.#done('offline');
      this.#isSaving = this.#wasOffline = false;
    });
    project.on('recordSyncFail', () => this.#done('refused'));
  }

  #done(step: Step): void {
    const item = this.#steps.get(step);
    if (!item || item.dataset['done'] === 'true') return;
    item.dataset['done'] = 'true';
    item.append(h('span', { class: 'sr-only' }, 'Done'));
  }
}
