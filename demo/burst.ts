// The story of a failure burst, told while it happens: the provider fails for a while, an alert goes pending, firing, resolved. No clock of
// its own: somebody calls `tick`.
import { fileURLToPath } from 'node:url';

/** The rules with which a person sees all of it within a minute: demo/rules/burst.yaml of the package. */
export const BURST_RULES_FILE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './rules/burst.yaml' : '../../demo/rules/burst.yaml', import.meta.url),
);

export interface BurstOptions {
  /** Of the provider. */
  readonly setFailureRate: (rate: number) => void;
  /** Failure rate before and after. */
  readonly normalFailureRate: number;
  readonly print: (line: string) => void;
  /** Normal traffic before it begins; default 8000. */
  readonly delayMs?: number;
  /** How long the provider fails; default 15000. */
  readonly lengthMs?: number;
}

/** Alerts by state, as `/api/v1/alerts` would count them. */
export interface AlertCounts {
  readonly pending: number;
  readonly firing: number;
}

export interface Burst {
  /** To be called about once a second. @param elapsedMs since the traffic began */
  tick(elapsedMs: number, alerts: AlertCounts): void;
  /** The provider is back to normal, whatever was going on. */
  end(): void;
}

const BURST_FAILURE_RATE = 0.9;

export function createBurst(options: BurstOptions): Burst {
  const { setFailureRate, normalFailureRate, print, delayMs = 8000, lengthMs = 15_000 } = options;
  let phase: 'before' | 'failing' | 'after' = 'before';
  let seen: 'ok' | 'pending' | 'firing' | 'resolved' = 'ok';
  print(`Burst: ${delayMs / 1000} s of normal traffic first, in which ${normalFailureRate * 100}% of the LLM calls fail.`);

  const advanceProvider = (elapsedMs: number): void => {
    if (phase === 'before' && elapsedMs >= delayMs) {
      phase = 'failing';
      setFailureRate(BURST_FAILURE_RATE);
      print(`Burst: NOW the LLM provider fails 9 calls of 10, for ${lengthMs / 1000} s. POST /chat answers 502 and 503.`);
      print(
        '       The rule HighErrorRate (demo/rules/burst.yaml) looks at the last 20 s, every 2 s: first pending, 6 s later firing.',
      );
    } else if (phase === 'failing' && elapsedMs >= delayMs + lengthMs) {
      phase = 'after';
      setFailureRate(normalFailureRate);
      print('Burst: the provider is well again. The failures leave the 20 s window; then the alert resolves.');
    }
  };
  const tellAlerts = (alerts: AlertCounts): void => {
    if (seen === 'ok' && alerts.pending > 0) {
      seen = 'pending';
      print('Burst: the alert is PENDING: the condition holds, but not yet for 6 s. Nobody is notified.');
    } else if ((seen === 'ok' || seen === 'pending') && alerts.firing > 0) {
      seen = 'firing';
      print('Burst: the alert is FIRING. Its notification goes to the receiver: the line with FIRING.');
    } else if (seen === 'firing' && alerts.firing === 0) {
      seen = 'resolved';
      print(
        'Burst: the alert is RESOLVED, and its receiver is told so. That was its whole life; the traffic goes on until Ctrl-C.',
      );
    }
  };
  return {
    tick(elapsedMs, alerts) {
      advanceProvider(elapsedMs);
      tellAlerts(alerts);
    },
    end() {
      if (phase === 'failing') setFailureRate(normalFailureRate);
      phase = 'after';
    },
  };
}
