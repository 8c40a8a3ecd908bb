import { byId, h } from './dom';
import type { AnyProject } from './project';

/** Says in the middle of the view why nothing is shown, with a way on where there is one. */
export function showNotice(title: string, text: string, retry: (() => void) | null): void {
  const notice = byId('notice');
  notice.replaceChildren(
    h('p', { class: 'notice-title' }, title),
    h('p', { class: 'notice-text' }, text),
  );
  if (retry) {
    const attributes = { type: 'button', class: 'button button-primary', onclick: retry };
    notice.append(h('button', attributes, 'Try again'));
  }
  notice.hidden = false;
}

/** Loads what the page shows; says so, and offers to try again, when that fails. */
export async function loadOrTell(
  project: AnyProject,
  title: string,
  loaded: () => void,
): Promise<void> {
  byId('notice').hidden = true;
  try {
    await project.load();
    loaded();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    showNotice(title, message, () => void loadOrTell(project, title, loaded));
  }
}
