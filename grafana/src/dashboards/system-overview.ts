// System overview: requests, processes, Keepwatch itself, alerts.
import type { DashboardDefinition } from '../panel.ts';
import { ALERT_PANELS } from '../panels/alerts.ts';
import { ARCHIVE_PANELS } from '../panels/archive.ts';
import { PROCESS_PANELS } from '../panels/processes.ts';
import { REQUEST_PANELS } from '../panels/requests.ts';

export const systemOverview: DashboardDefinition = {
  name: 'system-overview',
  title: 'System overview',
  description: 'Requests, processes, the archive and alerts.',
  rows: [
    { title: 'Requests', panels: REQUEST_PANELS },
    { title: 'Processes', panels: PROCESS_PANELS },
    { title: 'Archive', panels: ARCHIVE_PANELS },
    { title: 'Alerts', panels: ALERT_PANELS },
  ],
};
