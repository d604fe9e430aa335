// Writes docs/openapi.json from the schemas of the API: npm run docs:api
import { writeFileSync } from 'node:fs';
import { openApiText } from '../src/server/openapi.ts';

writeFileSync(new URL('../docs/openapi.json', import.meta.url), openApiText());
