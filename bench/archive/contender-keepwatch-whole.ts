// Keepwatch, from events in memory to the commit.
import { serveKeepwatchLoader } from './keepwatch-loader.ts';

serveKeepwatchLoader({ isSpoolTimed: true });
