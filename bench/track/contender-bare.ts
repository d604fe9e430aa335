// The functions themselves: the reference.
import { serveWrapper } from './contender.ts';

serveWrapper({ sync: (work) => work, async: (work) => work });
