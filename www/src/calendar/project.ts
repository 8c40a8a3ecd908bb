import { CalendarProject, EventModel, Model } from 'syncline';
import type { Identity } from '../shared/identity';

/** An event of the team's week: what every event has, and what this server knows besides. */
export class TeamEvent extends EventModel {
  static override fields = [{ name: 'location', type: 'string' }];

  declare location: string | null;
}

/** Who takes part in what, under the names that this server uses. */
export class TeamAssignment extends Model {
  static override fields = ['event', 'resource'];

  declare event: string | number;
  declare resource: string | number;
}

export const LOAD_URL = '/api/load';
export const SYNC_URL = '/api/sync';

/** Everything that the page knows of the server. */
export function createProject(user: Identity) {
  return new CalendarProject<{ events: TeamEvent; assignments: TeamAssignment }>({
    loadUrl: LOAD_URL,
    syncUrl: SYNC_URL,
    // The page listens first, and then loads: see main.ts.
    autoLoad: false,
    autoSync: true,
    autoSyncTimeout: 300,
    onRecordError: 'revert',
    // What two people did to one field at the same time is for one of them to decide.
    conflictResolution: 'manual',
    channel: { url: '/ws', project: 'calendar', user },
    eventStore: { modelClass: TeamEvent },
    assignmentStore: {
      modelClass: TeamAssignment,
      relations: [
        { field: 'event', store: 'events' },
        { field: 'resource', store: 'resources' },
      ],
    },
  });
}

export type Project = ReturnType<typeof createProject>;
