// Keepwatch, from the spool to the commit.
import { serveKeepwatchLoader } from './keepwatch-loader.ts';

serveKeepwatchLoader({ isSpoolTimed: false });
