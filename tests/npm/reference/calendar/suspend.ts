import { Calendar } from '../app.js';

export const calendar = new Calendar({
  crudManager: { autoSync: true, autoSyncTimeout: 20, loadUrl: '/api/load', syncUrl: '/api/sync' },
});

export function changeMany(): void {
  const { eventStore, resourceStore } = calendar;
  const [event1, event2, event3] = ['One', 'Two', 'Three'].map((name) => ({ name }));
  const resource = { id: resourceStore.first.id, name: 'Changed' };

  calendar.crudManager.suspendAutoSync();

  try {
    eventStore.add([event1, event2, event3]);
    resourceStore.modify(resource);
  } finally {
    calendar.crudManager.resumeAutoSync(true);
  }
}
