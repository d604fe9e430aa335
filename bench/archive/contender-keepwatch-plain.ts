// Keepwatch, from the spool to the commit, over one connection, without rollups: what those cost is the difference.
import { serveDrainLoader } from './drain-loader.ts';

serveDrainLoader(1, { hasRollups: false });
