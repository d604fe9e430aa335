// Keepwatch without an archive: metrics and trace context.
import { serveContender } from './contender.ts';
import { createKeepwatchInstrumentation } from './keepwatch-instrumentation.ts';

serveContender(createKeepwatchInstrumentation());
