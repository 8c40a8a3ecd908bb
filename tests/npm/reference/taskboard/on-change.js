import { TaskBoard, updateStatusIndicator } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    taskStore: {
      onChange({ action, records, changes }) {
        console.log('TaskStore changed:', action);

        switch (action) {
          case 'add':
            console.log('Tasks added:', records.map((r) => r.name));
            break;
          case 'remove':
            console.log('Tasks removed:', records.map((r) => r.id));
            break;
          case 'update':
            console.log('Tasks updated:', changes);
            break;
        }

        updateStatusIndicator();
      },
    },

    assignmentStore: {
      onChange({ action, records }) {
        if (action === 'add') {
          console.log('New assignments:', records);
        }
      },
    },
  },
});
