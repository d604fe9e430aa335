// keepwatch alerts: what can be done with rules and alerts from a terminal; a file per subcommand in alerts/.
import type { Command } from 'commander';
import { addAlertsAck } from './alerts/ack.ts';
import { addAlertsCheck } from './alerts/check.ts';
import { addAlertsDeliveries } from './alerts/deliveries.ts';
import { addAlertsForget } from './alerts/forget.ts';
import { addAlertsHistory } from './alerts/history.ts';
import { addAlertsList } from './alerts/list.ts';
import { addAlertsPreview } from './alerts/preview.ts';
import { addAlertsPrint } from './alerts/print.ts';
import { addAlertsReceivers, addAlertsSendTest } from './alerts/receivers.ts';
import { addAlertsRoutes } from './alerts/routes.ts';
import { addAlertsRules } from './alerts/rules.ts';
import { addAlertsSchema } from './alerts/schema.ts';
import { addAlertsSilence } from './alerts/silence.ts';

export function addAlerts(program: Command): void {
  const alerts = program.command('alerts').description('check and show alerting rules, and what becomes of alerts');
  for (const add of [
    addAlertsList,
    addAlertsHistory,
    addAlertsForget,
    addAlertsSilence,
    addAlertsAck,
    addAlertsDeliveries,
    addAlertsRules,
    addAlertsCheck,
    addAlertsPreview,
    addAlertsPrint,
    addAlertsSchema,
    addAlertsReceivers,
    addAlertsRoutes,
    addAlertsSendTest,
  ])
    add(alerts);
}
