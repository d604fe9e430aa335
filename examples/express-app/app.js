// An Express app with Keepwatch in it. `npm run build`, then `node examples/express-app/app.js`, then http://127.0.0.1:3000/search/tea
import { setTimeout as wait } from 'node:timers/promises';
import express from 'express';
import { createKeepwatch } from 'keepwatch';

const keepwatch = await createKeepwatch({ service: 'express-app' });
const { tracker, config } = keepwatch;

const search = tracker.track({ type: 'tool', name: 'search' }, async (topic) => {
  await wait(20);
  return [`${topic} for beginners`, `${topic}, advanced`];
});

const app = express();
app.use(tracker.express());
app.use(keepwatch.router());
app.get('/search/:topic', async (request, response) => {
  response.json(await search(request.params.topic));
});

await keepwatch.start();
const server = app.listen(config.port, config.host, () => {
  console.log(`http://${config.host}:${config.port}/search/tea and http://${config.host}:${config.port}/metrics`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => server.close(() => keepwatch.stop()));
}
