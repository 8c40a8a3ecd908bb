import { TaskModel } from 'syncline';
import { TaskBoard, alert, confirm } from '../app.js';

class ProjectTask extends TaskModel {
  static fields = [
    { name: 'name', defaultValue: 'New Task' },
    { name: 'description', defaultValue: '' },
    { name: 'status', defaultValue: 'todo' },
    { name: 'prio', defaultValue: 'medium' },
    { name: 'deadline', type: 'date' },
    { name: 'progress', type: 'number', defaultValue: 0 },
    { name: 'storyPoints', type: 'integer', defaultValue: 1 },
    { name: 'labels', type: 'string', defaultValue: '' },
  ];
}

const updateSyncStatus = (taskBoard) => {
  const { isCrudManagerLoading, isCrudManagerSyncing, changes } = taskBoard.project;
  const indicator = document.getElementById('sync-status');

  if (isCrudManagerLoading) {
    indicator.textContent = '🔄 Loading...';
    indicator.className = 'loading';
  } else if (isCrudManagerSyncing) {
    indicator.textContent = '💾 Saving...';
    indicator.className = 'syncing';
  } else if (changes) {
    indicator.textContent = '⚠️ Unsaved changes';
    indicator.className = 'unsaved';
  } else {
    indicator.textContent = '✅ All saved';
    indicator.className = 'saved';
  }
};

const taskBoard = new TaskBoard({
  appendTo: 'container',

  columns: [
    { id: 'todo', text: 'Backlog', color: 'purple' },
    { id: 'doing', text: 'In Progress', color: 'orange' },
    { id: 'review', text: 'Review', color: 'blue' },
    { id: 'done', text: 'Done', color: 'green' },
  ],

  columnField: 'status',

  swimlanes: [
    { id: 'high', text: 'High Priority', color: 'red' },
    { id: 'medium', text: 'Medium Priority', color: 'orange' },
    { id: 'low', text: 'Low Priority', color: 'green' },
  ],

  swimlaneField: 'prio',

  features: {
    columnDrag: true,
    taskDrag: true,
    taskEdit: true,
    taskMenu: true,
  },

  resourceImagePath: '/images/users/',

  footerItems: {
    resourceAvatars: { overlap: true },
  },

  tbar: [
    {
      type: 'button',
      text: 'Reload',
      icon: 'fa fa-sync',
      onClick: () => taskBoard.project.load(),
    },
    {
      type: 'button',
      text: 'Save',
      icon: 'fa fa-save',
      onClick: () => taskBoard.project.sync(),
    },
    '->',
    {
      type: 'widget',
      html: '<span id="sync-status">✅ All saved</span>',
    },
  ],

  project: {
    loadUrl: '/api/load',
    syncUrl: '/api/sync',

    autoLoad: true,
    autoSync: true,
    autoSyncTimeout: 1000,

    taskStore: {
      modelClass: ProjectTask,
      onChange: () => updateSyncStatus(taskBoard),
    },

    onLoadStart() {
      updateSyncStatus(taskBoard);
    },

    onLoad({ response }) {
      updateSyncStatus(taskBoard);
      console.log(`Loaded ${response.tasks?.rows?.length || 0} tasks`);
    },

    onLoadFail({ response }) {
      updateSyncStatus(taskBoard);
      alert(response?.message || 'Failed to load data');
    },

    onSyncStart() {
      updateSyncStatus(taskBoard);
    },

    onSync({ response }) {
      updateSyncStatus(taskBoard);
      console.log('Changes saved successfully');
    },

    onSyncFail({ response }) {
      updateSyncStatus(taskBoard);

      if (response?.code === 409) {
        if (confirm('Data was modified. Reload?')) {
          this.rejectChanges();
          this.load();
        }
      } else {
        alert(response?.message || 'Failed to save changes');
      }
    },

    onHasChanges() {
      updateSyncStatus(taskBoard);
    },

    onNoChanges() {
      updateSyncStatus(taskBoard);
    },
  },
});

window.addEventListener('beforeunload', (e) => {
  if (taskBoard.project.changes) {
    e.preventDefault();
    e.returnValue = 'You have unsaved changes.';
  }
});

export { taskBoard };
