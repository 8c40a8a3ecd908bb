// Two windows side by side: each is a page of its own, with an engine, a connection and a network of
// its own. They know of each other only what the server tells them.

import { byId } from '../shared/dom';
import { Tour } from '../shared/tour';
import type { StepDone } from '../shared/tour';

const isBoard = new URLSearchParams(location.search).has('board');
const page = isBoard ? '/board.html' : '/';

const tour = new Tour(byId('tour'), {
  seen: 'Move something: both see it.',
  offline: 'Cut a network, edit both sides, reconnect.',
  conflict: 'Press Conflict, change something, decide.',
  refused: 'Refuse a change: it goes back.',
});

addEventListener('message', ({ origin, data }: MessageEvent<StepDone | undefined>) => {
  if (origin === location.origin && data?.synclineStep) tour.done(data.synclineStep);
});
for (const link of document.querySelectorAll<HTMLElement>('[data-what]')) {
  const isShown = link.dataset['what'] === (isBoard ? 'board' : 'calendar');
  if (isShown) link.setAttribute('aria-current', 'page');
}
byId<HTMLAnchorElement>('third').href = `${page}?as=carol`;
for (const pane of document.querySelectorAll<HTMLIFrameElement>('.pane')) {
  pane.src = `${page}?pane&as=${pane.dataset['as']}`;
}
