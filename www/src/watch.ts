import { count } from './format';
import type { Project } from './project';
import { summarize } from './wire';
import type { Outcome, Wire } from './wire';

type Finish = (outcome: Outcome) => void;

/** Feeds the panel with the project's requests. At most one load and one sync run at a time. */
export function watch(project: Project, wire: Wire): void {
  const running = new Map<'load' | 'sync', Finish>();
  const begin = (kind: 'load' | 'sync', summary: string, sent: unknown) => {
    running.set(kind, wire.begin({ kind, summary, sent }));
  };
  const finish = (kind: 'load' | 'sync', outcome: Outcome) => {
    running.get(kind)?.(outcome);
    running.delete(kind);
  };
  const loaded = () =>
    `${count(project.eventStore.count, 'event')}, ${project.resourceStore.count} people`;
  const done = (kind: 'load' | 'sync') => (event: any) => {
    const received = event.response;
    const status = String(event.rawResponse?.status ?? 200);
    const revision = received?.revision ?? null;
    finish(kind, { ok: true, status, revision, received, ...(kind === 'load' && { summary: loaded() }) });
  };
  const failed = (kind: 'load' | 'sync') => (event: any) => {
    const received = event.response ?? event.responseText ?? String(event.error ?? '');
    const status = String(event.rawResponse?.status || 'no answer');
    finish(kind, { ok: false, status, revision: event.response?.revision ?? null, received });
  };
  project.on('loadStart', () => begin('load', 'all stores', {}));
  project.on('beforeSync', ({ pack }: any) => begin('sync', summarize(pack), pack));
  project.on('load', done('load'));
  project.on('sync', done('sync'));
  project.on('loadFail', failed('load'));
  project.on('syncFail', failed('sync'));
}
