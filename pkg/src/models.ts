import type { FieldInput } from './fields.js';
import { type Assigned, type AssignedTo, type Assigning, defineLinks } from './model-links.js';
import { type Id, Model } from './model.js';

/** An event of a calendar. */
export class EventModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'EventModel';
  static override fields: readonly FieldInput[] = [
    { name: 'name', type: 'string' },
    { name: 'startDate', type: 'date' },
    { name: 'endDate', type: 'date' },
    { name: 'allDay', type: 'boolean' },
    'resourceId',
    { name: 'eventColor', type: 'string' },
    { name: 'readOnly', type: 'boolean' },
  ];

  declare name: string;
  declare startDate: Date | null | undefined;
  declare endDate: Date | null | undefined;
  /** Whether it lasts whole days; its end is exclusive then, too. */
  declare allDay: boolean;
  /** The resource, where events have just one and no assignments. */
  declare resourceId: Id | null | undefined;
  declare eventColor: string | null | undefined;
  declare readOnly: boolean;

  /** @internal */
  get isEventModel(): boolean {
    return true;
  }
}

export interface EventModel extends Assigned {}

/** Whoever or whatever events and tasks are assigned to. */
export class ResourceModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'ResourceModel';
  static override fields: readonly FieldInput[] = [
    { name: 'name', type: 'string' },
    { name: 'image', type: 'string' },
    { name: 'eventColor', type: 'string' },
  ];

  declare name: string;
  declare image: string | null | undefined;
  declare eventColor: string | null | undefined;

  /** @internal */
  get isResourceModel(): boolean {
    return true;
  }
}

export interface ResourceModel extends AssignedTo {}

/** Puts an event and a resource together. On the wire they are called `event` and `resource`. */
export class AssignmentModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'AssignmentModel';
  static override fields: readonly FieldInput[] = [
    { name: 'eventId', dataSource: 'event' },
    { name: 'resourceId', dataSource: 'resource' },
  ];

  declare eventId: Id | null | undefined;
  declare resourceId: Id | null | undefined;
}

export interface AssignmentModel extends Assigning {}

/** Puts a task and a resource together. */
export class TaskAssignmentModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'TaskAssignmentModel';
  static override fields: readonly FieldInput[] = ['event', 'resource'];

  /** The task's id. */
  declare event: Id | null | undefined;
  /** The resource's id. */
  declare resource: Id | null | undefined;
}

/** A card of a task board. */
export class TaskModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'TaskModel';
  static override fields: readonly FieldInput[] = [
    { name: 'name', type: 'string' },
    { name: 'description', type: 'string' },
    { name: 'status' },
    { name: 'prio' },
    { name: 'startDate', type: 'date' },
    { name: 'endDate', type: 'date' },
    { name: 'weight', type: 'number' },
    { name: 'eventColor', type: 'string' },
    { name: 'readOnly', type: 'boolean' },
  ];

  declare name: string;
  declare description: string | null | undefined;
  /** The column. */
  declare status: any;
  /** The swimlane. */
  declare prio: any;
  declare startDate: Date | null | undefined;
  declare endDate: Date | null | undefined;
  /** Orders the cards of a column. */
  declare weight: number;
  declare eventColor: string | null | undefined;
  declare readOnly: boolean;
}

export interface TaskModel extends Assigned {}

/** A column of a task board. */
export class ColumnModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'ColumnModel';
  static override fields: readonly FieldInput[] = [
    { name: 'text', type: 'string' },
    { name: 'color', type: 'string' },
  ];

  declare text: string;
  declare color: string | null | undefined;
}

/** A swimlane of a task board. */
export class SwimlaneModel extends ColumnModel {
  /** @internal Minified code has other names. */ static override readonly name: string = 'SwimlaneModel';
}

/** A stretch of time that concerns everybody. */
export class TimeRangeModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'TimeRangeModel';
  static override fields: readonly FieldInput[] = [
    { name: 'name', type: 'string' },
    { name: 'startDate', type: 'date' },
    { name: 'endDate', type: 'date' },
  ];

  declare name: string;
  declare startDate: Date | null | undefined;
  declare endDate: Date | null | undefined;
}

/** A stretch of time that concerns one resource. */
export class ResourceTimeRangeModel extends TimeRangeModel {
  /** @internal Minified code has other names. */ static override readonly name: string = 'ResourceTimeRangeModel';
  static override fields: readonly FieldInput[] = [
    'resourceId',
    { name: 'timeRangeColor', type: 'string' },
  ];

  declare resourceId: Id | null | undefined;
  declare timeRangeColor: string | null | undefined;
}

/** A working-time calendar. */
export class CalendarModel extends Model {
  /** @internal Minified code has other names. */ static override readonly name: string = 'CalendarModel';
  static override fields: readonly FieldInput[] = [{ name: 'name', type: 'string' }];

  declare name: string;
}

defineLinks(EventModel, TaskModel, ResourceModel, AssignmentModel);
