import { init } from 'syncline';
import { bindFullCalendar } from 'syncline/fullcalendar';
import { createCalendar, elementOf, skeleton } from './calendar';
import { byId, h } from './dom';
import { Editor } from './editor';
import type { Draft } from './editor';
import { addDays, rangeText } from './format';
import { DEFAULT_COLOR } from './palette';
import { People } from './people';
import { createProject } from './project';
import type { Project } from './project';
import { Refusals } from './refusals';
import { StatusView } from './status';
import { Toasts } from './toasts';
import { Tour } from './tour';
import { watch } from './watch';
import { Wire } from './wire';

const toasts = new Toasts(byId('toasts'));
const wire = new Wire(byId('wire'));
const tour = new Tour(byId('tour'));
let editor: Editor | null = null;
let openDraft: (draft: Partial<Draft>, anchor: () => Element | null) => void = () => undefined;

const calendar = createCalendar(byId('grid'), {
  onRange: (start, end) => (byId('title').textContent = rangeText(start, end)),
  onSelect: (startDate, endDate, allDay) =>
    openDraft({ startDate, endDate, allDay }, () => document.querySelector('[data-mirror]')),
  onEvent: (record) => editor?.edit(record, () => elementOf(record.key)),
});
const placeholders = calendar.addEventSource(skeleton(mondayOf(calendar.getDate())));
byId('today').addEventListener('click', () => calendar.today());
byId('previous').addEventListener('click', () => calendar.prev());
byId('next').addEventListener('click', () => calendar.next());

void start();

async function start(): Promise<void> {
  try {
    await init();
  } catch (error) {
    showNotice('The engine could not be started in this browser.', String(error), null);
    return;
  }
  const project = createProject();
  new StatusView(project);
  watch(project, wire);
  tour.watch(project);
  const people = new People(project, byId('people'));
  const refusals = new Refusals(project, toasts);
  const binding = bindFullCalendar(calendar, project.eventStore, {
    pendingClass: 'is-pending',
    errorClass: 'is-refused',
    toEvent: (record, event) => {
      if (!people.shows(record)) return null;
      return {
        ...event,
        color: record.eventColor || DEFAULT_COLOR,
        className: `${event.className} ${refusals.has(record) ? 'is-refused' : ''}`.trim(),
        extendedProps: { record, people: people.of(record) },
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
  project.guardUnload();
  refusals.onChange((key) => binding.refresh([key]));
  await load(project);
}

async function load(project: Project): Promise<void> {
  byId('notice').hidden = true;
  try {
    await project.load();
    placeholders.remove();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    showNotice('The team’s week could not be loaded.', message, () => void load(project));
  }
}

function showNotice(title: string, text: string, retry: (() => void) | null): void {
  const notice = byId('notice');
  notice.replaceChildren(
    h('p', { class: 'notice-title' }, title),
    h('p', { class: 'notice-text' }, text),
  );
  if (retry) {
    const attributes = { type: 'button', class: 'button button-primary', onclick: retry };
    notice.append(h('button', attributes, 'Try again'));
  }
  notice.hidden = false;
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

function createEditor(project: Project, people: People): Editor {
  const { eventStore } = project;
  const created = new Editor(people, {
    onCreate: (draft) => {
      const { people: assigned, ...values } = draft;
      const [record] = eventStore.add(values);
      if (record) for (const person of assigned) people.assign(record, person);
    },
    onRemove: (record) => {
      const { name, startDate, endDate, allDay, eventColor } = record;
      const assigned = people.of(record);
      eventStore.remove(record);
      const undo = () => {
        const [again] = eventStore.add({ name, startDate, endDate, allDay, eventColor });
        if (again) for (const person of assigned) people.assign(again, person);
      };
      toasts.show({ title: `“${name}” deleted`, action: { label: 'Undo', run: undo } });
    },
    onClose: () => calendar.unselect(),
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
