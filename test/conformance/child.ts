// The program that plays all cases on one version of Express under one measurer, in a process of its own: what hooks modules (OpenTelemetry,
// `keepwatch/register`) has to be there before Express is loaded. Tells the parent each result.
import { parseArgs } from 'node:util';
import { EXPRESS_VERSIONS, type ExpressVersion } from './conformance-case.ts';
import { families } from './families.ts';
import type { MeasurerFactory, MeasurerName } from './measurer.ts';
import { type CaseResult, runCase } from './run-case.ts';
import type { Framework } from './stage.ts';

const PACKAGES: Record<ExpressVersion, () => Promise<{ default: Framework }>> = {
  '4': () => import('express4'),
  '5.2': () => import('express5-2'),
  '5.3': () => import('express'),
};

const MEASURERS: Record<MeasurerName, () => Promise<MeasurerFactory>> = {
  keepwatch: async () => (await import('./measurers/keepwatch.ts')).keepwatch,
  'express-prom-bundle': async () => (await import('./measurers/express-prom-bundle.ts')).expressPromBundle,
  'swagger-stats': async () => (await import('./measurers/swagger-stats.ts')).swaggerStats,
  opentelemetry: async () => (await import('./measurers/opentelemetry.ts')).openTelemetry,
};

const { values } = parseArgs({
  options: {
    express: { type: 'string' },
    measurer: { type: 'string' },
    register: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const version = EXPRESS_VERSIONS.find((known) => known === values.express);
if (version === undefined) throw new Error(`--express: got ${values.express}; allowed: ${EXPRESS_VERSIONS.join(', ')}`);

async function tell(result: CaseResult): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined) throw new Error('run by test/conformance/main.ts');
    process.send(result, () => resolve());
  });
}

/** `--only`: a family by its whole name, or any text in `family: name`. */
function isAskedFor(family: string, name: string): boolean {
  if (families.some((known) => known.name === values.only)) return family === values.only;
  return `${family}: ${name}`.toLowerCase().includes(values.only.toLowerCase());
}

const factory = await MEASURERS[values.measurer as MeasurerName]();
const { default: framework } = await PACKAGES[version]();
await factory.prepare(framework);
const play = { framework, version, factory, hasRegister: values.register };
for (const { name: family, cases } of families) {
  for (const played of cases) {
    if (played.only?.includes(version) === false) continue;
    if (played.isOwn === true && factory.name !== 'keepwatch') continue;
    if (!isAskedFor(family, played.name)) continue;
    await tell(await runCase(family, played, play));
  }
}
// swagger-stats and OpenTelemetry keep timers; what they hold is not needed any more.
process.exit();
