import { Calendar } from 'fullcalendar';
import type { CalendarOptions, EventDisplayInfo, EventInput } from 'fullcalendar';
import interaction from 'fullcalendar/interaction';
import theme from 'fullcalendar/themes/breezy';
import timeGrid from 'fullcalendar/timegrid';
import { h, icon, ICONS } from '../shared/dom';
import { addDays, timeText } from '../shared/format';
import { isPane } from '../shared/identity';
import { ring } from '../shared/live';
import { avatars } from '../shared/people';
import type { Person } from '../shared/project';
import type { TeamEvent } from './project';

/** Below this width a week's columns are too narrow to read or to grab. */
const WEEK_WIDTH_MIN = 760;
/** One of two side by side is narrow: better a week that is cramped than days without an event. */
const PANE_WEEK_WIDTH_MIN = 560;
const AVATARS_SHOWN_MAX = 4;

const WEEK = 'timeGridWeek';
const DAYS = 'timeGridDays';
const DAYS_SHOWN = 3;

export interface CalendarCallbacks {
  onRange(start: Date, end: Date): void;
  onSelect(start: Date, end: Date, allDay: boolean): void;
  onEvent(record: TeamEvent, element: HTMLElement): void;
  /** An event is in the user's hand, until `onRelease`. */
  onHold(record: TeamEvent): void;
  onRelease(): void;
}

/** FullCalendar as this page wants it. The events come by the adapter: see main.ts. */
export function createCalendar(root: HTMLElement, callbacks: CalendarCallbacks): Calendar {
  const hold = ({ event }: { event: { extendedProps: Record<string, unknown> } }) => {
    const record = event.extendedProps['record'] as TeamEvent | undefined;
    if (record) callbacks.onHold(record);
  };
  const release = () => callbacks.onRelease();
  const calendar = new Calendar(root, {
    plugins: [timeGrid, interaction, theme],
    initialView: viewFor(innerWidth),
    initialDate: firstDay(),
    views: { [DAYS]: { type: 'timeGrid', duration: { days: DAYS_SHOWN } } },
    headerToolbar: false,
    borderless: true,
    height: '100%',
    firstDay: 1,
    nowIndicator: true,
    scrollTime: '07:30:00',
    // A slot is a quarter of an hour, though only hours and halves have lines: with a snap shorter
    // than a slot, a dragged event jumps by a quarter as soon as it is taken up.
    slotDuration: '00:15:00',
    slotHeaderInterval: '01:00:00',
    slotMinHeight: 15,
    slotLaneClass: ({ time }) => (isQuarter(time) ? 'slot-quarter' : ''),
    slotHeaderInnerClass: 'slot-label',
    businessHours: { daysOfWeek: [1, 2, 3, 4, 5], startTime: '09:00', endTime: '17:00' },
    editable: true,
    eventResizableFromStart: true,
    selectable: true,
    selectMirror: true,
    unselectAuto: false,
    longPressDelay: 350,
    eventMinHeight: 22,
    allDayText: 'all day',
    ...FORMATS,
    slotEventOverlap: false,
    eventClass: 'event',
    columnEventClass: 'event-column',
    rowEventClass: 'event-row',
    eventInnerClass: 'event-inner',
    eventContent: (info: EventDisplayInfo) => ({
      domNodes: content(info.event.title, times(info), info.isMirror, info.event.extendedProps),
    }),
    eventDidMount: ({ event, el, isMirror }) => {
      el.dataset['key'] = event.id;
      if (isMirror) el.dataset['mirror'] = '';
    },
    eventDragStart: hold,
    eventDragStop: release,
    eventResizeStart: hold,
    eventResizeStop: release,
    datesSet: ({ start, end }) => callbacks.onRange(start, end),
    select: ({ start, end, allDay }) => callbacks.onSelect(start, end, allDay),
    eventClick: ({ event, el }) => {
      const record = event.extendedProps['record'] as TeamEvent | undefined;
      if (record) callbacks.onEvent(record, el);
    },
  });
  calendar.render();
  new ResizeObserver(() => {
    const view = viewFor(innerWidth);
    if (calendar.view.type !== view) calendar.changeView(view);
  }).observe(root);
  return calendar;
}

