import { byId, h, icon, ICONS, prefersStillness } from '../shared/dom';
import { count } from '../shared/format';
import type { Peer } from '../shared/live';
import { cssColor } from '../shared/palette';
import type { People } from '../shared/people';
import { Card } from './card';
import { inOrder, placeOf } from './order';
import type { Place } from './order';
import { DONE } from './project';
import type { BoardColumn, BoardLane, BoardTask, Project } from './project';

export interface BoardCallbacks {
  onOpen(record: BoardTask): void;
  onCreate(column: string, lane: string | null): void;
  onComplete(record: BoardTask): void;
  isRefused(record: BoardTask): boolean;
  /** Who else has the card in hand. */
  editors(record: BoardTask): readonly Peer[];
  /** Whether the card may be taken in hand; others are shown that it is, until `onRelease`. */
  onLift(record: BoardTask): boolean;
  onRelease(): void;
  /** Does what the user wants, unless somebody else has one of the cards in hand. */
  attempt(action: () => void): boolean;
}

/** A column or lane as it is shown; `id` is `null` for what belongs to none. */
export interface Strip<R> {
  id: string | null;
  text: string;
  color: string;
  record: R | null;
}

const SHIFT_MS = 160;

/** Columns, swimlanes and cards. It reads the stores and writes nothing but `collapsed`. */
export class Board {
  readonly root: HTMLElement;
  readonly project: Project;
  readonly #people: People<BoardTask>;
  readonly callbacks: BoardCallbacks;
  readonly #cards = new Map<string, Card>();
  #columns: Strip<BoardColumn>[] = [];
  #lanes: Strip<BoardLane>[] = [];
  #structure = '';
  #frozen = 0;
  #isStale = false;
  #isScheduled = false;
  #isRendering = false;

