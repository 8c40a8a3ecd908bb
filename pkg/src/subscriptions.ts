import type { Id, Model } from './model.js';
import type { Change, ChangeBatch, Origin } from './store-events.js';

type Subscriber<R extends Model> = (batch: ChangeBatch<R>) => void;

interface Pending<R extends Model> {
  key: string;
  record: R;
  op: 'add' | 'update' | 'remove';
  fields: Set<string>;
  origin: Origin;
}

/**
 * @internal Gathers changes and tells subscribers once per microtask; holds back what a hold asks
 * for.
 */
export class Subscriptions<R extends Model> {
  private readonly subscribers = new Set<Subscriber<R>>();
  /** By key, how many hold it; `*` holds all. */
  private readonly holds = new Map<string, number>();
  private pending = new Map<string, Pending<R>>();
  private reset: Origin | undefined;
  private scheduled = false;

  constructor(
    private readonly threw: (thrown: unknown) => void,
    /**
     * Whether the store shows its records in another order, or not all of them: what shows them
     * reads them anew.
     */
    private readonly viewed: () => boolean,
  ) {}

  get active(): boolean {
    return this.subscribers.size > 0;
  }

  subscribe(subscriber: Subscriber<R>): () => void {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  }

  hold(key: string): () => void {
    this.holds.set(key, (this.holds.get(key) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const rest = (this.holds.get(key) ?? 1) - 1;
      if (rest > 0) this.holds.set(key, rest);
      else this.holds.delete(key);
      this.schedule();
    };
  }

  note(record: R, op: Pending<R>['op'], origin: Origin, fields: readonly string[] = []): void {
    const { key } = record;
    const known = this.pending.get(key);
    if (known === undefined) {
      this.pending.set(key, { key, record, op, origin, fields: new Set(fields) });
    } else {
      known.origin = origin;
      for (const field of fields) known.fields.add(field);
      if (known.op === 'add' && op === 'remove') this.pending.delete(key);
      // Removed and there again: the same record, perhaps with other values.
      else if (known.op === 'remove' && op === 'add') known.op = 'update';
      else if (known.op === 'update' && op === 'remove') known.op = 'remove';
    }
    this.schedule();
  }

  refresh(origin: Origin): void {
    this.reset = origin;
    this.schedule();
  }

  stop(): void {
    this.subscribers.clear();
    this.holds.clear();
    this.pending.clear();
    this.reset = undefined;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    const held = this.holds.size > 0;
    const everything = this.holds.has('*');
    const changes: Change<R>[] = [];
    const kept = new Map<string, Pending<R>>();
    const origins = new Set<Origin>();
    for (const [key, change] of this.pending) {
      // What the user does is shown at once; what others do waits for the end of the drag.
      if (held && change.origin !== 'local' && (everything || this.holds.has(key))) {
        kept.set(key, change);
        continue;
      }
      origins.add(change.origin);
      changes.push(this.change(change));
    }
    this.pending = kept;
    let reset = changes.length > 0 && this.viewed();
    if (this.reset !== undefined && (!held || this.reset === 'local')) {
      reset = true;
      origins.add(this.reset);
      this.reset = undefined;
    }
    if (changes.length === 0 && !reset) return;
    const [first = 'local'] = origins;
    const batch: ChangeBatch<R> = { origin: origins.size > 1 ? 'mixed' : first, changes, reset };
    for (const subscriber of [...this.subscribers]) {
      try {
        subscriber(batch);
      } catch (thrown) {
        this.threw(thrown);
      }
    }
  }

  private change({ key, record, op, fields, origin }: Pending<R>): Change<R> {
    const gone = op === 'remove';
    return {
      key,
      id: (gone ? record._0 : record.id) as Id,
      op,
      record: gone ? null : record,
      fields: [...fields],
      pending: !gone && record.isPending,
      origin,
    };
  }
}
