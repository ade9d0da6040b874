/**
 * Work on stored records that nobody waits for: again and again, one partition after the other, each task in turn. One that
 * fails is said and tried again in the next round; it stops no other.
 *
 * A task must leave the event loop free: it awaits between pieces of a few milliseconds, and returns when `ending` is true.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { EmbeddedLog } from "../embedded-log.ts";
import type { EmbeddedPartition } from "../embedded-partition.ts";
import { maintenanceIntervalMs } from "../limits.ts";

export interface MaintenanceTurn {
  readonly log: EmbeddedLog;
  readonly partition: EmbeddedPartition;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The store closes: leave what is not begun for the next start. */
  readonly ending: boolean;
}

export interface MaintenanceTask {
  readonly name: string;
  run(turn: MaintenanceTurn): Promise<void>;
}

export interface MaintenanceOptions {
  readonly logs: () => Iterable<EmbeddedLog>;
  readonly tasks: readonly MaintenanceTask[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  #ending = false;
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  /** Begun by `runNow`. */
  readonly #urgent = new Set<Promise<void>>();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs = maintenanceIntervalMs } = this.#options;
    this.#timer = clock.setTimer(() => {
      void this.runRound().finally(() => {
        if (!this.#ending) this.start();
      });
    }, intervalMs);
  }

  /** Runs every task on every partition that is open; joins a round under way. Never rejects. */
  runRound(): Promise<void> {
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #runRound(): Promise<void> {
    for (const log of [...this.#options.logs()])
      for (const partition of log.partitions)
        for (const task of this.#options.tasks) {
          if (this.#ending) return;
          if (partition.status === "open") await this.#run(task, log, partition);
        }
  }

  /** Runs one task on one partition besides the rounds, because something happened that should not wait for the next. */
  runNow(task: MaintenanceTask, log: EmbeddedLog, partition: EmbeddedPartition): void {
    if (this.#ending || partition.status !== "open") return;
    const run: Promise<void> = this.#run(task, log, partition).finally(() => this.#urgent.delete(run));
    this.#urgent.add(run);
  }

  async #run(task: MaintenanceTask, log: EmbeddedLog, partition: EmbeddedPartition): Promise<void> {
    const { clock, logger } = this.#options;
    const isEnding = (): boolean => this.#ending;
    const turn: MaintenanceTurn = {
      log,
      partition,
      clock,
      logger,
      get ending() {
        return isEnding();
      },
    };
    try {
      await task.run(turn);
    } catch (error) {
      if (partition.status !== "open") return; // Closed meanwhile, or read-only, which was said.
      logger.error(`${task.name} failed`, { log: log.name, partition: partition.number, error });
    }
  }

  /** Resolves when no task is under way. */
  async stop(): Promise<void> {
    this.#ending = true;
    this.#options.clock.clearTimer(this.#timer);
    await Promise.all([this.#round, ...this.#urgent]);
  }
}
