/**
 * Slows all who write to the same database when it says that it has too much, or cannot be reached: everybody waits, longer each
 * time, and one request after the pause shows whether it is over. Nothing is lost meanwhile.
 */

import { randomInt } from "node:crypto";
import type { Clock } from "@polylog/base/clock";
import { pauseMsMax, pauseMsMin } from "./limits.ts";

const chanceSteps = 2 ** 32;

export class Brake {
  readonly #clock: Clock;
  readonly #random: () => number;
  #pauseMs = 0;
  #openAtMs = 0;
  /** One request is on its way to see whether the pause is over. */
  #isTrying = false;
  readonly #waiting: (() => void)[] = [];
  /** Pauses so far. */
  pauseCount = 0;

  constructor(clock: Clock, random: () => number = () => randomInt(chanceSteps) / chanceSteps) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOn(): boolean {
    return this.#pauseMs > 0;
  }

  /** Resolves when a request may go; `aborted` ends the wait too. */
  async pass(aborted: AbortSignal): Promise<void> {
    while (this.isOn && !aborted.aborted) {
      const leftMs = this.#openAtMs - this.#clock.monotonicMs();
      if (leftMs <= 0 && !this.#isTrying) {
        this.#isTrying = true;
        return;
      }
      await this.#wait(leftMs > 0 ? leftMs : pauseMsMin, aborted);
    }
  }

  /** A request was answered, whatever the answer was: the database works. */
  release(): void {
    this.#pauseMs = 0;
    this.#isTrying = false;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** A request came back with too much, or did not get there. Those that were on their way with it count once. */
  press(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#openAtMs) return;
    this.#isTrying = false;
    this.#pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, this.#pauseMs * 2));
    this.#openAtMs = nowMs + this.#pauseMs * (0.5 + this.#random() / 2);
    this.pauseCount++;
  }

  #wait(delayMs: number, aborted: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#clock.clearTimer(timer);
        aborted.removeEventListener("abort", wake);
        resolve();
      };
      const timer = this.#clock.setTimer(wake, delayMs);
      aborted.addEventListener("abort", wake);
      this.#waiting.push(wake);
    });
  }
}
