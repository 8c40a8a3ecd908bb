import { CrudManager } from './crud-manager.js';
import type { CrudManagerConfig } from './crud-config.js';
import type { Id, Model } from './model.js';
import {
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
import type { DataInput, RelationConfig, StoreConfig } from './store-config.js';
import { Store } from './store.js';

/** A store of a project: options to make it from, or one that is there. */
export type ProjectStore<R extends Model> = Store<R> | StoreConfig<R>;

type ModelOf<Stores, K extends string, R extends Model> = K extends keyof Stores
  ? Extract<Stores[K], Model>
  : R;

/** Options of a {@link CalendarProject}: those of a manager, and its stores. */
export type CalendarProjectConfig<Stores extends object = {}> = CrudManagerConfig<
  CalendarProject<any>
> & {
  eventStore?: ProjectStore<ModelOf<Stores, 'events', EventModel>>;
  resourceStore?: ProjectStore<ModelOf<Stores, 'resources', ResourceModel>>;
  assignmentStore?: ProjectStore<ModelOf<Stores, 'assignments', AssignmentModel>>;
  timeRangeStore?: ProjectStore<ModelOf<Stores, 'timeRanges', TimeRangeModel>>;
  resourceTimeRangeStore?: ProjectStore<
    ModelOf<Stores, 'resourceTimeRanges', ResourceTimeRangeModel>
  >;
  calendarStore?: ProjectStore<ModelOf<Stores, 'calendars', CalendarModel>>;
};

/** Options of a {@link TaskBoardProject}: those of a manager, and its stores. */
export type TaskBoardProjectConfig<Stores extends object = {}> = CrudManagerConfig<
  TaskBoardProject<any>
> & {
  taskStore?: ProjectStore<ModelOf<Stores, 'tasks', TaskModel>>;
  resourceStore?: ProjectStore<ModelOf<Stores, 'resources', ResourceModel>>;
  assignmentStore?: ProjectStore<ModelOf<Stores, 'assignments', TaskAssignmentModel>>;
  columnStore?: ProjectStore<ModelOf<Stores, 'columns', ColumnModel>>;
  swimlaneStore?: ProjectStore<ModelOf<Stores, 'swimlanes', SwimlaneModel>>;
};

/** A manager with the stores of a kind of application. */
class Project<Stores extends object> extends CrudManager<Stores> {
  /** @internal */
  protected override get _placesStores(): boolean {
    return true;
  }

  /** @internal All stores are there: data that was given goes into them. */
  protected _placed(config: CrudManagerConfig): void {
    if (config.inlineData !== undefined) this.inlineData = config.inlineData as DataInput;
  }

  /** @internal Makes a store (or takes the given one) and puts it under the manager. */
  protected _place<R extends Model>(
    given: ProjectStore<any> | undefined,
    id: string,
    modelClass: new (data?: any) => R,
    relations: readonly RelationConfig[] = [],
  ): Store<R> {
    let store: Store<any>;
    if (given instanceof Store) store = given;
    else {
      store = this._make({
        modelClass,
        relations,
        ...given,
        id: given?.id ?? given?.storeId ?? id,
      });
    }
    this.addCrudStore(store);
    return store;
  }
}

/** What a calendar works with: events, resources, assignments, time ranges and calendars. */
export class CalendarProject<Stores extends object = {}> extends Project<Stores> {
  /** The room of the server that a channel joins unless told otherwise. */
  static readonly room: string = 'calendar';
  /** @internal Minified code has other names. */ static override readonly name: string =
    'CalendarProject';
  readonly eventStore: Store<ModelOf<Stores, 'events', EventModel>>;
  readonly resourceStore: Store<ModelOf<Stores, 'resources', ResourceModel>>;
  readonly assignmentStore: Store<ModelOf<Stores, 'assignments', AssignmentModel>>;
  readonly timeRangeStore: Store<ModelOf<Stores, 'timeRanges', TimeRangeModel>>;
  readonly resourceTimeRangeStore: Store<
    ModelOf<Stores, 'resourceTimeRanges', ResourceTimeRangeModel>
  >;
  readonly calendarStore: Store<ModelOf<Stores, 'calendars', CalendarModel>>;

  constructor(config: CalendarProjectConfig<Stores> = {}) {
    super(config as CrudManagerConfig);
    const calendars = this._place(config.calendarStore, 'calendars', CalendarModel);
    const resources = this._place(config.resourceStore, 'resources', ResourceModel);
    const events = this._place(config.eventStore, 'events', EventModel);
    const assignments = this._place(config.assignmentStore, 'assignments', AssignmentModel, [
      { field: 'eventId', store: events.id },
      { field: 'resourceId', store: resources.id },
    ]);
    const timeRanges = this._place(config.timeRangeStore, 'timeRanges', TimeRangeModel);
    const resourceTimeRanges = this._place(
      config.resourceTimeRangeStore,
      'resourceTimeRanges',
      ResourceTimeRangeModel,
      [{ field: 'resourceId', store: resources.id }],
    );
    this.calendarStore = calendars as any;
    this.resourceStore = resources as any;
    this.eventStore = events as any;
    this.assignmentStore = assignments as any;
    this.timeRangeStore = timeRanges as any;
    this.resourceTimeRangeStore = resourceTimeRanges as any;
    this._placed(config as CrudManagerConfig);
  }

  /** The resources that an event is assigned to. */
  resourcesOf(event: Model | Id): this['resourceStore'] extends Store<infer R> ? R[] : never {
    return assigned(
      this.assignmentStore,
      'eventId',
      event,
      'resourceId',
      this.resourceStore,
    ) as any;
  }

  /** The events that a resource is assigned to. */
  eventsOf(resource: Model | Id): this['eventStore'] extends Store<infer R> ? R[] : never {
    return assigned(
      this.assignmentStore,
      'resourceId',
      resource,
      'eventId',
      this.eventStore,
    ) as any;
  }
}

/** What a task board works with: tasks, resources, assignments, columns and swimlanes. */
export class TaskBoardProject<Stores extends object = {}> extends Project<Stores> {
  /** The room of the server that a channel joins unless told otherwise. */
  static readonly room: string = 'taskboard';
  /** @internal Minified code has other names. */ static override readonly name: string =
    'TaskBoardProject';
  readonly taskStore: Store<ModelOf<Stores, 'tasks', TaskModel>>;
  readonly resourceStore: Store<ModelOf<Stores, 'resources', ResourceModel>>;
  readonly assignmentStore: Store<ModelOf<Stores, 'assignments', TaskAssignmentModel>>;
  readonly columnStore: Store<ModelOf<Stores, 'columns', ColumnModel>>;
  readonly swimlaneStore: Store<ModelOf<Stores, 'swimlanes', SwimlaneModel>>;

  constructor(config: TaskBoardProjectConfig<Stores> = {}) {
    super(config as CrudManagerConfig);
    const columns = this._place(config.columnStore, 'columns', ColumnModel);
    const swimlanes = this._place(config.swimlaneStore, 'swimlanes', SwimlaneModel);
    const resources = this._place(config.resourceStore, 'resources', ResourceModel);
    const tasks = this._place(config.taskStore, 'tasks', TaskModel);
    const assignments = this._place(config.assignmentStore, 'assignments', TaskAssignmentModel, [
      { field: 'event', store: tasks.id },
      { field: 'resource', store: resources.id },
    ]);
    this.columnStore = columns as any;
    this.swimlaneStore = swimlanes as any;
    this.resourceStore = resources as any;
    this.taskStore = tasks as any;
    this.assignmentStore = assignments as any;
    this._placed(config as CrudManagerConfig);
  }

  /** The resources that a task is assigned to. */
  resourcesOf(task: Model | Id): this['resourceStore'] extends Store<infer R> ? R[] : never {
    return assigned(this.assignmentStore, 'event', task, 'resource', this.resourceStore) as any;
  }

  /** The tasks that a resource is assigned to. */
  tasksOf(resource: Model | Id): this['taskStore'] extends Store<infer R> ? R[] : never {
    return assigned(this.assignmentStore, 'resource', resource, 'event', this.taskStore) as any;
  }
}

function assigned(
  assignments: Store<any>,
  from: string,
  one: Model | Id,
  to: string,
  others: Store<any>,
): Model[] {
  const found: Model[] = [];
  for (const assignment of assignments.referrers(from, one)) {
    const other = others.getById(assignment.get(to));
    if (other !== undefined) found.push(other);
  }
  return found;
}
