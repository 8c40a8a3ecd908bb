import { ColumnModel, SwimlaneModel, TaskBoardProject, TaskModel } from 'syncline';
import type { FieldInput } from 'syncline';
import type { Identity } from '../shared/identity';

/** The column of what is finished. */
export const DONE = 'done';

/** A card: what every task has, and what this server knows besides. */
export class BoardTask extends TaskModel {
  static override fields: FieldInput[] = [
    { name: 'deadline', type: 'date', format: 'YYYY-MM-DD' },
    { name: 'progress', type: 'number' },
  ];

  /** A day, without a time. */
  declare deadline: Date | null;
  /** In per cent. */
  declare progress: number | null;

  get isDone(): boolean {
    return this.status === DONE;
  }

  /** Whether the day of the deadline is over, and the work is not. */
  get isOverdue(): boolean {
    return this.deadline !== null && !this.isDone && this.deadline < startOfToday();
  }

  markAsComplete(): void {
    this.set({ status: DONE, progress: 100 });
  }
}

const LANE_FIELDS: FieldInput[] = [
  { name: 'collapsed', type: 'boolean' },
  { name: 'weight', type: 'number' },
];

/** A column, at the place that its weight says. */
export class BoardColumn extends ColumnModel {
  static override fields = LANE_FIELDS;

  declare collapsed: boolean | null;
  declare weight: number | null;
}

/** A swimlane, at the place that its weight says. */
export class BoardLane extends SwimlaneModel {
  static override fields = LANE_FIELDS;

  declare collapsed: boolean | null;
  declare weight: number | null;
}

/** Everything that the page knows of the server. */
export function createProject(user: Identity) {
  return new TaskBoardProject<{
    tasks: BoardTask;
    columns: BoardColumn;
    swimlanes: BoardLane;
  }>({
    loadUrl: '/api/taskboard/load',
    syncUrl: '/api/taskboard/sync',
    // The page listens first, and then loads: see main.ts.
    autoLoad: false,
    autoSync: true,
    autoSyncTimeout: 300,
    onRecordError: 'revert',
    // What two people did to one field at the same time is for one of them to decide.
    conflictResolution: 'manual',
    channel: { url: '/ws', project: 'taskboard', user },
    taskStore: { modelClass: BoardTask },
    columnStore: { modelClass: BoardColumn },
    swimlaneStore: { modelClass: BoardLane },
  });
}

export type Project = ReturnType<typeof createProject>;

function startOfToday(): Date {
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  return today;
}
