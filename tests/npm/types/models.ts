// Custom fields are typed wherever records come from.

import { EventModel, type FieldInput, Model, Store, TaskModel } from 'syncline';
import { type Equal, type Expect, isType } from './expect.js';

class Meeting extends EventModel {
  static override fields: readonly FieldInput[] = [
    { name: 'agenda', type: 'string', defaultValue: '' },
    { name: 'seats', type: 'integer' },
    {
      name: 'price',
      convert: (cents: number) => cents / 100,
      serialize: (price: number) => price * 100,
    },
    'room',
  ];

  declare agenda: string;
  declare seats: number;

  get isFull(): boolean {
    return this.seats === 0;
  }

  close(): this {
    this.seats = 0;
    return this;
  }
}

class Short extends TaskModel {
  static override fields = [{ name: 'deadline', type: 'date', format: 'YYYY-MM-DD' }];
  declare deadline: Date | null;
}

const store = new Store({ id: 'meetings', modelClass: Meeting });
export type Inferred = Expect<Equal<typeof store, Store<Meeting>>>;

const added = store.add({ name: 'x', agenda: 'y' });
export type Added = Expect<Equal<typeof added, Meeting[]>>;
const found = store.getById(1);
export type Found = Expect<Equal<typeof found, Meeting | undefined>>;

isType<string>(store.map(({ agenda }) => agenda)[0]!);
isType<number>(added[0]!.seats);
isType<boolean>(added[0]!.isFull);
isType<Meeting>(added[0]!.close());
// Of a record that was made without one, it is `undefined`.
isType<Date | null | undefined>(added[0]!.startDate);
isType<string | null | undefined>(added[0]!.eventColor);
isType<string>(added[0]!.key);
isType<Date | null>(new Short({ name: 'x' }).deadline);
for (const meeting of store) isType<Meeting>(meeting);
for (const meeting of store.range(new Date(), Date.now())) isType<Meeting>(meeting);
store.subscribe(({ changes, origin }) => {
  isType<'local' | 'remote' | 'rollback' | 'rebase' | 'load' | 'mixed'>(origin);
  for (const { record, op, key } of changes) {
    isType<Meeting | null>(record);
    isType<'add' | 'update' | 'remove'>(op);
    isType<string>(key);
  }
});
store.on('update', ({ record, changes, source }) => {
  isType<Meeting>(record);
  isType<Store<Meeting>>(source);
  void changes['agenda']?.oldValue;
});
store.add(new Meeting({ name: 'x' }));
store.remove([added[0]!, 5, 'x']);

// @ts-expect-error there is no such field
void added[0]!.agenda2;
// @ts-expect-error a number of seats
added[0]!.seats = 'many';
// @ts-expect-error not before it is known whether there is one
void found.agenda;
// @ts-expect-error a record of another class
store.remove(new Short());
// @ts-expect-error rows are objects
store.add(7);
// @ts-expect-error a date, its number or its text
store.range(true, new Date());
// @ts-expect-error no store for classes that aren't models
new Store({ id: 'a', modelClass: Date });
// @ts-expect-error keys are text
store.hold(5);
// @ts-expect-error read-only
added[0]!.key = 'x';
// @ts-expect-error read-only
added[0]!.isPhantom = false;
// @ts-expect-error what belongs to the inside stays there
void added[0]!._v;
// @ts-expect-error what belongs to the inside stays there
void store._store;

// @ts-expect-error a field has a name
export const nameless: FieldInput = { type: 'string' };
// @ts-expect-error whether it is sent is yes or no
export const odd: FieldInput = { name: 'a', persist: 'no' };
// @ts-expect-error the format is text
export const formatted: FieldInput = { name: 'a', type: 'date', format: 7 };

// @ts-expect-error fields are a list
export class Wrong extends Model {
  static override fields = { name: 'x' };
}
