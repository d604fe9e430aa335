// prom-client by hand: the middleware that most applications write, a histogram and a counter per route.
import { Counter, Histogram, Registry } from 'prom-client';
import { serveContender } from './contender.ts';
import { sumOfSeries } from './prometheus-text.ts';

const registry = new Registry();
const labelNames = ['method', 'route', 'status_code'] as const;
const requests = new Counter({
  name: 'http_requests_total',
  help: 'Requests.',
  labelNames,
  registers: [registry],
});
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames,
  registers: [registry],
});

serveContender({
  install(app) {
    app.use((request, response, next) => {
      const startedAt = process.hrtime();
      response.once('finish', () => {
        const [seconds, nanoseconds] = process.hrtime(startedAt);
        const route = (request.route as { path?: string } | undefined)?.path ?? 'unmatched';
        const labels = { method: request.method, route, status_code: response.statusCode };
        requests.inc(labels);
        duration.observe(labels, seconds + nanoseconds / 1e9);
      });
      next();
    });
  },
  counted: async () => {
    const text = await registry.metrics();
    return Math.min(sumOfSeries(text, 'http_requests_total'), sumOfSeries(text, 'http_request_duration_seconds_count'));
  },
});
