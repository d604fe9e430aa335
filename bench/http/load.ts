// The process that sends the load: an exact number of requests over kept-alive connections, each sending its next when answered.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerParent } from '../child-side.ts';
import type { Kind } from './app.ts';
import { createAnswerReader, createRequests } from './requests.ts';

export interface Load {
  readonly port: number;
  readonly kind: Kind;
  readonly requests: number;
}

export interface LoadResult {
  readonly answered: number;
  /** Answers that were no complete 200. */
  readonly failed: number;
  readonly seconds: number;
}

export type LoadMethods = {
  connect(argument: { port: number; connections: number }): Promise<void>;
  run(argument: Load): Promise<LoadResult>;
};

const connections = new Map<number, Socket[]>();
const requests = { GET: createRequests('GET'), POST: createRequests('POST') } as const;

async function open({ port, connections: count }: { port: number; connections: number }): Promise<void> {
  const sockets = Array.from({ length: count }, () => connect({ port, host: '127.0.0.1', noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  connections.set(port, sockets);
}

function run(load: Load): Promise<LoadResult> {
  const sockets = connections.get(load.port) ?? [];
  const bytes = requests[load.kind];
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    let failed = 0;
    const startedAt = performance.now();
    const next = (socket: Socket) => {
      if (sent < load.requests) socket.write(bytes[sent++ % bytes.length] ?? '');
    };
    const stop = () => {
      for (const socket of sockets) socket.removeAllListeners('data').removeAllListeners('close');
    };
    for (const socket of sockets) {
      const read = createAnswerReader((isOk) => {
        answered++;
        if (!isOk) failed++;
        if (answered < load.requests) return next(socket);
        stop();
        resolve({ answered, failed, seconds: (performance.now() - startedAt) / 1000 });
      });
      socket.on('data', read);
      socket.on('close', () => {
        stop();
        reject(new Error(`a connection was closed after ${answered} answers`));
      });
      next(socket);
    }
  });
}

answerParent({ connect: open, run } satisfies LoadMethods);
