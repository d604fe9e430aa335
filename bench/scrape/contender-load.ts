// The scraper, a process of its own: reads an exposition as fast as it comes, over one connection that stays.
import { Agent, get } from 'node:http';
import { answerParent } from '../child-side.ts';
import { digest } from './contender.ts';

export interface Reading {
  readonly firstByteMs: number;
  readonly lastByteMs: number;
  readonly bytes: number;
  /** SHA-256 of the body. */
  readonly digest: string;
}

export type ScrapeLoadMethods = { scrape(port: number): Promise<Reading> };

const agent = new Agent({ keepAlive: true });

answerParent({
  scrape: (port) =>
    new Promise((resolve, reject) => {
      const startMs = performance.now();
      const sent = get({ host: '127.0.0.1', port, path: '/metrics', agent }, (response) => {
        const firstByteMs = performance.now() - startMs;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const lastByteMs = performance.now() - startMs;
          const body = Buffer.concat(chunks);
          resolve({ firstByteMs, lastByteMs, bytes: body.length, digest: digest(body) });
        });
      });
      sent.on('error', reject);
    }),
} satisfies ScrapeLoadMethods);
