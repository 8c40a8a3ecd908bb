import { Calendar } from '../app.js';

export const calendar = new Calendar({
  crudManager: {
    forceSync: true,
    loadUrl: '/api/load',
    syncUrl: '/api/sync',
  },
});

let pollInterval: number;

function startPolling(intervalMs: number = 5000): void {
  pollInterval = window.setInterval(() => {
    calendar.crudManager.sync().catch((error) => {
      console.error('Polling sync failed:', error);
    });
  }, intervalMs);
}

export function stopPolling(): void {
  if (pollInterval) {
    window.clearInterval(pollInterval);
  }
}

startPolling(50);

window.addEventListener('beforeunload', stopPolling);
