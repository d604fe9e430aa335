// The demo's chat API on Express 5: the kind of back end that Keepwatch is for. Everything it does is measured by the tracker that it is given.
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { createSupportAgent, type SupportAgent } from './agent.ts';
import { type Cache, createCache } from './cache.ts';
import { createLlmClient, LlmError } from './llm-client.ts';
import type { Measuring } from './measuring.ts';
import { createRandom } from './random.ts';
import { type ChatStore, createChatStore, type Profile, type Query } from './store.ts';
import { createTools } from './tools.ts';

export interface ChatAppOptions {
  readonly tracker: Measuring;
  /** The app's own database. Its tables have to be there: `ChatStore.prepare`. */
  readonly query: Query;
  /** Base URL of the LLM provider. */
  readonly providerUrl: string;
  /** Mounted before the app's own routes: `/metrics`, `/healthz` and the like. */
  readonly router?: Router;
  /** Default `sim-mini`. */
  readonly model?: string;
  /** Default 1. */
  readonly seed?: number;
  /** Milliseconds for the cache's time to live; default the monotonic clock. */
  readonly now?: () => number;
}

const PROFILE_TTL_MS = 30_000;

/** Builds the app; it listens nowhere yet. */
export function createChatApp(options: ChatAppOptions): Express {
  const { tracker, model = 'sim-mini', now } = options;
  const store = createChatStore(options.query);
  const profiles = createCache<Profile>({ ttlMs: PROFILE_TTL_MS, maxEntries: 1000, ...(now === undefined ? {} : { now }) });
  const agent = createSupportAgent({
    tracker,
    store,
    profiles,
    model,
    askLlm: createLlmClient({ url: options.providerUrl, tracker }),
    runTool: createTools({ tracker, store, random: createRandom(options.seed ?? 1) }),
  });

  const app = express();
  app.disable('x-powered-by');
  app.use(tracker.express());
  if (options.router !== undefined) app.use(options.router);
  app.post('/chat', express.json({ limit: '64kb' }), chat(agent));
  app.get('/users/:id/history', requireUserId, getHistory(tracker, store));
  app.delete('/users/:id/history', requireUserId, deleteHistory(tracker, store, profiles));
  app.get('/orders/:id', getOrder(tracker, store));
  app.use((_, response) => void response.status(404).json({ error: 'not_found' }));
  app.use(answerError);
  return app;
}

function chat(agent: SupportAgent): RequestHandler {
  return async (request, response) => {
    const { userId, message } = (request.body ?? {}) as Record<string, unknown>;
    if (!isUserId(userId) || !isMessage(message)) {
      response.status(400).json({ error: 'userId (letters, digits, dashes) and message (1 to 4000 characters) are needed' });
      return;
    }
    const { reply, toolCalls } = await agent(userId, message);
    response.json({ reply, toolCalls });
  };
}

const requireUserId: RequestHandler<{ id: string }> = (request, response, next) => {
  if (isUserId(request.params.id)) next();
  else response.status(400).json({ error: 'a user id has letters, digits and dashes' });
};

function getHistory(tracker: Measuring, store: ChatStore): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const { id } = request.params;
    response.json(await tracker.measure({ type: 'db', name: 'get_history' }, () => store.getHistory(id, 50)));
  };
}

function deleteHistory(tracker: Measuring, store: ChatStore, profiles: Cache<Profile>): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const { id } = request.params;
    const deleted = await tracker.measure({ type: 'db', name: 'delete_history' }, () => store.deleteHistory(id));
    profiles.delete(id);
    response.json({ deleted });
  };
}

function getOrder(tracker: Measuring, store: ChatStore): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const id = Number(request.params.id);
    if (!Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1) {
      response.status(400).json({ error: 'an order id is a whole number' });
      return;
    }
    const order = await tracker.measure({ type: 'db', name: 'get_order' }, () => store.getOrder(id));
    if (order === undefined) response.status(404).json({ error: 'not_found' });
    else response.json(order);
  };
}

function isUserId(given: unknown): given is string {
  return typeof given === 'string' && /^[a-z0-9-]{1,40}$/i.test(given);
}

/** Postgres' text has no NUL. */
function isMessage(given: unknown): given is string {
  return typeof given === 'string' && given.length > 0 && given.length <= 4000 && !given.includes('\0');
}

/** A failing provider is 502, a busy one 503; what the body parser refused keeps its own status; the rest is 500. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  if (error instanceof LlmError) {
    if (error.status === 429) response.setHeader('retry-after', '1');
    response.status(error.status === 429 ? 503 : 502).json({ error: 'llm_unavailable' });
    return;
  }
  const status = (error as { status?: unknown } | null)?.status;
  const isClientError = typeof status === 'number' && status >= 400 && status < 500;
  response.status(isClientError ? status : 500).json({ error: isClientError ? 'bad_request' : 'internal' });
};
