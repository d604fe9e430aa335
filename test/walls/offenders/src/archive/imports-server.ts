// Refused by: biome lint/style/noRestrictedImports
import { listen } from '../server/listen.ts';

export const open = listen;
