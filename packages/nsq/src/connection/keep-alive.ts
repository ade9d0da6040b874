/**
 * One coarse timer for all connections: heartbeats, deadlines and held consumers are looked at every
 * `keepAliveIntervalMs`, so that a connection costs no timer of its own and a command no look at the clock. What is due
 * happens up to that much late. It runs only while somebody is to be looked at.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { keepAliveIntervalMs } from "../limits.ts";

export interface KeptAlive {
  /** Called about every `keepAliveIntervalMs`. It may leave. Must not throw. */
  onTick(nowMs: number): void;
}

export class KeepAlive {
  readonly #clock: Clock;
  readonly #members = new Set<KeptAlive>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(member: KeptAlive): void {
    this.#members.add(member);
    this.#timer ??= this.#clock.setTimer(this.#tick, keepAliveIntervalMs);
  }

  remove(member: KeptAlive): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#timer = this.#clock.setTimer(this.#tick, keepAliveIntervalMs);
    const nowMs = this.#clock.monotonicMs();
    for (const member of this.#members) member.onTick(nowMs);
  };
}
