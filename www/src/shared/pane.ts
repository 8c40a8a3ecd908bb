import { byId } from './dom';
import { identity, isPane } from './identity';
import type { Identity } from './identity';
import { Network } from './network';

/** Who uses the page; and its network, where that can be cut: on one of two pages side by side. */
export interface Place {
  user: Identity;
  network: Network | null;
}

/** Gets the page ready. Before anything connects: what is cut is this page's network alone. */
export function enter(): Place {
  const user = identity();
  const isOneOfTwo = isPane();
  document.documentElement.toggleAttribute('data-pane', isOneOfTwo);
  if (!isOneOfTwo) return { user, network: null };
  byId('pane-name').textContent = user.userName;
  document.title = `${user.userName} · Syncline`;
  return { user, network: new Network() };
}
