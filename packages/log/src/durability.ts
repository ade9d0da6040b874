/** The levels an acknowledgement can have on one machine, and how reaching one is told. */

import type { PolylogError } from "@polylog/base/errors";

/** `memory`: accepted. `written`: survives the death of the process. `synced`: survives that of the machine. */
export const durabilities = ["memory", "written", "synced"] as const;
export type Durability = (typeof durabilities)[number];

export interface DurabilityWaiter {
  /**
   * `error` undefined: everything up to the offset reached the level. Otherwise it never will in this life of the
   * partition; whether the records are there after a restart is open. `token` is the caller's own number. Must not throw.
   */
  onDurable(token: number, error: PolylogError | undefined): void;
}
