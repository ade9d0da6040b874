/**
 * Says which channels lose records to retention, emptying or the bound of a log in memory: at once, and while it goes on one
 * line per channel and `dropReportIntervalMs`. A flood into a full log would otherwise be a flood into the server's log.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { Channel } from "../channels/channel.ts";
import { dropReportIntervalMs } from "../limits.ts";

export class DropReport {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Records lost and not said yet. */
  readonly #counts = new Map<Channel, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  add(channel: Channel, count: number): void {
    this.#counts.set(channel, (this.#counts.get(channel) ?? 0) + count);
    // At the end of the turn: a trim may tell several partitions and channels.
    this.#timer ??= this.#clock.setTimer(this.#say, 0);
  }

  readonly #say = (): void => {
    this.#timer = undefined;
    if (this.#counts.size === 0) return;
    this.flush();
    this.#timer = this.#clock.setTimer(this.#say, dropReportIntervalMs);
  };

  /** Says what is left, and nothing by itself any more until something is added. */
  flush(): void {
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    for (const [{ logName: log, name: channel }, count] of this.#counts)
      this.#logger.warn("records were removed that a channel had not finished", { log, channel, count });
    this.#counts.clear();
  }
}
