// All cases, family by family.
import type { Family } from './conformance-case.ts';
import { aborts } from './families/aborts.ts';
import { answers } from './families/answers.ts';
import { connections } from './families/connections.ts';
import { cuts } from './families/cuts.ts';
import { errors } from './families/errors.ts';
import { handover } from './families/handover.ts';
import { installation } from './families/installation.ts';
import { methods } from './families/methods.ts';
import { middleware } from './families/middleware.ts';
import { mounts } from './families/mounts.ts';
import { routes } from './families/routes.ts';
import { streams } from './families/streams.ts';
import { unmatched } from './families/unmatched.ts';

export const families: readonly Family[] = [
  routes,
  mounts,
  middleware,
  handover,
  unmatched,
  errors,
  methods,
  answers,
  connections,
  aborts,
  cuts,
  streams,
  installation,
];
