// Reads the JSON body of a request that writes: bounded in size, time and depth, of one media type, in UTF-8. A host that has parsed it already
// (express.json) has bounded it by its own rules.
import type { Request } from 'express';

/** Why a body is not taken, with the HTTP status that says so. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  readonly statusCode: 400 | 413 | 415;

  constructor(statusCode: 400 | 413 | 415, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** A rule has at most 64 KiB of SQL. */
const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 32;
const TIMEOUT_MS = 10_000;

/** @throws BodyRefused */
export async function readJsonBody(request: Request): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new BodyRefused(415, `content-type: got ${JSON.stringify(type).slice(0, 100)}; allowed: application/json`);
  const parsed: unknown = request.body;
  if (request.readableEnded && parsed !== undefined) return checkDepth(parsed);
  const text = decode(await readBytes(request));
  try {
    return checkDepth(JSON.parse(text));
  } catch (error) {
    if (error instanceof BodyRefused) throw error;
    throw new BodyRefused(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function readBytes(request: Request): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      request.off('data', take);
      settle();
    };
    const refuse = (error: Error) => {
      request.resume(); // what still comes is not kept
      finish(() => reject(error));
    };
    const timer = setTimeout(
      () => refuse(new BodyRefused(400, `the body did not come within ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    );
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) refuse(new BodyRefused(413, `the body is too large; allowed: ${MAX_BYTES} bytes`));
      else chunks.push(chunk);
    };
    request.on('data', take);
    request.once('end', () => finish(() => resolve(Buffer.concat(chunks))));
    request.once('error', (error) => refuse(error));
    request.once('close', () => refuse(new BodyRefused(400, 'the client went away')));
  });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BodyRefused(400, 'the body is no UTF-8');
  }
}

/** Deeper ones would overflow the stack of whoever walks them. */
function checkDepth(value: unknown): unknown {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new BodyRefused(400, `the body is too deep; allowed: ${MAX_DEPTH} levels`);
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return value;
}
