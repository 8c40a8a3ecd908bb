import { TaskModel } from 'syncline';
import { TaskBoard } from '../app.js';

class Task extends TaskModel {
  static fields = [
    { name: 'name', defaultValue: 'New Task' },
    { name: 'status', defaultValue: 'todo' },
    { name: 'prio', defaultValue: 'medium' },
    { name: 'progress', type: 'number', defaultValue: 0 },
  ];
}

export const taskBoard = new TaskBoard({
  project: { loadUrl: 'api/load', syncUrl: 'api/sync', taskStore: { modelClass: Task } },
});
