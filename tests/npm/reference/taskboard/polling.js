import { TaskBoard } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',
    autoSync: true,
  },
});

class Poller {
  constructor(taskBoard, interval = 30000) {
    this.taskBoard = taskBoard;
    this.interval = interval;
    this.timerId = null;
  }

  start() {
    this.poll();
    this.timerId = setInterval(() => this.poll(), this.interval);
  }

  stop() {
    if (this.timerId) {
      clearInterval(this.timerId);
      this.timerId = null;
    }
  }

  async poll() {
    if (this.taskBoard.project.changes) {
      return;
    }

    if (this.taskBoard.project.isSyncing) {
      return;
    }

    try {
      await this.taskBoard.project.load();
    } catch (error) {
      console.warn('Polling failed:', error);
    }
  }
}

export const poller = new Poller(taskBoard, 50);
poller.start();

window.addEventListener('beforeunload', () => poller.stop());
