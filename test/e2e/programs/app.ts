// The app under test in end-to-end tests, in a process of its own: one measured route with an agent and a tool
// inside, which answers 500 when asked to. Prints its port.
import { createServer } from 'node:http';
import express from 'express';
import { createKeepwatch } from '../../../src/index.ts';
import { listen } from '../../../src/server/listen.ts';

const keepwatch = await createKeepwatch();
const { tracker } = keepwatch;
const lookUp = tracker.track({ type: 'tool', name: 'look_up' }, async (id: string) => `order ${id}`);

const app = express();
app.use(tracker.express());
app.use(keepwatch.router());
app.get('/work/:id', async (request, response) => {
  const answer = await tracker.measure({ type: 'agent', name: 'worker' }, async (execution) => {
    execution.set({ order: request.params.id });
    return lookUp(request.params.id);
  });
  response.status(request.query['fail'] === undefined ? 200 : 500).json({ answer });
});

const server = await listen(createServer(app), '127.0.0.1', Number(process.argv[2] ?? 0));
await keepwatch.start();
process.stdout.write(`listening on ${server.port}\n`);
process.once('SIGTERM', () => {
  void server
    .stop()
    .then(() => keepwatch.stop())
    .then(() => process.stdout.write(`${JSON.stringify(keepwatch.status())}\n`));
});
