import { Dialog } from '../app.js';

interface ConflictResolver {
  detectConflict(localRecord: object, serverRecord: object): ConflictInfo | null;
  resolveConflict(conflict: ConflictInfo, strategy: ConflictStrategy): object;
}

type ConflictStrategy = 'server-wins' | 'client-wins' | 'merge' | 'manual';

interface ConflictInfo {
  recordId: string;
  recordType: string;
  localChanges: Record<string, any>;
  serverChanges: Record<string, any>;
  conflictingFields: string[];
}

export class ManualResolutionRequired extends Error {
  constructor(readonly conflict: ConflictInfo) {
    super('manual');
  }
}

export class CalendarConflictResolver implements ConflictResolver {
  detectConflict(localRecord: any, serverRecord: any): ConflictInfo | null {
    const localChanges: Record<string, any> = {};
    const serverChanges: Record<string, any> = {};
    const conflictingFields: string[] = [];

    for (const key of Object.keys(serverRecord)) {
      if (localRecord[key] !== serverRecord[key]) {
        if (localRecord[`$original_${key}`] !== localRecord[key]) {
          conflictingFields.push(key);
        }
        serverChanges[key] = serverRecord[key];
      }
    }

    if (conflictingFields.length === 0) {
      return null;
    }

    return {
      recordId: localRecord['id'],
      recordType: 'event',
      localChanges,
      serverChanges,
      conflictingFields,
    };
  }

  resolveConflict(conflict: ConflictInfo, strategy: ConflictStrategy): object {
    switch (strategy) {
      case 'server-wins':
        return conflict.serverChanges;

      case 'client-wins':
        return conflict.localChanges;

      case 'merge':
        return this.mergeChanges(conflict);

      case 'manual':
        throw new ManualResolutionRequired(conflict);
    }
  }

  private mergeChanges(conflict: ConflictInfo): object {
    const merged: Record<string, any> = {};

    for (const [key, value] of Object.entries(conflict.serverChanges)) {
      if (!conflict.conflictingFields.includes(key)) {
        merged[key] = value;
      }
    }

    for (const key of conflict.conflictingFields) {
      merged[key] = conflict.serverChanges[key];
    }

    return merged;
  }
}

export class ConflictResolutionDialog {
  private dialog!: Dialog;
  private conflict!: ConflictInfo;
  private onResolve!: (result: object) => void;

  show(conflict: ConflictInfo): Promise<object> {
    return new Promise((resolve) => {
      this.conflict = conflict;
      this.onResolve = resolve;

      this.dialog = new Dialog({
        title: 'Conflict detected',
        modal: true,
        closable: false,
        width: 600,

        items: [
          {
            type: 'widget',
            html: this.renderConflictTable(),
          },
        ],

        bbar: [
          {
            text: 'Keep my version',
            onClick: () => this.resolveWith('client-wins'),
          },
          {
            text: "Use the server's version",
            onClick: () => this.resolveWith('server-wins'),
          },
          {
            text: 'Merge',
            onClick: () => this.showMergeEditor(),
          },
        ],
      });

      this.dialog.show();
    });
  }

  private showMergeEditor(): void {
    this.resolveWith('merge');
  }

  private renderConflictTable(): string {
    let html = '<table class="conflict-table">';
    html += '<tr><th>Field</th><th>My version</th><th>The server\'s version</th></tr>';

    for (const field of this.conflict.conflictingFields) {
      html += `<tr>
                <td>${field}</td>
                <td>${this.conflict.localChanges[field]?.new ?? '-'}</td>
                <td>${this.conflict.serverChanges[field] ?? '-'}</td>
            </tr>`;
    }

    html += '</table>';
    return html;
  }

  private resolveWith(strategy: ConflictStrategy): void {
    const resolver = new CalendarConflictResolver();
    const result = resolver.resolveConflict(this.conflict, strategy);
    this.dialog.close();
    this.onResolve(result);
  }
}
