// Keepwatch with tracing off: counter, histogram, raw event.
import { serveKeepwatchWrapper } from './keepwatch-wrapper.ts';

serveKeepwatchWrapper({ tracing: false });
