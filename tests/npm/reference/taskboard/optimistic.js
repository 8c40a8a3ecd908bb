import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    autoSync: true,

    onSyncFail({ response }) {
      if (response?.code === 409) {
        this.rejectChanges();
        this.load();
      }
    },
  },
});

export function finish() {
  taskBoard.taskStore.getById(1).status = 'done';
}
