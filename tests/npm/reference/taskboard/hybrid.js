import { TaskBoard, showConfirmationDialog } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    autoSync: true,

    onBeforeSync({ pack }) {
      if (hasCriticalChanges(pack)) {
        return showConfirmationDialog(pack);
      }
      return true;
    },
  },
});

function hasCriticalChanges(pack) {
  const hasDeletes = pack.tasks?.removed?.length > 0;
  const hasCompletes = pack.tasks?.updated?.some((t) => t.status === 'done');

  return hasDeletes || hasCompletes;
}
