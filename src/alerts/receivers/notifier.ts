// What a receiver is to the outbox: something that takes one message, and says what became of it. Never rejects.
import type { ReceiverKind } from '../../receiver-config.ts';
import type { MessagePayload, NotificationReason } from '../notification.ts';

/** A message that is due. */
export interface OutboxMessage {
  /** The same in every attempt. */
  readonly id: string;
  /** This attempt, from 1. */
  readonly attempts: number;
  readonly rule: string;
  readonly reason: NotificationReason;
  /** What all messages of one conversation have in common: one incident, from the first that is told of a group to the end of all of its alerts. */
  readonly thread: string;
  readonly payload: MessagePayload;
  /** An earlier attempt may have arrived: nobody heard what became of it. */
  readonly maybe_sent: boolean;
  /** What the receiver gave as `reference` for an earlier message of the same thread; null: there is none. */
  readonly reference: MessageReference | null;
}

/** How a provider finds a message again. Kept in the outbox as JSON. */
export type MessageReference = Readonly<Record<string, string>>;

/**
 * What became of an attempt. `answer` is for people and the history: at most 500 characters, without secrets.
 * - `delivered`: the receiver has it.
 * - `retry`: it has it not, and may take it later; not before `afterMs`, where it says so.
 * - `refused`: it never takes this message.
 * - `unknown`: it was sent, and nobody knows whether it arrived. Tried again; the next attempt says that it may be the second.
 */
export type Delivery =
  | { readonly outcome: 'delivered'; readonly answer: string; readonly reference?: MessageReference }
  | { readonly outcome: 'retry'; readonly answer: string; readonly afterMs?: number }
  | { readonly outcome: 'refused' | 'unknown'; readonly answer: string };

export interface Notifier {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** Where messages go, without what is secret of it. */
  readonly address: string;
  /** Ends within 25 s, before the lease of the message does. Never rejects. */
  send(message: OutboxMessage): Promise<Delivery>;
}

/** What all notifiers are made with. */
export interface NotifierContext {
  readonly name: string;
  /** Where people reach Keepwatch, without a slash at its end; links lead there. */
  readonly externalUrl: string | undefined;
  readonly now: () => number;
}
