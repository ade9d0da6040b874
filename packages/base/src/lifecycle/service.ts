/**
 * One start/stop policy for everything that lives as long as the server.
 *
 * - `start` resolves when the service is ready, and runs once.
 * - `stop` finishes what is in flight, is idempotent (every caller gets the same promise) and bounded: a service that
 *   outlives the deadline is left behind and reported.
 * - A group starts its members in order and stops them in reverse; when one fails to start, those before it are stopped.
 *
 *     idle ──start──▶ starting ──▶ running ──stop──▶ stopping ──▶ stopped
 *                        └──── failed                    (stop in any state is allowed)
 */

import { type Clock, systemClock } from "../clock/index.ts";
import { lifecycleErrors } from "./errors.ts";

export type ServiceStatus = "idle" | "starting" | "running" | "stopping" | "stopped" | "failed";

export interface StopOptions {
  /** How long `stop` may take, in milliseconds, before it gives up waiting. Default 10,000. */
  readonly deadlineMs?: number;
}

export interface Service {
  /** For logs and errors: `mqtt listener`. */
  readonly name: string;
  start(): Promise<void>;
  stop(options?: StopOptions): Promise<void>;
}

export class ServiceGroup implements Service {
  readonly name: string;
  readonly #members: readonly Service[];
  readonly #clock: Clock;
  readonly #started: Service[] = [];
  #status: ServiceStatus = "idle";
  #stopping: Promise<void> | undefined;

  constructor(name: string, members: readonly Service[], clock: Clock = systemClock) {
    this.name = name;
    this.#members = members;
    this.#clock = clock;
  }

  get status(): ServiceStatus {
    return this.#status;
  }

  async start(): Promise<void> {
    if (this.#status !== "idle") throw lifecycleErrors.ALREADY_STARTED({ service: this.name });
    this.#status = "starting";
    try {
      for (const member of this.#members) {
        this.#started.push(member);
        await member.start();
      }
      this.#status = "running";
    } catch (error) {
      this.#status = "failed";
      await this.#stopStarted({}).catch(() => undefined); // The first failure is the one to report.
      throw error;
    }
  }

  /** Rejects with the members' errors when some failed to stop; the others are stopped all the same. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stopStarted(options).finally(() => {
      this.#status = "stopped";
    });
    return this.#stopping;
  }

  async #stopStarted(options: StopOptions): Promise<void> {
    this.#status = "stopping";
    const deadlineAtMs = this.#clock.monotonicMs() + (options.deadlineMs ?? 10_000);
    const failures: unknown[] = [];
    for (const member of this.#started.splice(0).reverse()) {
      const leftMs = Math.max(0, deadlineAtMs - this.#clock.monotonicMs());
      await this.#withDeadline(member, leftMs).catch((error: unknown) => failures.push(error));
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `${this.name}: ${failures.length} services failed to stop`);
  }

  async #withDeadline(member: Service, deadlineMs: number): Promise<void> {
    // Members get nine tenths, so that one which respects its own deadline is not reported for reaching it.
    const stopped = member.stop({ deadlineMs: deadlineMs * 0.9 });
    let timer: ReturnType<Clock["setTimer"]> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimer(
        () => reject(lifecycleErrors.STOP_DEADLINE({ service: member.name, deadlineMs: Math.round(deadlineMs) })),
        deadlineMs,
      );
    });
    try {
      await Promise.race([stopped, late]);
    } finally {
      this.#clock.clearTimer(timer);
    }
  }
}

/** A service out of two functions, for what has no state of its own to keep. */
export function service(
  name: string,
  start: () => Promise<void>,
  stop: (options: StopOptions) => Promise<void>,
): Service {
  return { name, start, stop: (options = {}) => stop(options) };
}
