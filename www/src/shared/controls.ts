import { byId, h } from './dom';
import type { Network } from './network';
import type { AnyProject } from './project';
import type { Toasts } from './toasts';

const FAULTS_URL = '/api/_faults';
const LATENCY_MS = 2000;

/** A fault that a button plans: its short name, what it does, what the user is told. */
interface Fault {
  label: string;
  does: string;
  change: object;
  said: string;
}

const FAULTS: readonly Fault[] = [
  {
    label: 'Drop socket',
    does: 'Drop the socket',
    change: { dropSockets: true },
    said: 'The socket was dropped. It comes back by itself.',
  },
  {
    label: 'Refuse next',
    does: 'Refuse the next change',
    change: { refuseNext: { count: 1, message: 'Not today, says the server' } },
    said: 'The server will refuse the next change.',
  },
  {
    label: 'Conflict',
    does: 'Conflict: somebody is faster than the next change',
    change: { conflictNext: 1 },
    said: 'Change an event: somebody else will have been faster.',
  },
  {
    label: 'Repeat',
    does: 'Repeat messages: the next three come twice',
    change: { repeatNext: 3 },
    said: 'The next three messages come twice.',
  },
  {
    label: 'Reorder',
    does: 'Reorder messages: the next two come out of order',
    change: { reorderNext: 2 },
    said: 'The next messages come out of order.',
  },
];

/** What can be done to one of the two: the network switch, and faults on demand. */
export class Controls {
  readonly #network: Network;
  readonly #project: AnyProject;
  readonly #toasts: Toasts;

  constructor(network: Network, project: AnyProject, toasts: Toasts) {
    this.#network = network;
    this.#project = project;
    this.#toasts = toasts;
    const root = byId('controls');
    root.hidden = false;
    root.append(
      this.#switch('Network', 'network', true, (on) => {
        // The server shall not hear a goodbye: a plug that is pulled says nothing.
        if (!on) void this.#fault({ dropSockets: true });
        network.isOnline = on;
      }),
      this.#switch('2 s latency', 'latency', false, (on) => {
        void this.#fault({ latencyMs: on ? LATENCY_MS : 0 });
      }),
      ...FAULTS.map((fault) => this.#button(fault)),
    );
  }

  #switch(label: string, id: string, on: boolean, set: (on: boolean) => void): HTMLElement {
    const input = h('input', {
      type: 'checkbox',
      role: 'switch',
      id: `control-${id}`,
      onchange: () => set(input.checked),
    });
    input.checked = on;
    return h('label', { class: 'control control-switch', 'data-fault': id }, input, h('span', {}, label));
  }

  #button({ label, does, change, said }: Fault): HTMLElement {
    const press = async () => {
      const isPlanned = await this.#fault(change);
      if (isPlanned) this.#toasts.show({ title: said });
    };
    const attributes = { type: 'button', class: 'control', title: does, 'aria-label': does };
    return h('button', { ...attributes, onclick: () => void press() }, label);
  }

  /** Plans a fault for this page alone. */
  async #fault(fault: object): Promise<boolean> {
    const client = this.#project.channel?.clientId;
    try {
      const answer = await this.#network.beside(FAULTS_URL, { client, ...fault });
      if (answer.ok) return true;
      const text = 'The server has to be started with --faults.';
      this.#toasts.show({ title: 'No faults here', text, tone: 'warning' });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#toasts.show({ title: 'The server can’t be reached', text, tone: 'warning' });
    }
    return false;
  }
}
