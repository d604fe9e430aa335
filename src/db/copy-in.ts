// Statements in one message on a pg connection, and the bytes that those among them take which are `COPY … FROM STDIN`: ready bytes, frames
// around them, one cork, no copy. A stream (pg-copy-streams) is not used, because its promise may stay open for ever when the connection
// dies while it waits for a drain.
import type { Duplex } from 'node:stream';

/** The part of pg's Connection that is used here. */
interface Connection {
  readonly stream: Duplex;
  query(text: string): void;
}

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** Turns the text of a value into what its type is in JavaScript. */
export type ParseValue = (dataTypeId: number, text: string) => unknown;

export interface CopyInOptions {
  /** What each COPY takes, in order. The bytes stay unchanged until it is done. */
  readonly copies: readonly (readonly Uint8Array[])[];
  /** Asked when the first COPY wants its bytes: whether it gets them. When it does not, Postgres gives up all that the message says. */
  readonly mayCopy?: (row: Readonly<Record<string, unknown>> | undefined) => boolean;
  /** Default: values stay texts. */
  readonly parseValue?: ParseValue;
}

/** What became of the message. */
export interface CopyInResult {
  /** Rows that Postgres took, in all. */
  readonly copied: number;
  /** The last row that came before the first COPY; undefined when none did. */
  readonly row: Readonly<Record<string, unknown>> | undefined;
  /** Of the last statement, such as `COMMIT`; undefined when `mayCopy` said no. */
  readonly command: string | undefined;
}

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
/** With an empty reason: nobody reads it. */
const COPY_FAIL = Buffer.from([0x66, 0, 0, 0, 5, 0]);
const HEAD_BYTES = 5;

/** What pg's Client calls on a query; handed to `client.query(copy)`. */
export class CopyIn {
  /** Rejects with what Postgres refuses, or when the connection is lost; what became of a COMMIT in the message is unknown then. */
  readonly done: Promise<CopyInResult>;
  readonly #text: string;
  readonly #options: CopyInOptions;
  #next = 0;
  #isRefused = false;
  #copied = 0;
  #fields: RowDescription['fields'] = [];
  #row: Record<string, unknown> | undefined;
  #command: string | undefined;
  #resolve!: (result: CopyInResult) => void;
  #reject!: (error: unknown) => void;

  /** @param text the statements */
  constructor(text: string, options: CopyInOptions) {
    this.#text = text;
    this.#options = options;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Replaced by pg with what stops its query timeout. */
  callback(): void {}

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleRowDescription({ fields }: RowDescription): void {
    this.#fields = fields;
  }

  handleDataRow({ fields: values }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#next > 0) return;
    const { parseValue = (_type: number, text: string) => text } = this.#options;
    const entries = this.#fields.map(({ name, dataTypeID }, index) => {
      const text = values[index];
      return [name, typeof text === 'string' ? parseValue(dataTypeID, text) : null] as const;
    });
    this.#row = Object.fromEntries(entries);
  }

  handleCopyInResponse({ stream }: Connection): void {
    const { copies, mayCopy = () => true } = this.#options;
    const copy = this.#next++;
    this.#isRefused = copy >= copies.length || (copy === 0 && !mayCopy(this.#row));
    if (this.#isRefused) stream.write(COPY_FAIL);
    else if (copy === 0) writeCopies(stream, copies);
  }

  handleCommandComplete({ text = '' }: { readonly text?: string }): void {
    this.#command = text;
    this.#copied += Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.#end(this.#command);
  }

  handleError(error: unknown): void {
    if (this.#isRefused && (error as { code?: unknown }).code === '57014') {
      this.#end(undefined);
    } else {
      this.callback();
      this.#reject(error);
    }
  }

  #end(command: string | undefined): void {
    this.callback();
    this.#resolve({ copied: this.#copied, row: this.#row, command });
  }
}

/**
 * Every chunk is a message of its own: the server works on one while it reads the next. What the later ones take goes out behind the first,
 * before it is asked for: else the server would wait for it as long as a message is on its way, twice. Where a statement before them
 * fails it drops them (https://www.postgresql.org/docs/current/protocol-flow.html, "COPY Operations").
 */
function writeCopies(stream: Duplex, copies: readonly (readonly Uint8Array[])[]): void {
  stream.cork();
  for (const chunks of copies) {
    const heads = Buffer.allocUnsafe(HEAD_BYTES * chunks.length);
    for (const [index, chunk] of chunks.entries()) {
      const at = HEAD_BYTES * index;
      heads[at] = COPY_DATA;
      heads.writeUInt32BE(chunk.length + 4, at + 1);
      stream.write(heads.subarray(at, at + HEAD_BYTES));
      stream.write(chunk);
    }
    stream.write(COPY_DONE);
  }
  stream.uncork();
}
