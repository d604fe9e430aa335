// Posts messages to a webhook, signed where there are secrets.
import type { ReceiverSettings } from '../../receiver-config.ts';
import { deliveryOf, httpPost } from './http-post.ts';
import type { Notifier, NotifierContext } from './notifier.ts';
import { webhookBody } from './webhook-body.ts';
import { signatureHeaders } from './webhook-signature.ts';

/** Posts messages. Redirects are not followed. */
export function createWebhookNotifier(settings: ReceiverSettings<'webhook'>, context: NotifierContext): Notifier {
  const url = settings.url.reveal();
  return {
    name: context.name,
    kind: 'webhook',
    address: new URL(url).origin,
    async send(message) {
      const body = webhookBody(message, context);
      const atMs = context.now();
      const signature =
        settings.secrets === undefined
          ? { 'webhook-id': message.id }
          : signatureHeaders(settings.secrets, { id: message.id, atMs, body });
      const authorization = settings.token === undefined ? {} : { authorization: `Bearer ${settings.token.reveal()}` };
      return deliveryOf(
        await httpPost({
          url,
          body,
          headers: { ...authorization, ...signature },
          allowPrivate: settings.allowPrivate,
          now: context.now,
        }),
      );
    },
  };
}
