export {
  AjaxHelper,
  type AjaxOptions,
  type AjaxResponse,
  type MockFunction,
  type MockResponse,
} from './ajax-helper.js';
export type {
  ChannelConfig,
  ChannelFrame,
  ChannelTransport,
  ChannelUser,
  ReconnectConfig,
  SocketLike,
} from './channel-config.js';
export type { ChannelEvents, ChannelState, Lock, Peer } from './channel-events.js';
export { Channel, userColor } from './channel.js';
export type { CrudResult } from './calls.js';
export {
  Conflict,
  type ConflictChoice,
  type ConflictField,
  type ConflictOptions,
  type ConflictResolver,
  type ConflictSide,
  type ConflictStrategy,
  type FieldMerge,
  type ResolvedField,
} from './conflicts.js';
export type {
  CrudManagerConfig,
  CrudManagerOptions,
  CrudManagerSettings,
  CrudStoreDescriptor,
  CrudStoreInput,
  FetchOptions,
  RetryConfig,
  TransportSection,
} from './crud-config.js';
export type {
  DataPart,
  DataPartParams,
  DurationUnit,
  LazyLoadConfig,
  PollingConfig,
  SyncDataOnLoadConfig,
} from './crud-policies.js';
export type { StoreChangeset } from './changesets.js';
export type { CrudManagerEvents, RelayedEvents, SyncStatus } from './crud-events.js';
export {
  type Changeset,
  CrudManager,
  type LoadOptions,
} from './crud-manager.js';
export type { StoreModels, StoreOf } from './crud-stores.js';
export type { TransportAnswer, TransportRequest } from './transport.js';
export type { EditOptions } from './edits.js';
export type {
  Emitter,
  Listener,
  ListenerOptions,
  ListenerWithOptions,
  Listeners,
  OnListeners,
} from './emitter.js';
export { type ErrorCode, SyncError } from './errors.js';
export type { RequestOptions, RequestType } from './exchange.js';
export type { FieldConfig, FieldInput, FieldType } from './fields.js';
export { type Id, Model } from './model.js';
export {
  AssignmentModel,
  CalendarModel,
  ColumnModel,
  EventModel,
  ResourceModel,
  ResourceTimeRangeModel,
  SwimlaneModel,
  TaskAssignmentModel,
  TaskModel,
  TimeRangeModel,
} from './models.js';
export {
  CalendarProject,
  type CalendarProjectConfig,
  type ProjectStore,
  TaskBoardProject,
  type TaskBoardProjectConfig,
} from './project.js';
export type {
  Change,
  ChangeAction,
  ChangeBatch,
  Commit,
  FieldChange,
  Origin,
  StoreEvents,
} from './store-events.js';
export { Store } from './store.js';
export type { FilterOptions } from './store-viewing.js';
export type {
  Filter,
  FilterInput,
  FilterOperator,
  LocaleSort,
  SortFunction,
  Sorter,
  SorterInput,
} from './view-rules.js';
export type { DataInput, RelationConfig, StoreConfig } from './store-config.js';
