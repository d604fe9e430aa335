// Delivers what the outbox owes: claim with a lease, send, settle. At least once: a worker that dies between sending and settling makes the
// message go out again, with the same id. Receivers do not wait for each other, none is sent more than it may take, by all processes together, and
// nothing here holds up an evaluation.
import type { Database } from '../db/database.ts';
import { loadSql } from '../db/sql.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Delivery, OutboxMessage } from './receivers/notifier.ts';

/** How an attempt ended: `failed` is tried again, `dead` is given up. */
export const DELIVERY_OUTCOMES = ['sent', 'failed', 'dead'] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** A token bucket. */
export interface DeliveryPace {
  readonly perSecond: number;
  /** Messages at once, after a while without any. */
  readonly burst: number;
}

export interface OutboxOptions {
  readonly database: Database;
  readonly receivers: readonly string[];
  /** Sends a message, and says what became of it. Has to end before the lease does (30 s); one that rejects may have sent it. */
  send(receiver: string, message: OutboxMessage): Promise<Delivery>;
  /** How fast a receiver may be sent messages; undefined: as fast as it takes them. */
  paceOf?(receiver: string): DeliveryPace | undefined;
  /** Messages sent at the same time; default 4. 1 for who cannot tell that a message comes twice: so at most one of them does. */
  atOnceOf?(receiver: string): number;
  /** Who hears that messages to a receiver are given up; undefined: nobody. */
  failuresTo?(receiver: string): string | undefined;
  readonly logger: Logger;
  /** A number in [0, 1); default Math.random. */
  readonly random?: () => number;
  /** Wait after the first failure; doubles with each, up to 5 minutes. Default 5000. */
  readonly firstDelayMs?: number;
}

const CREATE_PACES = loadSql('alerts/create-paces');
const CLAIM = loadSql('alerts/claim-notifications');
const SETTLE = loadSql('alerts/settle-notification');
const EXPIRE = loadSql('alerts/expire-notifications');
const LEASE_MS = 30_000;
const BATCH = 4;
const FIRST_DELAY_MS = 5000;
const MAX_DELAY_MS = 300_000;

/** Works through the outbox; holds nothing but what is running and counts. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #counts = new Map<string, { receiver: string; outcome: DeliveryOutcome; count: number }>();
  #hasPaces = false;
  #isStopping = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    for (const receiver of options.receivers) for (const outcome of DELIVERY_OUTCOMES) this.#count(receiver, outcome, 0);
  }

  /** Attempts by receiver and outcome since the start of the process. */
  get counts(): readonly { readonly receiver: string; readonly outcome: DeliveryOutcome; readonly count: number }[] {
    return [...this.#counts.values()];
  }

  /** Delivers to the named receivers until nothing is due; never rejects. Joins deliveries that are running already. */
  async deliver(names: readonly string[]): Promise<void> {
    if (this.#isStopping || names.length === 0) return;
    const { receivers } = this.#options;
    await this.#once('paces', () => this.#createPaces());
    if (!this.#hasPaces) return;
    await Promise.all([
      this.#once('expire', () => this.#expire()),
      ...receivers.filter((name) => names.includes(name)).map((name) => this.#once(`to ${name}`, () => this.#deliverTo(name))),
    ]);
  }

  /** No new message is claimed; resolves when those under way are settled. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running.values());
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work()
      .catch((error: unknown) => {
        this.#options.logger.warn({ error: describeError(error) }, 'messages could not be read from the outbox; tried again');
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Once in the life of the process: what is there stays as it is. */
  async #createPaces(): Promise<void> {
    const { database, receivers, paceOf } = this.#options;
    const paces = receivers.map((receiver) => ({ receiver, burst: paceOf?.(receiver)?.burst ?? 0 }));
    if (!this.#hasPaces) await database.none(CREATE_PACES, { paces });
    this.#hasPaces = true;
  }

  async #deliverTo(receiver: string): Promise<void> {
    const { database, paceOf, atOnceOf } = this.#options;
    const { perSecond = null, burst = null } = paceOf?.(receiver) ?? {};
    const most = atOnceOf?.(receiver) ?? BATCH;
    while (!this.#isStopping) {
      const messages = await database.any<OutboxMessage>(CLAIM, { receiver, most, leaseMs: LEASE_MS, perSecond, burst });
      if (messages.length === 0) return;
      const attempts = messages.map((message) => this.#attempt(receiver, message));
      await Promise.allSettled(attempts);
      if (!(await Promise.all(attempts)).includes(true)) return;
    }
  }

  async #attempt(receiver: string, message: OutboxMessage): Promise<boolean> {
    const { database, logger } = this.#options;
    const startedAt = performance.now();
    const delivery = await this.#send(receiver, message);
    const { outcome: sent, answer } = delivery;
    const isSent = sent === 'delivered';
    const afterMs = sent === 'retry' ? delivery.afterMs : undefined;
    const settled = await database.oneOrNone<{ status: 'sent' | 'pending' | 'dead' }>(SETTLE, {
      id: message.id,
      attempts: message.attempts,
      outcome: sent,
      answer,
      durationMs: Math.round(performance.now() - startedAt),
      delayMs: afterMs ?? this.#delayMs(message.attempts),
      holdMs: afterMs ?? null,
      reference: isSent && delivery.reference !== undefined ? JSON.stringify(delivery.reference) : null,
      failuresTo: this.#options.failuresTo?.(receiver) ?? null,
    });
    const outcome = settled?.status === 'dead' ? 'dead' : isSent ? 'sent' : 'failed';
    this.#count(receiver, outcome, 1);
    const fields = { receiver, alertname: message.rule, reason: message.reason, id: message.id, attempt: message.attempts };
    if (outcome === 'sent') logger.info(fields, 'notification sent');
    else if (outcome === 'failed') logger.warn({ ...fields, error: answer }, 'notification not sent; tried again');
    else logger.error({ ...fields, error: answer }, 'notification given up');
    return isSent;
  }

  async #send(receiver: string, message: OutboxMessage): Promise<Delivery> {
    try {
      return await this.#options.send(receiver, message);
    } catch (error) {
      return { outcome: 'unknown', answer: describeError(error) };
    }
  }

  async #expire(): Promise<void> {
    const { database, logger } = this.#options;
    const { receivers, failuresTo: other } = this.#options;
    const failuresTo = Object.fromEntries(receivers.map((receiver) => [receiver, other?.(receiver)]));
    type Dead = { receiver: string; rule: string; reason: string; last_error: string };
    for (const dead of await database.any<Dead>(EXPIRE, { failuresTo })) {
      this.#count(dead.receiver, 'dead', 1);
      logger.error(
        { receiver: dead.receiver, alertname: dead.rule, reason: dead.reason, error: dead.last_error },
        'notification given up',
      );
    }
  }

  /** Doubles with each attempt, with a quarter of jitter to either side, so that messages that failed together do not come back together. */
  #delayMs(attempts: number): number {
    const { random = Math.random, firstDelayMs = FIRST_DELAY_MS } = this.#options;
    const delay = Math.min(firstDelayMs * 2 ** Math.min(attempts - 1, 20), MAX_DELAY_MS);
    return Math.round(delay * (0.75 + random() / 2));
  }

  #count(receiver: string, outcome: DeliveryOutcome, by: number): void {
    const key = `${outcome} ${receiver}`;
    const entry = this.#counts.get(key) ?? { receiver, outcome, count: 0 };
    this.#counts.set(key, { ...entry, count: entry.count + by });
  }
}
