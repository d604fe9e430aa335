// `psql \copy` of a text file in one transaction: the reference.
import { servePsqlLoader } from './psql-loader.ts';

servePsqlLoader('text');
