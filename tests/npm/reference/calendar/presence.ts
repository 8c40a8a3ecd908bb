import { Calendar } from '../app.js';

class PresenceManager {
  private presenceData: Map<string, PresenceInfo> = new Map();
  private calendar: Calendar;

  constructor(calendar: Calendar) {
    this.calendar = calendar;
  }

  updatePresence(
    userId: string,
    recordId: string | null,
    action: 'editing' | 'viewing' | 'left',
  ): void {
    if (action === 'left') {
      this.presenceData.delete(userId);
    } else {
      this.presenceData.set(userId, { recordId, action, userId });
    }

    this.renderPresenceIndicators();
  }

  private renderPresenceIndicators(): void {
    document.querySelectorAll('.presence-indicator').forEach((el) => el.remove());

    for (const [userId, info] of this.presenceData) {
      if (info.recordId && info.action === 'editing') {
        const eventElement = this.calendar.getEventElement(info.recordId);
        if (eventElement) {
          const indicator = document.createElement('div');
          indicator.className = 'presence-indicator';
          indicator.title = `${userId} is editing`;
          indicator.style.backgroundColor = this.getUserColor(userId);
          eventElement.appendChild(indicator);
        }
      }
    }
  }

  private getUserColor(userId: string): string {
    let hash = 0;
    for (let i = 0; i < userId.length; i++) {
      hash = userId.charCodeAt(i) + ((hash << 5) - hash);
    }
    return `hsl(${hash % 360}, 70%, 60%)`;
  }
}

interface PresenceInfo {
  userId: string;
  recordId: string | null;
  action: 'editing' | 'viewing';
}

export const calendar = new Calendar({
  crudManager: {
    loadUrl: '/api/calendar/load',
    channel: { url: '/ws', project: 'calendar', clientId: 'mine' },
  },
});
await calendar.crudManager.load();
export const presence = new PresenceManager(calendar);
