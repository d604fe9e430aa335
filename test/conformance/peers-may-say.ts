// Routes that are right for peers, though Keepwatch says something else: where ours is a rule of our own, and where theirs is as stable.

/** By `family: name`; undefined: without a route. */
const ALSO_RIGHT: Readonly<Record<string, readonly (string | undefined)[]>> = {
  // The array as it was registered, in one label.
  'routes: an array of paths': ['/one,/two'],
  'routes: an array with parameters': ['/people/:id,/users/:id'],
  'routes: an array with a regular expression': ['/v1,/^\\/v(\\d+)$/'],
  'mounts: an array of mounts': ['/old,/new/items/:id'],
  'mounts: an array of parametrised mounts': ['/o/:org,/t/:team/items'],
  'mounts: an array with a regular expression': ['/api,/^\\/v\\d+/items'],
  'middleware: at one of two paths': ['/hooks,/callbacks', undefined],
  'mounts: an optional segment in the mount, left out': ['/{/:lang}/site/items', '/site/items'],
  // A path with its values taken out, of a request that no route of the app saw.
  'routes: an optional segment, left out': ['/list'],
  'routes: a regular expression with names': ['/#val'],
  'routes: a URL rewritten by middleware': ['/old/#val'],
  'handover: middleware before the routes that answers': ['/items/#val'],
  'errors: middleware before the routes that fails': ['/users/#val'],
  'errors: a body that is no JSON': ['/orders/#val'],
  'methods: OPTIONS, answered by Express itself': ['/things/#val'],
  'methods: OPTIONS, answered by middleware for all': ['/things/#val'],
  'aborts: in middleware before any route': ['/work/#val'],
  'aborts: while express.json() reads': ['/uploads/#val'],
  // Whether the route answered, when the handler of its parameter did.
  'handover: a parameter handler that answers': [undefined],
  'handover: a parameter handler that fails': [undefined],
};

/** Mounted functions have the path of their mount, or no route. */
const MOUNTED: readonly (string | undefined)[] = [undefined];

export function peersMaySay(family: string, name: string): readonly (string | undefined)[] {
  return ALSO_RIGHT[`${family}: ${name}`] ?? (family === 'middleware' ? MOUNTED : []);
}
