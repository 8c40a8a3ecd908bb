import 'syncline/elements';
import { begin } from '../shared/begin';
import { byId } from '../shared/dom';
import { count } from '../shared/format';
import { Live } from '../shared/live';
import { loadOrTell } from '../shared/notice';
import { enter } from '../shared/pane';
import { People } from '../shared/people';
import type { Person } from '../shared/project';
import { Refusals } from '../shared/refusals';
import { Toasts } from '../shared/toasts';
import { Tour } from '../shared/tour';
import { Wire } from '../shared/wire';
import { Board } from './board';
import { CardDialog } from './dialog';
import type { CardValues } from './dialog';
import { Drag } from './drag';
import { Keys } from './keys';
import { lastWeight, place, placeOf } from './order';
import { createProject } from './project';
import type { BoardTask, Project } from './project';

const { user, network } = enter();

const toasts = new Toasts(byId('toasts'));
const wire = new Wire(byId('wire'));
const tour = new Tour(byId('tour'), {
  drag: 'Drag a card to another column, and reload the page.',
  keyboard: 'Focus a card, press Space, and move it with the arrow keys.',
  offline: 'Stop the server or go offline, keep working, and start it again.',
  seen: 'Open the page in a second tab, and change something there.',
});

void start();

async function start(): Promise<void> {
  const project = await begin(() => createProject(user), {
    wire,
    tour,
    loaded: ({ taskStore, resourceStore }) =>
      `${count(taskStore.count, 'card')}, ${resourceStore.count} people`,
  });
  if (project === null) return;
  const { resourceStore, assignmentStore, taskStore } = project;
  const stores = { resourceStore, assignmentStore, assignedStore: taskStore };
  const people = new People(stores, byId('people'));
  const refusals = new Refusals(project, toasts, (key) => board.elementOf(key));
  const repaint = () => board.refresh();
  const live = new Live({ project, toasts, wire, network, repaint });
  const page = new Page(project, people, live);
  const board = new Board(project, people, {
    onOpen: (record) => void page.edit(record),
    onCreate: (column, lane) => page.create(column, lane),
    onComplete: (record) => page.complete(record),
    isRefused: (record) => refusals.has(record),
    editors: (record) => live.editors(record),
    onLift: (record) => live.lift(record),
    onRelease: () => live.leave(),
    attempt: (action) => live.attempt(action),
  });
  page.show(board);
  refusals.onChange(() => board.refresh());
  await loadOrTell(project, 'The team’s tasks could not be loaded.', () => page.ready());
}

/** What the user can do besides moving cards. */
class Page {
  readonly #project: Project;
  readonly #people: People<BoardTask>;
  readonly #dialog: CardDialog;
  readonly #live: Live;
  #board!: Board;

  constructor(project: Project, people: People<BoardTask>, live: Live) {
    this.#project = project;
    this.#people = people;
    this.#live = live;
    this.#dialog = new CardDialog(people, {
      onCreate: (values) => this.#add(values),
      onChange: (record, changes) => void live.attempt(() => this.#change(record, changes)),
      onRemove: (record) => void live.attempt(() => this.#remove(record)),
      onComplete: (record) => this.complete(record),
      onClose: () => live.leave(),
    });
    byId('reload').addEventListener('click', () => void this.#reload());
    byId('save').addEventListener('click', () => void this.#save());
    byId('create').addEventListener('click', () => this.create(null, null));
  }

  show(board: Board): void {
    this.#board = board;
    const onLost = () => this.#tellLost();
    new Drag(board, { onLost });
    new Keys(board, { onLost, onDrop: () => tour.done('keyboard') });
    this.#project.taskStore.subscribe(() => {
      const { record } = this.#dialog;
      if (!record?.isRemoved) return;
      this.#dialog.close();
      this.#tellLost();
    });
  }

  ready(): void {
    this.#board.root.setAttribute('aria-busy', 'false');
    for (const id of ['reload', 'save', 'create']) byId<HTMLButtonElement>(id).disabled = false;
  }

