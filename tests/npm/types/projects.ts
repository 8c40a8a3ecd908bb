// Projects know their stores and the classes in them; the slim entry starts from something.

import {
  type AssignmentModel,
  CalendarProject,
  EventModel,
  type ResourceModel,
  Store,
  type TaskAssignmentModel,
  TaskBoardProject,
  TaskModel,
} from 'syncline';
import { type EngineSource, init as initSlim } from 'syncline/slim';
import * as slim from 'syncline/slim';
import { type Equal, type Expect, isType } from './expect.js';

class Meeting extends EventModel {
  declare agenda: string;
}

class Card extends TaskModel {
  declare points: number;
}

const plain = new CalendarProject({ loadUrl: '/load' });
export type Events = Expect<Equal<typeof plain.eventStore, Store<EventModel>>>;
isType<Store<ResourceModel>>(plain.resourceStore);
isType<Store<AssignmentModel>>(plain.assignmentStore);
isType<ResourceModel[]>(plain.resourcesOf(1));
isType<string | undefined>(plain.timeRangeStore.first?.name);

const typed = new CalendarProject<{ events: Meeting }>({
  autoSync: true,
  eventStore: { modelClass: Meeting, onChange: ({ action }) => void action },
});
isType<string | undefined>(typed.eventStore.first?.agenda);
isType<string[]>(typed.eventsOf('r1').map(({ agenda }) => agenda));
isType<Store<Meeting>>(typed.getStore('events'));
const given = new CalendarProject<{ events: Meeting }>({
  eventStore: new Store({ id: 'events', modelClass: Meeting }),
});
isType<Store<Meeting>>(given.eventStore);

const board = new TaskBoardProject<{ tasks: Card }>({
  taskStore: { modelClass: Card },
  onSyncFail({ response }) {
    if (response?.code === 409) {
      this.rejectChanges();
      void this.load();
    }
  },
});
isType<number | undefined>(board.taskStore.getById(1)?.points);
isType<Store<TaskAssignmentModel>>(board.assignmentStore);
isType<Card[]>(board.tasksOf(1));
board.columnStore.add({ id: 'todo', text: 'Backlog' });

export const sources: EngineSource[] = ['/engine.wasm', new URL('http://x/'), new Uint8Array(8)];
export const started: Promise<void> = initSlim({ wasm: fetch('/engine.wasm') });
isType<typeof Store>(slim.Store);

// @ts-expect-error slim has to know where the engine is
void initSlim();
// @ts-expect-error not a place where an engine can be
void initSlim({ wasm: null });
// @ts-expect-error a calendar has no tasks
void plain.taskStore;
// @ts-expect-error a board has no events
void board.eventStore;
// @ts-expect-error plain events have no agenda
void plain.eventStore.first?.agenda;
// @ts-expect-error the store has meetings, not cards
new CalendarProject<{ events: Meeting }>({ eventStore: { modelClass: Card } });
// @ts-expect-error stores are given at the start
plain.eventStore = typed.eventStore;
