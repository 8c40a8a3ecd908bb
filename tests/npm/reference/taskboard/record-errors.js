import { TaskBoard, showValidationErrors } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    loadUrl: 'api/load',
    syncUrl: 'api/sync',

    onBeforeSyncApply({ response }) {
      if (response.tasks?.rows) {
        const errors = response.tasks.rows.filter((r) => !r.success);

        if (errors.length > 0) {
          errors.forEach((error) => {
            const task = this.taskStore.getById(error.id);

            task.set('_validationError', error.error);

            task.revertChanges();
          });

          showValidationErrors(errors);
        }
      }

      return true;
    },
  },
});
