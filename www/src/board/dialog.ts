import { h, icon, ICONS } from '../shared/dom';
import { dateValue, parseValue } from '../shared/format';
import { PeopleChips } from '../shared/people';
import type { People } from '../shared/people';
import type { Person } from '../shared/project';
import type { Strip } from './board';
import type { BoardTask } from './project';

/** What the dialog is about to write. */
export interface CardValues {
  name: string;
  description: string | null | undefined;
  column: string;
  lane: string | null;
  deadline: Date | null;
  people: Person[];
}

/** The columns and lanes that a card can be put in. */
export interface Choices {
  columns: readonly Strip<unknown>[];
  lanes: readonly Strip<unknown>[];
}

export interface DialogCallbacks {
  onCreate(values: CardValues): void;
  /** `changes` has only what the user has changed. */
  onChange(record: BoardTask, changes: Partial<CardValues>): void;
  onRemove(record: BoardTask): void;
  onComplete(record: BoardTask): void;
  /** The dialog is gone. */
  onClose(): void;
}

interface Subject {
  record: BoardTask | null;
  values: CardValues;
  isLocked: boolean;
}

/** The dialog in which a card is written, assigned, completed and deleted. */
export class CardDialog {
  readonly #people: People<BoardTask>;
  readonly #callbacks: DialogCallbacks;
  #open: { root: HTMLDialogElement; subject: Subject } | null = null;

  constructor(people: People<BoardTask>, callbacks: DialogCallbacks) {
    this.#people = people;
    this.#callbacks = callbacks;
  }

  /** The record that is being edited. */
  get record(): BoardTask | null {
    return this.#open?.subject.record ?? null;
  }

  edit(record: BoardTask, values: CardValues, choices: Choices): void {
    this.#show({ record, values, isLocked: record.readOnly === true }, choices);
  }

  create(values: CardValues, choices: Choices): void {
    this.#show({ record: null, values, isLocked: false }, choices);
  }

  close(): void {
    this.#open?.root.close();
  }

  #show(subject: Subject, choices: Choices): void {
    this.close();
    const { record, values } = subject;
    const form = new CardForm(values, choices, this.#people);
    const title = h(
      'h2',
      { class: 'dialog-title', id: 'dialog-title' },
      record ? 'Card' : 'New card',
    );
    const attributes = { type: 'button', class: 'button button-icon button-quiet' };
    const cross = { ...attributes, 'aria-label': 'Close', onclick: () => this.close() };
    const locked = h(
      'p',
      { class: 'editor-note' },
      icon(ICONS.lock),
      'Locked: the server refuses changes.',
    );
    const root = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': 'dialog-title' },
      h('div', { class: 'dialog-head' }, title, h('button', cross, icon(ICONS.close))),
      subject.isLocked && locked,
      form.element,
      this.#footer(record, form),
    );
    form.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save(subject, form);
    });
    root.addEventListener('pointerdown', (event) => {
      if (event.target === root && isOutside(event, root)) this.close();
    });
    root.addEventListener('close', () => {
      root.remove();
      this.#open = null;
      this.#callbacks.onClose();
    });
    document.body.append(root);
    this.#open = { root, subject };
    root.showModal();
    form.focus();
  }

  #footer(record: BoardTask | null, form: CardForm): HTMLElement {
    const footer = h('div', { class: 'dialog-foot' });
    if (record) {
      const remove = button('Delete', 'button button-danger', () => {
        this.close();
        this.#callbacks.onRemove(record);
      });
      remove.prepend(icon(ICONS.trash));
      const complete = button('Mark as complete', 'button dialog-complete', () => {
        this.close();
        this.#callbacks.onComplete(record);
      });
      complete.prepend(icon(ICONS.check));
      complete.hidden = record.isDone;
      footer.append(remove, complete);
    } else {
      footer.append(button('Cancel', 'button dialog-first', () => this.close()));
    }
    const save = { type: 'submit', class: 'button button-primary', form: form.element.id };
    footer.append(h('button', save, record ? 'Save' : 'Create'));
    return footer;
  }

  #save({ record, values }: Subject, form: CardForm): void {
    const next = form.read();
    if (!next) return;
    this.close();
    if (record) this.#callbacks.onChange(record, changesOf(values, next));
    else this.#callbacks.onCreate(next);
  }
}

