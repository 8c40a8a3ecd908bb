import { TaskModel } from 'syncline';
import { TaskBoard } from '../app.js';

class CustomTask extends TaskModel {
  static fields = [
    { name: 'name', type: 'string', defaultValue: 'New task' },
    { name: 'description', type: 'string', defaultValue: '' },

    { name: 'status', type: 'string', defaultValue: 'todo' },
    { name: 'prio', type: 'string', defaultValue: 'medium' },

    {
      name: 'deadline',
      type: 'date',
      format: 'YYYY-MM-DD',
    },
    {
      name: 'createdAt',
      type: 'date',
      persist: false,
    },

    { name: 'progress', type: 'number', defaultValue: 0 },
    { name: 'storyPoints', type: 'integer', defaultValue: 1 },

    { name: 'parentId', type: 'string' },
    { name: 'labels', type: 'string' },

    {
      name: 'lastModifiedBy',
      type: 'string',
      alwaysWrite: true,
    },

    { name: 'readOnly', type: 'boolean', defaultValue: false },
  ];

  get isOverdue() {
    return this.deadline && new Date(this.deadline) < new Date();
  }

  markAsComplete() {
    this.status = 'done';
    this.progress = 100;
  }
}

export const taskBoard = new TaskBoard({
  project: {
    // The example stands between others that name the addresses.
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    taskStore: {
      modelClass: CustomTask,
    },
  },
});
