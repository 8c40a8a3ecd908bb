import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  project: { loadUrl: 'api/load', syncUrl: 'api/sync', autoSync: true, autoSyncTimeout: 50 },
});

export function oneByOne() {
  const tasks = taskBoard.taskStore;

  tasks.forEach((task) => {
    task.status = 'done';
    task.progress = 100;
  });
}

export function together() {
  const tasks = taskBoard.taskStore;

  taskBoard.project.autoSync = false;

  tasks.forEach((task) => {
    task.set({
      status: 'done',
      progress: 100,
    });
  });

  taskBoard.project.sync();
  taskBoard.project.autoSync = true;
}
