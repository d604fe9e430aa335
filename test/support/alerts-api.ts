// The API of alerts over HTTP, on a database of its own, with rules that run as their role, behind the guards that an app has.
import { createDefinitions } from '../../src/alerts/definitions/definitions.ts';
import { createDeliveryDesk } from '../../src/alerts/delivery/delivery-desk.ts';
import type { Receivers } from '../../src/alerts/receivers/receivers.ts';
import { createRuleEditor } from '../../src/alerts/rule-editor.ts';
import { closeDatabase, createDatabase } from '../../src/db/database.ts';
import { requireAccess, requireWriteAccess } from '../../src/server/access.ts';
import { type AlertsFixture, loadText, openAlertsFixture } from './alerts.ts';
import { type ApiAnswer, type ApiServer, type SendOptions, startApi } from './api-server.ts';

export const TOKEN = 'a-secret-of-23-letters.';

export interface AlertsApiFixture extends AlertsFixture {
  readonly api: ApiServer;
  /** With the token. */
  send<Data>(method: 'get' | 'post' | 'put' | 'delete', path: string, options?: SendOptions): Promise<ApiAnswer<Data>>;
}

/** @param files text of a rule file */
export async function openAlertsApi(
  files = 'groups: []',
  { token, receivers }: { token: string | undefined; receivers?: Receivers } = { token: TOKEN },
): Promise<AlertsApiFixture> {
  const fixture = await openAlertsFixture();
  const { database, rulesDatabase } = fixture;
  const readers = createDatabase({ url: fixture.test.url, max: 4 });
  const ruleEditor = createRuleEditor({ database, rulesDatabase, files: loadText(files), receivers: ['pager'] });
  const api = await startApi(
    {
      archive: undefined,
      alerts: undefined,
      ruleEditor,
      definitions: createDefinitions(readers),
      delivery: createDeliveryDesk(readers),
      receivers,
      collectReasons: () => [],
      now: Date.now,
    },
    { read: [requireAccess(token)], write: [requireAccess(token), requireWriteAccess(token)] },
  );
  return {
    ...fixture,
    api,
    send: (method, path, { headers = {}, ...options } = {}) =>
      api.send(method, path, { ...options, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }),
    async close() {
      await api.stop();
      await closeDatabase(readers);
      await fixture.close();
    },
  };
}
