// What the examples take as given: the views of an application, around a project of Syncline, and
// the functions by which they show something. `shown` holds what they were asked to show.

import { CalendarProject, TaskBoardProject, init } from 'syncline';

await init();

/** `[name, …arguments]` of every call of the functions below. */
export const shown = [];

/** What `confirm` and `showConfirmationDialog` answer. */
export const answers = { confirm: true };

const note =
  (name, answer) =>
  (...words) => {
    shown.push([name, ...words]);
    return answer?.();
  };

export const showSpinner = note('showSpinner');
export const hideSpinner = note('hideSpinner');
export const showToast = note('showToast');
export const showError = note('showError');
export const showErrorToast = note('showErrorToast');
export const showSuccess = note('showSuccess');
export const showNotification = note('showNotification');
export const showMaintenanceModal = note('showMaintenanceModal');
export const showConflictResolver = note('showConflictResolver');
export const showConflictDialog = note('showConflictDialog');
export const showValidationErrors = note('showValidationErrors');
export const showOfflineIndicator = note('showOfflineIndicator');
export const showTaskLoading = note('showTaskLoading');
export const hideTaskLoading = note('hideTaskLoading');
export const showConfirmationDialog = note('showConfirmationDialog', () =>
  Promise.resolve(answers.confirm),
);
export const highlightInvalidRecords = note('highlightInvalidRecords');
export const redirectToLogin = note('redirectToLogin');
export const setUnsavedIndicator = note('setUnsavedIndicator');
export const updateStatusIndicator = note('updateStatusIndicator');
export const enableSaveButton = note('enableSaveButton');
export const disableSaveButton = note('disableSaveButton');
export const handleConflict = note('handleConflict');
export const handleError = note('handleError');
export const notifyConnectionLost = note('notifyConnectionLost');
export const updatePresenceIndicators = note('updatePresenceIndicators');
export const alert = note('alert');
export const confirm = note('confirm', () => answers.confirm);
export const transformEventFromServer = (row) => ({ ...row, name: row.name.trim() });
export const getToken = () => 'fresh';
export const getAuthToken = () => 'fresh';
export const token = 'secret';

/** A dialog: HTML, and buttons below it. */
export class Dialog {
  #element = document.createElement('dialog');

  constructor({ title, items, bbar }) {
    this.#element.innerHTML = `<h2>${title}</h2>${items.map(({ html }) => html).join('')}`;
    for (const { text, onClick } of bbar) {
      const button = document.createElement('button');
      button.textContent = text;
      button.onclick = onClick;
      this.#element.append(button);
    }
  }

  show() {
    document.body.append(this.#element);
    this.#element.showModal();
  }

  close() {
    this.#element.remove();
  }
}

/** A board: its project, and what it would draw. */
export class TaskBoard {
  constructor({ project = {}, ...view } = {}) {
    this.view = view;
    this.project = new TaskBoardProject(project);
  }

  get taskStore() {
    return this.project.taskStore;
  }
}

/** A calendar: its project, which it calls its CrudManager, and the elements of its events. */
export class Calendar {
  #elements = new Map();

  constructor({ crudManager = {}, ...view } = {}) {
    this.id = 'team';
    this.view = view;
    this.crudManager = new CalendarProject(crudManager);
  }

  get eventStore() {
    return this.crudManager.eventStore;
  }

  get resourceStore() {
    return this.crudManager.resourceStore;
  }

  get assignmentStore() {
    return this.crudManager.assignmentStore;
  }

  refresh() {
    shown.push(['refresh']);
  }

  getEventElement(id) {
    const event = this.eventStore.getById(id);
    if (event === undefined) return null;
    if (!this.#elements.has(event.key)) {
      const element = document.createElement('article');
      document.body.append(element);
      this.#elements.set(event.key, element);
    }
    return this.#elements.get(event.key);
  }
}
