import { h, icon, ICONS } from '../shared/dom';
import { addDays, dateTimeValue, dateValue, parseValue } from '../shared/format';
import { DEFAULT_COLOR, SWATCHES } from '../shared/palette';
import { PeopleChips } from '../shared/people';
import type { People } from '../shared/people';
import type { Person } from '../shared/project';
import type { TeamEvent } from './project';

/** What a new event is to become. */
export interface Draft {
  name: string;
  startDate: Date;
  endDate: Date;
  allDay: boolean;
  eventColor: string;
  people: Person[];
}

export interface EditorCallbacks {
  onCreate(draft: Draft): void;
  onRemove(record: TeamEvent): void;
  onClose(): void;
  /** Does what the user wants, unless somebody else has the event in hand. */
  attempt(action: () => void): void;
}

const GAP = 10;
const MARGIN = 12;
const SHEET_WIDTH_MAX = 640;

/** What the editor works on: a record, written to at once, or a draft, written on `Create`. */
type Subject = { record: TeamEvent } | { draft: Draft };

/** The small popover in which an event is named, coloured, assigned, moved and deleted. */
export class Editor {
  readonly #people: People<TeamEvent>;
  readonly #callbacks: EditorCallbacks;
  #subject: Subject | null = null;
  #root: HTMLElement | null = null;
  #anchor: () => Element | null = () => null;
  #fields: Fields | null = null;

  constructor(people: People<TeamEvent>, callbacks: EditorCallbacks) {
    this.#people = people;
    this.#callbacks = callbacks;
    document.addEventListener('pointerdown', (event) => this.#onPointerDown(event), true);
    addEventListener('resize', () => this.#place());
  }

  get record(): TeamEvent | null {
    return this.#subject && 'record' in this.#subject ? this.#subject.record : null;
  }

  get isOpen(): boolean {
    return this.#root !== null;
  }

  /** Opens on a record. `anchor` is asked for its element whenever the place is computed. */
  edit(record: TeamEvent, anchor: () => Element | null): void {
    this.#open({ record }, anchor);
  }

  /** Opens on an event that does not exist yet. */
  create(draft: Draft, anchor: () => Element | null): void {
    this.#open({ draft }, anchor);
  }

  /** Closes. What stands in the name's input is kept, unless the editing is cancelled. */
  close({ cancelled = false } = {}): void {
    if (!this.#root) return;
    // Before the removal: it takes the focus from the input, which would commit.
    if (cancelled) this.#fields?.discardName();
    else this.#fields?.commitName();
    const hadFocus = this.#root.contains(document.activeElement);
    const anchor = this.#anchor();
    this.#root.remove();
    this.#root = null;
    this.#subject = null;
    this.#fields = null;
    this.#callbacks.onClose();
    if (hadFocus && anchor instanceof HTMLElement) anchor.focus({ preventScroll: true });
  }

  /** The record changed elsewhere: shows its values, but leaves alone what is being typed. */
  refresh(): void {
    this.#fields?.read();
    this.#place();
  }

  #open(subject: Subject, anchor: () => Element | null): void {
    this.close();
    this.#subject = subject;
    this.#anchor = anchor;
    const target = targetOf(subject, this.#people, this.#callbacks);
    const fields = new Fields(target, this.#people);
    this.#fields = fields;
    const isNew = 'draft' in subject;
    this.#root = h(
      'div',
      {
        class: 'editor',
        role: 'dialog',
        'aria-label': isNew ? 'New event' : 'Event',
        onkeydown: (event: KeyboardEvent) => this.#onKeyDown(event),
      },
      ...fields.elements,
      this.#footer(subject, fields),
    );
    document.body.append(this.#root);
    fields.read();
    this.#place();
    fields.focus();
  }

  #footer(subject: Subject, fields: Fields): HTMLElement {
    if ('draft' in subject) {
      const create = () => {
        const { draft } = subject;
        fields.commitName();
        this.close();
        this.#callbacks.onCreate({ ...draft, name: draft.name || 'New event' });
      };
      return h(
        'div',
        { class: 'editor-footer' },
        button('Cancel', 'button', () => this.close({ cancelled: true })),
        button('Create', 'button button-primary', create),
      );
    }
    const { record } = subject;
    const remove = button('Delete', 'button button-danger', () => {
      this.close({ cancelled: true });
      this.#callbacks.onRemove(record);
    });
    remove.prepend(icon(ICONS.trash));
    const done = button('Done', 'button button-primary', () => this.close());
    return h('div', { class: 'editor-footer' }, remove, done);
  }

  #onPointerDown(event: PointerEvent): void {
    if (!this.#root || this.#root.contains(event.target as Node)) return;
    this.close();
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.close({ cancelled: true });
    } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      this.#root?.querySelector<HTMLElement>('.editor-footer .button-primary')?.click();
    } else if (event.key === 'Tab') {
      this.#keepFocus(event);
    }
  }

  /** The popover stands at the end of the page: without this, Tab would leave to nowhere. */
  #keepFocus(event: KeyboardEvent): void {
    const stops = [...(this.#root?.querySelectorAll<HTMLElement>('input, button') ?? [])].filter(
      (stop) => stop.tabIndex >= 0 && !stop.matches(':disabled'),
    );
    const [first, last] = [stops[0], stops.at(-1)];
    if (event.shiftKey && document.activeElement === first) {
      event.preventDefault();
      last?.focus();
    } else if (!event.shiftKey && document.activeElement === last) {
      event.preventDefault();
      first?.focus();
    }
  }

  #place(): void {
    const root = this.#root;
    if (!root) return;
    const isSheet = innerWidth <= SHEET_WIDTH_MAX;
    root.dataset['sheet'] = String(isSheet);
    if (isSheet) {
      root.style.left = root.style.top = '';
      return;
    }
    const size = root.getBoundingClientRect();
    const around = this.#anchor()?.getBoundingClientRect() ?? new DOMRect(innerWidth / 2, 120);
    const right = around.right + GAP;
    const left = around.left - GAP - size.width;
    const fitsRight = right + size.width + MARGIN <= innerWidth;
    const x = fitsRight ? right : left >= MARGIN ? left : (innerWidth - size.width) / 2;
    const y = Math.min(around.top - GAP, innerHeight - size.height - MARGIN);
    root.style.left = `${Math.round(x)}px`;
    root.style.top = `${Math.round(Math.max(MARGIN, y))}px`;
  }
}

