// How much of what queries gave a process holds at a time, for all groups that it evaluates: a bound on memory, whatever rules do. What a group holds
// is given back once its slot is committed. A little every group may hold, so that one that fills the room takes nothing from those that are small.
import type { RulesRows } from '../db/rules-rows.ts';

/** Series, and bytes of their texts and numbers. */
export interface RoomSize {
  readonly series: number;
  readonly bytes: number;
}

/** What all groups may hold together: 150 MB or so, as series are kept. */
const ROOM: RoomSize = { series: 100_000, bytes: 64 * 2 ** 20 };
/** What each may hold beyond. */
const OWN: RoomSize = { series: 5000, bytes: 2 ** 20 };
const NUMBER_BYTES = 8;

/** What one group holds for a slot. */
export interface RoomShare {
  /** Whether there is room for an answer, which is then held until `close`. */
  take(answer: Pick<RulesRows, 'rows'>): boolean;
  close(): void;
}

/** Counts what is held. */
export class SeriesRoom {
  readonly #room: RoomSize;
  readonly #own: RoomSize;
  #held: RoomSize = { series: 0, bytes: 0 };

  constructor({ room = ROOM, own = OWN }: { readonly room?: RoomSize; readonly own?: RoomSize } = {}) {
    this.#room = room;
    this.#own = own;
  }

  /** What is held now. */
  get held(): RoomSize {
    return this.#held;
  }

  open(): RoomShare {
    let held: RoomSize = { series: 0, bytes: 0 };
    return {
      take: (answer) => {
        const size = sizeOf(answer);
        const [own, all] = [add(held, size), add(this.#held, size)];
        if (!fits(own, this.#own) && !fits(all, this.#room)) return false;
        held = own;
        this.#held = all;
        return true;
      },
      close: () => {
        this.#held = { series: this.#held.series - held.series, bytes: this.#held.bytes - held.bytes };
        held = { series: 0, bytes: 0 };
      },
    };
  }
}

function sizeOf({ rows }: Pick<RulesRows, 'rows'>): RoomSize {
  let bytes = 0;
  for (const cells of rows) for (const cell of cells) bytes += typeof cell === 'string' ? cell.length : NUMBER_BYTES;
  return { series: rows.length, bytes };
}

function add(one: RoomSize, other: RoomSize): RoomSize {
  return { series: one.series + other.series, bytes: one.bytes + other.bytes };
}

function fits(size: RoomSize, room: RoomSize): boolean {
  return size.series <= room.series && size.bytes <= room.bytes;
}
