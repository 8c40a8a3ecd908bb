/**
 * Binds a Syncline store to a FullCalendar (6 or 7): what the user drags and resizes goes into the
 * store, and what changes in the store, whoever changed it, is painted.
 *
 * The module imports nothing. It talks to the calendar through the few methods that both versions
 * have (the interfaces below), so it costs an application no second copy of FullCalendar, and works
 * the same behind its React, Vue and Angular wrappers (`ref.getApi()`).
 *
 * ```ts
 * import { bindFullCalendar } from 'syncline/fullcalendar';
 * const unbind = bindFullCalendar(calendar, project.eventStore);
 * ```
 *
 * What it takes care of, each of which is easy to get wrong:
 * - Only callbacks of what the *user* does are listened to. `eventChange` also fires for the
 *   adapter's own painting and would send a change of the server back to it.
 * - Nothing is ever reverted by FullCalendar's `revert()`, which would restore the state at the
 *   drop and wipe what arrived since: a refused change comes back through the store.
 * - From the start of a drag to after its drop the store is held, so that nothing moves under the
 *   user's hand.
 * - A record that went away in mid-drag leaves no ghost behind.
 * - Only the range that the calendar asked for is fed, and a change touches one event: refetching
 *   flickers, and costs in proportion to everything shown.
 * - All-day events pass as plain dates, and so never shift by a day in another time zone.
 */

/** The part of a record that the adapter uses: every event record of Syncline has it. */
export interface CalendarRecord {
  /** Stable from the record's creation to its end, also when the server gives it its id. */
  readonly key: string;
  readonly name?: string | null | undefined;
  /** Start, an instant. A record without one is not shown. */
  readonly startDate?: Date | null | undefined;
  /** End, an instant, exclusive. */
  readonly endDate?: Date | null | undefined;
  readonly allDay?: boolean | null | undefined;
  /** Any CSS colour. */
  readonly eventColor?: string | null | undefined;
  /** Whether the record has changes that the server has not confirmed. */
  readonly isPending: boolean;
  /** Why the server refused the record's last change, if it did. */
  readonly syncError?: unknown;
  set(values: Record<string, unknown>): unknown;
}

/** What happened to a store, as `store.subscribe` reports it. */
export interface CalendarBatch<R> {
  readonly changes: readonly { readonly key: string; readonly record: R | null }[];
  /** Everything may be different. */
  readonly reset: boolean;
}

/** The part of a store that the adapter uses. */
export interface CalendarStore<R extends CalendarRecord> {
  range(start: Date, end: Date): Iterable<R>;
  /** Loads what isn't there of a span of time, where that is done by parts. */
  ensureLoaded?(part: { startDate: Date; endDate: Date }): Promise<unknown>;
  get(key: string): R | null | undefined;
  add(data: any): unknown;
  subscribe(listener: (batch: CalendarBatch<R>) => void): () => void;
  hold(key: string): () => void;
}

/** An event as FullCalendar takes it in. Further properties of its event object may be given. */
export interface CalendarEventInput {
  title?: string;
  /** An instant, or `YYYY-MM-DD` for an all-day event. */
  start: Date | string;
  /** Exclusive. */
  end?: Date | string | null;
  allDay?: boolean;
  color?: string;
  /** Class names, separated by blanks. Version 6 gets them as `classNames`. */
  className?: string;
  extendedProps?: Record<string, unknown>;
  [property: string]: unknown;
}

/** An event as FullCalendar gives it out. */
export interface CalendarEventApi {
  readonly id: string;
  readonly title: string;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly startStr: string;
  readonly endStr: string;
  readonly allDay: boolean;
  readonly source: { readonly id: string } | null;
  setProp(name: string, value: any): void;
  setExtendedProp(name: string, value: any): void;
  setDates(start: any, end: any, options?: { allDay?: boolean }): void;
  remove(): void;
}

