/**
 * A state store in memory that forgets as LevelDB may: when the process dies, the last writes that nobody was told of; when
 * the power is cut, the last writes that were not synced. What is left is always the effect of the first so many writes.
 */

import type { StateOperation, StateStore, StateWriteOptions } from "@polylog/log";
import { MemoryStateStore } from "@polylog/log/memory";

interface Write {
  readonly operations: readonly StateOperation[];
  resolved: boolean;
}

export class CrashingStateStore implements StateStore {
  readonly #now = new MemoryStateStore();
  readonly #writes: Write[];
  /** The first so many of the writes are synced. */
  #syncedCount: number;
  #crashed = false;

  constructor(writes: Write[] = []) {
    this.#writes = writes;
    this.#syncedCount = writes.length;
  }

  async open(): Promise<void> {
    await this.#now.open();
    for (const { operations } of this.#writes) await this.#now.write(operations);
  }

  close(): Promise<void> {
    return this.#now.close();
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.#now.get(key);
  }

  entries(prefix: string): AsyncIterable<readonly [string, Buffer]> {
    return this.#now.entries(prefix);
  }

  async write(operations: readonly StateOperation[], options: StateWriteOptions = {}): Promise<void> {
    const copies = operations.map((each) => (each.type === "put" ? { ...each, value: Buffer.from(each.value) } : each));
    const write: Write = { operations: copies, resolved: false };
    this.#writes.push(write);
    const count = this.#writes.length;
    await this.#now.write(copies);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#crashed) await new Promise<never>(() => undefined);
    write.resolved = true;
    if (options.sync === true) this.#syncedCount = Math.max(this.#syncedCount, count);
  }

  async compareAndSet(): Promise<boolean> {
    throw new Error("nobody needs it here");
  }

  /** What a start after the crash finds. `chance`: 0 to below 1. */
  crash(of: "process" | "power", chance: number): CrashingStateStore {
    this.#crashed = true;
    const told = this.#writes.findLastIndex((write) => write.resolved) + 1;
    const safe = of === "process" ? told : this.#syncedCount;
    return new CrashingStateStore(this.#writes.slice(0, safe + Math.floor(chance * (this.#writes.length - safe + 1))));
  }
}
