// Sends an exposition to one scraper, at its pace: waits while the socket is full, leaves when the scraper does.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { acceptsGzip } from './content-negotiation.ts';
import type { Chunk, ExpositionPass } from './exposition-pass.ts';

/** A scraper that takes nothing for so long is cut off, as what it has not read is kept in memory. */
const STALLED_MS = 30_000;

/** How the body travels. */
interface Coding {
  readonly headers: Readonly<Record<string, string>>;
  encode(chunk: Chunk): Promise<Buffer> | Buffer;
}

/**
 * Resolves when all is sent, or the scraper has gone.
 * @throws Error when the exposition could not be made; the answer may have begun
 */
export async function sendExposition(
  request: IncomingMessage,
  response: ServerResponse,
  pass: ExpositionPass,
  contentType: string,
): Promise<void> {
  const isHead = request.method === 'HEAD';
  const coding = !isHead && acceptsGzip(request.headers['accept-encoding']) ? gzip() : IDENTITY;
  const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store', ...coding.headers };
  const closed = new Promise<undefined>((resolve) => response.once('close', () => resolve(undefined)));
  let length = 0;
  const cut = () => void response.destroy();
  let next = pass.join(cut);
  try {
    for (;;) {
      const step = await Promise.race([next, closed]);
      if (step === undefined) return;
      if ('failure' in step) throw new Error(step.failure);
      const bytes = await coding.encode(step);
      if (response.destroyed) return;
      length += bytes.length;
      if (!response.headersSent && (step.isLast || !isHead)) {
        response.appendHeader('Vary', 'Accept, Accept-Encoding');
        response.writeHead(200, step.isLast ? { ...headers, 'Content-Length': length } : headers);
      }
      if (step.isLast) {
        response.end(bytes);
        return;
      }
      if (!isHead && !response.write(bytes) && !(await isDrained(response))) return;
      next = step.next;
    }
  } finally {
    pass.leave(cut);
  }
}

/** Whether the socket takes more; false when the scraper is gone, or is cut off as it takes nothing. */
function isDrained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (isReady: boolean) => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(isReady);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(() => {
      response.destroy();
      settle(false);
    }, STALLED_MS);
    timer.unref();
    response.on('drain', onDrain);
    response.on('close', onClose);
  });
}

const IDENTITY: Coding = { headers: {}, encode: (chunk) => chunk.bytes };

const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty deflate block that is the last. */
const LAST_BLOCK = Buffer.from([3, 0]);

/**
 * One gzip member (https://www.rfc-editor.org/rfc/rfc1952) around blocks that all scrapers share: only its checksum is this scraper's own,
 * so that one who joins or leaves disturbs no other.
 */
function gzip(): Coding {
  let checksum = 0;
  let length = 0;
  return {
    headers: { 'Content-Encoding': 'gzip' },
    async encode(chunk) {
      const head = length === 0 ? [GZIP_HEADER] : [];
      if (chunk.bytes.length > 0) checksum = crc32(chunk.bytes, checksum); // Node may give 0 for no bytes
      length += chunk.bytes.length;
      const deflated = await chunk.deflated();
      if (!chunk.isLast) return Buffer.concat([...head, deflated]);
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(checksum, 0);
      trailer.writeUInt32LE(length % 2 ** 32, 4);
      return Buffer.concat([...head, deflated, LAST_BLOCK, trailer]);
    },
  };
}