/** The part of FullCalendar's `CalendarApi` that the adapter uses. */
export interface CalendarLike {
  addEventSource(source: any): { remove(): void };
  addEvent(event: any, source?: any): unknown;
  getEventById(id: string): CalendarEventApi | null;
  getOption(name: any): unknown;
  on(name: any, handler: any): void;
  off(name: any, handler: any): void;
  /** Only the vanilla calendar has it. */
  batchRendering?(paint: () => void): void;
}

/** Options of {@link bindFullCalendar}. */
export interface FullCalendarOptions<R extends CalendarRecord> {
  /**
   * Makes the calendar's event of a record. `event` is what the adapter would show; return it
   * changed or completed, or `null` to leave the record out.
   */
  toEvent?: (record: R, event: CalendarEventInput) => CalendarEventInput | null;
  /**
   * Makes the values that a move, a resize or a received event writes; `values` is
   * `{ startDate, endDate, allDay }`, and `name` besides for a received event. Return `null` to
   * refuse: the event goes back at once.
   */
  toValues?: (
    values: Record<string, unknown>,
    event: CalendarEventApi,
    record: R | null,
  ) => Record<string, unknown> | null;
  /**
   * Hears why the store took a move, a resize or a received event not: `LOCKED`, say, when somebody
   * else has the record in hand. The event has gone back by then. `record` is `null` for a received
   * event. Without it the error is thrown, uncaught.
   */
  onError?: (error: unknown, record: R | null) => void;
  /** Class of an event with unconfirmed changes. Default `syncline-pending`. */
  pendingClass?: string;
  /** Class of an event whose last change the server refused. Default `syncline-error`. */
  errorClass?: string;
}

/** Ends the binding: the calendar loses the store's events, the store keeps everything. */
export interface FullCalendarBinding {
  (): void;
  /**
   * Paints again what depends on more than the records themselves: a filter in `toEvent`, or the
   * names of assigned people. Without keys, everything in the shown range.
   */
  refresh(keys?: Iterable<string>): void;
}

const HOUR_MS = 3_600_000;
const DATE_PROPERTIES = new Set(['id', 'start', 'end', 'allDay', 'extendedProps']);

let bindings = 0;

/**
 * Shows the records of `store` in `calendar` and writes the user's moves and resizes into it.
 *
 * Call it once the calendar exists, before or after `render()`; the calendar needs FullCalendar's
 * interaction plug-in and `editable: true` for the user to change anything.
 *
 * @returns a function that ends the binding.
 */
export function bindFullCalendar<R extends CalendarRecord>(
  calendar: CalendarLike,
  store: CalendarStore<R>,
  options: FullCalendarOptions<R> = {},
): FullCalendarBinding {
  const binding = new Binding(calendar, store, options);
  return Object.assign(() => binding.end(), {
    refresh: (keys?: Iterable<string>) => binding.refresh(keys),
  });
}

