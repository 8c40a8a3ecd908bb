import {
  TaskBoard,
  hideSpinner,
  setUnsavedIndicator,
  showError,
  showSpinner,
  showToast,
} from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    autoSync: true,

    onLoadStart() {
      showSpinner('Loading...');
    },

    onLoad({ response }) {
      hideSpinner();
      showToast(`Loaded ${response.tasks.rows.length} tasks`);
    },

    onLoadFail({ response, responseText }) {
      hideSpinner();
      showError(response?.message || 'Load failed');
    },

    onSyncStart() {
      showSpinner('Saving...');
    },

    onSync({ response }) {
      hideSpinner();
      showToast('Changes saved');
    },

    onSyncFail({ response }) {
      hideSpinner();
      showError(response?.message || 'Sync failed');

      this.rejectChanges();
    },

    onHasChanges() {
      setUnsavedIndicator(true);
    },

    onNoChanges() {
      setUnsavedIndicator(false);
    },
  },
});
