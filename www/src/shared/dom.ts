/** Small helpers for building elements. Texts are always set as text: nothing is parsed as HTML. */

type Attributes = Record<string, string | number | boolean | null | ((event: any) => void)>;
type Child = Node | string | null | false;

/** An element of the page that must be there. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}`);
  return element as T;
}

/** Makes an element. `on…` attributes are listeners, `null` and `false` leave an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== null && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of 20 by 20 units, drawn with strokes. It is decoration: its button has the name. */
export function icon(path: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  const shape = document.createElementNS(SVG, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

export const ICONS = {
  check: 'm5 10.5 3.5 3.5L15 7',
  close: 'm5 5 10 10M15 5 5 15',
  lock: 'M6 9.5V7a4 4 0 0 1 8 0v2.5M5 9.5h10v7H5z',
  trash: 'M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6',
  chevron: 'm8 5 5 5-5 5',
  pen: 'm12.5 4.5 3 3L7 16H4v-3z',
  plus: 'M10 4.5v11M4.5 10h11',
  flag: 'M5.5 17V3.5h9l-2 3.5 2 3.5h-9',
  calendar: 'M3.5 5h13v11.5h-13zM3.5 8.5h13M7 3v3.5M13 3v3.5',
} as const;

/** Whether the user asked for less motion. */
export function prefersStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
