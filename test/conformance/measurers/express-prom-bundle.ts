// express-prom-bundle as its README recommends it, with method, path and status code as labels.
import promBundle from 'express-prom-bundle';
import { Registry } from 'prom-client';
import { type HttpRecord, UNMATCHED } from '../http-record.ts';
import type { Measurer, MeasurerFactory, Observation } from '../measurer.ts';
import { parseHistogram } from '../prometheus-samples.ts';

/** Its own status for a client that went away before the headers. */
const CLIENT_CLOSED_REQUEST = '499';

export const expressPromBundle: MeasurerFactory = { name: 'express-prom-bundle', prepare() {}, open };

function open(): Measurer {
  const registry = new Registry();
  const bundle = promBundle({ includeMethod: true, includePath: true, includeStatusCode: true, promRegistry: registry });
  return {
    metricsPath: '/metrics',
    middleware: () => bundle,
    selfRoutes: () => (_request, _response, next) => next(),
    async observations() {
      return parseHistogram(await registry.metrics(), 'http_request_duration_seconds').flatMap(({ labels, count, mean }) => {
        const observation: Observation = {
          method: labels['method'],
          route: labels['path'],
          status: labels['status_code'],
          mark: labels['status_code'] === CLIENT_CLOSED_REQUEST ? CLIENT_CLOSED_REQUEST : undefined,
          latencyMs: mean * 1000,
        };
        return Array.from({ length: count }, () => observation);
      });
    },
    routeOf,
    faults: async () => [],
  };
}

/** It writes `#val` where the route has a parameter. What matches no route has no template that it could write. */
function routeOf({ route }: HttpRecord): string | undefined {
  return route === UNMATCHED ? undefined : route.replace(/:"[^"]+"|:\w+(\([^)]*\))?\??|\*\w*/g, '#val').replace(/[{}]/g, '');
}