class CardForm {
  readonly element: HTMLFormElement;
  readonly #name: HTMLInputElement;
  readonly #description: HTMLTextAreaElement;
  readonly #column: HTMLSelectElement;
  readonly #lane: HTMLSelectElement;
  readonly #deadline: HTMLInputElement;
  readonly #assigned: Map<string, Person>;

  constructor(values: CardValues, { columns, lanes }: Choices, people: People<BoardTask>) {
    this.#name = h('input', {
      class: 'editor-name',
      type: 'text',
      required: true,
      maxlength: 255,
      placeholder: 'What is to be done?',
      'aria-label': 'Name',
      autocomplete: 'off',
      oninput: () => this.#name.setCustomValidity(''),
    });
    this.#name.value = values.name;
    this.#description = h('textarea', { rows: 4, maxlength: 10_000 });
    this.#description.value = values.description ?? '';
    this.#column = select(columns, values.column);
    this.#lane = select(lanes, values.lane);
    this.#deadline = h('input', { type: 'date' });
    this.#deadline.value = values.deadline ? dateValue(values.deadline) : '';
    this.#assigned = new Map(values.people.map((person) => [person.key, person]));
    const chips = new PeopleChips(
      () => people.all(),
      (person) => this.#assigned.has(person.key),
      (person, on) => {
        if (on) this.#assigned.set(person.key, person);
        else this.#assigned.delete(person.key);
      },
    );
    chips.read();
    this.element = h(
      'form',
      { class: 'dialog-form', id: 'card-form', method: 'dialog' },
      this.#name,
      field('Description', this.#description),
      h(
        'div',
        { class: 'dialog-row' },
        field('Column', this.#column),
        field('Priority', this.#lane),
        field('Deadline', this.#deadline),
      ),
      h('div', { class: 'field' }, h('span', { 'aria-hidden': 'true' }, 'People'), chips.element),
    );
  }

  focus(): void {
    this.#name.focus();
    this.#name.select();
  }

  /** What the form says; `null`, and the user is told, when that is nothing to save. */
  read(): CardValues | null {
    const name = this.#name.value.trim();
    if (!name) {
      this.#name.setCustomValidity('A card needs a name.');
      this.#name.reportValidity();
      return null;
    }
    return {
      name,
      description: this.#description.value.trim() || null,
      column: this.#column.value,
      lane: this.#lane.value || null,
      deadline: this.#deadline.value ? parseValue(this.#deadline.value) : null,
      people: [...this.#assigned.values()],
    };
  }
}

/** What others change meanwhile in other fields stays as they left it. */
function changesOf(old: CardValues, next: CardValues): Partial<CardValues> {
  const changes: Partial<CardValues> = {};
  if (next.name !== old.name) changes.name = next.name;
  if (next.description !== (old.description || null)) changes.description = next.description;
  if (next.column !== old.column) changes.column = next.column;
  if (next.lane !== old.lane) changes.lane = next.lane;
  if (next.deadline?.getTime() !== old.deadline?.getTime()) changes.deadline = next.deadline;
  const keys = (people: Person[]) => JSON.stringify(people.map(({ key }) => key).sort());
  if (keys(next.people) !== keys(old.people)) changes.people = next.people;
  return changes;
}

function select(strips: readonly Strip<unknown>[], value: string | null): HTMLSelectElement {
  const options = strips.map(({ id, text }) => h('option', { value: id ?? '' }, text));
  if (!strips.some(({ id }) => id === value))
    options.unshift(h('option', { value: value ?? '' }, 'None'));
  const element = h('select', {}, ...options);
  element.value = value ?? '';
  return element;
}

function field(label: string, input: HTMLElement): HTMLElement {
  return h('label', { class: 'field' }, h('span', {}, label), input);
}

function button(label: string, className: string, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: className, onclick }, label);
}

function isOutside({ clientX, clientY }: PointerEvent, element: HTMLElement): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
