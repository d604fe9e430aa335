// `psql \copy` of a binary file in one transaction: what nothing over one connection can pass.
import { servePsqlLoader } from './psql-loader.ts';

servePsqlLoader('binary');
