import { cardsOf, placeOfCell } from './board';
import type { Board } from './board';
import { place } from './order';
import type { BoardTask } from './project';

/** A card in the user's hand: it is shown where it would go, and written when it is dropped. */
export class Move {
  readonly record: BoardTask;
  readonly element: HTMLElement;
  readonly #board: Board;
  readonly #release: () => void;
  readonly #origin: { cell: HTMLElement; index: number };

  /** `by`: whose hand it is; a pointer has a ghost that shows the card. */
  constructor(board: Board, record: BoardTask, element: HTMLElement, by: 'pointer' | 'keys') {
    this.#board = board;
    this.record = record;
    this.element = element;
    this.#origin = { cell: this.cell, index: this.index };
    this.#release = board.freeze();
    element.dataset['lifted'] = by;
    document.documentElement.dataset['dragging'] = '';
  }

  get cell(): HTMLElement {
    return this.element.closest<HTMLElement>('.cell') as HTMLElement;
  }

  /** Its position among the cell's cards. */
  get index(): number {
    return cardsOf(this.cell).indexOf(this.element);
  }

  get isAtOrigin(): boolean {
    return this.cell === this.#origin.cell && this.index === this.#origin.index;
  }

  /** Shows it at a position of a cell, counted without it; past the end is the end. */
  to(cell: HTMLElement, index: number): void {
    const others = cardsOf(cell).filter((card) => card !== this.element);
    const before = others[Math.max(0, index)] ?? null;
    if (this.cell === cell && this.element.nextElementSibling === before) return;
    const shift = this.#board.animateFrom(this.element);
    cell.insertBefore(this.element, before);
    shift();
  }

  toOrigin(): void {
    this.to(this.#origin.cell, this.#origin.index);
  }

  /** Writes the place. `false`: the card is gone, somebody else has removed it. */
  drop(): boolean {
    const { project, callbacks } = this.#board;
    const isThere = !this.record.isRemoved;
    if (isThere && !this.isAtOrigin) {
      const cards = cardsOf(this.cell);
      const next = cards[this.index + 1];
      const before = next ? this.#board.recordOf(next) : undefined;
      const to = placeOfCell(this.cell);
      callbacks.attempt(() => place(project, this.record, to, before));
    }
    this.#end();
    return isThere;
  }

  /** Takes it back to where it was. */
  cancel(): void {
    this.toOrigin();
    this.#end();
  }

  #end(): void {
    delete this.element.dataset['lifted'];
    delete document.documentElement.dataset['dragging'];
    this.#release();
    this.#board.callbacks.onRelease();
  }
}
