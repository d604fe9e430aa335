// Something that a section needs is not on this machine; the other sections can still run.

/** The message says what is missing and how to get it. */
export class MissingPartError extends Error {
  override readonly name = 'MissingPartError';
}
