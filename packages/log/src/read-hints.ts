/** Where the batches after those just read begin, so that reading on needs no index. The oldest hint makes room. */

import { readHintsMax } from "./limits.ts";
import type { Segment } from "./segment.ts";

export interface ReadHint {
  readonly segment: Segment;
  /** First offset of the batch at `position`. */
  readonly offset: number;
  readonly position: number;
  /** Size of that batch as its header says it, not checked; 0 when not known. */
  readonly size: number;
}

export class ReadHints {
  readonly #hints: ReadHint[] = [];
  #next = 0;

  add(hint: ReadHint): void {
    this.#hints[this.#next] = hint;
    this.#next = (this.#next + 1) % readHintsMax;
  }

  find(offset: number): ReadHint | undefined {
    for (const hint of this.#hints) if (hint.offset === offset) return hint;
    return undefined;
  }
}
