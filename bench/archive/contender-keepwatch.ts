// Keepwatch, from the spool to the commit, over one connection.
import { serveDrainLoader } from './drain-loader.ts';

serveDrainLoader(1);
