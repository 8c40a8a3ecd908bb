import { AssignmentModel, CalendarProject, EventModel, ResourceModel } from 'syncline';

/** An event of the team's week. Syncline's fields, and one that this server adds. */
export class TeamEvent extends EventModel {
  static override fields = [{ name: 'readOnly', type: 'boolean' }];

  declare readOnly: boolean;
}

export type Person = ResourceModel;
export type Assignment = AssignmentModel;

export const LOAD_URL = '/api/load';
export const SYNC_URL = '/api/sync';

/** Everything that the page knows of the server. */
export function createProject() {
  return new CalendarProject({
    loadUrl: LOAD_URL,
    syncUrl: SYNC_URL,
    // The page listens first, and then loads: see main.ts.
    autoLoad: false,
    autoSync: true,
    autoSyncTimeout: 300,
    onRecordError: 'revert',
    eventStore: { modelClass: TeamEvent },
  });
}

export type Project = ReturnType<typeof createProject>;
