// Sends requests to a server through streams instead of TCP: the real HTTP parser and the whole app, but no kernel and no second process.
import type { Server } from 'node:http';
import { Duplex } from 'node:stream';

const CONNECTIONS = 16;
/** Requests that one connection has under way at once. */
const PIPELINED = 16;

/** @param request what to send as the nth request; its answer has to say its own length, or to be empty */
export function sendInProcess(server: Server, requests: number, request: (index: number) => string): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let answered = 0;
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      let underWay = 0;
      const socket: Duplex = createSocket((answers) => {
        answered += answers;
        underWay -= answers;
        if (underWay === 0) setImmediate(next);
        if (answered === requests) resolve();
      });
      const next = () => {
        let text = '';
        for (; underWay < PIPELINED && sent < requests; underWay++) text += request(sent++);
        if (text !== '') socket.push(text);
        else if (underWay === 0) socket.push(null);
      };
      server.emit('connection', socket);
      return next;
    });
    for (const next of sockets) next();
  });
}

function createSocket(onAnswers: (count: number) => void): Duplex {
  const read = (chunk: Buffer) => onAnswers(chunk.toString('latin1').split('HTTP/1.1 ').length - 1);
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      read(chunk);
      done();
    },
    writev(chunks: { chunk: Buffer }[], done) {
      read(Buffer.concat(chunks.map(({ chunk }) => chunk)));
      done();
    },
  });
}
