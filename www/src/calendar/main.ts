import 'syncline/elements';
import { bindFullCalendar } from 'syncline/fullcalendar';
import { begin } from '../shared/begin';
import { byId } from '../shared/dom';
import { addDays, count, rangeText } from '../shared/format';
import { Live } from '../shared/live';
import { loadOrTell } from '../shared/notice';
import { DEFAULT_COLOR } from '../shared/palette';
import { enter } from '../shared/pane';
import { People } from '../shared/people';
import { Refusals } from '../shared/refusals';
import { Toasts } from '../shared/toasts';
import { Tour } from '../shared/tour';
import { Wire } from '../shared/wire';
import { createCalendar, elementOf, goToday, skeleton } from './calendar';
import { Editor } from './editor';
import type { Draft } from './editor';
import { createProject } from './project';
import type { Project, TeamEvent } from './project';

const { user, network } = enter();

const toasts = new Toasts(byId('toasts'));
const wire = new Wire(byId('wire'));
const tour = new Tour(byId('tour'), {
  drag: 'Drag an event to another time, and reload the page.',
  offline: 'Stop the server or go offline, keep working, and start it again.',
  locked: 'Move the locked “Company all-hands”: the server says no.',
  seen: 'Open the page in a second tab, and change something there.',
});
let editor: Editor | null = null;
let live: Live | null = null;
let openDraft: (draft: Partial<Draft>, anchor: () => Element | null) => void = () => undefined;

const calendar = createCalendar(byId('grid'), {
  onRange: (start, end) => (byId('title').textContent = rangeText(start, end)),
  onSelect: (startDate, endDate, allDay) =>
    openDraft({ startDate, endDate, allDay }, () => document.querySelector('[data-mirror]')),
  onEvent: (record) => edit(record),
  onHold: (record) => live?.hold(record),
  onRelease: () => live?.leave(),
});
const placeholders = calendar.addEventSource(skeleton(mondayOf(calendar.getDate())));
byId('today').addEventListener('click', () => goToday(calendar));
byId('previous').addEventListener('click', () => calendar.prev());
byId('next').addEventListener('click', () => calendar.next());

void start();

async function start(): Promise<void> {
  const project = await begin(() => createProject(user), {
    wire,
    tour,
    loaded: ({ eventStore, resourceStore }) =>
      `${count(eventStore.count, 'event')}, ${resourceStore.count} people`,
  });
  if (project === null) return;
  const people = new People(
    {
      resourceStore: project.resourceStore,
      assignmentStore: project.assignmentStore,
      assignedStore: project.eventStore,
    },
    byId('people'),
  );
  const refusals = new Refusals(project, toasts, elementOf);
  const repaint = (keys: string[]) => binding.refresh(keys);
  const others = new Live({ project, toasts, wire, network, repaint });
  live = others;
  const binding = bindFullCalendar(calendar, project.eventStore, {
    pendingClass: 'is-pending',
    errorClass: 'is-refused',
    onError: (error) => others.refused(error),
    toEvent: (record, event) => {
      if (!people.shows(record)) return null;
      return {
        ...event,
        color: record.eventColor || DEFAULT_COLOR,
        className: `${event.className} ${refusals.has(record) ? 'is-refused' : ''}`.trim(),
        editable: !others.isLocked(record),
        extendedProps: { record, people: people.of(record), editors: others.editors(record) },
      };
    },
  });
  people.onChange(() => binding.refresh());
  calendar.addEventSource({ events: timeRanges(project) });
  const ranges = project.timeRangeStore.subscribe(() => calendar.refetchEvents());
  addEventListener('pagehide', (event) => {
    if (!event.persisted) ranges();
  });

  editor = createEditor(project, people);
  refusals.onChange((key) => binding.refresh([key]));
  await loadOrTell(project, 'The team’s week could not be loaded.', () => placeholders.remove());
}

/** Opens an event's editor, unless somebody else has the event in hand. */
function edit(record: TeamEvent): void {
  editor?.close();
  const mayEdit = live?.edit(record, () => editor?.close({ cancelled: true }));
  if (mayEdit) editor?.edit(record, () => elementOf(record.key));
}

/** Lunch breaks and the like, behind the events. */
function timeRanges(project: Project) {
  return (range: { start: Date; end: Date }, succeed: (events: object[]) => void) => {
    const shown = project.timeRangeStore.range(range.start, range.end);
    succeed(
      [...shown].map(({ name, startDate, endDate }) => ({
        title: name,
        start: startDate,
        end: endDate,
        display: 'background',
        className: 'time-range',
      })),
    );
  };
}

function createEditor(project: Project, people: People<TeamEvent>): Editor {
  const { eventStore } = project;
  const attempt = (action: () => void) => live?.attempt(action) ?? false;
  const created = new Editor(people, {
    onCreate: (draft) => {
      const { people: assigned, ...values } = draft;
      const [record] = eventStore.add(values);
      if (record) for (const person of assigned) people.assign(record, person);
    },
    onRemove: (record) => {
      const { name, startDate, endDate, allDay, eventColor } = record;
      const assigned = people.of(record);
      if (!attempt(() => eventStore.remove(record))) return;
      const undo = () => {
        const [again] = eventStore.add({ name, startDate, endDate, allDay, eventColor });
        if (again) for (const person of assigned) people.assign(again, person);
      };
      toasts.show({ title: `“${name}” deleted`, action: { label: 'Undo', run: undo } });
    },
    onClose: () => {
      calendar.unselect();
      live?.leave();
    },
    attempt,
  });
  openDraft = (draft, anchor) => {
    const startDate = draft.startDate ?? nextHour();
    const endDate = draft.endDate ?? new Date(startDate.getTime() + 3_600_000);
    const values = { name: '', allDay: false, eventColor: DEFAULT_COLOR, people: [] };
    created.create({ ...values, ...draft, startDate, endDate }, anchor);
  };
  const button = byId('create');
  button.addEventListener('click', () => openDraft({}, () => button));
  eventStore.subscribe(() => {
    const { record } = created;
    if (!record) return;
    if (eventStore.get(record.key)) created.refresh();
    else created.close({ cancelled: true });
  });
  return created;
}

/** The next full hour of the shown range, or nine o'clock on its first day. */
function nextHour(): Date {
  const now = new Date();
  const { activeStart, activeEnd } = calendar.view;
  const isShown = activeStart <= now && now < activeEnd;
  const hour = new Date(isShown ? now : activeStart);
  hour.setHours(isShown ? now.getHours() + 1 : 9, 0, 0, 0);
  return hour;
}

function mondayOf(date: Date): Date {
  const midnight = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return addDays(midnight, -((midnight.getDay() + 6) % 7));
}
