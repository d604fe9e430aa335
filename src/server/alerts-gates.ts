// Turns of the questions about alerts.
import { QueryGate } from './query-gate.ts';

/** One at a time; who asks then waits for a turn. */
const GATE = { atOnce: 1, waiting: 50, waitMs: 5000 };
/** A receiver may take its time. */
const RECEIVER_GATE = { atOnce: 2, waiting: 10, waitMs: 10_000 };
/** Queries that somebody tries may take seconds. */
const PREVIEW_GATE = { atOnce: 1, waiting: 20, waitMs: 10_000 };

/**
 * A gate for each kind of question: a slow one holds up none of another. Rules and alerts use the connections that also evaluate them, a preview
 * has one of its own, and so have history, targets, budgets, silences and deliveries (`src/storage.ts`).
 */
export function createAlertGates() {
  return {
    alerts: new QueryGate(GATE),
    history: new QueryGate(GATE),
    targets: new QueryGate(GATE),
    budgets: new QueryGate(GATE),
    silences: new QueryGate(GATE),
    deliveries: new QueryGate(GATE),
    preview: new QueryGate(PREVIEW_GATE),
    receiver: new QueryGate(RECEIVER_GATE),
  };
}

/** Which kind of question. */
export type GateName = keyof ReturnType<typeof createAlertGates>;