/** The element of an event, while it is on the page. */
export function elementOf(key: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(
    `[data-key="${CSS.escape(key)}"].event:not([data-mirror])`,
  );
}

const FORMATS: CalendarOptions = {
  dayHeaderFormat: { weekday: 'short', day: 'numeric' },
  slotHeaderFormat: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  eventTimeFormat: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
};

/** Goes to today, as the page does when it opens. */
export function goToday(calendar: Calendar): void {
  calendar.gotoDate(firstDay());
}

/** Today; of a few days at the end of the week, those: the days after it are another week's. */
function firstDay(): Date {
  const today = new Date();
  if (viewFor(innerWidth) === WEEK) return today;
  const daysLeft = (7 - today.getDay()) % 7;
  return addDays(today, Math.min(0, daysLeft + 1 - DAYS_SHOWN));
}

function viewFor(width: number): string {
  return width < (isPane() ? PANE_WEEK_WIDTH_MIN : WEEK_WIDTH_MIN) ? DAYS : WEEK;
}

function isQuarter(time: { milliseconds: number } | undefined): boolean {
  return ((time?.milliseconds ?? 0) / 60_000) % 30 !== 0;
}

/** When it is: on the days after its first, when it ends. */
function times({ event, timeText: own, isStart, isEnd }: EventDisplayInfo): string {
  if (isStart || event.allDay) return own;
  return isEnd && event.end ? `– ${timeText(event.end)}` : '';
}

function content(
  title: string,
  time: string,
  isMirror: boolean,
  { record, people, editors }: Record<string, unknown>,
): HTMLElement[] {
  const isLocked = (record as TeamEvent | undefined)?.readOnly === true;
  const name = h('span', { class: 'event-title' }, title || (isMirror ? 'New event' : '(no name)'));
  if (isLocked) name.prepend(icon(ICONS.lock));
  const head = h('span', { class: 'event-head' }, name);
  const parts: HTMLElement[] = [head];
  // Where it is narrow, only the start is shown.
  const [start = '', ...rest] = time.split(/(?= [–-] )/);
  if (start) {
    const end = h('span', { class: 'event-end' }, rest.join(''));
    head.append(h('span', { class: 'event-time' }, start, end));
  }
  const { location } = (record as TeamEvent | undefined) ?? {};
  if (location) head.append(h('span', { class: 'event-place' }, location));
  const shown = (people as Person[] | undefined) ?? [];
  if (shown.length > 0) {
    parts.push(h('span', { class: 'event-people' }, ...avatars(shown, AVATARS_SHOWN_MAX)));
  }
  const outline = ring((editors as Parameters<typeof ring>[0] | undefined) ?? []);
  if (outline) parts.push(outline);
  return parts;
}

/** Stands in for the events while they load, so that nothing jumps when they arrive. */
export function skeleton(monday: Date): EventInput[] {
  const spans: [day: number, start: number, hours: number][] = [
    [0, 9, 1], [0, 10.5, 1], [0, 13.5, 2.5], [1, 9.5, 2], [1, 13.5, 2], [2, 9.5, 2], [2, 14, 1],
    [2, 15.5, 1.5], [3, 9.5, 1.5], [3, 13.5, 1], [3, 15, 2], [4, 10, 1], [4, 14, 1], [4, 16.5, 1.5],
  ];
  const common = { title: '\u00a0', editable: false, className: 'is-skeleton' };
  const allDay = [
    { ...common, start: addDays(monday, 0), end: addDays(monday, 5), allDay: true },
    { ...common, start: addDays(monday, 1), end: addDays(monday, 3), allDay: true },
  ];
  const timed = spans.map(([day, hour, hours]) => {
    const start = addDays(monday, day);
    start.setMinutes(hour * 60);
    return { ...common, start, end: new Date(start.getTime() + hours * 3_600_000) };
  });
  return [...allDay, ...timed];
}
