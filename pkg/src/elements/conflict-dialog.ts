import type { CrudManager } from '../crud-manager.js';
import { SynclineElement, make, styles } from './base.js';

/** The words of {@link SynclineConflictDialog}; `name` is what `nameOf` makes of the record. */
export interface ConflictTexts {
  edited(name: string): string;
  removedThere(name: string): string;
  removedHere(name: string): string;
  hint: string;
  field: string;
  mine: string;
  theirs: string;
  keepMine: string;
  takeTheirs: string;
  merge: string;
  /** Under `removedThere`: take it back into being, or let it go. */
  restore: string;
  letGo: string;
  /** Under `removedHere`: remove it all the same, or keep what the other made of it. */
  removeAnyway: string;
  keepTheirs: string;
  all(count: number): string;
  of(at: number, count: number): string;
  later: string;
}

const TEXTS: ConflictTexts = {
  edited: (name) => `Someone else changed “${name}” too`,
  removedThere: (name) => `Someone else deleted “${name}” while you changed it`,
  removedHere: (name) => `Someone else changed “${name}”, which you deleted`,
  hint: 'Choose what shall stand. Fields that only one of you changed are joined already.',
  field: 'Field',
  mine: 'Mine',
  theirs: 'Theirs',
  keepMine: 'Keep mine',
  takeTheirs: 'Take theirs',
  merge: 'Save selection',
  restore: 'Restore with my changes',
  letGo: 'Let it go',
  removeAnyway: 'Delete it anyway',
  keepTheirs: 'Keep it',
  all: (count) => `Do the same for all ${count.toLocaleString()} conflicts`,
  of: (at, count) => `${at.toLocaleString()} of ${count.toLocaleString()}`,
  later: 'Decide later',
};

type Side = 'mine' | 'theirs';

/** A side for everything, or one for each field. */
type Choice = Side | Readonly<Record<string, Side>>;

/** A conflict as the dialog sees it: what `project.conflicts` lists. */
interface OpenConflict {
  readonly kind: 'update' | 'remoteRemove' | 'localRemove';
  readonly record: { get(field: string): unknown; readonly id: unknown } | undefined;
  readonly recordId: unknown;
  readonly fields: readonly { field: string; base: unknown; mine: unknown; theirs: unknown }[];
  readonly isResolved: boolean;
  resolve(choice: Side | Record<string, unknown>): unknown;
}

interface ConflictSource {
  readonly conflicts: readonly OpenConflict[];
  on(name: 'conflict' | 'conflictResolved', listener: () => void): () => void;
}

const SHEET = styles(`
dialog {
  width: min(560px, calc(100vw - 32px)); max-height: calc(100vh - 48px); padding: 0;
  border: 1px solid var(--_line); border-radius: calc(var(--_radius) + 4px);
  background: var(--_surface); color: inherit; font: inherit;
  box-shadow: 0 2px 6px rgb(0 0 0 / 10%), 0 18px 48px -12px rgb(0 0 0 / 35%);
}
dialog::backdrop { background: rgb(20 17 13 / 45%); }
form { display: grid; gap: 14px; padding: 20px 22px; }
header { display: flex; align-items: baseline; gap: 12px; }
h2 { flex: 1; margin: 0; font-size: 1.15em; overflow-wrap: anywhere; }
.count { color: var(--_ink-soft); white-space: nowrap; }
p { margin: 0; color: var(--_ink-soft); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th { text-align: start; font-weight: 550; }
thead th { padding: 0 8px 6px; color: var(--_ink-soft); font-size: 0.9em; }
tbody th, td { padding: 6px 8px; border-top: 1px solid var(--_line); vertical-align: top; }
th:first-child { width: 26%; padding-inline-start: 0; }
label { display: flex; gap: 8px; cursor: pointer; overflow-wrap: anywhere; min-width: 0; }
label span { min-width: 0; white-space: pre-wrap; }
td:has(input:checked) { background: color-mix(in oklab, var(--_accent) 12%, transparent); }
input { accent-color: var(--_accent); margin: 3px 0 0; flex: none; }
.none { color: var(--_ink-soft); font-style: italic; }
footer { display: flex; flex-wrap: wrap; gap: 8px; justify-content: flex-end; }
footer .later { margin-inline-end: auto; border-color: transparent; background: none; }
`);

/**
 * `<syncline-conflict-dialog>`: asks the user about every open conflict of its {@link project}:
 * field, mine, theirs; keep mine, take theirs, or field by field; the same for all. Opens by itself
 * when a conflict waits for somebody to decide (not with the attribute `closed`: then `open()`
 * does), and `Escape` leaves it undecided. Parts: `dialog`, `title`, `table`, `actions`.
 */
