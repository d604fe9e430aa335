// Node tells of each request that node:http(s) creates, while it can still take headers, since 22.12 and 23.2. Before that, this has
// `request` and `get` of both modules tell the same on the same channel. Nothing else of a call is changed.
import diagnostics from 'node:diagnostics_channel';
import Module, { createRequire } from 'node:module';
import { wrapFunction } from '../wrap-function.ts';

type AnyFunction = (...args: unknown[]) => unknown;
interface HttpModule {
  request: AnyFunction;
  get: AnyFunction;
  [IS_PUBLISHING]?: true;
}

/** Its message is `{ request }`. `http.client.request.start` comes when the headers are gone. */
export const CLIENT_REQUEST_CREATED = 'http.client.request.created';
const IS_PUBLISHING = Symbol.for('keepwatch.client-requests');

const channel = diagnostics.channel(CLIENT_REQUEST_CREATED);

/** Where Node does not publish `http.client.request.created`, has it published from now on. Never throws. */
export function publishClientRequests(): void {
  if (isPublishedByNode(process.versions.node)) return;
  const require = createRequire(import.meta.url);
  for (const name of ['node:http', 'node:https']) {
    try {
      wrapModule(require(name) as HttpModule);
    } catch {
      // A Node without TLS, or a frozen module: its requests are not told of, as without us.
    }
  }
  // For `import { request } from 'node:http'`.
  Module.syncBuiltinESMExports();
}

function isPublishedByNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 2) || (major === 22 && minor >= 12);
}

function wrapModule(module: HttpModule): void {
  // Two copies of this package tell once.
  if (module[IS_PUBLISHING] === true) return;
  Object.defineProperty(module, IS_PUBLISHING, { value: true });
  const { request, get } = module;
  module.request = wrapFunction(request, (self, args) => published(Reflect.apply(request, self, args)));
  // Node's own does the same by the `request` of its own, and its headers are gone as it returns.
  module.get = wrapFunction(get, (_self, [input, options, callback]) => {
    const created = published(request(input, options, callback)) as { end(): void };
    created.end();
    return created;
  });
}

// What a subscriber throws does not come here: Node makes an uncaught exception of it.
function published(request: unknown): unknown {
  if (channel.hasSubscribers) channel.publish({ request });
  return request;
}
