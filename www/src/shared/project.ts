import type { CrudManager, ResourceModel } from 'syncline';

/** What the parts that both pages show ask of a project. */
export type AnyProject = CrudManager<any>;

/** A member of the team. */
export type Person = ResourceModel;
