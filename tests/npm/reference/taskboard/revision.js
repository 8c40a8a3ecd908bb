import { TaskBoard, showConflictDialog } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',

    onBeforeSync({ pack }) {
      pack.revision = this.revision;
      return true;
    },

    onSyncFail({ response }) {
      if (response?.code === 409) {
        showConflictDialog({
          message: response.message,
          onReload: () => {
            this.rejectChanges();
            this.load();
          },
          onForce: () => {
            this.forceSync = true;
            this.sync();
            this.forceSync = false;
          },
        });
      }
    },

    onLoad({ response }) {
      this.revision = response.revision;
    },

    onSync({ response }) {
      if (response.revision) {
        this.revision = response.revision;
      }
    },
  },
});
