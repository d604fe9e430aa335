// The event ring as two arrays and a few counts, and a run of the real ring and pump that is compared with it after every step.
import assert from 'node:assert/strict';
import { type DropReason, type EventBatch, type EventSeries, LANES, type Lane } from '../../src/event.ts';
import { createClock } from '../../src/instrument/clock.ts';
import { InternalErrors } from '../../src/instrument/internal-errors.ts';
import { Pump } from '../../src/instrument/recording/pump.ts';
import { EventRing } from '../../src/instrument/recording/ring.ts';
import { silentLogger } from '../../src/logger.ts';

interface NewEvent {
  readonly isKept: boolean;
  readonly hasText: boolean;
}

/** What the sink does when it is offered a batch. */
interface Reaction {
  /** Recorded from inside `accept`. */
  readonly pushes: readonly NewEvent[];
  /** Whether `flush` is called from inside `accept`. */
  readonly flushes: boolean;
  readonly answer: 'all' | 'throws' | number;
}

type Operation =
  | { readonly kind: 'push'; readonly events: readonly NewEvent[] }
  /** How the sink reacts to its next batches; it takes all of those that follow. */
  | { readonly kind: 'react'; readonly reactions: readonly Reaction[] }
  | { readonly kind: 'flush' | 'tick' | 'connect' | 'disconnect' | 'suspend' };

export interface RingProgram {
  readonly capacity: number;
  readonly operations: readonly Operation[];
}

interface ModelEvent {
  readonly endMs: number;
  readonly durationMs: number;
  readonly text: string | undefined;
  readonly series: EventSeries;
  /** The lane whose batch the sink was looking at as it was pushed. */
  readonly pushedInside: Lane | undefined;
}

const SINK_FAILURE = new Error('the sink fails');
/** Of events without texts, and of those with. */
const SERIES = ['work', 'words'].map((name): EventSeries => ({ type: 'custom', name, service: 'test', metadata: '' }));

class LaneModel {
  waiting: ModelEvent[] = [];
  pinned = 0;
  recorded = 0;
  handedOn = 0;
  readonly dropped: Partial<Record<DropReason, number>> = {};
  readonly droppedBySeries = new Map<EventSeries, number>();
  /** No event that comes later may have ended before this moment. */
  promisedMs = Number.NEGATIVE_INFINITY;

  drop(reason: DropReason, events: readonly ModelEvent[]): void {
    if (events.length > 0) this.dropped[reason] = (this.dropped[reason] ?? 0) + events.length;
    for (const { series } of events) this.droppedBySeries.set(series, (this.droppedBySeries.get(series) ?? 0) + 1);
  }

  get droppedTotal(): number {
    return Object.values(this.dropped).reduce((sum, count) => sum + count, 0);
  }
}

/** How often the interesting things happened. */
export interface Happened {
  offered: number;
  partlyTaken: number;
  evictedRest: number;
  evictedKeep: number;
  refused: number;
  pushedInside: number;
  thrown: number;
}

