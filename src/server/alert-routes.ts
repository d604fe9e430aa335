// How routes about alerts are added: each behind the guards of those that read or write, and in the turn of its kind.
import type { Request, RequestHandler, Response, Router } from 'express';
import { createAlertGates, type GateName } from './alerts-gates.ts';
import { answer } from './api-answer.ts';

/** Run before every route of ours: before those that read, and before those that write. */
export interface Guards {
  readonly read: readonly RequestHandler[];
  readonly write: readonly RequestHandler[];
}

type Asked = (response: Response) => Promise<unknown>;
/** Checks the request, before it waits for its turn. */
type Understand = (request: Request) => Asked | Promise<Asked>;
/** @param gate default: that of the routes */
type AddRoute = (path: string, understand: Understand, gate?: GateName) => void;
export type Routes = Readonly<Record<'get' | 'post' | 'put' | 'delete', AddRoute>>;

/** @returns routes that wait for the turns of a kind */
export function createRoutes(router: Router, guards: Guards): (own: GateName) => Routes {
  const gates = createAlertGates();
  const handle = (understand: Understand, gate: GateName): RequestHandler =>
    answer(async (request, isWanted, response) => {
      const asked = await understand(request);
      return gates[gate].run(async () => (isWanted() ? asked(response) : undefined));
    });
  return (own) => ({
    get: (path, understand, gate = own) => router.get(path, ...guards.read, handle(understand, gate)),
    post: (path, understand, gate = own) => router.post(path, ...guards.write, handle(understand, gate)),
    put: (path, understand, gate = own) => router.put(path, ...guards.write, handle(understand, gate)),
    delete: (path, understand, gate = own) => router.delete(path, ...guards.write, handle(understand, gate)),
  });
}
