// All cases, family by family.
import type { Family } from './conformance-case.ts';
import { errors } from './families/errors.ts';
import { handover } from './families/handover.ts';
import { mounts } from './families/mounts.ts';
import { routes } from './families/routes.ts';

export const families: readonly Family[] = [routes, mounts, handover, errors];
