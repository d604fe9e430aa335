// pg-promise `helpers.insert`, 10,000 rows a statement.
import { serveInsertLoader } from './insert-loader.ts';

serveInsertLoader(10_000);