class Binding<R extends CalendarRecord> {
  readonly #calendar: CalendarLike;
  readonly #store: CalendarStore<R>;
  readonly #options: FullCalendarOptions<R>;
  readonly #sourceId = `syncline-${++bindings}`;
  readonly #source: { remove(): void };
  readonly #unsubscribe: () => void;
  readonly #handlers: Record<string, (info: any) => void>;
  /** What the calendar asked for last; it caches this range, and shows no other before asking. */
  #range: { start: Date; end: Date } | null = null;
  /** What each event in the calendar looks like, by key. */
  readonly #shown = new Map<string, CalendarEventInput>();
  #release: (() => void) | null = null;
  #releaseTimer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(calendar: CalendarLike, store: CalendarStore<R>, options: FullCalendarOptions<R>) {
    this.#calendar = calendar;
    this.#store = store;
    this.#options = options;
    const hold = () => this.#hold();
    const letGo = () => this.#letGo();
    const commit = (info: DropInfo) => this.#commit(info);
    this.#handlers = {
      eventDragStart: hold,
      eventDragStop: letGo,
      eventDrop: commit,
      eventResizeStart: hold,
      eventResizeStop: letGo,
      eventResize: commit,
      eventReceive: (info: { event: CalendarEventApi }) => this.#receive(info.event),
    };
    for (const [name, handler] of Object.entries(this.#handlers)) calendar.on(name, handler);
    this.#unsubscribe = store.subscribe((batch) => this.#onBatch(batch));
    this.#source = calendar.addEventSource({
      id: this.#sourceId,
      events: (info: { start: Date; end: Date }, succeed: (events: unknown[]) => void) =>
        succeed(this.#feed(info)),
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    for (const [name, handler] of Object.entries(this.#handlers)) {
      this.#calendar.off(name, handler);
    }
    this.#source.remove();
    this.#shown.clear();
    this.#releaseNow();
  }

  refresh(keys?: Iterable<string>): void {
    if (this.#ended) return;
    this.#paint(() => {
      if (keys) for (const key of keys) this.#paintKey(key, this.#store.get(key));
      else this.#paintAll();
    });
  }

  // From the store to the calendar.

  #feed(range: { start: Date; end: Date }): CalendarEventInput[] {
    if (this.#ended) return [];
    this.#range = range;
    // What comes is told like any other change; a failure is told by the manager.
    void this.#store
      .ensureLoaded?.({ startDate: range.start, endDate: range.end })
      .catch(() => undefined);
    this.#shown.clear();
    const events: CalendarEventInput[] = [];
    for (const record of this.#store.range(range.start, range.end)) {
      const event = this.#eventOf(record);
      if (!event) continue;
      this.#shown.set(record.key, event);
      events.push(event);
    }
    return events;
  }

  #onBatch({ changes, reset }: CalendarBatch<R>): void {
    this.#paint(() => {
      // After a load, to compare with what is shown costs less than to fetch, and doesn't flicker.
      if (reset) this.#paintAll();
      else for (const { key, record } of changes) this.#paintKey(key, record);
    });
  }

  /** Paints in one go. A `toEvent` that throws must not leave the calendar's painting paused. */
  #paint(work: () => void): void {
    const guarded = () => {
      try {
        work();
      } catch (error) {
        throwLater(error);
      }
    };
    if (this.#calendar.batchRendering) this.#calendar.batchRendering(guarded);
    else guarded();
  }

  #paintAll(): void {
    if (!this.#range) return;
    const gone = new Set(this.#shown.keys());
    for (const record of this.#store.range(this.#range.start, this.#range.end)) {
      gone.delete(record.key);
      this.#paintKey(record.key, record);
    }
    for (const key of gone) this.#paintKey(key, null);
  }

  #paintKey(key: string, record: R | null | undefined, force = false): void {
    const next = record && this.#isInRange(record) ? this.#eventOf(record) : null;
    const previous = this.#shown.get(key);
    if (!next) {
      this.#shown.delete(key);
      if (previous) this.#own(key)?.remove();
      return;
    }
    // Nothing was fed yet: the first feed will bring it.
    if (!this.#range) return;
    const shown = this.#own(key);
    this.#shown.set(key, next);
    if (shown) {
      repaint(shown, force ? null : previous, next);
      if (isPlaced(shown, next)) return;
      // An event that the user may not move can't be moved from here either: it is made anew.
      shown.remove();
    }
    this.#calendar.addEvent(next, this.#sourceId);
  }

  #own(key: string): CalendarEventApi | null {
    const event = this.#calendar.getEventById(key);
    return event?.source?.id === this.#sourceId ? event : null;
  }

  #isInRange(record: R): boolean {
    const range = this.#range;
    const start = record.startDate?.getTime();
    if (!range || start === undefined || Number.isNaN(start)) return false;
    const end = Math.max(record.endDate?.getTime() || start, start);
    const [from, to] = [range.start.getTime(), range.end.getTime()];
    return start < to && (end > from || (end === start && start >= from));
  }

  #eventOf(record: R): CalendarEventInput | null {
    const start = record.startDate;
    if (!start || Number.isNaN(start.getTime())) return null;
    const classes: string[] = [];
    if (record.isPending) classes.push(this.#options.pendingClass ?? 'syncline-pending');
    if (record.syncError) classes.push(this.#options.errorClass ?? 'syncline-error');
    const event: CalendarEventInput = {
      title: record.name ?? '',
      ...datesOf(start, record.endDate, record.allDay === true),
      color: record.eventColor ?? '',
      className: classes.join(' '),
      extendedProps: { record },
    };
    const made = this.#options.toEvent ? this.#options.toEvent(record, event) : event;
    return made && { ...made, id: record.key };
  }

  // From the user to the store.

  #hold(): void {
    clearTimeout(this.#releaseTimer);
    this.#release ??= this.#store.hold('*');
  }

  /** FullCalendar tells of a drag's end before the drop: the store is let go after both. */
  #letGo(): void {
    clearTimeout(this.#releaseTimer);
    this.#releaseTimer = setTimeout(() => this.#releaseNow());
  }

  #releaseNow(): void {
    clearTimeout(this.#releaseTimer);
    const release = this.#release;
    this.#release = null;
    release?.();
  }

  #commit(info: DropInfo): void {
    // Events that share a `groupId` move with the one that the user has in hand.
    const events = [info.event, ...(info.relatedEvents ?? [])];
    for (const event of events) {
      if (event.source?.id === this.#sourceId) this.#commitOne(event);
    }
  }

  #commitOne(event: CalendarEventApi): void {
    const record = this.#store.get(event.id) ?? null;
    const failed = record && this.#attempt(event, record, (values) => record.set(values));
    // The drop laid the event down as it was when the drag began. So everything is painted again,
    // which also takes back what was refused here, and removes what has gone in the meantime.
    this.#shown.set(event.id, this.#shown.get(event.id) ?? { start: '' });
    this.#paint(() => this.#paintKey(event.id, this.#store.get(event.id), true));
    failed?.();
  }

  /** Writes what the user made of an event; gives what tells why that failed, if it did. */
  #attempt(
    event: CalendarEventApi,
    record: R | null,
    write: (values: Record<string, unknown>) => unknown,
  ): (() => void) | null {
    try {
      const values = this.#valuesOf(event, record);
      if (values) write(values);
      return null;
    } catch (error) {
      return () => this.#tell(error, record);
    }
  }

  #tell(error: unknown, record: R | null): void {
    const { onError } = this.#options;
    if (!onError) return throwLater(error);
    try {
      onError(error, record);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #receive(event: CalendarEventApi): void {
    // An event of another source of this calendar is not ours to take.
    if (event.source) return;
    const failed = this.#attempt(event, null, (values) => this.#store.add(values));
    event.remove();
    failed?.();
  }

  #valuesOf(event: CalendarEventApi, record: R | null): Record<string, unknown> | null {
    const values: Record<string, unknown> = {
      ...(record ? {} : { name: event.title }),
      ...this.#datesFrom(event),
    };
    return this.#options.toValues ? this.#options.toValues(values, event, record) : values;
  }

  #datesFrom(event: CalendarEventApi) {
    if (event.allDay) {
      const startDate = fromPlainDate(event.startStr);
      const endDate = event.endStr ? fromPlainDate(event.endStr) : addDays(startDate, 1);
      return { startDate, endDate, allDay: true };
    }
    // Without an end after a change between all-day and timed: it is shown with the default one.
    const startDate = event.start ?? new Date(event.startStr);
    const length = () => durationMs(this.#calendar.getOption('defaultTimedEventDuration'));
    const endDate = event.end ?? new Date(startDate.getTime() + length());
    return { startDate, endDate, allDay: false };
  }
}

