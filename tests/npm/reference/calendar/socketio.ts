import { io, type Socket } from 'socket.io-client';
import {
  Calendar,
  getAuthToken,
  handleConflict,
  updatePresenceIndicators,
} from '../app.js';

class CalendarSocketIOManager {
  private socket: Socket;
  private calendar: Calendar;

  constructor(calendar: Calendar, serverUrl: string) {
    this.calendar = calendar;

    this.socket = io(serverUrl, {
      auth: {
        token: getAuthToken(),
      },
      reconnection: true,
      reconnectionDelay: 1000,
      reconnectionDelayMax: 5000,
      reconnectionAttempts: 5,
    });

    this.setupListeners();
  }

  private setupListeners(): void {
    this.socket.on('connect', () => {
      console.log('Socket.IO connected');
      this.socket.emit('calendar:subscribe', {
        calendarId: this.calendar.id,
      });
    });

    this.socket.on('calendar:update', (data: object) => {
      this.applyRemoteChanges(data);
    });

    this.socket.on('calendar:conflict', (data: ConflictData) => {
      this.handleConflict(data);
    });

    this.socket.on('calendar:presence', (users: PresenceData[]) => {
      this.updatePresenceIndicators(users);
    });
  }

  private applyRemoteChanges(data: object): void {
    this.calendar.crudManager.applyChangeset(data);
  }

  private handleConflict(data: ConflictData): void {
    handleConflict(data);
  }

  private updatePresenceIndicators(users: PresenceData[]): void {
    updatePresenceIndicators(users);
  }

  emitChanges(changes: object): void {
    this.socket.emit('calendar:change', changes);
  }

  lockRecord(recordType: string, recordId: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.socket.emit(
        'calendar:lock',
        { type: recordType, id: recordId },
        (response: { success: boolean }) => {
          resolve(response.success);
        },
      );
    });
  }

  unlockRecord(recordType: string, recordId: string): void {
    this.socket.emit('calendar:unlock', {
      type: recordType,
      id: recordId,
    });
  }

  disconnect(): void {
    this.socket.disconnect();
  }
}

interface ConflictData {
  recordType: string;
  recordId: string;
  serverVersion: object;
  clientVersion: object;
}

interface PresenceData {
  userId: string;
  userName: string;
  recordType?: string;
  recordId?: string;
  action: 'viewing' | 'editing';
}

export const calendar = new Calendar({
  crudManager: { autoSync: false, loadUrl: '/api/calendar/load' },
});
await calendar.crudManager.load();
export const manager = new CalendarSocketIOManager(calendar, location.origin);
