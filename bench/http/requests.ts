// Requests as bytes made once, and a reader that tells when an answer is complete: the load must cost far less than what it measures.
import type { Kind } from './app.ts';

const BODY = JSON.stringify({ conversation: 'c-4711', text: 'What did we say about the delivery date?', tags: ['sales', 'eu'] });

/** 100 different requests of a kind, to be sent in turn. */
export function createRequests(kind: Kind): readonly Buffer[] {
  return Array.from({ length: 100 }, (_, index) => Buffer.from(kind === 'GET' ? getRequest(1000 + index) : POST_REQUEST));
}

function getRequest(id: number): string {
  return `GET /hello/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n`;
}

const POST_REQUEST = `POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

/**
 * Reads the answers of one connection, one at a time.
 * @param onAnswer is told of each complete answer whether it was a 200
 */
export function createAnswerReader(onAnswer: (isOk: boolean) => void): (chunk: Buffer) => void {
  let pending = '';
  return (chunk) => {
    pending += chunk.toString('latin1');
    const headEnd = pending.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const at = pending.indexOf('Content-Length: ');
    const length = at < 0 || at > headEnd ? 0 : Number.parseInt(pending.slice(at + 16, at + 28), 10);
    if (pending.length < headEnd + 4 + length) return;
    const isOk = pending.startsWith('HTTP/1.1 200 ') && pending.length === headEnd + 4 + length;
    pending = '';
    onAnswer(isOk);
  };
}
