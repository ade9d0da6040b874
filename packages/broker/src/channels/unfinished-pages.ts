/** The pages of an `UnfinishedWindow`, by index, and which of those that were saved are gone. Hot: `channel.bench.ts`. */

import type { RingBuffer } from "@polylog/base/collections";
import { entryStates, isWaiting, Page, pageMask, pageSize } from "./unfinished-page.ts";

export class UnfinishedPages {
  readonly #pages = new Map<number, Page>();
  /** The page used last: most calls stay on it. */
  #recent: Page | undefined;
  /** Pages that were saved and are gone: their rows are to be deleted. */
  readonly #removed: number[] = [];

  values(): IterableIterator<Page> {
    return this.#pages.values();
  }

  /** The page that holds the offset, if there is one. */
  of(offset: number): Page | undefined {
    const index = Math.floor(offset / pageSize);
    const recent = this.#recent;
    if (recent !== undefined && recent.index === index) return recent;
    const page = this.#pages.get(index);
    if (page !== undefined) this.#recent = page;
    return page;
  }

  /** The page for the offset, made when there is none. */
  ensure(offset: number): Page {
    let page = this.of(offset);
    if (page === undefined) {
      page = new Page(Math.floor(offset / pageSize));
      this.#pages.set(page.index, page);
      this.#recent = page;
    }
    return page;
  }

  /** What the offset is; finished when there is no page. */
  stateOf(offset: number): number {
    const page = this.of(offset);
    return page === undefined ? entryStates.finished : page.states[offset & pageMask]!;
  }

  /** The first offset of `queue` that is in `state`, which stays there, or -1; those before it are taken out. */
  first(queue: RingBuffer<number>, state: number): number {
    for (;;) {
      const offset = queue.peek();
      if (offset === undefined) return -1;
      if (this.stateOf(offset) === state) return offset;
      queue.shift();
    }
  }

  /** The first offsets of `queue` that are in `state`, each once; at most `countMax`. */
  some(queue: RingBuffer<number>, state: number, countMax: number): number[] {
    const offsets = new Set<number>();
    for (let index = 0; index < queue.size && offsets.size < countMax; index++) {
      const offset = queue.at(index)!;
      if (this.stateOf(offset) === state) offsets.add(offset);
    }
    return [...offsets];
  }

  /** Offsets that wait to be delivered, in order. */
  waiting(): number[] {
    const offsets: number[] = [];
    for (const page of this.#pages.values())
      for (let at = 0; at < pageSize; at++) if (isWaiting(page.states[at]!)) offsets.push(page.index * pageSize + at);
    return offsets.sort((a, b) => a - b);
  }

  /** Pages that changed since they were last taken. */
  *takeDirty(): Iterable<Page> {
    for (const page of this.#pages.values()) {
      if (!page.dirty) continue;
      page.dirty = false;
      yield page;
    }
  }

  remove(page: Page): void {
    this.#pages.delete(page.index);
    if (this.#recent === page) this.#recent = undefined;
    if (page.saved) this.#removed.push(page.index);
  }

  clear(): void {
    for (const page of this.#pages.values()) if (page.saved) this.#removed.push(page.index);
    this.#pages.clear();
    this.#recent = undefined;
  }

  /** Indexes of pages whose saved rows are to be deleted. */
  takeRemoved(): number[] {
    return this.#removed.splice(0);
  }

  /**
   * Where a page after the one of `offset` begins, with none that is unfinished in between; or something above `cursor`. A
   * gap may have any size, so whatever is fewer is walked: offsets up to the cursor, page by page, or the pages there are.
   */
  next(offset: number, cursor: number): number {
    const next = (Math.floor(offset / pageSize) + 1) * pageSize;
    if ((cursor - next) / pageSize <= this.#pages.size) return next;
    let first = Number.POSITIVE_INFINITY;
    for (const page of this.#pages.values()) {
      const start = page.index * pageSize;
      if (page.unfinishedCount > 0 && start >= next && start < first) first = start;
    }
    return first;
  }
}
