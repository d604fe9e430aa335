// `import 'keepwatch/register'` before Express, or `node --import keepwatch/register`: from then on every copy of Express 4 and of router
// 2.0-2.2 that is loaded notes on each layer the path given to `use`, which it keeps nowhere else (router 2.3 does); and node:http(s) tells
// of the requests that it creates, where Node does not by itself. Nothing else is changed, and what cannot be watched (bundles, module
// registries of their own) runs as without it.
import Module from 'node:module';
import { registerRouter } from './instrument/routes/registered-paths.ts';
import { publishClientRequests } from './instrument/tracing/publish-client-requests.ts';

interface ModuleLoader {
  _load(request: string, ...others: unknown[]): unknown;
  readonly _cache: Readonly<Record<string, { readonly exports?: unknown } | undefined>>;
}

/** How Express asks for its router, and everybody for that of Express 5. */
const ROUTER_REQUEST = /(?:^|[\\/])router(?:[\\/]index)?(?:\.js)?$/;
const IS_REGISTERED = Symbol.for('keepwatch.register');

const loader = Module as unknown as ModuleLoader & { [IS_REGISTERED]?: true };
// Two copies of this package watch once.
if (loader[IS_REGISTERED] !== true) {
  loader[IS_REGISTERED] = true;
  for (const [file, loaded] of Object.entries(loader._cache)) {
    if (ROUTER_REQUEST.test(file)) registerRouter(loaded?.exports);
  }
  const load = loader._load;
  loader._load = function loadAndWatch(request, ...others) {
    const loaded = Reflect.apply(load, this, [request, ...others]);
    if (typeof request === 'string' && ROUTER_REQUEST.test(request)) registerRouter(loaded);
    return loaded;
  };
}

publishClientRequests();
