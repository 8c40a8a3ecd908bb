import { TaskBoard, token } from '../app.js';

export const taskBoard = new TaskBoard({
  project: {
    transport: {
      load: {
        url: 'api/load',
        method: 'GET',
        headers: {
          Authorization: 'Bearer ' + token,
          'X-Requested-With': 'XMLHttpRequest',
        },
        fetchOptions: {
          credentials: 'include',
          mode: 'cors',
        },
        params: {
          includeArchived: false,
        },
        timeout: 30000,
      },
      sync: {
        url: 'api/sync',
        method: 'POST',
        headers: {
          Authorization: 'Bearer ' + token,
          'Content-Type': 'application/json',
        },
        fetchOptions: {
          credentials: 'include',
        },
      },
    },

    sendAsFormData: false,
    writeAllFields: false,

    phantomIdField: '$PhantomId',
    phantomParentIdField: '$PhantomParentId',
    resetIdsBeforeSync: true,

    supportShortSyncResponse: true,
  },
});
