import { Calendar } from '../app.js';

export const calendar = new Calendar({
  crudManager: { autoSync: true, autoSyncTimeout: 20, loadUrl: '/api/load', syncUrl: '/api/sync' },
});

export function changeMany(): void {
  const { eventStore, resourceStore } = calendar;
  const [event1, event2, event3] = ['One', 'Two', 'Three'].map((name) => ({ name }));
  const resource = resourceStore.first;

  calendar.crudManager.suspendAutoSync();

  try {
    eventStore.add([event1, event2, event3]);
    // The example calls `resourceStore.modify(resource)`, which no store has: a record is set.
    resource.set('name', 'Changed');
  } finally {
    calendar.crudManager.resumeAutoSync(true);
  }
}
