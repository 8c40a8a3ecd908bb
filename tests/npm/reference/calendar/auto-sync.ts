import { Calendar } from '../app.js';

export const calendar = new Calendar({
  crudManager: {
    autoSync: true,
    autoSyncTimeout: 1000,
    loadUrl: '/api/load',
    syncUrl: '/api/sync',
  },
});
