// Records that know their relatives in the other stores of a project.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CalendarProject,
  CrudManager,
  EventModel,
  ResourceModel,
  Store,
  TaskBoardProject,
} from 'syncline';
import { SAMPLE } from './support/setup.mjs';

const names = (records) => records.map(({ name }) => name);

function calendar(t, data = SAMPLE) {
  const project = new CalendarProject();
  t.after(() => project.destroy());
  const sections = Object.entries(data).map(([store, rows]) => [store, { rows }]);
  project.loadCrudManagerData({ success: true, ...Object.fromEntries(sections) });
  return project;
}

test('events, resources and assignments of a calendar know each other', (t) => {
  const { eventStore, resourceStore, assignmentStore } = calendar(t);
  const [event, other] = eventStore;
  const [ada, grace] = resourceStore;
  const [assignment] = assignmentStore;
  assert.deepEqual(names(event.resources), ['Ada']);
  assert.deepEqual([event.resource, event.assignments], [ada, [assignment]]);
  assert.deepEqual([other.resource, other.resources, other.assignments], [null, [], []]);
  assert.deepEqual([ada.events, ada.assignments, grace.events], [[event], [assignment], []]);
  assert.deepEqual([assignment.event, assignment.resource], [event, ada]);
});

test('they follow what is added, moved and removed, sent or not', (t) => {
  const { eventStore, resourceStore, assignmentStore } = calendar(t);
  const [event, other] = eventStore;
  const [ada, grace] = resourceStore;
  const [added] = resourceStore.add({ name: 'New' });
  assignmentStore.add([
    { eventId: event.id, resourceId: grace.id },
    { eventId: event.id, resourceId: added.id },
  ]);
  assert.deepEqual(names(event.resources), ['Ada', 'Grace', 'New']);
  assignmentStore.first.eventId = other.id;
  assert.deepEqual([names(event.resources), ada.events], [['Grace', 'New'], [other]]);
  resourceStore.remove(added);
  assert.deepEqual(names(event.resources), ['Grace']);
  // A view of the assignments changes nothing about who is assigned.
  assignmentStore.filter(() => false);
  assert.deepEqual(names(event.resources), ['Grace']);
});

test('an event that has just a resource is that resource’s', (t) => {
  const { eventStore, resourceStore } = calendar(t, {
    events: [
      { id: 1, name: 'a', resourceId: 'r' },
      { id: 2, name: 'b' },
    ],
    resources: [{ id: 'r', name: 'Ada' }],
  });
  assert.strictEqual(eventStore.first.resource, resourceStore.first);
  assert.deepEqual(names(eventStore.first.resources), ['Ada']);
  assert.deepEqual(names(resourceStore.first.events), ['a']);
});

test('tasks and resources of a board know each other', (t) => {
  const project = new TaskBoardProject();
  t.after(() => project.destroy());
  project.loadCrudManagerData({
    tasks: {
      rows: [
        { id: 1, name: 'Write' },
        { id: 2, name: 'Read' },
      ],
    },
    resources: { rows: [{ id: 1, name: 'Ada' }] },
    assignments: {
      rows: [
        { id: 1, event: 1, resource: 1 },
        { id: 2, event: 2, resource: 1 },
      ],
    },
  });
  const { taskStore, resourceStore, assignmentStore } = project;
  assert.deepEqual(names(taskStore.first.resources), ['Ada']);
  assert.strictEqual(taskStore.first.resource, resourceStore.first);
  assert.deepEqual(names(resourceStore.first.tasks), ['Write', 'Read']);
  assert.equal(resourceStore.first.assignments.length, 2);
  assert.equal(assignmentStore.first.event, 1, 'ids, as the fields have them');
  assert.deepEqual(names(project.tasksOf(1)), ['Write', 'Read']);
});

test('records in no store, and in one without a project, have nobody', () => {
  assert.deepEqual(new EventModel({ id: 1 }).resources, []);
  assert.equal(new EventModel({ id: 1 }).resource, null);
  assert.deepEqual(new ResourceModel({ id: 1 }).events, []);
});

test('records that somebody holds follow what a removal in another store does to them, unheard or not', (t) => {
  const rows = [1, 2].map((id) => ({ id, to: id }));
  const target = new Store({ id: 'target', data: [{ id: 1 }, { id: 2 }] });
  const referring = (id, onRemove) =>
    new Store({
      id,
      fields: ['id', 'to'],
      relations: [{ field: 'to', store: 'target', onRemove }],
      data: rows,
    });
  const [nulled, gone] = [referring('nulled', 'setNull'), referring('gone', 'cascade')];
  const manager = new CrudManager({ crudStores: [target, nulled, gone] });
  t.after(() => manager.destroy());
  const [kept, removed] = [nulled.getById(1), gone.getById(1)];
  assert.deepEqual([kept.to, removed.isRemoved], [1, false]);
  target.remove(1);
  assert.deepEqual([kept.to, removed.isRemoved, gone.count], [null, true, 1]);
  manager.rejectChanges();
  assert.deepEqual([kept.to, removed.isRemoved, gone.count], [1, false, 2]);
  kept.to = 2;
  const [added] = gone.add({ id: 3, to: 2 });
  target.remove(2);
  assert.deepEqual([kept.to, nulled.getById(2).to, added.isRemoved], [null, null, true]);
});
