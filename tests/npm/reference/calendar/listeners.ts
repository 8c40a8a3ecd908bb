import {
  Calendar,
  disableSaveButton,
  enableSaveButton,
  getToken,
  showError,
  showNotification,
  transformEventFromServer,
} from '../app.js';

export const calendar = new Calendar({
  crudManager: {
    loadUrl: '/api/load',
    syncUrl: '/api/sync',

    listeners: {
      beforeSend({ requestConfig, requestType }) {
        requestConfig.headers = {
          ...requestConfig.headers,
          Authorization: `Bearer ${getToken()}`,
          'X-Request-Type': requestType,
        };
      },

      beforeLoadApply({ response }) {
        if (response.events?.rows) {
          response.events.rows = response.events.rows.map((event) =>
            transformEventFromServer(event),
          );
        }
      },

      beforeSyncApply({ response }) {
        console.log('Sync response:', response);
      },

      load({ response }) {
        console.log('Data loaded successfully');
        showNotification('Data loaded');
      },

      sync({ response }) {
        console.log('Data synced successfully');
        showNotification('Changes saved');
      },

      loadFail({ response, responseText }) {
        console.error('Load failed:', responseText);
        showError('Loading failed');
      },

      syncFail({ response, responseText }) {
        console.error('Sync failed:', responseText);
        showError('Saving failed');
      },

      hasChanges() {
        enableSaveButton();
      },

      noChanges() {
        disableSaveButton();
      },
    },
  },
});
