import { prefersStillness } from '../shared/dom';
import { cardsOf } from './board';
import type { Board } from './board';
import { Move } from './move';

/** How far a mouse or pen goes before it is a drag and not a click. */
const DRAG_PX = 5;
/** How long a finger rests before it lifts the card; until then it scrolls. */
const LIFT_MS = 260;
const LIFT_SLACK_PX = 8;
/** Near an edge the board scrolls, the faster the nearer. */
const EDGE_PX = 56;
const SCROLL_PX_MAX = 14;
const LAND_MS = 150;

export interface DragCallbacks {
  /** The card was gone when it was dropped. */
  onLost(): void;
}

interface Grip {
  pointerId: number;
  isFinger: boolean;
  element: HTMLElement;
  startX: number;
  startY: number;
  x: number;
  y: number;
}

/** Dragging cards with a mouse, a finger or a pen. */
export class Drag {
  readonly #board: Board;
  readonly #callbacks: DragCallbacks;
  #grip: Grip | null = null;
  #move: Move | null = null;
  #ghost: HTMLElement | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: AbortController | null = null;

  constructor(board: Board, callbacks: DragCallbacks) {
    this.#board = board;
    this.#callbacks = callbacks;
    const { root } = board;
    root.addEventListener('pointerdown', (event) => this.#onDown(event));
    // A pen hovers before it touches: from then on it drags, where a finger would scroll.
    root.addEventListener('pointerover', (event) => {
      const card = (event.target as Element).closest<HTMLElement>('.card');
      if (card) card.style.touchAction = event.pointerType === 'pen' ? 'none' : '';
    });
    // Else a resting finger opens the browser's menu instead of lifting the card.
    root.addEventListener('contextmenu', (event) => {
      if (this.#grip?.isFinger) event.preventDefault();
    });
    root.addEventListener('dragstart', (event) => event.preventDefault());
  }

  #onDown(event: PointerEvent): void {
    const target = event.target as Element;
    const element = target.closest<HTMLElement>('.card');
    if (!event.isPrimary || event.button !== 0 || !element || this.#grip) return;
    // With a card in the hand already, it is the keyboard's.
    if ('dragging' in document.documentElement.dataset) return;
    if (target.closest('.card-complete')) return;
    const { pointerId, clientX: x, clientY: y } = event;
    const isFinger = event.pointerType === 'touch';
    this.#grip = { pointerId, isFinger, element, startX: x, startY: y, x, y };
    this.#watch = new AbortController();
    const { signal } = this.#watch;
    addEventListener('pointermove', (moved) => this.#onMove(moved), { signal });
    addEventListener('pointerup', (up) => up.pointerId === pointerId && this.#onUp(), { signal });
    addEventListener('pointercancel', (gone) => gone.pointerId === pointerId && this.#abort(), {
      signal,
    });
    addEventListener('blur', () => this.#abort(), { signal });
    addEventListener('keydown', (key) => this.#onKeyDown(key), { signal, capture: true });
    // Without this the browser would scroll, and take the pointer away.
    const still = (touch: TouchEvent) => this.#move && touch.cancelable && touch.preventDefault();
    element.addEventListener('touchmove', still, { signal, passive: false });
    if (isFinger) this.#timer = setTimeout(() => this.#lift(), LIFT_MS);
  }

  #onMove(event: PointerEvent): void {
    const grip = this.#grip;
    if (!grip || event.pointerId !== grip.pointerId) return;
    grip.x = event.clientX;
    grip.y = event.clientY;
    if (!this.#move) {
      const distance = Math.hypot(grip.x - grip.startX, grip.y - grip.startY);
      if (grip.isFinger) {
        if (distance > LIFT_SLACK_PX) this.#abort();
        return;
      }
      if (distance < DRAG_PX) return;
      this.#lift();
    }
    this.#follow();
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (!this.#move || event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    this.#abort();
  }

  #lift(): void {
    const grip = this.#grip;
    const record = grip && this.#board.recordOf(grip.element);
    if (!grip || !record || !grip.element.isConnected || !this.#board.callbacks.onLift(record)) {
      this.#abort();
      return;
    }
    const box = grip.element.getBoundingClientRect();
    const ghost = grip.element.cloneNode(true) as HTMLElement;
    ghost.classList.add('card-ghost');
    ghost.setAttribute('aria-hidden', 'true');
    ghost.inert = true;
    ghost.style.width = `${box.width}px`;
    ghost.style.left = `${box.left - grip.startX}px`;
    ghost.style.top = `${box.top - grip.startY}px`;
    this.#ghost = ghost;
    this.#move = new Move(this.#board, record, grip.element, 'pointer');
    document.body.append(ghost);
    // The card itself is about to be moved about, and would lose the pointer.
    this.#board.root.setPointerCapture(grip.pointerId);
    this.#follow();
    this.#scroll();
  }

  /** Brings the ghost to the pointer, and the card to the place below it. */
  #follow(): void {
    const [grip, move, ghost] = [this.#grip, this.#move, this.#ghost];
    if (!grip || !move || !ghost) return;
    ghost.style.translate = `${grip.x}px ${grip.y}px`;
    const under = document.elementsFromPoint(grip.x, grip.y);
    if (!under.includes(this.#board.root)) {
      move.toOrigin();
      return;
    }
    const cell = under.find((element) => element.matches('.cell')) as HTMLElement | undefined;
    if (cell) move.to(cell, indexAt(cell, grip.y, move.element));
  }

  /** Scrolls as long as the pointer is near an edge of the board. */
  #scroll(): void {
    requestAnimationFrame(() => {
      const grip = this.#grip;
      if (!grip || !this.#move) return;
      const { root } = this.#board;
      const box = root.getBoundingClientRect();
      const left = speed(grip.x, box.left, box.right);
      const top = speed(grip.y, box.top, box.bottom);
      const { scrollLeft, scrollTop } = root;
      if (left || top) root.scrollBy({ left, top, behavior: 'instant' });
      if (root.scrollLeft !== scrollLeft || root.scrollTop !== scrollTop) this.#follow();
      this.#scroll();
    });
  }

  #onUp(): void {
    const move = this.#move;
    if (!move) {
      this.#abort();
      return;
    }
    swallowClick();
    if (!move.drop()) this.#callbacks.onLost();
    this.#land(move.element);
  }

  #abort(): void {
    const move = this.#move;
    if (move) swallowClick();
    move?.cancel();
    this.#land(move?.element ?? null);
  }

  /** Lets the ghost glide to where the card is, and forgets the drag. */
  #land(element: HTMLElement | null): void {
    clearTimeout(this.#timer);
    this.#watch?.abort();
    const ghost = this.#ghost;
    this.#grip = this.#move = this.#ghost = this.#watch = null;
    if (!ghost) return;
    if (!element?.isConnected || prefersStillness()) {
      ghost.remove();
      return;
    }
    const from = ghost.getBoundingClientRect();
    const to = element.getBoundingClientRect();
    element.dataset['landing'] = '';
    const [x, y] = [to.left - from.left, to.top - from.top];
    const frames = [{}, { transform: `translate(${x}px, ${y}px)`, rotate: '0deg' }];
    const gone = () => {
      ghost.remove();
      delete element.dataset['landing'];
    };
    ghost.animate(frames, { duration: LAND_MS, easing: 'ease-out' }).finished.then(gone, gone);
  }
}

/** By the cards' places in the layout: they may still be gliding. */
function indexAt(cell: HTMLElement, y: number, lifted: HTMLElement): number {
  const top = cell.getBoundingClientRect().top;
  const others = cardsOf(cell).filter((card) => card !== lifted);
  const at = others.findIndex((card) => y < top + card.offsetTop + card.offsetHeight / 2);
  return at < 0 ? others.length : at;
}

function speed(at: number, start: number, end: number): number {
  const near = (distance: number) => Math.min(1, Math.max(0, (EDGE_PX - distance) / EDGE_PX));
  return Math.round((near(end - at) - near(at - start)) * SCROLL_PX_MAX);
}

/** What comes after a drag is no click, though the browser says so. */
function swallowClick(): void {
  const swallow = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener('click', swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener('click', swallow, { capture: true }), 60);
}