interface DropInfo {
  event: CalendarEventApi;
  relatedEvents?: CalendarEventApi[];
}

function repaint(
  shown: CalendarEventApi,
  previous: CalendarEventInput | null | undefined,
  next: CalendarEventInput,
): void {
  const allDay = next.allDay === true;
  if (!previous || !hasDates(shown, next)) {
    shown.setDates(next.start, next.end ?? null, { allDay });
  }
  for (const name of new Set([...Object.keys(previous ?? {}), ...Object.keys(next)])) {
    if (DATE_PROPERTIES.has(name) || Object.is(previous?.[name], next[name])) continue;
    setProperty(shown, name, next[name]);
  }
  const before = previous?.extendedProps ?? {};
  for (const [name, value] of Object.entries(next.extendedProps ?? {})) {
    if (!Object.is(before[name], value)) shown.setExtendedProp(name, value);
  }
}

/** Whether the event stands where it should: the user may have moved it there already. */
function hasDates(shown: CalendarEventApi, next: CalendarEventInput): boolean {
  return isPlaced(shown, next) && (shown.end === null) === ((next.end ?? null) === null);
}

/** The same; an end that isn't given may be anywhere. */
function isPlaced(shown: CalendarEventApi, next: CalendarEventInput): boolean {
  if (shown.allDay !== (next.allDay === true)) return false;
  const isAt = (at: Date | null, text: string, wanted: Date | string) =>
    typeof wanted === 'string' ? text.startsWith(wanted) : at?.getTime() === wanted.getTime();
  if (!isAt(shown.start, shown.startStr, next.start)) return false;
  return (next.end ?? null) === null || isAt(shown.end, shown.endStr, next.end as Date | string);
}

