// What became of a change by somebody who says which version they have seen.

/** `conflict`: it has another version by now, or its name is taken; `current` is how it stands. */
export type WriteOutcome<T> =
  | { readonly outcome: 'done'; readonly current: T }
  | { readonly outcome: 'conflict'; readonly current: T }
  | { readonly outcome: 'missing' };
