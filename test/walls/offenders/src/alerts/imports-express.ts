// Refused by: biome lint/style/noRestrictedImports
import type { Router } from 'express';

export type Routes = Router;