function setProperty(shown: CalendarEventApi, name: string, value: unknown): void {
  // Version 6 calls an event's classes `classNames`, and takes `className` without effect.
  if ((name === 'className' || name === 'class') && 'classNames' in shown) {
    shown.setProp('classNames', String(value ?? '').split(' ').filter(Boolean));
  } else {
    shown.setProp(name, value);
  }
}

/** A timed event's instants; an all-day event's plain dates, the end being the day after. */
function datesOf(start: Date, end: Date | null | undefined, allDay: boolean) {
  const hasEnd = end instanceof Date && end.getTime() > start.getTime();
  if (!allDay) return { start, end: hasEnd ? end : null, allDay };
  const first = midnight(start);
  let after = hasEnd ? midnight(end) : addDays(first, 1);
  // An end within a day covers this day too.
  if (hasEnd && after.getTime() < end.getTime()) after = addDays(after, 1);
  return { start: toPlainDate(first), end: toPlainDate(after), allDay };
}

function midnight(date: Date): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** By the calendar rather than by hours: days of a clock change have 23 or 25. */
function addDays(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

function toPlainDate(date: Date): string {
  const pad = (value: number, length: number) => String(value).padStart(length, '0');
  const month = pad(date.getMonth() + 1, 2);
  return `${pad(date.getFullYear(), 4)}-${month}-${pad(date.getDate(), 2)}`;
}

function fromPlainDate(text: string): Date {
  const [year = 0, month = 1, day = 1] = text.slice(0, 10).split('-').map(Number);
  return new Date(year, month - 1, day);
}

/** FullCalendar's durations: `hh:mm[:ss]`, milliseconds, or an object of units. */
function durationMs(duration: unknown): number {
  let ms = 0;
  if (typeof duration === 'number') {
    ms = duration;
  } else if (typeof duration === 'string') {
    const [hours = 0, minutes = 0, seconds = 0] = duration.split(':').map(Number);
    ms = hours * HOUR_MS + minutes * 60_000 + seconds * 1000;
  } else if (duration && typeof duration === 'object') {
    const units = duration as Record<string, number | undefined>;
    const of = (name: string) => units[name] ?? units[`${name}s`] ?? 0;
    ms = of('day') * 24 * HOUR_MS + of('hour') * HOUR_MS + of('minute') * 60_000;
    ms += of('second') * 1000 + (units['milliseconds'] ?? units['ms'] ?? 0);
  }
  return ms > 0 ? ms : HOUR_MS;
}

/** The caller's error must be seen, but not break off FullCalendar's own end of the drag. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
