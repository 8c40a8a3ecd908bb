// Sorters, filters, trees, relatives, listeners with options, AjaxHelper.

import {
  AjaxHelper,
  type AjaxResponse,
  EventModel,
  type Filter,
  type FilterInput,
  type MockResponse,
  Model,
  ResourceModel,
  type Sorter,
  Store,
  type StoreConfig,
} from 'syncline';
import { type Equal, type Expect, isType } from './expect.js';

class Meeting extends EventModel {
  declare seats: number;
}

class Folder extends Model {
  // Fields may be called like what trees have.
  declare meta: string;
  declare title: string;
}

const store = new Store({
  id: 'meetings',
  modelClass: Meeting,
  sorters: ['startDate', { field: 'seats', ascending: false }, (a, b) => a.seats - b.seats],
  filters: [{ property: 'seats', operator: '>', value: 3 }, ({ seats }) => seats > 0],
  useLocaleSort: { locale: 'de', numeric: true },
});

store.sort('seats');
store.sort((a, b) => a.seats - b.seats, false);
store.sort([{ field: 'name', sortFn: (a, b) => a.seats - b.seats }], true, true, true);
store.sort();
store.filter(({ seats }) => seats > 2);
store.filter({ filters: [{ property: 'name', value: 'x', caseSensitive: false }], replace: true });
const filter = store.addFilter({ id: 'big', filterBy: ({ seats }) => seats > 9 });
export type Added = Expect<Equal<typeof filter, Filter<Meeting>>>;
isType<Filter<Meeting> | null>(store.removeFilter('big'));
isType<readonly Sorter<Meeting>[]>(store.sorters);
isType<boolean>(store.isFiltered && store.isSorted && store.isAvailable(1));
isType<Meeting[]>(store.query(({ seats }) => seats > 1, true));
isType<number>(store.allCount);
isType<Meeting[]>(store.modify({ id: 1, seats: 3 }));
isType<Meeting[]>(store.referrers('resourceId', 'r1'));
store.on('sort', ({ sorters, records }) => {
  isType<readonly Sorter<Meeting>[]>(sorters);
  isType<Meeting[]>(records);
});
store.on({
  filter: {
    fn: ({ filters, oldFilters }) => isType(filters.length + oldFilters.length),
    once: true,
  },
  removeAll: { fn: 'onEmpty', thisObj: {}, prio: 3 },
  beforeSort: ({ currentSorters }) => currentSorters.length > 0,
});
store.addListener('add', ({ records }) => isType<Meeting[]>(records));
store.suspendEvents(true);

// @ts-expect-error a sorter is a field, a function or an object of such
store.sort(7);
// @ts-expect-error the direction is yes or no
store.sort('seats', 'up');
// @ts-expect-error not one of the operators
store.filter({ property: 'seats', operator: '~', value: 1 });
// @ts-expect-error a property has a name
store.filter({ property: 7 });
// @ts-expect-error there is no such field
store.filter(({ chairs }) => chairs > 1);
// @ts-expect-error there is no such field
store.sort((a, b) => a.chairs - b.chairs);
// @ts-expect-error an option that doesn't exist
export const sorter: Sorter = { field: 'a', descending: true };
// @ts-expect-error an option of another type
export const config: StoreConfig = { useLocaleSort: 7 };
// @ts-expect-error read-only
store.allCount = 3;
// @ts-expect-error the payload of `sort` has no filters
store.on('sort', ({ filters }) => filters);
// @ts-expect-error an option of another type
store.on({ sort: { fn: () => undefined, once: 'yes' } });
// @ts-expect-error a listener with options needs the listener
store.on({ sort: { once: true } });

export const input: FilterInput<Meeting> = ({ seats }) => seats > 1;

const tree = new Store({ tree: true, modelClass: Folder });
const folder = tree.first!;
isType<Folder[] | null>(folder.children);
isType<Folder | null>(folder.parent);
isType<Folder | null>(tree.rootNode);
isType<Folder | null>(folder.appendChild({ title: 'x' }));
isType<Folder[]>(folder.appendChild([{ title: 'x' }, new Folder()]));
isType<Folder | null>(folder.insertChild(new Folder(), folder.firstChild));
isType<Folder[]>(folder.removeChild(folder));
folder.traverse(({ title }) => title.length > 0, true);
folder.bubble((record) => isType<Folder>(record));
isType<boolean>(folder.isLeaf && folder.contains(folder));
isType<number>(folder.childLevel + folder.parentIndex + folder.descendantCount);
isType<string>(folder.meta);
isType<Folder>(folder.copy({ title: 'y' }, true));
isType<Folder>(folder.copy('its-id'));
isType<Store<any>[]>(folder.stores);

// @ts-expect-error rows are objects
folder.appendChild('title');
// @ts-expect-error a record, not its place
folder.insertChild({}, 3);
// @ts-expect-error read-only
folder.parent = null;
// @ts-expect-error a record of the tree
folder.contains(7);

isType<any[]>(new Meeting().resources);
isType<any[]>(new ResourceModel().events);
// @ts-expect-error read-only
new Meeting().resources = [];

export async function requests(): Promise<void> {
  AjaxHelper.DEFAULT_FETCH_OPTIONS = { credentials: 'include', headers: { 'X-A': 'b' } };
  const response = await AjaxHelper.get('/x', { queryParams: { a: 1 }, parseJson: true });
  isType<AjaxResponse>(response);
  isType<Response>(response);
  void response.parsedJson.anything;
  await AjaxHelper.post('/x', { a: 1 }, { addQueryParamsToBody: true });
  await AjaxHelper.fetch('/x', { abortController: new AbortController(), mode: 'cors' });
  AjaxHelper.mockUrl('/x', { responseText: '{}', delay: 10, synchronous: true });
  AjaxHelper.mockUrl('/x', (url, params, options) => ({ responseJson: [url, params, options] }));
  AjaxHelper.mockUrl('/x', async (): Promise<MockResponse> => ({ status: 500 }));
  AjaxHelper.unmockUrl('/x');
  // @ts-expect-error an option of another type
  await AjaxHelper.get('/x', { credentials: 'yes' });
  // @ts-expect-error an option of another type
  await AjaxHelper.get('/x', { queryParams: 'a=1' });
  // @ts-expect-error the answer is text
  AjaxHelper.mockUrl('/x', { responseText: 5 });
  // @ts-expect-error an answer, or what makes one
  AjaxHelper.mockUrl('/x', 'text');
  // @ts-expect-error an option of another type
  AjaxHelper.DEFAULT_FETCH_OPTIONS = { credentials: 5 };
}
