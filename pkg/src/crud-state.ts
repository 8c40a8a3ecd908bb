import { STATUSES, type SyncStatus } from './crud-events.js';
import { CrudParts } from './crud-parts.js';
import { engine, register, writeJson } from './runtime.js';

/** What a manager says of where it stands. */
export abstract class CrudState extends CrudParts {
  /** Whether a load is under way. */
  get isLoading(): boolean {
    return (this._state(0) & 1) !== 0;
  }

  /** The same as {@link CrudManager.isLoading}. */
  get isCrudManagerLoading(): boolean {
    return this.isLoading;
  }

  /** Whether a sync is under way. */
  get isSyncing(): boolean {
    return (this._state(0) & 2) !== 0;
  }

  /** The same as {@link CrudManager.isSyncing}. */
  get isCrudManagerSyncing(): boolean {
    return this.isSyncing;
  }

  /** Where it stands, for a status pill. */
  get status(): SyncStatus {
    return STATUSES[this._state(1)] ?? 'saved';
  }

  /** How many records have changes that the server hasn't confirmed. */
  get pendingCount(): number {
    return this._state(2);
  }

  /** What the server last called its state; `null` while that is unknown. */
  get revision(): number | string | null {
    const text = engine().managerRevision(this._alive());
    return text === undefined ? null : JSON.parse(text);
  }

  set revision(revision: number | string | null | undefined) {
    const number = this._alive();
    if (revision !== undefined) engine().setRevision(number, writeJson(revision));
  }

  /** The same as {@link CrudManager.revision}. */
  get crudRevision(): number | string | null {
    return this.revision;
  }

  /** @internal */ protected _state(index: number): number {
    engine().managerState(this._alive());
    return register(index);
  }
}
