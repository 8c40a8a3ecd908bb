/** The colours that an event may have. Other colours, which the server may hold, show too. */

export interface Swatch {
  readonly name: string;
  readonly color: string;
}

export const SWATCHES: readonly Swatch[] = [
  { name: 'Blue', color: '#3b82f6' },
  { name: 'Cyan', color: '#0891b2' },
  { name: 'Green', color: '#10b981' },
  { name: 'Amber', color: '#f59e0b' },
  { name: 'Rose', color: '#f43f5e' },
  { name: 'Violet', color: '#8b5cf6' },
  { name: 'Slate', color: '#64748b' },
];

export const DEFAULT_COLOR = '#3b82f6';

/** The names by which servers call the colours of columns and swimlanes. */
const NAMED: Record<string, string> = {
  red: '#f43f5e',
  orange: '#f97316',
  yellow: '#eab308',
  green: '#10b981',
  teal: '#14b8a6',
  cyan: '#0891b2',
  blue: '#3b82f6',
  indigo: '#6366f1',
  purple: '#8b5cf6',
  pink: '#ec4899',
  gray: '#64748b',
};

/** A colour of the page's palette for the server's; one that CSS doesn't know becomes grey. */
export function cssColor(color: string | null | undefined): string {
  const named = NAMED[color?.toLowerCase() ?? 'gray'];
  if (named) return named;
  return color && CSS.supports('color', color) ? color : '#64748b';
}
