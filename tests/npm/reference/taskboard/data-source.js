import { TaskModel } from 'syncline';
import { TaskBoard } from '../app.js';

class BackendTask extends TaskModel {
  static fields = [
    { name: 'name', dataSource: 'title' },
    { name: 'description', dataSource: 'desc' },
    { name: 'status', dataSource: 'workflow_status' },
    { name: 'deadline', dataSource: 'due_date', type: 'date' },

    { name: 'event', dataSource: 'task_id' },
    { name: 'resource', dataSource: 'user_id' },
  ];
}

export const taskBoard = new TaskBoard({
  project: { loadUrl: 'api/load', syncUrl: 'api/sync', taskStore: { modelClass: BackendTask } },
});
