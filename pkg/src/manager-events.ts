import { tellConflict } from './conflicts.js';
import { EVENTS, type CrudManagerEvents, STATUSES } from './crud-events.js';
import type { CrudManager } from './crud-manager.js';
import type { SyncError } from './errors.js';
import { EXCHANGES, type Exchange, type RequestType, withExchange } from './exchange.js';
import { formErrors } from './validate.js';
import type { Model } from './model.js';
import { makeError } from './runtime.js';
import { stores } from './store-core.js';

/** @internal Tells the listeners of a manager what the engine says. */
export function tellEvent(
  manager: CrudManager<any>,
  event: number,
  kind: RequestType,
  request: number,
  detail: any,
): void {
  const name = EVENTS[event] as keyof CrudManagerEvents;
  if (name === 'conflict' || name === 'conflictResolved') {
    tellConflict(manager, name, detail);
    return;
  }
  const exchange = EXCHANGES.get(request);
  if (manager._options.validateResponse) validate(manager, name, kind, exchange, detail);
  const signals = name === 'hasChanges' || name === 'noChanges';
  if (!manager._hears(name) || (signals && manager.isChangeTrackingSuspended)) return;
  switch (name) {
    case 'load':
    case 'sync':
    case 'requestDone':
      manager._fire(
        name,
        withExchange({ requestType: kind, requestOptions: exchange?.options }, exchange),
      );
      break;
    case 'loadFail':
    case 'syncFail':
    case 'requestFail': {
      const error = withExchange(errorOf(detail.error), exchange);
      const event = {
        requestType: kind,
        requestOptions: exchange?.options,
        error,
        retryIn: detail.retryIn,
      };
      manager._fire(name, withExchange(event, exchange));
      break;
    }
    case 'status':
      manager._fire(name, {
        status: STATUSES[detail.status],
        pending: detail.pending,
        error: detail.error && errorOf(detail.error),
      });
      break;
    case 'recordSyncFail': {
      const { store, row, generation, message, reverted } = detail;
      manager._fire(name, { record: recordOf(store, row, generation), message, reverted });
      break;
    }
    case 'syncWarning':
    case 'syncUncertain': {
      const records = (detail.records as [number, number, number][])
        .map(([store, row, generation]) => recordOf(store, row, generation))
        .filter((record) => record !== undefined);
      manager._fire(name, { message: detail.message, records });
      break;
    }
    case 'syncDelayed':
      manager._fire(name, { arguments: {} });
      break;
    default:
      manager._fire(name, detail);
  }
}

/** Tells developers what is wrong with the form of an answer. */
function validate(
  manager: CrudManager<any>,
  name: string,
  kind: RequestType,
  exchange: Exchange | undefined,
  detail: any,
): void {
  let errors: string[] = [];
  if (name === 'syncWarning') errors = [detail.message];
  if (name === 'requestDone' && exchange !== undefined) {
    const needsSuccess = manager._options.skipSuccessProperty === false;
    errors = formErrors(kind, exchange.response, manager.stores, needsSuccess);
  }
  for (const error of errors) console.warn(`Syncline: the answer to a ${kind}: ${error}`);
}

function errorOf(detail: {
  code: string;
  message: string;
  retryable: boolean;
  status: number | null;
}): SyncError {
  return makeError(detail.code, detail.message, detail.retryable, detail.status ?? 0);
}

function recordOf(store: number, row: number, generation: number): Model | undefined {
  return stores.get(store)?._cache.at(row, generation);
}
