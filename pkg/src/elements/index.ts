import { define } from './base.js';
import { SynclineConflictDialog } from './conflict-dialog.js';
import { SynclineOfflineBanner } from './offline-banner.js';
import { SynclinePresence } from './presence.js';
import { SynclineStatus } from './status.js';

export { type ConflictTexts, SynclineConflictDialog } from './conflict-dialog.js';
export { type OfflineTexts, SynclineOfflineBanner } from './offline-banner.js';
export { type PresenceTexts, SynclinePresence } from './presence.js';
export { type StatusTexts, SynclineStatus } from './status.js';

define('syncline-status', SynclineStatus);
define('syncline-offline-banner', SynclineOfflineBanner);
define('syncline-conflict-dialog', SynclineConflictDialog);
define('syncline-presence', SynclinePresence);

declare global {
  interface HTMLElementTagNameMap {
    'syncline-status': SynclineStatus;
    'syncline-offline-banner': SynclineOfflineBanner;
    'syncline-conflict-dialog': SynclineConflictDialog;
    'syncline-presence': SynclinePresence;
  }
}
