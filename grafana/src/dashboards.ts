// All dashboards, as they are written to grafana/dashboards.
import { buildDashboard } from './build-dashboard.ts';
import { aiAgentAnalytics } from './dashboards/ai-agent-analytics.ts';
import { connectorHealth } from './dashboards/connector-health.ts';
import { systemOverview } from './dashboards/system-overview.ts';
import { workflowPerformance } from './dashboards/workflow-performance.ts';
import { trace } from './details/trace.ts';
import { type DashboardDefinition, type Home, SOURCES } from './panel.ts';
import { business } from './roles/business.ts';
import { development } from './roles/development.ts';
import { objectives } from './roles/objectives.ts';
import { operations } from './roles/operations.ts';

/** By subject: each for both data sources. */
export const SUBJECTS: readonly DashboardDefinition[] = [systemOverview, connectorHealth, workflowPerformance, aiAgentAnalytics];

/** By who looks: each asks both. */
export const ROLES: readonly DashboardDefinition[] = [operations, development, business, objectives];

/** Of one thing, which links lead to. */
export const DETAILS: readonly DashboardDefinition[] = [trace];

/** A file to be written: its path below grafana/dashboards. */
export interface DashboardFile {
  readonly path: string;
  readonly home: Home;
  readonly text: string;
}

/** The same at every call. */
export function dashboardFiles(): DashboardFile[] {
  return [
    ...SOURCES.flatMap((source) => SUBJECTS.map((definition) => fileOf(definition, source))),
    ...ROLES.map((definition) => fileOf(definition, 'roles')),
    ...DETAILS.map((definition) => fileOf(definition, 'details')),
  ];
}

function fileOf(definition: DashboardDefinition, home: Home): DashboardFile {
  const text = `${JSON.stringify(buildDashboard(definition, home), undefined, 2)}\n`;
  return { path: `${home}/${definition.name}.json`, home, text };
}
