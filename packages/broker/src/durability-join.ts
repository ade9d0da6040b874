/** Several things that must be durable before one acknowledgement: a message captured by two logs, or retained too. */

import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter } from "@polylog/log";

export class DurabilityJoin implements DurabilityWaiter {
  readonly #waiter: DurabilityWaiter;
  readonly #token: number;
  #left = 1;
  #error: PolylogError | undefined;

  constructor(waiter: DurabilityWaiter, token: number) {
    this.#waiter = waiter;
    this.#token = token;
  }

  /** One more to wait for. */
  add(): void {
    this.#left++;
  }

  /** The first error wins; the waiter hears once, when all have answered. */
  onDurable(_token: number, error: PolylogError | undefined): void {
    this.#error ??= error;
    if (--this.#left === 0) this.#waiter.onDurable(this.#token, this.#error);
  }

  /** All that was to be waited for has been added. True when everything is durable already; the waiter is then not called. */
  close(): boolean {
    if (--this.#left > 0) return false;
    if (this.#error === undefined) return true;
    this.#waiter.onDurable(this.#token, this.#error);
    return false;
  }
}
