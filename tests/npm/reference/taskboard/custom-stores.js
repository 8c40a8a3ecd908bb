import { TaskModel } from 'syncline';
import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',

    taskStore: {
      modelClass: class extends TaskModel {
        static fields = [
          { name: 'name', defaultValue: 'New task' },
          { name: 'description', defaultValue: '' },
          { name: 'deadline', type: 'date' },
          { name: 'priority', defaultValue: 'medium' },
          {
            name: 'lastModified',
            type: 'date',
            alwaysWrite: true,
          },
        ];
      },

      onChange({ action, records }) {
        console.log(`Store changed: ${action}`, records);
      },
    },

    resourceStore: {
      fields: [{ name: 'name' }, { name: 'email' }, { name: 'image' }, { name: 'role' }],
    },

    assignmentStore: {
      fields: [
        { name: 'event', dataSource: 'taskId' },
        { name: 'resource', dataSource: 'resourceId' },
      ],
    },
  },
});
