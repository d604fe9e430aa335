// What a command that takes a while shows meanwhile: one line on stderr that is drawn again, on a terminal only.

export interface Progress {
  /** Draws the line, ten times a second at most. The text is only made when it is drawn. */
  show(text: () => string): void;
  /** Removes the line, so that something else can be printed. */
  clear(): void;
}

const EVERY_MS = 100;

/** @param stream default stderr */
export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let drawnMs = -Infinity;
  let isDrawn = false;
  return {
    show(text) {
      const nowMs = performance.now();
      if (!stream.isTTY || nowMs - drawnMs < EVERY_MS) return;
      drawnMs = nowMs;
      isDrawn = true;
      stream.write(`\r\u001b[K${text().slice(0, Math.max(20, (stream.columns || 80) - 1))}`);
    },
    clear() {
      if (isDrawn) stream.write('\r\u001b[K');
      isDrawn = false;
      drawnMs = -Infinity;
    },
  };
}

/** How a transfer comes along: `12,000 rows  3.4 MB  6,000 rows/s  40 %  18 s left`. */
export function describeTransfer(done: Transferred, { seconds, share }: { seconds: number; share?: number | undefined }): string {
  const parts = [`${done.rows.toLocaleString('en-US')} rows`, `${(done.bytes / 1e6).toFixed(1)} MB`];
  if (seconds > 0) parts.push(`${Math.round(done.rows / seconds).toLocaleString('en-US')} rows/s`);
  if (share !== undefined && share > 0) {
    parts.push(`${Math.floor(Math.min(1, share) * 100)} %`);
    if (share < 1 && seconds > 1) parts.push(`${formatSeconds((seconds * (1 - share)) / share)} left`);
  }
  return parts.join('  ');
}

export interface Transferred {
  readonly rows: number;
  readonly bytes: number;
}

/** `45 s`, `3 min`, `1 h 20 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
