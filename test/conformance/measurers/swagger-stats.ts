// swagger-stats without an API description, on the prom-client that this project has (it asks for an older one).
import type { RequestHandler } from 'express';
import swagger from 'swagger-stats';
import { type HttpRecord, UNMATCHED } from '../http-record.ts';
import type { Measurer, MeasurerFactory, Observation } from '../measurer.ts';
import { parseHistogram } from '../prometheus-samples.ts';

let middleware: RequestHandler | undefined;

/** Its state is the process's: one middleware for all cases, emptied between them. */
export const swaggerStats: MeasurerFactory = {
  name: 'swagger-stats',
  prepare() {
    middleware = swagger.getMiddleware({ name: 'conformance' });
  },
  open() {
    swagger.getPromClient().register.resetMetrics();
    return new SwaggerStatsMeasurer();
  },
};

class SwaggerStatsMeasurer implements Measurer {
  readonly metricsPath = '/swagger-stats/metrics';

  middleware(): RequestHandler {
    if (middleware === undefined) throw new Error('swagger-stats was not prepared');
    return middleware;
  }

  selfRoutes(): RequestHandler {
    return (_request, _response, next) => next();
  }

  async observations(): Promise<Observation[]> {
    const text = await swagger.getPromClient().register.metrics();
    return parseHistogram(text, 'api_request_duration_milliseconds').flatMap(({ labels, count, mean }) => {
      const observation = {
        method: labels['method'],
        route: labels['path'],
        status: labels['code'],
        mark: undefined,
        latencyMs: mean,
      };
      return Array.from({ length: count }, () => observation);
    });
  }

  /** What matches no route has no template that it could write. */
  routeOf({ route }: HttpRecord): string | undefined {
    return route === UNMATCHED ? undefined : route;
  }

  async faults(): Promise<string[]> {
    return [];
  }
}
