import { Calendar, handleConflict, handleError, notifyConnectionLost } from '../app.js';

export class CalendarWebSocketManager {
  private socket: WebSocket | null = null;
  private calendar: Calendar;
  private reconnectAttempts: number = 0;
  private maxReconnectAttempts: number = 5;
  private reconnectDelay: number = 1000;
  private messageQueue: any[] = [];

  constructor(
    calendar: Calendar,
    private wsUrl: string,
  ) {
    this.calendar = calendar;
    this.connect();
  }

  connect(): void {
    try {
      this.socket = new WebSocket(this.wsUrl);

      this.socket.onopen = () => {
        console.log('WebSocket connected');
        this.reconnectAttempts = 0;
        this.flushMessageQueue();
        this.requestInitialData();
      };

      this.socket.onmessage = (event) => {
        this.handleMessage(JSON.parse(event.data));
      };

      this.socket.onclose = () => {
        console.log('WebSocket disconnected');
        this.attemptReconnect();
      };

      this.socket.onerror = (error) => {
        console.log('WebSocket error:', error);
      };
    } catch (error) {
      console.error('WebSocket connection failed:', error);
      this.attemptReconnect();
    }
  }

  private requestInitialData(): void {
    this.socket?.send(JSON.stringify({ type: 'requestInitialData' }));
  }

  private handleMessage(message: WebSocketMessage): void {
    switch (message.type) {
      case 'sync':
        this.applyRemoteChanges(message.data);
        break;
      case 'load':
        this.loadData(message.data);
        break;
      case 'conflict':
        handleConflict(message.data);
        break;
      case 'error':
        handleError(message.data);
        break;
    }
  }

  private loadData(data: object): void {
    this.calendar.crudManager.loadCrudManagerData(data);
  }

  private applyRemoteChanges(data: SyncData): void {
    const { eventStore, resourceStore, assignmentStore } = this.calendar;

    eventStore.suspendEvents();
    resourceStore.suspendEvents();
    assignmentStore.suspendEvents();

    try {
      if (data.events) {
        if (data.events.added) {
          eventStore.add(data.events.added, { silent: true });
        }
        if (data.events.updated) {
          data.events.updated.forEach((eventData: any) => {
            const event = eventStore.getById(eventData.id);
            if (event) {
              event.set(eventData, { silent: true });
            }
          });
        }
        if (data.events.removed) {
          data.events.removed.forEach(({ id }) => {
            const event = eventStore.getById(id);
            if (event) {
              eventStore.remove(event, { silent: true });
            }
          });
        }
      }
    } finally {
      eventStore.resumeEvents();
      resourceStore.resumeEvents();
      assignmentStore.resumeEvents();

      this.calendar.refresh();
    }
  }

  sendChanges(changes: object): void {
    const message = {
      type: 'sync',
      data: changes,
      timestamp: Date.now(),
    };

    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    } else {
      this.messageQueue.push(message);
    }
  }

  private attemptReconnect(): void {
    if (this.reconnectAttempts < this.maxReconnectAttempts) {
      this.reconnectAttempts++;
      const delay = this.reconnectDelay * Math.pow(2, this.reconnectAttempts - 1);

      console.log(`Reconnecting in ${delay}ms (attempt ${this.reconnectAttempts})`);

      setTimeout(() => this.connect(), delay);
    } else {
      console.error('Max reconnect attempts reached');
      notifyConnectionLost();
    }
  }

  private flushMessageQueue(): void {
    while (this.messageQueue.length > 0) {
      const message = this.messageQueue.shift();
      this.socket?.send(JSON.stringify(message));
    }
  }

  disconnect(): void {
    if (this.socket) {
      this.socket.close();
      this.socket = null;
    }
  }
}

interface WebSocketMessage {
  type: 'sync' | 'load' | 'conflict' | 'error';
  data: any;
  timestamp?: number;
}

interface SyncData {
  events?: {
    added?: object[];
    updated?: object[];
    removed?: { id: string | number }[];
  };
}

function setupWebSocketSync(calendar: Calendar, wsManager: CalendarWebSocketManager): void {
  const { eventStore } = calendar;

  eventStore.on({
    add: ({ records }) => {
      wsManager.sendChanges({
        events: {
          added: records.map((r) => r.data),
        },
      });
    },

    update: ({ record, changes }) => {
      wsManager.sendChanges({
        events: {
          updated: [
            {
              id: record.id,
              ...changes,
            },
          ],
        },
      });
    },

    remove: ({ records }) => {
      wsManager.sendChanges({
        events: {
          removed: records.map((r) => ({ id: r.id })),
        },
      });
    },
  });
}

async function initializeCalendar() {
  const calendar = new Calendar({
    appendTo: document.body,

    crudManager: {
      autoLoad: true,
      autoSync: false,
      loadUrl: '/api/calendar/load',
    },
  });

  await calendar.crudManager.load();

  const wsManager = new CalendarWebSocketManager(calendar, `ws://${location.host}/ws?echo=0`);

  setupWebSocketSync(calendar, wsManager);

  window.addEventListener('beforeunload', () => {
    wsManager.disconnect();
  });

  return { calendar, wsManager };
}

export const { calendar, wsManager } = await initializeCalendar();
