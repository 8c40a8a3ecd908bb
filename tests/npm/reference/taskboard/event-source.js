import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  project: { loadUrl: '/api/taskboard/load' },
});
await taskBoard.project.load();

export const eventSource = new EventSource('/api/events?project=taskboard&dialect=taskboard');

eventSource.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.type === 'taskUpdated') {
    const task = taskBoard.taskStore.getById(data.task.id);
    if (task) {
      task.set(data.task, { silent: true });
    }
  }
};

eventSource.onerror = () => {
  console.warn('SSE connection lost, reconnecting...');
};
