// One `COPY … FROM STDIN` on a pg connection, of bytes that are ready: frames around them, one cork, no copy. A stream (pg-copy-streams)
// is not used, because its promise may stay open for ever when the connection dies while it waits for a drain.
import type { Duplex } from 'node:stream';

/** The part of pg's Connection that is used here. */
interface Connection {
  readonly stream: Duplex;
  query(text: string): void;
}

/** What pg's Client calls on a query; handed to `client.query(copy)`. */
export class CopyIn {
  /** Resolves with the number of rows that Postgres took; rejects with its refusal, or when the connection is lost. */
  readonly done: Promise<number>;
  readonly #statement: string;
  readonly #chunks: readonly Uint8Array[];
  #rows = 0;
  #resolve!: (rows: number) => void;
  #reject!: (error: unknown) => void;

  constructor(statement: string, chunks: readonly Uint8Array[]) {
    this.#statement = statement;
    this.#chunks = chunks;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Replaced by pg with what stops its query timeout. */
  callback(): void {}

  submit(connection: Connection): void {
    connection.query(this.#statement);
  }

  handleCopyInResponse(connection: Connection): void {
    const { stream } = connection;
    stream.cork();
    for (const chunk of this.#chunks) {
      const head = Buffer.allocUnsafe(5);
      head[0] = 0x64;
      head.writeUInt32BE(chunk.length + 4, 1);
      stream.write(head);
      stream.write(chunk);
    }
    stream.write(Buffer.from([0x63, 0, 0, 0, 4]));
    stream.uncork();
  }

  handleCommandComplete(message: { readonly text?: string }): void {
    this.#rows = Number(/^COPY (\d+)/.exec(message.text ?? '')?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.callback();
    this.#resolve(this.#rows);
  }

  handleError(error: unknown): void {
    this.callback();
    this.#reject(error);
  }
}
