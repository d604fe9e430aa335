// The thread of the drain: a drainer that is called by messages. Started by drain-thread.ts; nothing imports it.
import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { callDrainer, type DrainCall, type DrainMessage } from './drain-thread.ts';
import { type DrainSettings, openDrainer } from './open-drainer.ts';

const say = (message: DrainMessage) => parentPort?.postMessage(message);
const log = (level: keyof Logger) => (fields: object, text: string) => say({ kind: 'log', level, fields, text });
const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
const { drainer, close } = openDrainer(workerData as DrainSettings, { tell: (news) => say({ kind: 'news', news }), logger });

async function answer({ id, method, request }: DrainCall): Promise<void> {
  try {
    if (method === 'stop') {
      await drainer.stop();
      await close();
      say({ kind: 'answer', id, result: undefined });
      parentPort?.close();
      return;
    }
    say({ kind: 'answer', id, result: await callDrainer(drainer, method, request) });
  } catch (error) {
    say({ kind: 'refusal', id, reason: describeError(error) });
  }
}

parentPort?.on('message', (call: DrainCall) => void answer(call));
say({ kind: 'ready' });
