import type { Model } from 'syncline';
import { h, icon, ICONS } from './dom';
import type { AnyProject } from './project';
import type { Toasts } from './toasts';
import type { Wire } from './wire';

type Peer = NonNullable<AnyProject['channel']>['peers'][number];

/** What a page needs to be told of those who work on the same data. */
export interface LiveOptions {
  project: AnyProject;
  toasts: Toasts;
  wire: Wire;
  /** Records look different, though they didn't change: somebody edits them, or no longer. */
  repaint(): void;
}

/** Who else is at work, and at what; what comes over the channel; conflicts that wait. */
export class Live {
  readonly #project: AnyProject;
  readonly #toasts: Toasts;
  #editing: Model | null = null;

  constructor({ project, toasts, wire, repaint }: LiveOptions) {
    this.#project = project;
    this.#toasts = toasts;
    const { channel } = project;
    for (const element of document.querySelectorAll('conflicts' in project ? 'syncline-presence, syncline-conflict-dialog' : 'syncline-presence'))
      (element as HTMLElement & { project: AnyProject }).project = project;
    if (channel === null) return;
    for (const event of ['presence', 'lock', 'unlock', 'state'] as const)
      channel.on(event, () => repaint());
    channel.on('sent', ({ message }) => wire.note('out', message));
    channel.on('received', ({ message }) => wire.note('in', message));
    channel.on('connectionLost', () =>
      toasts.show({
        title: 'The live connection is lost',
        text: 'Changes of others come every few seconds until it is back.',
        tone: 'warning',
      }),
    );
    channel.on('lockRequested', ({ data }) => {
      toasts.show({ title: `${data.userName ?? 'Somebody'} would like to edit this too` });
    });
  }

  /** Who edits the record, other than the user of this page. */
  editors(record: Model): readonly Peer[] {
    const peers = this.#project.channel?.peersOf(record) ?? [];
    return peers.filter((peer) => peer.action === 'editing' && !peer.isSelf);
  }

  /** Whether somebody else holds the record. */
  isLocked(record: Model): boolean {
    return this.#project.channel?.isLockedByOther(record) ?? false;
  }

  /** Takes a record in hand. Says who has it when that is somebody else, and gives `false`. */
  async edit(record: Model): Promise<boolean> {
    const { channel } = this.#project;
    this.leave();
    if (channel === null || !channel.isLive || record.isPhantom) return true;
    if (!(await channel.lockRecord(record))) {
      const lock = channel.lockOf(record);
      const who = lock?.userName ?? 'Somebody else';
      this.#toasts.show({ title: `${who} is editing this`, text: 'Wait a moment, or ask.' });
      return false;
    }
    this.#editing = record;
    channel.startEditing(record);
    return true;
  }

  /** Lets go of what was in hand. */
  leave(): void {
    const { channel } = this.#project;
    const record = this.#editing;
    this.#editing = null;
    if (record === null || channel === null) return;
    channel.stopEditing();
    if (channel.isLive && !record.isRemoved) channel.unlockRecord(record);
  }
}

/** The outline around what somebody edits, with the name. */
export function ring(peers: readonly Peer[]): HTMLElement | null {
  const [first] = peers;
  if (first === undefined) return null;
  const more = peers.length > 1 ? ` +${peers.length - 1}` : '';
  const name = h('span', { class: 'ring-name' }, icon(ICONS.pen), `${first.userName}${more}`);
  const element = h('span', { class: 'ring' }, name);
  element.style.setProperty('--peer', first.color);
  return element;
}
