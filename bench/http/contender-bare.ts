// Express alone: the reference.
import { serveContender } from './contender.ts';

serveContender({ install() {} });
