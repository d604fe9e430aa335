// Refused by: biome lint/style/noRestrictedImports
import { createJsonlStore } from '../jsonl/jsonl-store.ts';

export const create = createJsonlStore;
