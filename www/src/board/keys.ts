import { byId } from '../shared/dom';
import { cardsOf, placeOfCell } from './board';
import type { Board } from './board';
import { Move } from './move';

export interface KeysCallbacks {
  /** A card was put somewhere. */
  onDrop(): void;
  /** The card was gone when it was dropped. */
  onLost(): void;
}

type Direction = 'left' | 'right' | 'up' | 'down';

const DIRECTIONS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/** The board by the keyboard: arrows go from card to card, or take a lifted card along. */
export class Keys {
  readonly #board: Board;
  readonly #callbacks: KeysCallbacks;
  readonly #announcement = byId('board-announce');
  #move: Move | null = null;
  #isMoving = false;

  constructor(board: Board, callbacks: KeysCallbacks) {
    this.#board = board;
    this.#callbacks = callbacks;
    const { root } = board;
    root.addEventListener('keydown', (event) => this.#onKeyDown(event));
    // A button is pressed when Space comes up again.
    root.addEventListener('keyup', (event) => {
      if (event.key === ' ' && isHandle(event.target)) event.preventDefault();
    });
    root.addEventListener('focusout', () => {
      if (this.#move && !this.#isMoving && !this.#board.isRendering) this.#cancel();
    });
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (!isHandle(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    if (direction) {
      if (this.#move) this.#take(this.#move, direction);
      else this.#go(event.target, direction);
    } else if (event.key === ' ') {
      if (this.#move) this.#drop();
      else this.#lift(event.target);
    } else if (this.#move && event.key === 'Enter') {
      this.#drop();
    } else if (this.#move && event.key === 'Escape') {
      this.#cancel();
    } else {
      return;
    }
    event.preventDefault();
  }

  #lift(handle: HTMLElement): void {
    const element = handle.closest<HTMLElement>('.card');
    const record = element && this.#board.recordOf(element);
    // With a card in the hand already, it is the pointer's.
    if (!element || !record || 'dragging' in document.documentElement.dataset) return;
    if (!this.#board.callbacks.onLift(record)) return;
    this.#move = new Move(this.#board, record, element, 'keys');
    const where = this.#board.describe(this.#move.cell, element);
    this.#say(
      `“${record.name}” lifted. ${where}. Arrow keys move it, Space drops it, Escape takes it back.`,
    );
  }

  #take(move: Move, direction: Direction): void {
    const target = this.#target(move, direction);
    if (!target) return;
    this.#isMoving = true;
    move.to(target.cell, target.index);
    this.#focus(move.element);
    this.#isMoving = false;
    this.#say(this.#board.describe(move.cell, move.element));
  }

  #target(move: Move, direction: Direction): { cell: HTMLElement; index: number } | null {
    const { cell, index } = move;
    const last = cardsOf(cell).length - 1;
    if (direction === 'up' && index > 0) return { cell, index: index - 1 };
    if (direction === 'down' && index < last) return { cell, index: index + 1 };
    const beside = this.#beside(cell, direction);
    if (!beside) return null;
    if (direction === 'up') return { cell: beside, index: cardsOf(beside).length };
    return { cell: beside, index: direction === 'down' ? 0 : index };
  }

  /** The next cell in a direction; collapsed lanes are passed over. */
  #beside(cell: HTMLElement, direction: Direction): HTMLElement | null {
    const { column, lane } = placeOfCell(cell);
    const isAcross = direction === 'left' || direction === 'right';
    const strips = isAcross ? this.#board.columns : this.#board.lanes;
    const step = direction === 'left' || direction === 'up' ? -1 : 1;
    const start = strips.findIndex(({ id }) => id === (isAcross ? column : lane));
    for (let at = start + step; at >= 0 && at < strips.length; at += step) {
      const id = strips[at]?.id ?? null;
      const found = isAcross ? this.#board.cell(id, lane) : this.#board.cell(column, id);
      if (found) return found;
    }
    return null;
  }

  #drop(): void {
    const move = this.#move;
    if (!move) return;
    this.#move = null;
    const where = this.#board.describe(move.cell, move.element);
    const isMoved = !move.isAtOrigin;
    if (move.drop()) {
      this.#say(`“${move.record.name}” dropped. ${where}.`);
      if (isMoved) this.#callbacks.onDrop();
    } else {
      this.#callbacks.onLost();
    }
    this.#focus(move.element);
  }

  #cancel(): void {
    const move = this.#move;
    if (!move) return;
    this.#move = null;
    const hadFocus = move.element.contains(document.activeElement);
    move.cancel();
    if (hadFocus) this.#focus(move.element);
    this.#say(`“${move.record.name}” is back where it was.`);
  }

  /** Goes to the next card in a direction, past empty cells. */
  #go(handle: HTMLElement, direction: Direction): void {
    const element = handle.closest<HTMLElement>('.card');
    let cell = element?.closest<HTMLElement>('.cell') ?? null;
    if (!element || !cell) return;
    const index = cardsOf(cell).indexOf(element);
    const step = direction === 'up' ? -1 : direction === 'down' ? 1 : 0;
    let next = step === 0 ? undefined : cardsOf(cell)[index + step];
    while (!next && cell) {
      cell = this.#beside(cell, direction);
      const cards: HTMLElement[] = cell ? cardsOf(cell) : [];
      next =
        direction === 'up'
          ? cards.at(-1)
          : cards[step === 0 ? Math.min(index, cards.length - 1) : 0];
    }
    if (next) this.#focus(next);
  }

  #focus(element: HTMLElement): void {
    const key = element.dataset['key'];
    if (key !== undefined) this.#board.card(key)?.focus();
  }

  #say(text: string): void {
    this.#announcement.textContent = text;
  }
}

function isHandle(target: EventTarget | null): target is HTMLElement {
  return target instanceof HTMLElement && target.matches('.card-open');
}