class RingRun {
  readonly happened: Happened = {
    offered: 0,
    partlyTaken: 0,
    evictedRest: 0,
    evictedKeep: 0,
    refused: 0,
    pushedInside: 0,
    thrown: 0,
  };
  readonly #capacity: number;
  readonly #model = { keep: new LaneModel(), rest: new LaneModel() };
  readonly #ring: EventRing;
  readonly #pump: Pump;
  readonly #errors: InternalErrors;
  /** Moves with every reading. */
  #nowMs = 0;
  /** How far the wall clock is ahead. */
  #jumpMs = 0;
  readonly #clock = createClock({ wallMs: () => this.#nowMs + this.#jumpMs, monotonicMs: () => ++this.#nowMs });
  #reactions: Reaction[] = [];
  #isConnected = false;
  #isTicking = false;
  #insideOf: Lane | undefined;
  #found: Error | undefined;
  /** Which batches left the ring since the operation began, and with how many events. */
  #batches: { readonly lane: Lane; readonly gone: number }[] = [];
  #timesFilling = 0;
  #expectedFilling = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#errors = new InternalErrors(silentLogger, () => 0);
    this.#ring = new EventRing({
      capacity,
      onFilling: () => {
        this.#timesFilling++;
        this.#pump.hurry();
      },
    });
    for (const series of SERIES) this.#ring.addSeries(series);
    this.#pump = new Pump({ ring: this.#ring, clock: this.#clock, errors: this.#errors });
    this.#connect(true);
  }

  async run(operation: Operation): Promise<void> {
    this.#batches = [];
    if (operation.kind === 'push') for (const event of operation.events) this.#push(event);
    else if (operation.kind === 'react') this.#reactions = [...operation.reactions];
    else if (operation.kind === 'flush') this.#flush();
    else if (operation.kind === 'tick') await this.#tick();
    else if (operation.kind === 'suspend') this.#jumpMs += 5000;
    else this.#connect(operation.kind === 'connect');
    this.#check();
  }

  #connect(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.#pump.connect(isConnected ? { accept: (batch) => this.#guard(batch) } : undefined);
  }

  #push({ isKept, hasText }: NewEvent): void {
    const lane = isKept ? 'keep' : 'rest';
    const endMs = this.#clock.now();
    const text = hasText ? `"at":${endMs}` : undefined;
    const index = hasText ? 1 : 0;
    const series = SERIES[index] as EventSeries;
    const event = { endMs, durationMs: endMs / 8, text, series, pushedInside: this.#insideOf };
    this.#pushToModel(lane, event);
    this.#ring.push(isKept, index, 0, endMs, event.durationMs, undefined, text, text);
    this.#check();
  }

  #pushToModel(lane: Lane, event: ModelEvent): void {
    const { keep, rest } = this.#model;
    const own = this.#model[lane];
    own.recorded++;
    if (this.#total() === this.#capacity) {
      const victim = (lane === 'keep' ? [rest, keep] : [rest]).find(({ waiting, pinned }) => waiting.length > pinned);
      this.happened[victim === undefined ? 'refused' : victim === rest ? 'evictedRest' : 'evictedKeep']++;
      (victim ?? own).drop('ring_full', victim?.waiting.splice(victim.pinned, 1) ?? [event]);
      if (victim === undefined) return;
    }
    own.waiting.push(event);
    if (this.#total() === Math.max(1, this.#capacity / 8)) this.#expectedFilling++;
  }

  #total(): number {
    return this.#model.keep.waiting.length + this.#model.rest.waiting.length;
  }

  #flush(): void {
    this.#pump.flush();
    if (this.#found !== undefined) throw this.#found;
    if (!this.#isConnected) assert.equal(this.#batches.length, 0);
    else for (const lane of LANES) this.#checkFlushed(lane);
  }

  /** A lane is empty, or the sink took nothing of it in the end, or a ringful; what comes to `keep` meanwhile in `rest` waits. */
  #checkFlushed(lane: Lane): void {
    const offered = this.#batches.filter((batch) => batch.lane === lane);
    assert.ok(offered.length > 0, `${lane} was not offered`);
    const gone = offered.reduce((sum, batch) => sum + batch.gone, 0);
    assert.ok(gone < this.#capacity * 1.5, 'a flush is bounded');
    const left = this.#model[lane].waiting.filter(({ pushedInside }) => !(lane === 'keep' && pushedInside === 'rest'));
    assert.ok(left.length === 0 || offered.at(-1)?.gone === 0 || gone >= this.#capacity, `${left.length} of ${lane} wait`);
  }

  async #tick(): Promise<void> {
    this.#isTicking = true;
    this.#pump.start();
    this.#pump.hurry();
    await new Promise((resolve) => setImmediate(resolve));
    this.#pump.stop();
    this.#isTicking = false;
    if (this.#found !== undefined) throw this.#found;
    // What the tick asked for in addition finds the timer stopped.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#isConnected) {
      assert.deepEqual(
        this.#batches.slice(0, 2).map(({ lane }) => lane),
        LANES,
        'each lane is offered at each tick, so that the low watermark of an idle one moves',
      );
    } else for (const lane of LANES) this.#takeFromModel(lane, this.#model[lane].waiting.length, undefined);
  }

  /** The pump takes what is thrown here for a failure of the sink: what the model finds is kept for `run`. */
  #guard(batch: EventBatch): number {
    try {
      return this.#accept(batch);
    } catch (error) {
      if (error !== SINK_FAILURE) this.#found ??= error as Error;
      throw error;
    }
  }

  #accept(batch: EventBatch): number {
    assert.equal(this.#insideOf, undefined, 'the sink is entered from inside');
    const { lane, size } = batch;
    const model = this.#model[lane];
    const limit = this.#isTicking ? 1024 : this.#capacity / 2;
    assert.equal(size, Math.min(limit, model.waiting.length));
    model.pinned = size;
    this.#insideOf = lane;
    this.#checkHead(batch);
    const reaction = this.#reactions.shift() ?? { pushes: [], flushes: false, answer: 'all' };
    for (const event of reaction.pushes) this.#push(event);
    if (reaction.flushes) this.#pump.flush();
    this.#checkEvents(batch);
    this.#note(reaction, size);
    this.#insideOf = undefined;
    return this.#answer(batch, reaction.answer);
  }

  #note({ pushes, answer }: Reaction, size: number): void {
    this.happened.offered += size;
    this.happened.pushedInside += pushes.length;
    if (size > 0 && answer === 'throws') this.happened.thrown++;
    if (typeof answer === 'number' && answer > 0 && answer < size) this.happened.partlyTaken++;
  }

  #checkHead(batch: EventBatch): void {
    const { lane, size, counts, lowWatermarkMs } = batch;
    const { waiting, recorded, dropped, droppedBySeries, promisedMs } = this.#model[lane];
    const told = new Map<EventSeries, number>();
    batch.eachDropped((series, events) => told.set(series, events));
    assert.deepEqual(told, droppedBySeries);
    assert.deepEqual(counts, { recorded: recorded - (waiting.length - size), sampledOut: 0, dropped });
    assert.equal(lowWatermarkMs, size === waiting.length ? this.#clock.anchorMs + this.#nowMs : waiting[size]?.endMs);
    for (const { endMs } of waiting) assert.ok(endMs >= promisedMs, `${lane}: an event of ${endMs} comes after ${promisedMs}`);
  }

  #checkEvents(batch: EventBatch): void {
    const indexes = Array.from({ length: batch.size }, (_, index) => index);
    assert.deepEqual(
      indexes.map((index) => [batch.endMs(index), batch.durationMs(index), batch.metadata(index), batch.error(index)]),
      this.#model[batch.lane].waiting.slice(0, batch.size).map(({ endMs, durationMs, text }) => [endMs, durationMs, text, text]),
    );
  }

  #answer({ lane, size, lowWatermarkMs }: EventBatch, answer: Reaction['answer']): number {
    const count = answer === 'all' || answer === 'throws' ? size : answer >= 0 ? Math.min(Math.floor(answer), size) : 0;
    this.#batches.push({ lane, gone: count });
    this.#takeFromModel(lane, count, answer === 'throws' ? 'sink_error' : undefined);
    // A sink that leaves some may promise no more than the end of the first event that it left.
    const model = this.#model[lane];
    const promisedMs = count < size ? (model.waiting[0]?.endMs ?? Number.NaN) : lowWatermarkMs;
    assert.ok(promisedMs >= model.promisedMs, `${lane}: the low watermark goes back`);
    model.promisedMs = promisedMs;
    if (answer === 'throws') throw SINK_FAILURE;
    return answer === 'all' ? size : answer;
  }

  #takeFromModel(lane: Lane, count: number, reason: DropReason | undefined): void {
    const model = this.#model[lane];
    const gone = model.waiting.splice(0, count);
    model.pinned = 0;
    if (reason === undefined) model.handedOn += count;
    else model.drop(reason, gone);
  }

  /** The ring says of each lane, and of both, what the model does, and no count is missing. */
  #check(): void {
    const sum = { recorded: 0, handedOn: 0, waiting: 0, sampledOut: 0 };
    const dropped: Record<string, number> = {};
    for (const lane of LANES) {
      const { recorded, handedOn, waiting, droppedTotal, dropped: ownDropped } = this.#model[lane];
      const own = { recorded, handedOn, waiting: waiting.length, sampledOut: 0 };
      assert.deepEqual(this.#ring.counts(lane), { ...own, dropped: ownDropped });
      assert.equal(recorded, handedOn + waiting.length + droppedTotal);
      assert.equal(this.#ring.waiting(lane), waiting.length);
      for (const name of ['recorded', 'handedOn', 'waiting'] as const) sum[name] += own[name];
      for (const [reason, count] of Object.entries(ownDropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
    }
    assert.deepEqual(this.#ring.counts(), { ...sum, dropped });
    assert.equal(this.#ring.waiting(), sum.waiting);
    assert.equal(this.#timesFilling, this.#expectedFilling);
  }

  /** A sink that takes all empties the ring in the end, and nothing failed but the sink. */
  async finish(): Promise<void> {
    await this.run({ kind: 'react', reactions: [] });
    await this.run({ kind: 'connect' });
    await this.run({ kind: 'flush' });
    assert.equal(this.#ring.waiting(), 0);
    assert.ok(this.#errors.count >= this.happened.thrown);
  }
}

/** Runs a program on the real ring and pump. @throws AssertionError where they differ from the model */
export async function assertRingAndPump({ capacity, operations }: RingProgram): Promise<Happened> {
  const run = new RingRun(capacity);
  for (const operation of operations) await run.run(operation);
  await run.finish();
  return run.happened;
}
