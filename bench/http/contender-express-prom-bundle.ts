// express-prom-bundle as its README shows it, with method and path as labels.
import promBundle from 'express-prom-bundle';
import { register } from 'prom-client';
import { serveContender } from './contender.ts';
import { sumOfSeries } from './prometheus-text.ts';

serveContender({
  install(app) {
    app.use(promBundle({ includeMethod: true, includePath: true }));
  },
  counted: async () => sumOfSeries(await register.metrics(), 'http_request_duration_seconds_count'),
});
