import { h } from './dom';
import { DEFAULT_COLOR } from './palette';
import type { Person, Project, TeamEvent } from './project';

/** Who takes part in what, and whose events are shown: the row of avatars above the calendar. */
export class People {
  readonly #project: Project;
  readonly #root: HTMLElement;
  readonly #selected = new Set<string>();
  readonly #listeners = new Set<(keys: string[] | null) => void>();
  #byEvent: Map<string, Person[]> | null = null;

  constructor(project: Project, root: HTMLElement) {
    this.#project = project;
    this.#root = root;
    project.resourceStore.subscribe(() => {
      this.#byEvent = null;
      this.#render();
      this.#tell(null);
    });
    project.assignmentStore.subscribe(() => {
      this.#byEvent = null;
      this.#tell(null);
    });
    // An event that got its id from the server is looked up by it from then on.
    project.eventStore.subscribe(() => {
      this.#byEvent = null;
    });
    this.#render();
  }

  /** Calls `listener` when events look different, though they themselves did not change. */
  onChange(listener: (keys: string[] | null) => void): void {
    this.#listeners.add(listener);
  }

  all(): Person[] {
    return [...this.#project.resourceStore];
  }

  of(event: TeamEvent): Person[] {
    return this.#index().get(String(event.id)) ?? [];
  }

  /** Whether the event is shown while the selection is as it is. */
  shows(event: TeamEvent): boolean {
    if (this.#selected.size === 0) return true;
    return this.of(event).some((person) => this.#selected.has(person.key));
  }

  assign(event: TeamEvent, person: Person): void {
    this.#project.assignmentStore.add({ event: event.id, resource: person.id });
  }

  unassign(event: TeamEvent, person: Person): void {
    const found = [...this.#project.assignmentStore].filter(
      (assignment) =>
        String(assignment.event) === String(event.id) &&
        String(assignment.resource) === String(person.id),
    );
    this.#project.assignmentStore.remove(found);
  }

  #index(): Map<string, Person[]> {
    if (this.#byEvent) return this.#byEvent;
    const byEvent = new Map<string, Person[]>();
    for (const assignment of this.#project.assignmentStore) {
      const person = this.#project.resourceStore.getById(assignment.resource);
      if (!person) continue;
      const id = String(assignment.event);
      const people = byEvent.get(id);
      if (people) people.push(person);
      else byEvent.set(id, [person]);
    }
    this.#byEvent = byEvent;
    return byEvent;
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

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toLocaleUpperCase();
}