/** What the fields read and write, whether it is a record or a draft. */
interface Target {
  readonly isLocked: boolean;
  read(): Omit<Draft, 'people'>;
  write(values: Partial<Omit<Draft, 'people'>>): void;
  isAssigned(person: Person): boolean;
  assign(person: Person, on: boolean): void;
}

function targetOf(
  subject: Subject,
  people: People<TeamEvent>,
  { attempt }: EditorCallbacks,
): Target {
  if ('draft' in subject) {
    const { draft } = subject;
    return {
      isLocked: false,
      read: () => draft,
      write: (values) => Object.assign(draft, values),
      isAssigned: (person) => draft.people.includes(person),
      assign: (person, on) => {
        draft.people = draft.people.filter((other) => other !== person);
        if (on) draft.people.push(person);
      },
    };
  }
  const { record } = subject;
  return {
    isLocked: record.readOnly === true,
    read: () => ({
      name: record.name ?? '',
      startDate: record.startDate ?? new Date(),
      endDate: record.endDate ?? record.startDate ?? new Date(),
      allDay: record.allDay === true,
      eventColor: record.eventColor ?? DEFAULT_COLOR,
    }),
    write: (values) => attempt(() => record.set(values)),
    isAssigned: (person) => people.of(record).some((other) => other.key === person.key),
    assign: (person, on) => (on ? people.assign(record, person) : people.unassign(record, person)),
  };
}

class Fields {
  readonly elements: HTMLElement[];
  readonly #target: Target;
  readonly #name: HTMLInputElement;
  readonly #start: HTMLInputElement;
  readonly #end: HTMLInputElement;
  readonly #allDay: HTMLInputElement;
  readonly #swatches: HTMLElement;
  readonly #chips: PeopleChips;
  #isNameEdited = false;

