import { h, icon, ICONS } from '../shared/dom';
import { dayText, isThisYear } from '../shared/format';
import { cssColor } from '../shared/palette';
import { ring } from '../shared/live';
import type { Peer } from '../shared/live';
import { avatars } from '../shared/people';
import type { Person } from '../shared/project';
import type { BoardTask } from './project';

const AVATARS_SHOWN_MAX = 4;

/** What a card shows besides what its record says. */
export interface CardFacts {
  priority: { text: string; color: string } | null;
  people: Person[];
  canComplete: boolean;
  isPending: boolean;
  isRefused: boolean;
  /** Who else has it in hand. */
  editors: readonly Peer[];
}

/** The element of a card. Its buttons stay the same for its life, and with them the focus. */
export class Card {
  readonly element: HTMLElement;
  readonly #open: HTMLButtonElement;
  readonly #complete: HTMLButtonElement;
  readonly #lock: HTMLElement;
  readonly #text: HTMLElement;
  readonly #foot: HTMLElement;
  #ring: HTMLElement | null = null;
  #shown = '';

  constructor(readonly record: BoardTask) {
    this.#open = h('button', {
      type: 'button',
      class: 'card-open',
      'aria-describedby': 'board-hint',
    });
    this.#complete = h('button', { type: 'button', class: 'card-complete' }, icon(ICONS.check));
    const locked = h('span', { class: 'sr-only' }, 'Locked');
    this.#lock = h('span', { class: 'card-lock' }, icon(ICONS.lock), locked);
    this.#text = h('p', { class: 'card-text' });
    this.#foot = h('div', { class: 'card-foot' });
    const head = h('div', { class: 'card-head' }, this.#complete, this.#open, this.#lock);
    const key = { 'data-key': record.key };
    this.element = h('li', { class: 'card', ...key }, head, this.#text, this.#foot);
  }

  focus(): void {
    this.#open.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  show(facts: CardFacts): void {
    const { record, element } = this;
    element.classList.toggle('is-pending', facts.isPending);
    element.classList.toggle('is-refused', facts.isRefused);
    element.classList.toggle('is-done', record.isDone);
    const shown = this.#signature(facts);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const name = record.name || '(no name)';
    this.#open.textContent = name;
    this.#complete.hidden = !facts.canComplete;
    this.#complete.disabled = record.isDone;
    const label = record.isDone ? `“${name}” is complete` : `Mark “${name}” as complete`;
    this.#complete.setAttribute('aria-label', label);
    this.#complete.title = record.isDone ? 'Complete' : 'Mark as complete';
    this.#lock.hidden = record.readOnly !== true;
    this.#text.textContent = record.description ?? '';
    this.#text.hidden = !record.description;
    element.toggleAttribute('data-colored', Boolean(record.eventColor));
    if (record.eventColor) element.style.setProperty('--card', cssColor(record.eventColor));
    this.#foot.replaceChildren(...footOf(record, facts));
    // A deadline with a year leaves less room for the rest.
    const { deadline } = record;
    this.#foot.toggleAttribute('data-tight', deadline !== null && !isThisYear(deadline));
    this.#foot.hidden = this.#foot.childElementCount === 0;
    this.#ring?.remove();
    this.#ring = ring(facts.editors);
    if (this.#ring) element.append(this.#ring);
  }

  #signature({ priority, people, canComplete, editors }: CardFacts): string {
    const { name, description, deadline, isDone, isOverdue, readOnly, eventColor } = this.record;
    const who = people.map((person) => [person.key, person.name, person.eventColor]);
    const hands = editors.map(({ userName, color }) => [userName, color]);
    const values = [name, description, deadline, isDone, isOverdue, readOnly, eventColor];
    return JSON.stringify([...values, priority, who, canComplete, hands]);
  }
}

function footOf(record: BoardTask, { priority, people }: CardFacts): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (record.deadline) parts.push(deadlineOf(record, record.deadline));
  if (priority) {
    const mark = h(
      'span',
      { class: 'card-priority' },
      icon(ICONS.flag),
      h('span', {}, shortened(priority.text)),
    );
    mark.title = priority.text;
    mark.style.setProperty('--lane', priority.color);
    parts.push(mark);
  }
  if (people.length > 0) {
    const names = people.map(({ name }) => name).join(', ');
    const spoken = h('span', { class: 'sr-only' }, `Assigned: ${names}`);
    const stack = h(
      'span',
      { class: 'card-people', title: names },
      ...avatars(people, AVATARS_SHOWN_MAX),
      spoken,
    );
    parts.push(stack);
  }
  return parts;
}

function deadlineOf(record: BoardTask, deadline: Date): HTMLElement {
  const { isOverdue } = record;
  const attributes = { class: 'card-deadline', 'data-overdue': String(isOverdue) };
  const mark = h('span', attributes, icon(ICONS.calendar), dayText(deadline));
  mark.title = isOverdue ? 'Overdue' : 'Deadline';
  mark.prepend(h('span', { class: 'sr-only' }, isOverdue ? 'Overdue since' : 'Deadline'));
  return mark;
}

/** `High` of `High Priority`: on a card it goes without saying. */
function shortened(text: string): string {
  return text.replace(/\s+priority$/i, '') || text;
}
