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