  constructor(target: Target, people: People<TeamEvent>) {
    this.#target = target;
    this.#name = h('input', {
      class: 'editor-name',
      type: 'text',
      maxlength: 255,
      placeholder: 'What is it about?',
      'aria-label': 'Name',
      autocomplete: 'off',
      oninput: () => (this.#isNameEdited = true),
      onblur: () => this.commitName(),
    });
    const changeDates = () => this.#commitDates();
    this.#start = h('input', { 'aria-label': 'Start', onchange: changeDates });
    this.#end = h('input', { 'aria-label': 'End', onchange: changeDates });
    this.#allDay = h('input', { type: 'checkbox', onchange: () => this.#commitAllDay() });
    this.#swatches = h('div', { class: 'swatches', role: 'radiogroup', 'aria-label': 'Colour' });
    this.#chips = new PeopleChips(
      () => people.all(),
      (person) => target.isAssigned(person),
      (person, on) => target.assign(person, on),
    );
    const locked = h('p', { class: 'editor-note' }, 'Locked: the server refuses changes.');
    locked.prepend(icon(ICONS.lock));
    this.elements = [
      this.#name,
      ...(target.isLocked ? [locked] : []),
      h(
        'div',
        { class: 'editor-dates' },
        this.#start,
        h('span', { 'aria-hidden': 'true' }, '–'),
        this.#end,
        h('label', { class: 'editor-check' }, this.#allDay, 'All day'),
      ),
      this.#swatches,
      this.#chips.element,
    ];
  }

  focus(): void {
    this.#name.focus();
    this.#name.select();
  }

  read(): void {
    const { name, startDate, endDate, allDay, eventColor } = this.#target.read();
    if (!this.#isNameEdited && this.#name.value !== name) this.#name.value = name;
    this.#allDay.checked = allDay;
    this.#start.type = this.#end.type = allDay ? 'date' : 'datetime-local';
    const value = allDay ? dateValue : dateTimeValue;
    this.#start.value = value(startDate);
    // People think of the last day; the data names the day after it.
    this.#end.value = value(allDay ? addDays(endDate, -1) : endDate);
    this.#end.setCustomValidity('');
    this.#readSwatches(eventColor);
    this.#chips.read();
  }

  commitName(): void {
    const name = this.#name.value.trim();
    if (this.#isNameEdited && name) this.#target.write({ name });
    this.#isNameEdited = false;
  }

  discardName(): void {
    this.#isNameEdited = false;
  }

  #commitDates(): void {
    const { startDate, endDate, allDay } = this.#target.read();
    const start = parseValue(this.#start.value);
    let end = parseValue(this.#end.value);
    if (!start || !end) return;
    if (allDay) end = addDays(end, 1);
    // A start that moves takes the end with it.
    if (start.getTime() !== startDate.getTime()) {
      end = new Date(start.getTime() + endDate.getTime() - startDate.getTime());
    }
    if (end <= start) {
      this.#end.setCustomValidity('The end must come after the start.');
      this.#end.reportValidity();
      return;
    }
    this.#target.write({ startDate: start, endDate: end });
    this.read();
  }

  #commitAllDay(): void {
    const { startDate, endDate } = this.#target.read();
    const allDay = this.#allDay.checked;
    const first = new Date(startDate.getFullYear(), startDate.getMonth(), startDate.getDate());
    if (allDay) {
      const last = new Date(endDate.getTime() - 1);
      const end = addDays(new Date(last.getFullYear(), last.getMonth(), last.getDate()), 1);
      const endOrNext = end > first ? end : addDays(first, 1);
      this.#target.write({ startDate: first, endDate: endOrNext, allDay });
    } else {
      const at = (hour: number) => new Date(new Date(first).setHours(hour));
      this.#target.write({ startDate: at(9), endDate: at(10), allDay });
    }
    this.read();
  }

  #readSwatches(color: string): void {
    const known = SWATCHES.some((swatch) => swatch.color === color.toLowerCase());
    const options = known || !color ? SWATCHES : [...SWATCHES, { name: 'Other', color }];
    const current = color.toLowerCase();
    if (this.#swatches.childElementCount !== options.length) {
      this.#swatches.replaceChildren(...options.map((option) => this.#swatch(option)));
    }
    for (const input of this.#swatches.querySelectorAll('input')) {
      input.checked = input.value.toLowerCase() === current;
    }
  }

  #swatch({ name, color }: { name: string; color: string }): HTMLElement {
    const input = h('input', {
      type: 'radio',
      name: 'color',
      value: color,
      'aria-label': name,
      onchange: () => this.#target.write({ eventColor: color }),
    });
    const label = h('label', { class: 'swatch', title: name }, input);
    label.style.setProperty('--swatch', color);
    return label;
  }
}

function button(label: string, className: string, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: className, onclick }, label);
}
