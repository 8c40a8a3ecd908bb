import type { CrudManager } from '../crud-manager.js';
import { SynclineElement, make, styles } from './base.js';

/** Somebody who is connected, as the channel lists them. */
interface PeerShown {
  readonly clientId: string;
  readonly userId: string;
  readonly userName: string;
  readonly color: string;
  readonly action: 'viewing' | 'editing';
  readonly recordType: string | null;
  readonly recordId: unknown;
  readonly isSelf: boolean;
}

interface PresenceSource {
  readonly peers: readonly PeerShown[];
  on(name: 'presence' | 'state', listener: () => void): () => void;
}

/** The words of {@link SynclinePresence}. */
export interface PresenceTexts {
  /** What the group is called. */
  group: string;
  you(name: string): string;
  viewing(name: string): string;
  editing(name: string): string;
  more(count: number): string;
}

const TEXTS: PresenceTexts = {
  group: 'Who is here',
  you: (name) => `${name} (you)`,
  viewing: (name) => name,
  editing: (name) => `${name}, editing`,
  more: (count) => `${count.toLocaleString()} more`,
};

/** How many faces are shown unless the attribute `max` says otherwise. */
const SHOWN = 5;

const SHEET = styles(`
:host { display: inline-block; }
ul { display: flex; margin: 0; padding: 0; list-style: none; }
li { display: flex; }
li + li { margin-inline-start: -6px; }
.face {
  display: grid; place-items: center; width: 30px; height: 30px; border-radius: 50%;
  border: 2px solid var(--_surface); color: #fff; font-size: 12px; font-weight: 650; line-height: 1;
  background: color-mix(in oklab, var(--_peer, var(--_ink-soft)) 64%, #000);
  /* Whatever colour somebody has, the letters on it can be read. */
  background: oklch(from var(--_peer, var(--_ink-soft)) min(l, 0.52) c h);
}
.face[data-action='editing'] { outline: 2px solid var(--_peer); outline-offset: -1px; }
.more { background: var(--_surface); color: var(--_ink-soft); border-color: var(--_line); }
`);

/**
 * `<syncline-presence>`: the faces of those who are connected to the {@link project}'s channel,
 * oneself last; who edits has a ring. With the attributes `record-type` and `record-id` only those
 * who are at that record; `max` is how many faces at the most (5). Parts: `list`, `face`, `more`.
 */
export class SynclinePresence extends SynclineElement<PresenceTexts> {
  static readonly observedAttributes: readonly string[] = ['max', 'record-type', 'record-id'];
  readonly #list = make('ul', { part: 'list', role: 'list' });

  constructor() {
    super(TEXTS, SHEET);
    this._root.append(this.#list);
  }

  /** @internal */
  attributeChangedCallback(): void {
    if (this.isConnected) this._show(this.project);
  }

  /** @internal */
  protected override _listen(project: CrudManager<any>): (() => void)[] {
    const channel = channelOf(project);
    if (channel === null) return [];
    const show = (): void => this._show(project);
    return [channel.on('presence', show), channel.on('state', show)];
  }

  /** @internal */
  protected override _show(project: CrudManager<any> | null): void {
    const peers = this.#people(project);
    const given = Number(this.getAttribute('max') ?? SHOWN);
    const most = Number.isInteger(given) && given > 0 ? given : SHOWN;
    const faces = peers.slice(0, peers.length > most ? most - 1 : most);
    const rest = peers.length - faces.length;
    this.#list.setAttribute('aria-label', this.texts.group);
    this.#list.replaceChildren(...faces.map((peer) => this.#face(peer)));
    if (rest > 0) {
      const label = this.texts.more(rest);
      const more = make('span', { class: 'face more', part: 'more', title: label }, `+${rest}`);
      this.#list.append(make('li', { 'aria-label': label }, more));
    }
  }

  /** One entry a person, though somebody may have several tabs: what they edit counts most. */
  #people(project: CrudManager<any> | null): PeerShown[] {
    const channel = project === null || project.isDestroyed ? null : channelOf(project);
    const type = this.getAttribute('record-type');
    const id = this.getAttribute('record-id');
    const people = new Map<string, PeerShown>();
    for (const peer of channel?.peers ?? []) {
      if (type !== null && peer.recordType !== type) continue;
      if (id !== null && String(peer.recordId) !== id) continue;
      const known = people.get(peer.userId);
      if (known === undefined || known.action !== 'editing') people.set(peer.userId, peer);
    }
    const all = [...people.values()];
    return [...all.filter((peer) => !peer.isSelf), ...all.filter((peer) => peer.isSelf)];
  }

  #face(peer: PeerShown): HTMLLIElement {
    const { texts } = this;
    const name = peer.isSelf ? texts.you(peer.userName) : peer.userName;
    const label = peer.action === 'editing' ? texts.editing(name) : texts.viewing(name);
    const face = make(
      'span',
      { class: 'face', part: 'face', title: label, 'aria-hidden': 'true' },
      initials(peer.userName),
    );
    face.dataset['action'] = peer.action;
    // Not an attribute: a colour from outside can't become anything but the value of a property.
    face.style.setProperty('--_peer', peer.color);
    const item = make('li', {}, face, make('span', { class: 'for-readers' }, label));
    return item;
  }
}

function channelOf(project: CrudManager<any>): PresenceSource | null {
  return (project as unknown as { channel?: PresenceSource | null }).channel ?? null;
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/u);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ''].map(
    (word) => [...(word ?? '')][0] ?? '',
  );
  return letters.join('').toUpperCase() || '?';
}
