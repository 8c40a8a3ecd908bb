import type { BoardTask, Project } from './project';

/** Weights are whole numbers: room for some cards to be put in between. */
const STEP = 100;
/** What the server takes. */
const WEIGHT_MAX = 1_000_000_000;

/** Where a card stands, or is to stand. `null`: in no column or lane that the board has. */
export interface Place {
  column: string | null;
  lane: string | null;
}

/** The cards of a cell in their order. */
export function cardsIn(project: Project, { column, lane }: Place): BoardTask[] {
  const cards = [...project.taskStore].filter((task) => {
    const place = placeOf(project, task);
    return place.column === column && place.lane === lane;
  });
  return inOrder(cards);
}

/** Where the card belongs by what it says of itself. */
export function placeOf(project: Project, task: BoardTask): Place {
  const column = project.columnStore.getById(task.status);
  const lane = project.swimlaneStore.getById(task.prio);
  return { column: column ? String(column.id) : null, lane: lane ? String(lane.id) : null };
}

/** Sorted by weight; what weighs the same stays as it came. */
export function inOrder<T extends { weight: number | null }>(records: Iterable<T>): T[] {
  return [...records].sort((one, other) => (one.weight ?? 0) - (other.weight ?? 0));
}

/** Puts a card into a cell before another card of it, or last. It is one update of the card. */
export function place(project: Project, task: BoardTask, to: Place, before?: BoardTask): void {
  const others = cardsIn(project, to).filter((other) => other !== task);
  const at = before ? others.indexOf(before) : -1;
  const { own, shifted } = weights(others, at < 0 ? others.length : at, task.weight);
  const values: Record<string, unknown> = { weight: own };
  const now = placeOf(project, task);
  if (to.column !== null && to.column !== now.column) values['status'] = to.column;
  if (to.lane !== now.lane) values['prio'] = to.lane;
  task.set(values);
  for (const [other, weight] of shifted) other.weight = weight;
}

/** The weight of a card that is added to a cell as the last one. */
export function lastWeight(project: Project, to: Place): number {
  const others = cardsIn(project, to);
  return weights(others, others.length).own;
}

interface Weights {
  own: number;
  /** Cards that have to make room, with their new weights. */
  shifted: Map<BoardTask, number>;
}

/** Weights for a card at a position among others; `current` is kept where it fits. */
function weights(others: BoardTask[], at: number, current?: number | null): Weights {
  const low = others[at - 1] ? (others[at - 1]?.weight ?? 0) : -Infinity;
  const high = others[at] ? (others[at]?.weight ?? 0) : Infinity;
  const fits = (weight: number) => low < weight && weight < high && Math.abs(weight) <= WEIGHT_MAX;
  for (const own of [current, between(low, high)]) {
    if (typeof own === 'number' && fits(own)) return { own, shifted: new Map() };
  }
  const numbered = others.map((other, i): [BoardTask, number] => [
    other,
    (i < at ? i + 1 : i + 2) * STEP,
  ]);
  const shifted = numbered.filter(([other, weight]) => other.weight !== weight);
  return { own: (at + 1) * STEP, shifted: new Map(shifted) };
}

function between(low: number, high: number): number {
  if (low === -Infinity) return high === Infinity ? STEP : high - STEP;
  return high === Infinity ? low + STEP : Math.floor((low + high) / 2);
}
