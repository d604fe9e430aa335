// The templates of an app as a tree: a node per pattern below another, so that the template of a request is found without making text.
import { GuessedPattern, type Pattern } from './route-pattern.ts';

/** More is no registered structure any more, but a router that is mounted below itself. */
const MAX_DEPTH = 32;
const MAX_NODES = 20_000;

/** The template of patterns mounted in each other. */
export class RouteTemplate {
  /** What a label says: `/tenants/:tenant/orders`. */
  readonly text: string;
  /** False when one of its patterns was guessed. */
  readonly isExact: boolean;
  /** Its last pattern says nothing about the path: `/`, `*`, `/{*splat}`. */
  readonly isCatchAll: boolean;
  readonly #tree: Tree;
  readonly #depth: number;
  readonly #children = new Map<Pattern, RouteTemplate>();

  constructor(tree: Tree, text: string, depth: number, isExact: boolean, isCatchAll: boolean) {
    this.#tree = tree;
    this.#depth = depth;
    this.text = text;
    this.isExact = isExact;
    this.isCatchAll = isCatchAll;
  }

  /** The template of `pattern` mounted below this one; beyond what an app can have registered, this one itself. */
  below(pattern: Pattern): RouteTemplate {
    return this.#children.get(pattern) ?? this.#add(pattern);
  }

  #add(pattern: Pattern): RouteTemplate {
    if (this.#depth >= MAX_DEPTH || this.#tree.nodes >= MAX_NODES) return this;
    this.#tree.nodes++;
    const isGuess = pattern instanceof GuessedPattern;
    const own = isGuess ? pattern.text : String(pattern);
    const prefix = this.text.endsWith('/') ? this.text.slice(0, -1) : this.text;
    const text = own === '' || own === '/' ? prefix || '/' : prefix + own;
    const child = new RouteTemplate(this.#tree, text, this.#depth + 1, this.isExact && !isGuess, matchesAll(pattern));
    this.#children.set(pattern, child);
    return child;
  }
}

interface Tree {
  nodes: number;
}

/** The template of what is mounted nowhere. */
export function createTemplateRoot(): RouteTemplate {
  return new RouteTemplate({ nodes: 0 }, '', 0, true, true);
}

/** A path that nobody registers. */
const ANY_PATH = '/keepwatch-any/path';

function matchesAll(pattern: Pattern): boolean {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(ANY_PATH);
  if (pattern instanceof GuessedPattern) return false;
  return /^[/{}().?+]*(?:\*\w*)?[/{}().?+]*$/.test(pattern);
}
