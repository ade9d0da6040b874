/**
 * A clock whose wall-clock time stays on its course for a while when the system's jumps: a year forwards by a wrong answer of a
 * time server, and back with the next one. What is kept by the wall clock (when messages expire, are due or are removed, the
 * times of records, which never go back) would not get over that. A jump that lasts for `holdMs` is believed.
 *
 * After a sleep of the machine, which its monotonic clock does not count, time is late for as long.
 */

import type { Clock, Timer } from "./clock.ts";
import type { SpareShare } from "./spare-turns.ts";

/** What the two clocks may move apart between two questions without being a jump, in milliseconds. */
const driftMsMax = 60_000;

/** How long a jump must last, in milliseconds. */
const holdMs = 5 * 60_000;

/** What is heard of a jump: that there is one, that it is over, or that it is believed. */
export type ClockJump = "held" | "over" | "believed";

export class SteadyClock implements Clock {
  readonly #clock: Clock;
  readonly #onJump: (what: ClockJump, jumpMs: number) => void;
  /** Wall clock minus monotonic clock. */
  #offsetMs: number;
  /** Monotonic; undefined: the wall clock is believed. */
  #jumpedAtMs: number | undefined;

  constructor(clock: Clock, onJump: (what: ClockJump, jumpMs: number) => void = () => undefined) {
    this.#clock = clock;
    this.#onJump = onJump;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
  }

  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const wallMs = this.#clock.nowMs();
    const steadyMs = this.#offsetMs + monotonicMs;
    const jumpMs = Math.round(wallMs - steadyMs);
    const isNear = Math.abs(jumpMs) <= driftMsMax;
    if (isNear && this.#jumpedAtMs === undefined) {
      this.#offsetMs = wallMs - monotonicMs;
      return wallMs;
    }
    if (isNear) return this.#believe("over", jumpMs, wallMs - monotonicMs, wallMs);
    if (this.#jumpedAtMs === undefined) {
      this.#jumpedAtMs = monotonicMs;
      this.#onJump("held", jumpMs);
    }
    if (monotonicMs - this.#jumpedAtMs >= holdMs)
      return this.#believe("believed", jumpMs, wallMs - monotonicMs, wallMs);
    return Math.floor(steadyMs);
  }

  #believe(what: ClockJump, jumpMs: number, offsetMs: number, wallMs: number): number {
    this.#offsetMs = offsetMs;
    this.#jumpedAtMs = undefined;
    this.#onJump(what, jumpMs);
    return wallMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    return this.#clock.setTimer(callback, delayMs);
  }

  clearTimer(timer: Timer | undefined): void {
    this.#clock.clearTimer(timer);
  }

  atTurnEnd(callback: () => void): void {
    this.#clock.atTurnEnd(callback);
  }

  atSpareTurn(callback: () => void, share?: SpareShare): void {
    this.#clock.atSpareTurn(callback, share);
  }
}
