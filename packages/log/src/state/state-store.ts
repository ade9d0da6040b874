/**
 * Small durable values under string keys: log configurations, channels, sessions, retained messages, users.
 *
 * - Keys are well-formed strings of 1 to 128 KiB as UTF-8, ordered by their UTF-8 bytes. Values have 0 to 16 MiB.
 * - Writes take effect whole, one after another, in the order of the calls, whether or not each is awaited.
 * - A `get` or `entries` that starts after a write resolved sees that write.
 * - Values are copied on the way in and on the way out: the caller keeps its buffers.
 * - Before `open` and after `close` everything rejects with `log.STATE_CLOSED`.
 *
 * `state-store.contract.ts` is this comment as tests; every implementation runs it.
 */

import { logErrors } from "../errors.ts";
import { stateKeySizeMax, stateValueSizeMax } from "./limits.ts";

export type StateOperation =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "delete"; readonly key: string };

export interface StateWriteOptions {
  /** True: resolves once the write survives power loss. Default false: it survives the death of the process. */
  readonly sync?: boolean;
}

export interface StateStore {
  /** Resolves when the store is ready. Does nothing when it is open. A closed store may be opened again. */
  open(): Promise<void>;
  /** Lets writes that were called before finish. Does nothing when it is closed. Iterations under way then reject. */
  close(): Promise<void>;
  get(key: string): Promise<Buffer | undefined>;
  /** All or nothing. Later operations on the same key win. */
  write(operations: readonly StateOperation[], options?: StateWriteOptions): Promise<void>;
  /** The entries whose key starts with `prefix`, ascending, as they were at the first `next`. "" gives all. */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: Buffer]>;
  /**
   * Puts `value` if the key holds exactly `expected` (`undefined`: if it does not exist) and tells whether it did.
   * Atomic among all writes of this process, and survives what a write without `sync` survives.
   */
  compareAndSet(key: string, expected: Uint8Array | undefined, value: Uint8Array): Promise<boolean>;
}

/** Throws `log.STATE_INVALID_KEY` or `log.STATE_VALUE_TOO_LARGE`; returns the bytes of all keys and values. */
export function checkOperations(operations: readonly StateOperation[]): number {
  let size = 0;
  for (const operation of operations) {
    size += checkKey(operation.key);
    if (operation.type === "put") size += checkValue(operation.key, operation.value);
  }
  return size;
}

/** Returns the key's size in bytes. */
export function checkKey(key: string): number {
  const size = Buffer.byteLength(key);
  // A lone surrogate becomes U+FFFD in UTF-8, so two different keys would be one.
  if (size === 0 || size > stateKeySizeMax || /\p{Surrogate}/u.test(key)) {
    throw logErrors.STATE_INVALID_KEY({ size, sizeMax: stateKeySizeMax });
  }
  return size;
}

function checkValue(key: string, value: Uint8Array): number {
  if (value.length > stateValueSizeMax) {
    throw logErrors.STATE_VALUE_TOO_LARGE({ key: key.slice(0, 100), size: value.length, sizeMax: stateValueSizeMax });
  }
  return value.length;
}
