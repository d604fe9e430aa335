// pino, the fastest of the loggers that people use: a JSON line for each event, written in the background as its manual advises.
import { pino } from 'pino';
import { serveStore } from './contender.ts';
import { createFileStore } from './file-store.ts';

/** Of https://getpino.io/#/docs/asynchronous. */
const MIN_LENGTH = 4096;

let current: { path: string; destination: ReturnType<typeof pino.destination>; logger: ReturnType<typeof pino> } | undefined;

serveStore(
  createFileStore(
    (rows, path) => {
      if (current?.path !== path) {
        const destination = pino.destination({ dest: path, sync: false, minLength: MIN_LENGTH });
        current = { path, destination, logger: pino({ base: null, timestamp: false }, destination) };
      }
      for (const row of rows) current.logger.info(row);
    },
    async () => {
      const destination = current?.destination;
      if (destination === undefined) return;
      const closed = new Promise((done) => destination.once('close', done));
      destination.end();
      await closed;
    },
  ),
);