  async edit(record: BoardTask): Promise<void> {
    if (!(await this.#live.edit(record, () => this.#dialog.close()))) return;
    const { column, lane } = placeOf(this.#project, record);
    const { name, description, deadline } = record;
    const people = this.#people.of(record);
    const values = { name, description, column: column ?? '', lane, deadline, people };
    this.#dialog.edit(record, values, this.#board);
  }

  /** Opens the dialog on a card that doesn't exist yet. */
  create(column: string | null, lane: string | null): void {
    const { columns, lanes } = this.#board;
    const first = columns.find(({ id }) => id !== null);
    if (!first) {
      toasts.show({ title: 'There is no column to put a card in' });
      return;
    }
    const middle = lanes[Math.floor((lanes.length - 1) / 2)]?.id ?? null;
    const values = { name: '', description: null, deadline: null, people: [] };
    const where = { column: column ?? first.id ?? '', lane: lane ?? middle };
    this.#dialog.create({ ...values, ...where }, this.#board);
  }

  complete(record: BoardTask): void {
    const { status, progress } = record;
    if (!this.#live.attempt(() => record.markAsComplete())) return;
    const back = () => void (record.isRemoved || record.set({ status, progress }));
    const undo = () => void this.#live.attempt(back);
    toasts.show({ title: `“${record.name}” completed`, action: { label: 'Undo', run: undo } });
  }

  #add({ people, column, lane, ...values }: CardValues): void {
    const weight = lastWeight(this.#project, { column, lane });
    const row = { ...values, status: column, prio: lane, weight };
    const [record] = this.#project.taskStore.add(row);
    if (!record) return;
    for (const person of people) this.#people.assign(record, person);
    this.#board.render();
    this.#board.card(record.key)?.focus();
  }

  #change(record: BoardTask, { people, column, lane, ...values }: Partial<CardValues>): void {
    if (record.isRemoved) return;
    if (Object.keys(values).length > 0) record.set(values);
    if (column !== undefined || lane !== undefined) {
      const now = placeOf(this.#project, record);
      const to = { column: column ?? now.column, lane: lane === undefined ? now.lane : lane };
      place(this.#project, record, to);
    }
    if (people) this.#assign(record, people);
  }

  #assign(record: BoardTask, people: Person[]): void {
    const old = this.#people.of(record);
    for (const person of old) if (!people.includes(person)) this.#people.unassign(record, person);
    for (const person of people) if (!old.includes(person)) this.#people.assign(record, person);
  }

  #remove(record: BoardTask): void {
    const { id: _id, ...values } = record.data;
    const assigned = this.#people.of(record);
    const { name } = record;
    const [column] = this.#board.columns;
    const { element } = this.#board.card(record.key) ?? {};
    const next = element?.nextElementSibling ?? element?.previousElementSibling;
    this.#project.taskStore.remove(record);
    this.#board.render();
    const neighbour = next && this.#board.recordOf(next);
    if (neighbour) this.#board.card(neighbour.key)?.focus();
    else this.#board.focusAdd(record.status ?? column?.id);
    const undo = () => {
      const [again] = this.#project.taskStore.add(values);
      if (again) for (const person of assigned) this.#people.assign(again, person);
    };
    toasts.show({ title: `“${name}” deleted`, action: { label: 'Undo', run: undo } });
  }

  async #reload(): Promise<void> {
    const button = byId('reload');
    button.dataset['busy'] = '';
    try {
      await this.#project.load();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      toasts.show({ title: 'The board could not be reloaded', text, tone: 'danger' });
    } finally {
      delete button.dataset['busy'];
    }
  }

  async #save(): Promise<void> {
    if (!this.#project.hasUnsavedChanges) {
      toasts.show({ title: 'Everything is saved already' });
      return;
    }
    // The outcome, good or bad, comes as a status.
    await this.#project.sync().catch(() => undefined);
  }

  #tellLost(): void {
    const text = 'Somebody else has deleted it in the meantime.';
    toasts.show({ title: 'The card is gone', text, tone: 'warning' });
  }
}
