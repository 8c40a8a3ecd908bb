import { h, icon, ICONS } from './dom';
import { isPane } from './identity';
import type { AnyProject } from './project';

/** What to try, in the page's words. `keyboard` is ticked off by the page, the rest by itself. */
export interface Steps {
  drag?: string;
  offline: string;
  locked?: string;
  refused?: string;
  keyboard?: string;
  seen?: string;
  conflict?: string;
}

export type Step = keyof Steps;

/** What a page tells the one that it stands in. */
export interface StepDone {
  synclineStep: Step;
}

/** A few things to try. Each is ticked off when it has happened, whoever did it. */
export class Tour {
  readonly #steps = new Map<Step, HTMLElement>();
  #isSaving = false;
  #wasOffline = false;

  constructor(root: HTMLElement, steps: Steps) {
    const list = h('ol', {});
    for (const [step, text] of Object.entries(steps) as [Step, string][]) {
      const mark = h('span', { class: 'tour-mark' }, icon(ICONS.check));
      const item = h('li', { class: 'tour-step', 'data-done': 'false' }, mark, h('span', {}, text));
      this.#steps.set(step, item);
      list.append(item);
    }
    root.append(h('h2', { class: 'tour-title', id: 'tour-title' }, 'Try it'), list);
  }

  watch(project: AnyProject): void {
    project.on('status', ({ status, pending }) => {
      if (status === 'saving') this.#isSaving = true;
      const isAway = status === 'offline' || status === 'retrying';
      if (isAway && pending > 0) this.#wasOffline = true;
      if (status !== 'saved') return;
      if (this.#isSaving) this.done('drag');
      if (this.#isSaving && this.#wasOffline) this.done('offline');
      this.#isSaving = this.#wasOffline = false;
    });
    project.on('recordSyncFail', ({ record }) => {
      this.done('refused');
      if (record?.get('readOnly') === true) this.done('locked');
    });
    project.on('conflictResolved', () => this.done('conflict'));
    project.channel?.on('remoteChange', () => this.done('seen'));
  }

  /** Ticks a step off. */
  done(step: Step): void {
    const told: StepDone = { synclineStep: step };
    if (isPane() && parent !== window) parent.postMessage(told, location.origin);
    const item = this.#steps.get(step);
    if (!item || item.dataset['done'] === 'true') return;
    item.dataset['done'] = 'true';
    item.append(h('span', { class: 'sr-only' }, 'Done'));
  }
}
