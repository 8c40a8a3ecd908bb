import { Calendar, showError } from '../app.js';

export const calendar = new Calendar({
  appendTo: document.body,

  crudManager: {
    autoLoad: true,
    autoSync: true,
    autoSyncTimeout: 2000,

    loadUrl: '/api/calendar/load',
    syncUrl: '/api/calendar/sync',

    listeners: {
      loadFail({ response }) {
        showError('Loading failed: ' + response.message);
      },
      syncFail({ response }) {
        showError('Saving failed: ' + response.message);
      },
    },
  },
});
