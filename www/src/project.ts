import { AssignmentModel, CalendarProject, EventModel } from 'syncline';
import type { ResourceModel } from 'syncline';

/** An event of the team's week: what every event has, and what this server knows besides. */
export class TeamEvent extends EventModel {
  static override fields = [{ name: 'location', type: 'string' }];

  declare location: string | null;
}

/** Who takes part. The server calls the two ids otherwise. */
export class TeamAssignment extends AssignmentModel {
  static override fields = [
    { name: 'eventId', dataSource: 'event' },
    { name: 'resourceId', dataSource: 'resource' },
  ];
}

export type Person = ResourceModel;

export const LOAD_URL = '/api/load';
export const SYNC_URL = '/api/sync';

/** Everything that the page knows of the server. */
export function createProject() {
  return new CalendarProject<{ events: TeamEvent; assignments: TeamAssignment }>({
    loadUrl: LOAD_URL,
    syncUrl: SYNC_URL,
    // The page listens first, and then loads: see main.ts.
    autoLoad: false,
    autoSync: true,
    autoSyncTimeout: 300,
    onRecordError: 'revert',
    eventStore: { modelClass: TeamEvent },
    assignmentStore: { modelClass: TeamAssignment },
  });
}

export type Project = ReturnType<typeof createProject>;
