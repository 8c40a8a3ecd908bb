// Ways to the server: those of managers that apps replace, and stores that have their own.

import {
  CalendarProject,
  CrudManager,
  EventModel,
  Model,
  Store,
  type SyncError,
  type TransportAnswer,
  type TransportRequest,
} from 'syncline';
import {
  AjaxStore,
  type AjaxAction,
  type AjaxChanges,
  type AjaxStoreConfig,
  type AjaxStoreEvents,
} from 'syncline/ajax-store';
import { isType } from './expect.js';

class Mine extends CrudManager {
  override async sendRequest(request: TransportRequest) {
    isType<'load' | 'sync'>(request.type);
    isType<string>(request.data);
    isType<AbortSignal>(request.signal);
    request.success({ success: true });
    request.success(new Response('{}'));
    request.failure(new Error('no'));
    // @ts-expect-error a number is no answer
    request.success(5);
    return super.sendRequest(request);
  }
  override encode(pack: object): string | null {
    return super.encode(pack);
  }
  override decode(text: string) {
    return super.decode(text);
  }
  override cancelRequest(promise?: Promise<unknown> | null, reject?: unknown): void {
    super.cancelRequest(promise, reject);
  }
}
new Mine({ loadUrl: '/load' });

class Wrong extends CalendarProject {
  // @ts-expect-error it has to give text, or null
  override encode(pack: object): number {
    return Object.keys(pack).length;
  }
}
void Wrong;

const manager = new CrudManager({
  async sendRequest({ type, data, params }) {
    isType<CrudManager<any>>(this);
    isType<Record<string, string>>(params);
    return `${type}${data}`;
  },
  encode: (pack) => JSON.stringify(pack),
  decode: (text) => JSON.parse(text),
});
manager.on('beforeSend', ({ type, requestType }) => isType<typeof requestType>(type));
export const answer: TransportAnswer = new Uint8Array();
// @ts-expect-error it is a function
new CrudManager({ sendRequest: 'fetch' });
// @ts-expect-error it gives an object, or null
new CrudManager({ decode: (text) => text.length });

class Person extends Model {
  static override fields = ['name', { name: 'note', defaultValue: null }];
  declare name: string;
}

const config: AjaxStoreConfig<Person> = {
  modelClass: Person,
  readUrl: '/people',
  createUrl: '/people/new',
  autoCommit: true,
  autoCommitTimeout: 200,
  httpMethods: { update: 'PUT' },
  allowNoId: false,
  verifyNoGeneratedIds: false,
  applyChangesetFilterSortTarget: 'none',
};
const people = new AjaxStore(config);
export const asStore: Store<Person> = people;
isType<string | undefined>(people.readUrl);
isType<string>((people.first as Person).name);
people.load({ page: 1 }).then(({ response }) => response);
people.commit().then((changes) => isType<AjaxChanges<Person> | null>(changes));
isType<Person[]>(people.commit().added);
people.on('exception', ({ action, error }) => {
  isType<AjaxAction | 'commit' | undefined>(action);
  void (error as SyncError).code;
});
people.on('beforeRequest', (event: AjaxStoreEvents<Person>['beforeRequest']) => isType<AjaxAction>(event.action));
people.on('update', ({ record }) => isType<Person>(record));
people.first?.syncId(5);
// @ts-expect-error an id is a number or text
people.first?.syncId({});
// @ts-expect-error there is no such event
people.on('beforeNothing', () => {});
// @ts-expect-error there is no such way
new Store({ applyChangesetFilterSortTarget: 'some' });
// @ts-expect-error it is an address
new AjaxStore({ modelClass: EventModel, readUrl: 5 });
