import { Calendar } from '../app.js';

export const calendar = new Calendar({
  crudManager: {
    transport: {
      load: {
        url: '/api/calendar/load',
        method: 'GET',
        headers: {
          Authorization: 'Bearer token',
          'Content-Type': 'application/json',
        },
        credentials: 'include',
        paramName: 'data',
      },
      sync: {
        url: '/api/calendar/sync',
        method: 'POST',
        headers: {
          Authorization: 'Bearer token',
          'Content-Type': 'application/json',
        },
        credentials: 'include',
      },
    },
  },
});
