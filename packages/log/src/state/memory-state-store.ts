/** A state store that ends with the process: for tests and for servers without a data directory. */

import { logErrors } from "../errors.ts";
import { checkKey, checkOperations, type StateOperation, type StateStore } from "./state-store.ts";

export class MemoryStateStore implements StateStore {
  readonly #values = new Map<string, Buffer>();
  #open = false;

  async open(): Promise<void> {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  async get(key: string): Promise<Buffer | undefined> {
    this.#requireOpen();
    checkKey(key);
    const value = this.#values.get(key);
    return value && Buffer.from(value);
  }

  async write(operations: readonly StateOperation[]): Promise<void> {
    this.#requireOpen();
    checkOperations(operations);
    for (const operation of operations) {
      if (operation.type === "put") this.#values.set(operation.key, Buffer.from(operation.value));
      else this.#values.delete(operation.key);
    }
  }

  async *entries(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    this.#requireOpen();
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    for (const [key, value] of found.sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)))) {
      this.#requireOpen();
      yield [key, Buffer.from(value)];
    }
  }

  async compareAndSet(key: string, expected: Uint8Array | undefined, value: Uint8Array): Promise<boolean> {
    this.#requireOpen();
    checkOperations([{ type: "put", key, value }]);
    const current = this.#values.get(key);
    if (expected === undefined ? current !== undefined : !current?.equals(expected)) return false;
    this.#values.set(key, Buffer.from(value));
    return true;
  }

  #requireOpen(): void {
    if (!this.#open) throw logErrors.STATE_CLOSED({ name: "memory" });
  }
}
