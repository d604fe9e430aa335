// The application that every HTTP contender serves: two routes, nothing else, so that what is added to it stands out.
import { setImmediate } from 'node:timers/promises';
import express, { type Express } from 'express';

/** The requests of the benchmark, with the number of bytes of their answers' bodies left to the app. */
export const KINDS = ['GET', 'POST'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * @param install adds a contender's middleware before the routes
 * @returns the app, and how many requests its handlers have answered
 */
export function createApp(install: (app: Express) => void): { app: Express; served: () => number } {
  let served = 0;
  const app = express();
  install(app);
  app.get('/hello/:id', (request, response) => {
    served++;
    response.json({ id: request.params.id, greeting: 'hello' });
  });
  app.post('/echo', express.json(), async (request, response) => {
    const stored = await store(request.body);
    served++;
    response.json(await present(stored));
  });
  return { app, served: () => served };
}

/** Stands for input and output: one turn of the event loop. */
async function store(body: unknown): Promise<unknown> {
  await setImmediate();
  return body;
}

async function present(stored: unknown): Promise<unknown> {
  return { stored: await Promise.resolve(stored) };
}
