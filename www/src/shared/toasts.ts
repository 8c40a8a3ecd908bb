import { h, icon, ICONS } from './dom';

export interface Toast {
  title: string;
  text?: string;
  tone?: 'plain' | 'danger' | 'warning';
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 7000;
const SHOWN_MAX = 3;

/** Short messages in the corner. They block nothing and go by themselves, unless one is reading. */
export class Toasts {
  readonly #root: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  show({ title, text, tone = 'plain', action }: Toast): void {
    const toast = h(
      'div',
      { class: 'toast', 'data-tone': tone, role: tone === 'danger' ? 'alert' : null },
      h(
        'div',
        { class: 'toast-body' },
        h('p', { class: 'toast-title' }, title),
        text ? h('p', { class: 'toast-text' }, text) : null,
      ),
    );
    const close = () => toast.remove();
    if (action) {
      const run = () => {
        close();
        action.run();
      };
      toast.append(h('button', { type: 'button', class: 'button', onclick: run }, action.label));
    }
    const dismiss = {
      type: 'button',
      class: 'button button-icon button-quiet',
      'aria-label': `Dismiss: ${title}`,
      onclick: close,
    };
    toast.append(h('button', dismiss, icon(ICONS.close)));
    this.#root.append(toast);
    while (this.#root.childElementCount > SHOWN_MAX) this.#root.firstElementChild?.remove();
    leaveWhenUnread(toast, close);
  }
}

function leaveWhenUnread(toast: HTMLElement, close: () => void): void {
  let timer = setTimeout(close, SHOWN_MS);
  const stay = () => clearTimeout(timer);
  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(close, SHOWN_MS);
  };
  toast.addEventListener('pointerenter', stay);
  toast.addEventListener('focusin', stay);
  toast.addEventListener('pointerleave', leave);
  toast.addEventListener('focusout', leave);
}
