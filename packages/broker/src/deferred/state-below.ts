/** A part of a state store: every key has a prefix there that is not seen here. Whoever owns the whole opens and closes it. */

import type { StateOperation, StateStore, StateWriteOptions } from "@polylog/log";

export class StateBelow implements StateStore {
  readonly #state: StateStore;
  readonly #prefix: string;

  constructor(state: StateStore, prefix: string) {
    this.#state = state;
    this.#prefix = prefix;
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  get(key: string): Promise<Buffer | undefined> {
    return this.#state.get(this.#prefix + key);
  }

  write(operations: readonly StateOperation[], options?: StateWriteOptions): Promise<void> {
    const moved = operations.map((each) => ({ ...each, key: this.#prefix + each.key }));
    return this.#state.write(moved, options);
  }

  async *entries(prefix: string): AsyncGenerator<readonly [key: string, value: Buffer]> {
    for await (const [key, value] of this.#state.entries(this.#prefix + prefix))
      yield [key.slice(this.#prefix.length), value];
  }

  compareAndSet(key: string, expected: Uint8Array | undefined, value: Uint8Array): Promise<boolean> {
    return this.#state.compareAndSet(this.#prefix + key, expected, value);
  }
}
