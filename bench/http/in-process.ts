// Drives a server through streams instead of TCP: the real HTTP parser and the whole app, but no kernel and no second process. Much
// sharper than TCP at telling what a middleware adds.
import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { Kind } from './app.ts';
import { createAnswerReader, createRequests } from './requests.ts';

const CONNECTIONS = 16;

/** Sends requests to `server` from within its own process, a fixed number at a time. Connections are made once and kept. */
export interface InProcessDriver {
  /** @returns how many answers were no complete 200 */
  run(kind: Kind, requests: number): Promise<number>;
}

export function createInProcessDriver(server: Server): InProcessDriver {
  const bytes = { GET: createRequests('GET'), POST: createRequests('POST') } as const;
  let onAnswer: (socket: Duplex, isOk: boolean) => void = () => {};
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = createSocket((isOk) => onAnswer(socket, isOk));
    server.emit('connection', socket);
    return socket;
  });
  return {
    run: (kind, requests) =>
      new Promise((resolve) => {
        let sent = 0;
        let answered = 0;
        let failed = 0;
        const next = (socket: Duplex) => {
          if (sent < requests) socket.push(bytes[kind][sent++ % bytes[kind].length]);
        };
        onAnswer = (socket, isOk) => {
          answered++;
          if (!isOk) failed++;
          if (answered === requests) setImmediate(resolve, failed);
          else setImmediate(next, socket);
        };
        for (const socket of sockets) next(socket);
      }),
  };
}

function createSocket(onAnswer: (isOk: boolean) => void): Duplex {
  const read = createAnswerReader(onAnswer);
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      read(chunk);
      done();
    },
    writev(chunks: { chunk: Buffer }[], done) {
      for (const { chunk } of chunks) read(chunk);
      done();
    },
  });
}
