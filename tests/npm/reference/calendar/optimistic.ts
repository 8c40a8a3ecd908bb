import type { Store } from 'syncline';
import { Calendar } from '../app.js';

class OptimisticUpdateManager {
  private pendingChanges: Map<string, object> = new Map();
  private calendar: Calendar;

  constructor(calendar: Calendar) {
    this.calendar = calendar;
  }

  async applyUpdate(
    recordType: 'event' | 'resource' | 'assignment',
    recordId: string,
    changes: object,
  ): Promise<void> {
    const store = this.getStore(recordType);
    const record = store.getById(recordId);

    if (!record) {
      throw new Error(`Record ${recordId} not found`);
    }

    const originalValues: Record<string, any> = {};
    for (const key of Object.keys(changes)) {
      originalValues[key] = record.get(key);
    }

    const changeId = `${recordType}-${recordId}-${Date.now()}`;
    this.pendingChanges.set(changeId, originalValues);

    try {
      record.set(changes);

      await this.syncToServer(recordType, recordId, changes);

      this.pendingChanges.delete(changeId);
    } catch (error) {
      console.log('Update failed, rolling back:', error);
      record.set(originalValues);
      this.pendingChanges.delete(changeId);

      throw error;
    }
  }

  private getStore(type: string): Store {
    switch (type) {
      case 'event':
        return this.calendar.eventStore;
      case 'resource':
        return this.calendar.resourceStore;
      case 'assignment':
        return this.calendar.assignmentStore;
      default:
        throw new Error(`Unknown store type: ${type}`);
    }
  }

  private async syncToServer(type: string, id: string, changes: object): Promise<void> {
    const response = await fetch('/api/calendar/sync', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        [type + 's']: {
          updated: [{ id, ...changes }],
        },
      }),
    });

    if (!response.ok) {
      throw new Error('Sync failed');
    }
  }
}

export const calendar = new Calendar({ crudManager: { loadUrl: '/api/calendar/load' } });
export const updates = new OptimisticUpdateManager(calendar);
