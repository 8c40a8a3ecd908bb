import { defineExtras } from './model-extras.js';
import type { Id, Model } from './model.js';
import type { AssignmentModel, EventModel, ResourceModel, TaskModel } from './models.js';
import type { RelationConfig } from './store-config.js';
import type { Store } from './store.js';

/**
 * What an event or a task has of its manager's other stores. A field of the same name takes the
 * place of each.
 */
export interface Assigned {
  /** What puts it and resources together. */
  readonly assignments: any[];
  /** The resources that it is assigned to. */
  readonly resources: any[];
  /** The first of them. */
  readonly resource: any;
}

/**
 * What a resource has of its manager's other stores. A field of the same name takes the place of
 * each.
 */
export interface AssignedTo {
  /** What puts it and events or tasks together. */
  readonly assignments: any[];
  /** The events that are assigned to it. */
  readonly events: any[];
  /** The tasks that are assigned to it. */
  readonly tasks: any[];
}

/**
 * The records that an assignment of a calendar puts together. A field of the same name takes the
 * place of each.
 */
export interface Assigning {
  readonly event: any;
  readonly resource: any;
}

const relationsOf = (store: Store<any>): readonly RelationConfig[] => store._config.relations ?? [];

function storesBeside(record: Model): Store<any>[] {
  const manager = record._s._store?._manager as { stores: Store<any>[] } | undefined;
  return manager?.stores ?? [];
}

/** The relation that leads from a store to that of the record. */
function relationTo(store: Store<any>, record: Model): RelationConfig | undefined {
  return relationsOf(store).find((relation) => relation.store === record.store?.id);
}

function assignmentsOf(record: Model): Model[] {
  for (const store of storesBeside(record)) {
    const relation = relationsOf(store).length > 1 ? relationTo(store, record) : undefined;
    if (relation !== undefined) return store.referrers(relation.field, record);
  }
  return [];
}

/** The records at the other ends of a record's assignments, each once. */
function linked(record: Model): Model[] {
  const found = new Set<Model>();
  for (const assignment of assignmentsOf(record)) {
    const store = assignment.store as Store<any>;
    const other = relationsOf(store).find((relation) => relation.store !== record.store?.id);
    const end = other && storesBeside(record).find(({ id }) => id === other.store);
    const one = end?.getById(assignment.get(other?.field as string) as Id);
    if (one !== undefined) found.add(one);
  }
  return [...found];
}

/** The record that a relation's field of this one names. */
function named(record: Model, field: string): Model | null {
  const relation = record.store && relationsOf(record.store).find((one) => one.field === field);
  const store = relation && storesBeside(record).find(({ id }) => id === relation.store);
  return store?.getById(record.get(field) as Id) ?? null;
}

/** The resource of an event that has just one, and no assignments. */
function ownResource(event: Model): Model[] {
  const id = event.get('resourceId') as Id | null | undefined;
  if (id == null) return [];
  const store = storesBeside(event).find(({ modelClass }) => modelClass.prototype.isResourceModel);
  const found = store?.getById(id);
  return found === undefined ? [] : [found];
}

const assigned: Assigned & ThisType<EventModel> = {
  get assignments() {
    return assignmentsOf(this as any);
  },
  get resources() {
    const all = linked(this as any);
    return all.length > 0 ? all : ownResource(this as any);
  },
  get resource() {
    return this.resources[0] ?? null;
  },
};

function assignedTo(record: Model): Model[] {
  const all = linked(record);
  if (all.length > 0) return all;
  const events = storesBeside(record).find(({ modelClass }) => modelClass.prototype.isEventModel);
  return events?.referrers('resourceId', record) ?? [];
}

/** @internal Gives records of the usual models what they have of other stores. */
export function defineLinks(
  event: typeof EventModel,
  task: typeof TaskModel,
  resource: typeof ResourceModel,
  assignment: typeof AssignmentModel,
): void {
  defineExtras(event.prototype, assigned);
  defineExtras(task.prototype, assigned);
  defineExtras(resource.prototype, {
    get assignments() {
      return assignmentsOf(this as any);
    },
    get events() {
      return assignedTo(this as any);
    },
    get tasks() {
      return linked(this as any);
    },
  });
  defineExtras(assignment.prototype, {
    get event() {
      return named(this as any, 'eventId');
    },
    get resource() {
      return named(this as any, 'resourceId');
    },
  });
}
