/** Who uses this page. */
export type Identity = {
  userId: string;
  userName: string;
};

const KNOWN: Record<string, string> = { alice: 'Alice', bob: 'Bob', carol: 'Carol', dan: 'Dan' };
const GUEST = 'syncline-demo-guest';

/** `?as=alice` says who; without it, everybody who comes is a guest of their own. */
export function identity(): Identity {
  const named = parameters().get('as')?.toLowerCase() ?? '';
  const known = Object.hasOwn(KNOWN, named) ? KNOWN[named] : undefined;
  if (known !== undefined) return { userId: named, userName: known };
  const number = guestNumber();
  return { userId: `guest-${number}`, userName: `Guest ${number}` };
}

/** Whether the page is one of two that stand side by side: see `live.html`. */
export const isPane = (): boolean => parameters().has('pane');

function parameters(): URLSearchParams {
  return new URLSearchParams(location.search);
}

/** A tab keeps its number for as long as it is open. */
function guestNumber(): string {
  const kept = sessionStorage.getItem(GUEST);
  if (kept !== null) return kept;
  const number = String(10 + Math.floor(Math.random() * 90));
  sessionStorage.setItem(GUEST, number);
  return number;
}