  constructor(project: Project, people: People<BoardTask>, callbacks: BoardCallbacks) {
    this.root = byId('board');
    this.project = project;
    this.#people = people;
    this.callbacks = callbacks;
    const { taskStore, columnStore, swimlaneStore } = project;
    for (const store of [taskStore, columnStore, swimlaneStore]) {
      store.subscribe(() => this.refresh());
    }
    people.onChange(() => this.refresh());
    this.root.addEventListener('click', (event) => this.#onClick(event));
  }

  get columns(): readonly Strip<BoardColumn>[] {
    return this.#columns;
  }

  get lanes(): readonly Strip<BoardLane>[] {
    return this.#lanes;
  }

  /** Whether elements are being moved: a focus that is lost by it comes back. */
  get isRendering(): boolean {
    return this.#isRendering;
  }

  card(key: string): Card | undefined {
    return this.#cards.get(key);
  }

  elementOf(key: string): HTMLElement | null {
    return this.#cards.get(key)?.element ?? null;
  }

  /** The record that an element of the board belongs to. */
  recordOf(element: Element): BoardTask | undefined {
    const key = element.closest<HTMLElement>('.card')?.dataset['key'];
    return key === undefined ? undefined : this.#cards.get(key)?.record;
  }

  /** The cell of a place; none while its lane is collapsed. */
  cell(column: string | null, lane: string | null): HTMLElement | null {
    const cells = this.root.querySelectorAll<HTMLElement>('.cell');
    for (const cell of cells) {
      const place = placeOfCell(cell);
      if (place.column === column && place.lane === lane) return cell;
    }
    return null;
  }

  /** A place in words, for those who listen to the page. */
  describe(cell: HTMLElement, element: HTMLElement): string {
    const cards = cardsOf(cell);
    const position = `position ${cards.indexOf(element) + 1} of ${cards.length}`;
    return `${cell.getAttribute('aria-label')}, ${position}`;
  }

  /** Puts the focus on a column's button for new cards. */
  focusAdd(column: string): void {
    this.root.querySelector<HTMLElement>(`[data-focus="add-${CSS.escape(column)}"]`)?.focus();
  }

  /** Shows what the stores have, once per turn. */
  refresh(): void {
    this.#isStale = true;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isStale && this.#frozen === 0) this.render();
    });
  }

  /**
   * Keeps the board as it is while a card is in the user's hand: what others change in the meantime
   * is held back by the stores. Gives a function that lets it go.
   */
  freeze(): () => void {
    const { project } = this;
    const stores = [project.taskStore, project.assignmentStore, project.columnStore];
    const releases = [...stores, project.swimlaneStore].map((store) => store.hold('*'));
    this.#frozen += 1;
    return () => {
      for (const release of releases) release();
      this.#frozen -= 1;
      if (this.#frozen === 0) this.render();
    };
  }

  render(): void {
    this.#isStale = false;
    const { project } = this;
    const tasks = inOrder(project.taskStore).map((task) => ({
      task,
      place: placeOf(project, task),
    }));
    this.#columns = strips(
      inOrder(project.columnStore),
      'Other',
      tasks.some(({ place }) => place.column === null),
    );
    const needsLane =
      project.swimlaneStore.count === 0 || tasks.some(({ place }) => place.lane === null);
    this.#lanes = strips(inOrder(project.swimlaneStore), 'No priority', needsLane);
    const focused = document.activeElement;
    const shift = this.animateFrom();
    this.#isRendering = true;
    this.#renderStructure();
    this.#renderCards(tasks);
    if (
      focused instanceof HTMLElement &&
      focused.isConnected &&
      focused !== document.activeElement
    ) {
      focused.focus({ preventScroll: true });
    }
    this.#isRendering = false;
    shift();
  }

  /** Notes where the cards are; what it gives lets those glide that have moved since. */
  animateFrom(except?: HTMLElement): () => void {
    if (prefersStillness() || document.hidden) return () => undefined;
    const before = new Map(
      [...this.#cards.values()].map(({ element }) => [element, element.getBoundingClientRect()]),
    );
    return () => {
      for (const [element, from] of before) {
        if (!element.isConnected || element === except || from.width === 0) continue;
        const to = element.getBoundingClientRect();
        const [x, y] = [from.left - to.left, from.top - to.top];
        if (to.width === 0 || (Math.abs(x) < 1 && Math.abs(y) < 1)) continue;
        const frames = [{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }];
        element.animate(frames, { duration: SHIFT_MS, easing: 'ease-out' });
      }
    };
  }

  #renderStructure(): void {
    const structure = JSON.stringify(
      [this.#columns, this.#lanes].map((list) =>
        list.map(({ id, text, color, record }) => [id, text, color, record?.collapsed === true]),
      ),
    );
    if (structure === this.#structure) return;
    this.#structure = structure;
    const focused = document.activeElement?.closest<HTMLElement>('[data-focus]')?.dataset['focus'];
    const head = h(
      'div',
      { class: 'board-head' },
      ...this.#columns.map((column) => this.#columnHead(column)),
    );
    const lanes = this.#lanes.map((lane) => this.#lane(lane));
    const grid = h('div', { class: 'board-grid' }, head, ...lanes);
    grid.style.setProperty('--columns', String(this.#columns.length));
    this.root.replaceChildren(grid);
    if (focused)
      this.root.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  #columnHead({ id, text, color }: Strip<BoardColumn>): HTMLElement {
    const title = h('h3', { class: 'column-title' }, text);
    const head = h('div', { class: 'column-head' }, title, h('span', { class: 'badge' }));
    head.dataset['column'] = id ?? '';
    head.style.setProperty('--column', color);
    if (id !== null) {
      const add = () => this.callbacks.onCreate(id, null);
      const label = `Add a card to ${text}`;
      const attributes = { type: 'button', class: 'button button-icon button-quiet', onclick: add };
      const extra = { 'aria-label': label, title: label, 'data-focus': `add-${id}` };
      head.append(h('button', { ...attributes, ...extra }, icon(ICONS.plus)));
    }
    return head;
  }

  #lane(lane: Strip<BoardLane>): HTMLElement {
    const { id, text, color, record } = lane;
    const isCollapsed = record?.collapsed === true;
    const cells = h('div', { class: 'lane-cells', hidden: isCollapsed });
    if (!isCollapsed) cells.append(...this.#columns.map((column) => this.#cell(column, lane)));
    const section = h('section', {
      class: 'lane',
      'aria-label': text,
      'data-collapsed': String(isCollapsed),
    });
    section.dataset['lane'] = id ?? '';
    section.style.setProperty('--lane', color);
    // Without any lanes the board is columns alone.
    if (this.#lanes.length > 1 || record) {
      const toggle = h(
        'button',
        {
          type: 'button',
          class: 'lane-toggle',
          disabled: record === null,
          'aria-expanded': String(!isCollapsed),
          'data-focus': `lane-${id}`,
          onclick: () => record && (record.collapsed = !isCollapsed),
        },
        icon(ICONS.chevron),
        h('span', { class: 'lane-dot' }),
        text,
        h('span', { class: 'badge' }),
      );
      section.append(h('h3', { class: 'lane-head' }, toggle));
    }
    section.append(cells);
    return section;
  }

  #cell(column: Strip<BoardColumn>, lane: Strip<BoardLane>): HTMLElement {
    const cell = h('ul', { class: 'cell', 'aria-label': `${column.text}, ${lane.text}` });
    if (column.id !== null) cell.dataset['column'] = column.id;
    if (lane.id !== null) cell.dataset['lane'] = lane.id;
    return cell;
  }

  #renderCards(tasks: { task: BoardTask; place: Place }[]): void {
    const shown = tasks.filter(({ task }) => this.#people.shows(task));
    const keys = new Set(shown.map(({ task }) => task.key));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    const ends = new Map<HTMLElement, Element | null>();
    for (const { task, place } of shown) {
      const card = this.#cardOf(task);
      card.show(this.#facts(task));
      const cell = this.cell(place.column, place.lane);
      if (!cell) {
        card.element.remove();
        continue;
      }
      const before = ends.has(cell) ? ends.get(cell)?.nextElementSibling : cell.firstElementChild;
      if (before !== card.element) cell.insertBefore(card.element, before ?? null);
      ends.set(cell, card.element);
    }
    this.#renderCounts(shown);
  }

  #cardOf(task: BoardTask): Card {
    const known = this.#cards.get(task.key);
    if (known?.record === task) return known;
    known?.element.remove();
    const card = new Card(task);
    this.#cards.set(task.key, card);
    return card;
  }

  #facts(task: BoardTask) {
    const lane = this.project.swimlaneStore.getById(task.prio);
    return {
      priority: lane ? { text: lane.text, color: cssColor(lane.color) } : null,
      people: this.#people.of(task),
      canComplete: this.project.columnStore.includes(DONE),
      isPending: task.isPending || this.#people.isPending(task),
      isRefused: this.callbacks.isRefused(task),
      editors: this.callbacks.editors(task),
    };
  }

  #renderCounts(shown: { place: Place }[]): void {
    const tell = (part: HTMLElement, amount: number) => {
      const badge = part.querySelector('.badge');
      if (!badge) return;
      badge.textContent = amount.toLocaleString();
      badge.setAttribute('title', count(amount, 'card'));
    };
    for (const part of this.root.querySelectorAll<HTMLElement>('.column-head')) {
      const id = part.dataset['column'] || null;
      tell(part, shown.filter(({ place }) => place.column === id).length);
    }
    for (const part of this.root.querySelectorAll<HTMLElement>('.lane')) {
      const id = part.dataset['lane'] || null;
      tell(part, shown.filter(({ place }) => place.lane === id).length);
    }
  }

  #onClick(event: MouseEvent): void {
    const target = event.target as Element;
    const record = this.recordOf(target);
    if (!record) return;
    if (target.closest('.card-complete')) this.callbacks.onComplete(record);
    else if (target.closest('.card-open')) this.callbacks.onOpen(record);
  }
}

export function placeOfCell(cell: HTMLElement): Place {
  return { column: cell.dataset['column'] ?? null, lane: cell.dataset['lane'] ?? null };
}

/** The cards that a cell shows. */
export function cardsOf(cell: HTMLElement): HTMLElement[] {
  return [...cell.querySelectorAll<HTMLElement>('.card')];
}

function strips<R extends BoardColumn | BoardLane>(
  records: R[],
  rest: string,
  needsRest: boolean,
): Strip<R>[] {
  const known = records.map((record) => ({
    id: String(record.id),
    text: record.text,
    color: cssColor(record.color),
    record,
  }));
  return needsRest
    ? [...known, { id: null, text: rest, color: cssColor(null), record: null }]
    : known;
}
