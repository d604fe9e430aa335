// Sends alerts to Slack. By an incoming webhook: a message for each change. By a bot: one message for each conversation, which is changed in
// place, and answered in its thread when it becomes worse, since a change alone makes no sound.
import type { ReceiverSettings } from '../../receiver-config.ts';
import { deliveryOf, httpPost, type PostResult } from './http-post.ts';
import type { Delivery, MessageReference, Notifier, NotifierContext, OutboxMessage } from './notifier.ts';
import { Pace } from './pace.ts';
import { toJson } from './readable.ts';
import type { SlackMessage } from './slack-blocks.ts';
import { slackMessage } from './slack-message.ts';
import { isOver } from './told-alerts.ts';

/** One message a second and channel is allowed. */
const INTERVAL_MS = 1000;
const TIMEOUT_MS = 5000;

export function createSlackNotifier(settings: ReceiverSettings<'slack'>, context: NotifierContext): Notifier {
  const { url, token, channel, apiUrl, allowPrivate } = settings;
  const pace = new Pace({ intervalMs: INTERVAL_MS });
  const post: Post = async (address, body, headers = {}) => {
    const result = await pace.turn(async () => {
      const answer = await httpPost({
        url: address,
        body: toJson(body),
        headers,
        allowPrivate,
        now: context.now,
        timeoutMs: TIMEOUT_MS,
      });
      if (answer.status === 429) pace.hold(answer.retryAfterMs ?? INTERVAL_MS);
      return answer;
    });
    if (typeof result === 'number') return { status: 429, retryAfterMs: result, text: 'too many messages wait for their turn' };
    return result;
  };
  const { name, externalUrl } = context;
  if (url !== undefined) {
    const address = url.reveal();
    return {
      name,
      kind: 'slack',
      address: new URL(address).origin,
      send: (message) => sendToWebhook(post, address, slackMessage(message, externalUrl)),
    };
  }
  const bot = new Bot(post, { api: apiUrl.reveal().replace(/\/+$/, ''), token: token?.reveal() ?? '', channel: channel ?? '' });
  return {
    name,
    kind: 'slack',
    address: `${channel} by a bot`,
    send: (message) => bot.send(message, slackMessage(message, externalUrl)),
  };
}

type Post = (address: string, body: object, headers?: Readonly<Record<string, string>>) => Promise<PostResult>;

/** What is not taken with its blocks goes without them: the essentials arrive. */
async function sendToWebhook(post: Post, address: string, { text, blocks }: SlackMessage): Promise<Delivery> {
  const delivery = deliveryOf(await post(address, { text, blocks }));
  return delivery.outcome === 'refused' ? deliveryOf(await post(address, { text })) : delivery;
}

/** Errors of the Web API that this message is to blame for. All others are of configuration, or of the moment. */
const REFUSED = new Set([
  ...['invalid_blocks', 'invalid_blocks_format', 'msg_blocks_too_long', 'msg_too_long', 'no_text', 'invalid_arguments'],
  ...['invalid_metadata_format', 'invalid_metadata_schema', 'metadata_too_large', 'invalid_json', 'json_not_object'],
]);
/** The message that was to be changed cannot be any more. */
const GONE = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed', 'channel_not_found', 'is_inactive']);

interface ApiAnswer {
  readonly delivery: Delivery;
  readonly error: string | undefined;
}

/** Alerts that are over, some or all, are seen in place; what fires more, or still, is to be heard. */
function isHeard(message: OutboxMessage): boolean {
  return !isOver(message) && message.payload.together?.why !== 'some alerts resolved';
}

class Bot {
  readonly #post: Post;
  readonly #options: { readonly api: string; readonly token: string; readonly channel: string };

  constructor(post: Post, options: { readonly api: string; readonly token: string; readonly channel: string }) {
    this.#post = post;
    this.#options = options;
  }

  async send(message: OutboxMessage, content: SlackMessage): Promise<Delivery> {
    const { channel, ts } = message.reference ?? {};
    if (channel === undefined || ts === undefined) return this.#postNew(content);
    const { delivery, error } = await this.#call('chat.update', { channel, ts, ...content, ...PLAIN });
    if (error !== undefined && GONE.has(error)) return this.#postNew(content);
    if (delivery.outcome !== 'delivered') return delivery;
    const reference = { channel, ts };
    if (!isHeard(message)) return { ...delivery, reference };
    const { text } = content;
    const reply = await this.#call('chat.postMessage', { channel, thread_ts: ts, reply_broadcast: true, text, ...QUIET });
    return reply.delivery.outcome === 'delivered' ? { ...reply.delivery, reference } : reply.delivery;
  }

  async #postNew(content: SlackMessage): Promise<Delivery> {
    const { delivery } = await this.#call('chat.postMessage', { channel: this.#options.channel, ...content, ...QUIET });
    if (delivery.outcome !== 'refused') return delivery;
    return (await this.#call('chat.postMessage', { channel: this.#options.channel, text: content.text, ...QUIET })).delivery;
  }

  async #call(method: string, body: object): Promise<ApiAnswer> {
    const { api, token } = this.#options;
    const result = await this.#post(`${api}/${method}`, body, {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json; charset=utf-8',
    });
    const delivery = deliveryOf(result);
    if (delivery.outcome !== 'delivered') return { delivery, error: undefined };
    const answer = parseAnswer(result.status === undefined ? '' : result.text);
    if (answer?.ok === true)
      return { delivery: { ...delivery, answer: `${method}: ok`, ...referenceOf(answer) }, error: undefined };
    const error = typeof answer?.error === 'string' ? answer.error : 'an answer that is no JSON';
    return { delivery: { outcome: REFUSED.has(error) ? 'refused' : 'retry', answer: `${method}: ${error}` }, error };
  }
}

/** Names mention nobody, links show no preview. */
const PLAIN = { link_names: false, parse: 'none' };
const QUIET = { unfurl_links: false, unfurl_media: false, ...PLAIN };

interface WebApiAnswer {
  readonly ok?: unknown;
  readonly error?: unknown;
  readonly ts?: unknown;
  readonly channel?: unknown;
}

function parseAnswer(text: string): WebApiAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

function referenceOf({ channel, ts }: WebApiAnswer): { reference?: MessageReference } {
  return typeof channel === 'string' && typeof ts === 'string' ? { reference: { channel, ts } } : {};
}
