// What a person sees in the terminal: lines that stay, and one live line at the bottom, redrawn in place on a terminal.

/** Where the screen writes; `process.stdout` fits. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Prints lines above a live line. */
export interface Screen {
  /** A line that stays. */
  print(line: string): void;
  /** Replaces the live line. Without a terminal it becomes an ordinary line, at most one each `plainIntervalMs`. */
  live(line: string): void;
  /** Leaves the last live line where it is and goes on below it. */
  end(): void;
}

export interface ScreenOptions {
  readonly out: Output;
  /** Default 5000. */
  readonly plainIntervalMs?: number;
  /** Milliseconds, from any start; default the monotonic clock. */
  readonly now?: () => number;
}

const CLEAR_LINE = '\r\u001b[2K';

export function createScreen({ out, plainIntervalMs = 5000, now = () => performance.now() }: ScreenOptions): Screen {
  let live = '';
  let lastPlainAt = Number.NEGATIVE_INFINITY;
  const draw = (line: string): string => line.slice(0, Math.max(20, (out.columns ?? 80) - 1));
  return {
    print(line) {
      out.write(live !== '' ? `${CLEAR_LINE}${line}\n${draw(live)}` : `${line}\n`);
    },
    live(line) {
      if (out.isTTY === true) {
        live = line;
        out.write(`${CLEAR_LINE}${draw(line)}`);
      } else if (now() - lastPlainAt >= plainIntervalMs) {
        lastPlainAt = now();
        out.write(`${line}\n`);
      }
    },
    end() {
      if (live !== '') out.write('\n');
      live = '';
    },
  };
}
