/** One timer for all clients: once a second it counts up and looks at every connection. */

import type { Clock, Timer } from "@polylog/base/clock";

const tickMs = 1000;

export class KeepAlive {
  readonly #clock: Clock;
  readonly #connections: Iterable<{ onTick(tick: number): void }>;
  #timer: Timer | undefined;
  /** Ticks since `start`. A loop that stalled for a while makes one tick of it, and nobody is late because of it. */
  tick = 0;
  /** Called after all connections were looked at. */
  onTick: ((tick: number) => void) | undefined;

  /** `connections` may lose members while they are looked at. */
  constructor(clock: Clock, connections: Iterable<{ onTick(tick: number): void }>) {
    this.#clock = clock;
    this.#connections = connections;
  }

  start(): void {
    this.#timer = this.#clock.setTimer(() => {
      this.start();
      this.tick++;
      for (const connection of this.#connections) connection.onTick(this.tick);
      this.onTick?.(this.tick);
    }, tickMs);
  }

  stop(): void {
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
