import type { Model, Store } from 'syncline';
import { h } from './dom';
import { DEFAULT_COLOR } from './palette';
import type { Person } from './project';

/** Who is assigned to what, under the names that this server uses. */
export interface Assignment extends Model {
  event: any;
  resource: any;
}

/** The stores of a project, whatever it is that people are assigned to. */
export interface PeopleStores<R extends Model> {
  resourceStore: Store<Person>;
  assignmentStore: Store<Assignment>;
  /** What people are assigned to. */
  assignedStore: Store<R>;
}

/** Who takes part in what, and whose part is shown: the row of avatars above the view. */
export class People<R extends Model = Model> {
  readonly #stores: PeopleStores<R>;
  readonly #root: HTMLElement;
  readonly #selected = new Set<string>();
  readonly #listeners = new Set<(keys: string[] | null) => void>();
  #byAssigned: Map<string, Person[]> | null = null;
  #unconfirmed: Set<string> | null = null;

  constructor(stores: PeopleStores<R>, root: HTMLElement) {
    this.#stores = stores;
    this.#root = root;
    stores.resourceStore.subscribe(() => {
      this.#forget();
      this.#render();
      this.#tell(null);
    });
    stores.assignmentStore.subscribe(() => {
      this.#forget();
      this.#tell(null);
    });
    // A record that got its id from the server is looked up by it from then on.
    stores.assignedStore.subscribe(() => {
      this.#forget();
    });
    this.#render();
  }

  /** Calls `listener` when records look different, though they themselves did not change. */
  onChange(listener: (keys: string[] | null) => void): void {
    this.#listeners.add(listener);
  }

  all(): Person[] {
    return [...this.#stores.resourceStore];
  }

  of(record: R): Person[] {
    return this.#index().get(String(record.id)) ?? [];
  }

  /** Whether somebody's assignment to the record isn't confirmed yet. */
  isPending(record: R): boolean {
    return this.#pending().has(String(record.id));
  }

  /** Whether the record is shown while the selection is as it is. */
  shows(record: R): boolean {
    if (this.#selected.size === 0) return true;
    return this.of(record).some((person) => this.#selected.has(person.key));
  }

  assign(record: R, person: Person): void {
    this.#stores.assignmentStore.add({ event: record.id, resource: person.id });
  }

  unassign(record: R, person: Person): void {
    const found = [...this.#stores.assignmentStore].filter(
      (assignment) =>
        String(assignment.event) === String(record.id) &&
        String(assignment.resource) === String(person.id),
    );
    this.#stores.assignmentStore.remove(found);
  }

  /** The ids of what has assignments that aren't confirmed. */
  #pending(): Set<string> {
    if (this.#unconfirmed) return this.#unconfirmed;
    const open = [...this.#stores.assignmentStore].filter(({ isPending }) => isPending);
    this.#unconfirmed = new Set(open.map(({ event }) => String(event)));
    return this.#unconfirmed;
  }

  #forget(): void {
    this.#byAssigned = null;
    this.#unconfirmed = null;
  }

  #index(): Map<string, Person[]> {
    if (this.#byAssigned) return this.#byAssigned;
    const byAssigned = new Map<string, Person[]>();
    for (const assignment of this.#stores.assignmentStore) {
      const person = this.#stores.resourceStore.getById(assignment.resource);
      if (!person) continue;
      const id = String(assignment.event);
      const people = byAssigned.get(id);
      if (people) people.push(person);
      else byAssigned.set(id, [person]);
    }
    this.#byAssigned = byAssigned;
    return byAssigned;
  }

  #render(): void {
    const people = this.all();
    if (people.length === 0) return;
    this.#root.replaceChildren(...people.map((person) => this.#button(person)));
  }

  #button(person: Person): HTMLElement {
    const isOn = this.#selected.has(person.key);
    const toggle = () => {
      if (!this.#selected.delete(person.key)) this.#selected.add(person.key);
      this.#render();
      this.#root.querySelector<HTMLElement>(`[data-key="${CSS.escape(person.key)}"]`)?.focus();
      this.#tell(null);
    };
    return h(
      'button',
      {
        type: 'button',
        class: 'person',
        'data-key': person.key,
        'aria-pressed': String(isOn),
        'data-dim': this.#selected.size > 0 && !isOn,
        title: person.name,
        'aria-label': person.name,
        onclick: toggle,
      },
      avatar(person),
    );
  }

  #tell(keys: string[] | null): void {
    for (const listener of this.#listeners) listener(keys);
  }
}

/** A round mark with the person's initials. */
export function avatar(person: Person, size: 'small' | 'large' = 'large'): HTMLElement {
  const mark = h('span', { class: 'avatar', 'data-size': size, 'aria-hidden': 'true' });
  mark.textContent = initials(person.name);
  mark.style.setProperty('--person', person.eventColor || DEFAULT_COLOR);
  return mark;
}

/** Avatars side by side, as many as there is room for, and how many more there are. */
export function avatars(people: Person[], max: number): HTMLElement[] {
  const stack = people.slice(0, max).map((person) => avatar(person, 'small'));
  const more = people.length - max;
  return more > 0 ? [...stack, h('span', { class: 'avatars-more' }, `+${more}`)] : stack;
}

/** A button per member of the team, pressed for those who are assigned. */
export class PeopleChips {
  readonly element = h('div', { class: 'chips', role: 'group', 'aria-label': 'People' });
  readonly #people: () => Person[];
  readonly #isAssigned: (person: Person) => boolean;
  readonly #assign: (person: Person, on: boolean) => void;

  constructor(
    people: () => Person[],
    isAssigned: (person: Person) => boolean,
    assign: (person: Person, on: boolean) => void,
  ) {
    this.#people = people;
    this.#isAssigned = isAssigned;
    this.#assign = assign;
  }

  /** Shows who is assigned. */
  read(): void {
    const people = this.#people();
    if (this.element.childElementCount !== people.length) {
      this.element.replaceChildren(...people.map((person) => this.#chip(person)));
    }
    for (const [index, chip] of [...this.element.children].entries()) {
      const person = people[index];
      if (person) chip.setAttribute('aria-pressed', String(this.#isAssigned(person)));
    }
  }

  #chip(person: Person): HTMLElement {
    const toggle = () => {
      this.#assign(person, !this.#isAssigned(person));
      this.read();
    };
    const first = person.name.split(' ')[0] ?? person.name;
    return h(
      'button',
      { type: 'button', class: 'chip', title: person.name, onclick: toggle },
      avatar(person, 'small'),
      first,
    );
  }
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toLocaleUpperCase();
}
