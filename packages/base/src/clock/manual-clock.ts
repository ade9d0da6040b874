/** A clock that moves only when a test says so. Timers fire in order of their due time, turns when `turn` is called. */

import type { Clock, Timer } from "./clock.ts";

interface ManualTimer extends Timer {
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #timers: ManualTimer[] = [];
  #turn: (() => void)[] = [];

  /** `startMs`: what `nowMs` answers at first. */
  constructor(startMs = 1_700_000_000_000) {
    this.#wallOffsetMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#wallOffsetMs + this.#monotonicMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer: ManualTimer = { dueMs: this.#monotonicMs + delayMs, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimer(timer: Timer | undefined): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }

  atTurnEnd(callback: () => void): void {
    this.#turn.push(callback);
  }

  /** There is always room: `callback` is the next microtask. */
  atSpareTurn(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Runs what waits for the end of the turn, and what that adds, until nothing waits. */
  turn(): void {
    while (this.#turn.length > 0) {
      const callbacks = this.#turn;
      this.#turn = [];
      for (const callback of callbacks) callback();
    }
  }

  /** Moves time forward by `ms`, firing due timers in order, with a turn after each. */
  advance(ms: number): void {
    const targetMs = this.#monotonicMs + ms;
    this.turn();
    for (;;) {
      const due = this.#timers.filter((each) => each.dueMs <= targetMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.clearTimer(due);
      this.#monotonicMs = Math.max(this.#monotonicMs, due.dueMs);
      due.callback();
      this.turn();
    }
    this.#monotonicMs = targetMs;
  }

  /** Jumps the wall clock, as an administrator or NTP would; `monotonicMs` does not move. */
  jumpWallClock(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  get timersPending(): number {
    return this.#timers.length;
  }
}
