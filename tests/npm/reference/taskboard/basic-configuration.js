import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  appendTo: 'container',

  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',

    autoLoad: true,
    autoSync: true,
    autoSyncTimeout: 500,
  },
});
