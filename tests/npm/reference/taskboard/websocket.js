import { TaskBoard } from '../app.js';

class RealtimeSync {
  constructor(taskBoard, wsUrl) {
    this.taskBoard = taskBoard;
    this.wsUrl = wsUrl;
    this.ws = new WebSocket(wsUrl);
    this.attach();
  }

  attach() {
    this.ws.onmessage = (event) => {
      const message = JSON.parse(event.data);
      this.handleMessage(message);
    };

    this.ws.onclose = () => {
      setTimeout(() => this.reconnect(), 500);
    };
  }

  handleMessage(message) {
    switch (message.type) {
      case 'taskCreated':
        this.taskBoard.taskStore.add(message.task);
        break;

      case 'taskUpdated':
        const task = this.taskBoard.taskStore.getById(message.task.id);
        if (task) {
          task.set(message.task, { silent: true });
        }
        break;

      case 'taskDeleted':
        const toRemove = this.taskBoard.taskStore.getById(message.taskId);
        if (toRemove) {
          this.taskBoard.taskStore.remove(toRemove, { silent: true });
        }
        break;

      case 'reload':
        this.taskBoard.project.load();
        break;
    }
  }

  reconnect() {
    this.ws = new WebSocket(this.wsUrl);
    this.attach();
  }
}

export const taskBoard = new TaskBoard({
  project: { loadUrl: '/api/taskboard/load' },
});
await taskBoard.project.load();
export const sync = new RealtimeSync(
  taskBoard,
  `ws://${location.host}/ws?project=taskboard&dialect=taskboard&clientId=example`,
);
