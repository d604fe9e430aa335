// One writing of an exposition, shared by all who read it meanwhile: made in slices with time for I/O between, kept as a chain of chunks
// of which a reader holds only what it has not yet read.
import { promisify } from 'node:util';
import { constants, deflateRaw } from 'node:zlib';
import { describeError } from '../../errors.ts';

/** Chunks have at least this many UTF-16 units when there is as much within a slice, else the least of a slice. */
const CHUNK_LENGTH = 65_536;
const LEAST_LENGTH = 16_384;
/** How long the event loop is held at a time. */
const SLICE_MS = 1;

const compress = promisify(deflateRaw);

/** A part of the exposition. */
export class Chunk {
  readonly bytes: Buffer;
  readonly isLast: boolean;
  /** What follows; meaningless when it is the last. */
  readonly next: Promise<Step>;
  #deflated: Promise<Buffer> | undefined;

  constructor(bytes: Buffer, isLast: boolean, next: Promise<Step>) {
    this.bytes = bytes;
    this.isLast = isLast;
    this.next = next;
  }

  /** Raw deflate blocks that end at a byte, for any who want gzip; made once, on a thread of libuv's. */
  deflated(): Promise<Buffer> {
    this.#deflated ??= compress(this.bytes, { level: constants.Z_BEST_SPEED, finishFlush: constants.Z_SYNC_FLUSH });
    return this.#deflated;
  }
}

/** The next chunk, or why there is none: promises here never reject, as perhaps nobody waits for them. */
export type Step = Chunk | { readonly failure: string };

export interface PassOptions {
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
  /** Called once, when it is written or given up: no reader may join any more. */
  readonly onEnd: () => void;
  /** Called when its last reader has left: nothing of it is kept any more. */
  readonly onLeft: () => void;
}

/** Begins when it is made; given up when its last reader leaves. */
export class ExpositionPass {
  readonly startedAtMs: number;
  readonly #options: PassOptions;
  #first: Promise<Step> | undefined;
  #give: (step: Step) => void = () => {};
  /** How each reader is cut off. */
  readonly #readers = new Set<() => void>();
  #isLeft = false;

  constructor(pieces: AsyncIterable<string>, options: PassOptions) {
    this.#options = options;
    this.startedAtMs = options.monotonicMs();
    this.#first = this.#expect();
    void this.#write(pieces);
  }

  /**
   * The beginning, for a reader that calls `leave` when it has enough. Only until `onEnd`.
   * @param cut ends the reader, which leaves then
   */
  join(cut: () => void): Promise<Step> {
    this.#readers.add(cut);
    return this.#first ?? Promise.resolve({ failure: 'the exposition has ended' });
  }

  /** @param cut as it was given to `join` */
  leave(cut: () => void): void {
    this.#readers.delete(cut);
    if (this.#readers.size > 0) return;
    this.#options.onLeft();
    if (this.#first === undefined) return;
    this.#isLeft = true;
    this.#end();
  }

  /** Cuts all readers off. */
  cut(): void {
    for (const cut of [...this.#readers]) cut();
  }

  #end(): void {
    this.#first = undefined;
    this.#options.onEnd();
  }

  #expect(): Promise<Step> {
    return new Promise((resolve) => {
      this.#give = resolve;
    });
  }

  async #write(pieces: AsyncIterable<string>): Promise<void> {
    const { monotonicMs } = this.#options;
    let text = '';
    try {
      let sliceStartMs = monotonicMs();
      for await (const piece of pieces) {
        if (text.length >= CHUNK_LENGTH) text = this.#put(text);
        text += piece;
        if (monotonicMs() - sliceStartMs < SLICE_MS) continue;
        if (text.length >= LEAST_LENGTH) text = this.#put(text);
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#isLeft) return;
        sliceStartMs = monotonicMs();
      }
      this.#give(new Chunk(Buffer.from(text), true, this.#expect()));
    } catch (error) {
      this.#give({ failure: describeError(error) });
    }
    if (!this.#isLeft) this.#end();
  }

  /** @returns the empty text */
  #put(text: string): string {
    const give = this.#give;
    give(new Chunk(Buffer.from(text), false, this.#expect()));
    return '';
  }
}
