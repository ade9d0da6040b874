/** Who is told of what changes in a partition. */

import type { Partition, PartitionWatcher } from "./partition.ts";

export class PartitionWatchers {
  readonly #partition: Partition;
  /** Replaced, never changed, so that whoever is being called may leave. */
  #watchers: readonly PartitionWatcher[] = [];

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  add(watcher: PartitionWatcher): void {
    this.#watchers = [...this.#watchers, watcher];
  }

  remove(watcher: PartitionWatcher): void {
    this.#watchers = this.#watchers.filter((each) => each !== watcher);
  }

  clear(): void {
    this.#watchers = [];
  }

  tellHigh(): void {
    const watchers = this.#watchers;
    for (let i = 0; i < watchers.length; i++) watchers[i]!.onHighWatermark(this.#partition);
  }

  tellLow(): void {
    for (const watcher of this.#watchers) watcher.onLowWatermark?.(this.#partition);
  }
}
