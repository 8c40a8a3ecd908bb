import { TaskBoard, showOfflineIndicator, showToast } from '../app.js';

export const taskBoard = new TaskBoard({
  project: { loadUrl: 'api/load', syncUrl: 'api/sync', autoSync: true, autoSyncTimeout: 20 },
});

let isOnline = navigator.onLine;

window.addEventListener('online', () => {
  isOnline = true;
  taskBoard.project.sync();
});

window.addEventListener('offline', () => {
  isOnline = false;
  showOfflineIndicator();
});

taskBoard.project.on('beforeSync', () => {
  if (!isOnline) {
    showToast('Changes will be synced when online');
    return false;
  }
});
