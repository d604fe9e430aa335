// Keepwatch, from the spool to the commit: two sources at once, over two connections.
import { serveDrainLoader } from './drain-loader.ts';

serveDrainLoader(2);
