import { TaskBoard, hideTaskLoading, showError, showSuccess, showTaskLoading } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    autoSync: false,

    taskStore: {
      autoCommit: false,
    },
  },
});

export async function updateTask(taskId, changes) {
  const task = taskBoard.taskStore.getById(taskId);

  showTaskLoading(taskId);

  try {
    task.set(changes);

    await taskBoard.project.sync();

    taskBoard.taskStore.commit();

    showSuccess('Task updated');
  } catch (error) {
    task.revertChanges();
    showError(error.message);
  } finally {
    hideTaskLoading(taskId);
  }
}