export class SynclineConflictDialog extends SynclineElement<ConflictTexts> {
  /** What a record is called; its `name`, or its id, unless the page says otherwise. */
  nameOf: (record: any) => string = (record) => String(record.get('name') ?? record.id);
  /** What a field is called. */
  labelOf: (field: string, record: any) => string = humanized;
  /** How a value is shown: as text, markup has no effect. */
  format: (value: unknown, field: string) => string = shown;

  readonly #dialog = make('dialog', { part: 'dialog', 'aria-labelledby': 'title' });
  #conflict: OpenConflict | null = null;
  /** What of it is shown. */
  #fields: OpenConflict['fields'] | null = null;
  #postponed = new WeakSet<OpenConflict>();
  #decided = 0;

  constructor() {
    super(TEXTS, SHEET);
    this._root.append(this.#dialog);
    // Escape: whatever is open waits until somebody asks for it again.
    this.#dialog.addEventListener('cancel', () => this.#postpone());
  }

  /** Opens the dialog on the first conflict that waits, also one that was put off. */
  open(): void {
    this.#postponed = new WeakSet();
    this._show(this.project);
  }

  /** Closes it; the conflicts stay open. */
  close(): void {
    this.#postpone();
    this.#dialog.close();
  }

  /** @internal */
  protected override _listen(project: CrudManager<any>): (() => void)[] {
    const source = project as unknown as ConflictSource;
    const show = (): void => {
      if (this.hasAttribute('closed') && !this.#dialog.open) return;
      // A conflict is told of before it stands in the list.
      queueMicrotask(() => this._show(this.project));
    };
    return [source.on('conflict', show), source.on('conflictResolved', show)];
  }

  /** @internal */
  protected override _show(project: CrudManager<any> | null): void {
    const all = open(project).filter((conflict) => !this.#postponed.has(conflict));
    const [first] = all;
    if (first === undefined || !this.isConnected) {
      this.#conflict = null;
      this.#decided = 0;
      if (this.#dialog.open) this.#dialog.close();
      return;
    }
    const isOpen = this.#dialog.open && first === this.#conflict;
    if (!isOpen || first.fields !== this.#fields) {
      // What the other has may change while the user thinks: the choice so far stays.
      const chosen = isOpen ? this.#chosen(first) : {};
      const focused = nameOf(this._root.activeElement);
      this.#conflict = first;
      this.#fields = first.fields;
      this.#dialog.replaceChildren(this.#form(first, all.length, chosen));
      if (isOpen) {
        const controls = this.#dialog.querySelectorAll<HTMLElement>('input, button');
        [...controls].find((control) => nameOf(control) === focused)?.focus();
      }
    }
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  #form(
    conflict: OpenConflict,
    waiting: number,
    chosen: Readonly<Record<string, Side>>,
  ): HTMLFormElement {
    const { texts } = this;
    const { record, recordId } = conflict;
    const name = record === undefined ? String(recordId) : this.nameOf(record);
    const title = {
      update: texts.edited,
      remoteRemove: texts.removedThere,
      localRemove: texts.removedHere,
    }[conflict.kind];
    const count = this.#decided + waiting;
    const at = count > 1 ? texts.of(this.#decided + 1, count) : '';
    const all = make('input', { type: 'checkbox' });
    const form = make(
      'form',
      { method: 'dialog' },
      make(
        'header',
        {},
        make('h2', { id: 'title', part: 'title' }, title(name)),
        make('span', { class: 'count' }, at),
      ),
      conflict.kind === 'update' ? make('p', {}, texts.hint) : null,
      conflict.fields.length > 0 ? this.#table(conflict, chosen) : null,
      waiting > 1 ? make('label', {}, all, make('span', {}, texts.all(waiting))) : null,
      this.#actions(conflict, all),
    );
    return form;
  }

  #table(conflict: OpenConflict, chosen: Readonly<Record<string, Side>>): HTMLTableElement {
    const { texts } = this;
    const choosable = conflict.kind === 'update';
    const head = [texts.field, texts.mine, texts.theirs];
    const rows = conflict.fields.map(({ field, mine, theirs }) => {
      const label = this.labelOf(field, conflict.record);
      const cell = (side: Side, value: unknown): HTMLTableCellElement => {
        const text = this.format(value, field);
        const name = choosable ? `${label}, ${texts[side]}: ${text}` : null;
        return this.#cell(field, side, text, name, (chosen[field] ?? 'mine') === side);
      };
      const head = make('th', { scope: 'row' }, label);
      return make('tr', {}, head, cell('mine', mine), cell('theirs', theirs));
    });
    return make(
      'table',
      { part: 'table' },
      make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
      make('tbody', {}, ...rows),
    );
  }

  #cell(
    field: string,
    side: Side,
    text: string,
    name: string | null,
    checked: boolean,
  ): HTMLTableCellElement {
    const words = make('span', { class: text === '' ? 'none' : '' }, text === '' ? '–' : text);
    if (name === null) return make('td', {}, words);
    const input = make('input', {
      type: 'radio',
      name: `field:${field}`,
      value: side,
      checked,
      'aria-label': name,
    });
    return make('td', {}, make('label', {}, input, words));
  }

  #actions(conflict: OpenConflict, all: HTMLInputElement): HTMLElement {
    const { texts } = this;
    const button = (
      text: string,
      kind: string,
      choice: (() => Choice) | null,
    ): HTMLButtonElement => {
      const element = make('button', { type: 'button', class: kind }, text);
      element.addEventListener('click', () => {
        if (choice === null) this.close();
        else this.#decide(conflict, choice(), all.checked);
      });
      return element;
    };
    const words = {
      update: [texts.keepMine, texts.takeTheirs],
      remoteRemove: [texts.restore, texts.letGo],
      localRemove: [texts.removeAnyway, texts.keepTheirs],
    }[conflict.kind] as [string, string];
    const whole = [
      button(words[0], '', () => 'mine'),
      button(words[1], '', () => 'theirs'),
    ];
    const chosen = button(texts.merge, 'primary', () => this.#chosen(conflict));
    return make(
      'footer',
      { part: 'actions' },
      button(texts.later, 'later', null),
      ...whole,
      conflict.kind === 'update' ? chosen : null,
    );
  }

  /** The sides that are picked, by field. */
  #chosen(conflict: OpenConflict): Record<string, Side> {
    const choice: Record<string, Side> = Object.create(null);
    for (const { field } of conflict.fields) {
      const inputs = this.#dialog.querySelectorAll('input');
      const picked = [...inputs].find((input) => input.name === `field:${field}` && input.checked);
      choice[field] = picked?.value === 'theirs' ? 'theirs' : 'mine';
    }
    return choice;
  }

  #decide(conflict: OpenConflict, choice: Choice, all: boolean): void {
    const waiting = open(this.project).filter((other) => !this.#postponed.has(other));
    const others = waiting.filter((other) => other !== conflict);
    this.#decided += 1;
    this.#conflict = null;
    settle(conflict, choice);
    if (all) for (const other of others) settle(other, sideFor(other, choice));
    this.#dialog.close();
    this._show(this.project);
  }

  #postpone(): void {
    for (const conflict of open(this.project)) this.#postponed.add(conflict);
    this.#conflict = null;
    this.#decided = 0;
  }
}

function open(project: CrudManager<any> | null): readonly OpenConflict[] {
  if (project === null || project.isDestroyed) return [];
  return (project as unknown as ConflictSource).conflicts.filter(({ isResolved }) => !isResolved);
}

function settle(conflict: OpenConflict, choice: Choice): void {
  if (typeof choice === 'string') {
    conflict.resolve(choice);
    return;
  }
  // Field names come from outside: `__proto__` has to be a key like any other.
  const values: Record<string, unknown> = Object.create(null);
  for (const { field, mine, theirs } of conflict.fields)
    values[field] = choice[field] === 'theirs' ? theirs : mine;
  conflict.resolve(values);
}

/**
 * What a choice for one record means for another: the same by name of field; else what most have.
 */
function sideFor(conflict: OpenConflict, choice: Choice): Choice {
  if (typeof choice === 'string') return choice;
  const sides = Object.values(choice);
  const most = sides.filter((side) => side === 'theirs').length * 2 > sides.length;
  const rest: Side = most ? 'theirs' : 'mine';
  if (conflict.kind !== 'update') return rest;
  const same: Record<string, Side> = Object.create(null);
  for (const { field } of conflict.fields) same[field] = choice[field] ?? rest;
  return same;
}

/** What tells a control from the others of a dialog. */
function nameOf(control: Element | null): string {
  const { name, value } = (control ?? {}) as Partial<HTMLInputElement>;
  return `${name}|${value}|${control?.textContent}`;
}

function humanized(field: string): string {
  const words = field.replace(/([a-z\d])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) {
    return value.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
