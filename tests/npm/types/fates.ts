// The fate of edits, vetoes, listeners with options, and options that are set at run time.

import {
  CalendarProject,
  CrudManager,
  type EditOptions,
  EventModel,
  type FieldInput,
  type ListenerOptions,
  Model,
  Store,
} from 'syncline';
import { type Equal, type Expect, isType } from './expect.js';

class Task extends Model {
  static override fields: readonly FieldInput[] = [
    'title',
    { name: 'effort', type: 'number' },
    { name: 'secret', persist: false, alwaysWrite: false, convert: (value) => String(value) },
  ];
  declare title: string;
  declare effort: number;
  override get isValid(): boolean {
    return this.effort >= 0;
  }
}

const tasks = new Store({ id: 'tasks', modelClass: Task });
const manager = new CrudManager<{ tasks: Task }>({ crudStores: [tasks], onConflict: 'reload' });
const [task] = tasks.add({ title: 'new' }) as [Task];

export type Settled = Expect<Equal<ReturnType<typeof task.settled>, Promise<void>>>;
export type Valid = Expect<Equal<typeof task.isValid, boolean>>;

export async function fates(): Promise<void> {
  await task.settled();
  await manager.settled(task);
  const updated = await manager.update(task, { title: 'x' }, { optimistic: false });
  isType<Task>(updated);
  isType<number>(updated.effort);
  isType<number>(await manager.transact(() => 7));
  isType<Task[]>(await manager.transact(() => tasks.add({ title: 'one' })));
  // @ts-expect-error settled() gives nothing
  (await task.settled()).title;
  // @ts-expect-error changes are an object
  await manager.update(task, 'title');
  // @ts-expect-error a record is wanted
  await manager.update({ title: 'x' }, { title: 'y' });
  // @ts-expect-error an option of another type
  await manager.update(task, {}, { optimistic: 'no' });
  // @ts-expect-error a function is wanted
  await manager.transact(Promise.resolve());
  // @ts-expect-error the id of a record is no record
  await manager.settled(7);
}

isType<Task>(task.set('title', 'y', { optimistic: false }));
isType<Task[]>(tasks.add({ title: 'z' }, { optimistic: false, silent: true }));
isType<Task[]>(tasks.remove(task, { optimistic: false }));
isType<EditOptions>({ silent: true });
isType<Model[]>(manager.invalidRecords);
isType<boolean>(task.isHeldBack);
isType<boolean>(task.isPersistable);
// @ts-expect-error an option that doesn't exist
task.set({ title: 'x' }, { pessimistic: true });
// @ts-expect-error it is asked, not set
task.isHeldBack = true;
// @ts-expect-error it is a getter, not a method
task.isValid();

// Vetoes: by a boolean or a promise of one.
tasks.on({
  beforeAdd: async ({ records }) => records.every(({ title }) => title !== ''),
  beforeUpdate: ({ record, changes }) => record.effort > 0 && changes['title']?.value !== '',
  beforeRemove: ({ records }) => Promise.resolve(records.length < 10),
});
// @ts-expect-error its payload has records, not one
tasks.on('beforeRemove', ({ record }) => record);

// Listeners with options.
const options: ListenerOptions = {
  args: [1, 'a'],
  buffer: 10,
  delay: 5,
  expires: { delay: 100, alt: 'give up' },
  once: true,
  prio: 3,
  thisObj: {},
  throttle: 50,
};
tasks.on('add', 'onTask', options);
tasks.on('add', () => undefined, task);
tasks.on({ add: { fn: 'onTask', delay: 5 }, buffer: 10 });
tasks.un('add', 'onTask', task);
isType<() => void>(tasks.relayAll(manager, 'task'));
// @ts-expect-error a number of ms
tasks.on({ add: () => undefined, delay: '5' });
// @ts-expect-error an expiry needs its time
tasks.on({ add: { fn: 'onTask', expires: { alt: 'give up' } } });
// @ts-expect-error something that has listeners
tasks.relayAll({});

new CalendarProject({
  relayStoreEvents: true,
  listeners: { storeUpdate: ({ type }) => void (type satisfies 'storeUpdate') },
  onStoreAdd: ({ records }) => records.length,
});
// @ts-expect-error stores have no such event
new CalendarProject({ onStoreAdded: () => undefined });

// Transport.
manager.transport = {
  load: {
    queryParams: { tenant: 7 },
    headers: async () => ({ Authorization: await Promise.resolve('x') }),
    abortController: new AbortController(),
  },
  sync: { addQueryParamsToBody: true, params: { a: async () => 1 }, signal: AbortSignal.timeout(9) },
};
// @ts-expect-error a controller isn't its signal
manager.transport = { load: { signal: new AbortController() } };
// @ts-expect-error a yes or no
manager.transport = { sync: { addQueryParamsToBody: 'yes' } };

// Options at run time.
manager.onConflict = 'revert';
manager.pageSize = 20;
manager.remotePaging = true;
manager.conflictResolution = 'merge';
manager.loadApplySequence = ['tasks'];
manager.requestData = { tenant: 7 };
manager.cancelRequest();
// @ts-expect-error there is no such strategy
manager.conflictResolution = 'fight';
// @ts-expect-error a number
manager.pageSize = '20';

// Trees.
const tree = new Store({ modelClass: EventModel, tree: true });
isType<EventModel[] | null>(tree.first?.children ?? null);
isType<boolean>(tree.first?.isExpanded() ?? false);
isType<boolean>(tree.first?.isLoaded ?? false);
isType<Promise<unknown>>(tree.loadChildren(1));
tree.toggleCollapse('a', true);
// @ts-expect-error a record or its id
tree.collapse({ id: 1 });
