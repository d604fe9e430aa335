// pg-promise `helpers.insert`, 1,000 rows a statement.
import { serveInsertLoader } from './insert-loader.ts';

serveInsertLoader(1000);
