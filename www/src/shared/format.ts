/** Dates and times as people read them, in the language of the browser. */

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const MOMENT = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const DAY_MS = 86_400_000;

/** The time of day, such as `09:30`. */
export function timeText(date: Date): string {
  return TIME.format(date);
}

/** A moment, such as `Sat 30 May, 09:30`. */
export function dateTimeText(date: Date): string {
  return MOMENT.format(date);
}

/** The shown range as a title; `end` is exclusive. */
export function rangeText(start: Date, end: Date): string {
  const last = new Date(end.getTime() - DAY_MS / 2);
  const narrow = innerWidth < 640;
  const month = narrow ? 'short' : 'long';
  const format = new Intl.DateTimeFormat(undefined, { day: 'numeric', month, year: 'numeric' });
  return format.formatRange(start, last);
}

/** A day, such as `30 May`; with the year where that isn't this one. */
export function dayText(date: Date): string {
  return (isThisYear(date) ? DAY : DAY_AND_YEAR).format(date);
}

export function isThisYear(date: Date): boolean {
  return date.getFullYear() === new Date().getFullYear();
}

/** `1 change`, `3 changes`. */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString()} ${noun}${amount === 1 ? '' : 's'}`;
}

const pad = (value: number) => String(value).padStart(2, '0');

/** The value of `<input type="date">`. */
export function dateValue(date: Date): string {
  const year = String(date.getFullYear()).padStart(4, '0');
  return `${year}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** The value of `<input type="datetime-local">`. */
export function dateTimeValue(date: Date): string {
  return `${dateValue(date)}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** Reads the value of a date or date-time input as local time; `null` while it is incomplete. */
export function parseValue(value: string): Date | null {
  const date = new Date(value.includes('T') ? value : `${value}T00:00`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The same time some days later, by the calendar: days of a clock change are no 24 hours. */
export function addDays(date: Date, days: number): Date {
  const moved = new Date(date);
  moved.setDate(moved.getDate() + days);
  return moved;
}
