import { TaskBoard, showError, showToast } from '../app.js';

class RetryableCrudManager {
  constructor(taskBoard, maxRetries = 3) {
    this.taskBoard = taskBoard;
    this.maxRetries = maxRetries;
    this.retryCount = 0;

    taskBoard.project.on({
      syncFail: this.handleSyncFail.bind(this),
      sync: this.handleSyncSuccess.bind(this),
    });
  }

  async handleSyncFail({ rawResponse }) {
    if (rawResponse.status >= 500 || !navigator.onLine) {
      if (this.retryCount < this.maxRetries) {
        this.retryCount++;
        const delay = Math.pow(2, this.retryCount) * 1000;

        showToast(`Retrying in ${delay / 1000}s... (${this.retryCount}/${this.maxRetries})`);

        await this.delay(delay);
        this.taskBoard.project.sync();
      } else {
        showError('Failed after multiple retries');
        this.retryCount = 0;
      }
    }
  }

  handleSyncSuccess() {
    this.retryCount = 0;
  }

  delay(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

export const taskBoard = new TaskBoard({
  project: { loadUrl: 'api/load', syncUrl: 'api/sync', retry: { max: 0 } },
});
export const retrying = new RetryableCrudManager(taskBoard);
