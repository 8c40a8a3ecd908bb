import {
  TaskBoard,
  highlightInvalidRecords,
  redirectToLogin,
  showConflictResolver,
  showErrorToast,
  showMaintenanceModal,
} from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',

    onLoadFail({ response, responseText, rawResponse }) {
      if (rawResponse.status === 401) {
        redirectToLogin();
        return;
      }

      if (response?.code === 'MAINTENANCE') {
        showMaintenanceModal();
        return;
      }

      showErrorToast(response?.message || 'Failed to load data');
    },

    onSyncFail({ response, responseText, rawResponse }) {
      if (response?.code === 'CONFLICT') {
        showConflictResolver(response.conflicts);
        return;
      }

      if (response?.code === 'VALIDATION_ERROR') {
        highlightInvalidRecords(response.errors);
        return;
      }

      if (rawResponse.status >= 500) {
        this.rejectChanges();
        showErrorToast('Server error - changes reverted');
        return;
      }

      showErrorToast(response?.message || 'Failed to save changes');
    },
  },
});
