// Writes docs/metrics.md from the catalogue: node --import tsx scripts/generate-metrics-doc.ts
import { writeFileSync } from 'node:fs';
import { metricsDocument } from './metrics-document.ts';

writeFileSync(new URL('../docs/metrics.md', import.meta.url), metricsDocument());
