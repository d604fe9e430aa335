// Keepwatch as it comes: counter, histogram, raw event, trace context.
import { serveKeepwatchWrapper } from './keepwatch-wrapper.ts';

serveKeepwatchWrapper({ tracing: true });
