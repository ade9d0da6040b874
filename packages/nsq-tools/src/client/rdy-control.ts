/**
 * Who may send how much: spreads max_in_flight over the connections as RDY counts, and slows down after failures, as
 * go-nsq does.
 *
 *     connections <= max_in_flight     each gets its share
 *     more connections than that       some get 1, the others 0; those that stay silent give theirs up to others
 *     a message is requeued            backoff: all get 0, for a time that grows with each failure; then one gets 1;
 *                                      its success lowers the level, its failure raises it; level 0 ends the backoff
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { ClientOptions } from "./client-options.ts";
import { rdyRetryMs, resumeRetryMs } from "./limits.ts";

/** What is distributed to. The numbers are kept here, `sendRdy` tells nsqd. */
export interface RdyConnection {
  readonly address: string;
  readonly maxRdyCount: number;
  readonly closing: boolean;
  readonly lastMessageMs: number;
  /** The count that counts against max_in_flight. */
  rdyCount: number;
  lastRdyMs: number;
  sendRdy(count: number): void;
}

export interface RdyContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0..1 */
  readonly chance: () => number;
  readonly options: ClientOptions;
}

export type Outcome = "success" | "failure" | "neutral";

export class RdyControl {
  maxInFlight: number;
  readonly #context: RdyContext;
  readonly #connections = new Set<RdyConnection>();
  readonly #retries = new Map<RdyConnection, Timer>();
  #backoffLevel = 0;
  #backoffTimer: Timer | undefined;
  #redistributeTimer: Timer | undefined;
  #redistributionNeeded = false;
  #stopped = false;

  constructor(context: RdyContext) {
    this.#context = context;
    this.maxInFlight = context.options.maxInFlight;
    this.#planRedistribution();
  }

  get isBackingOff(): boolean {
    return this.#backoffLevel > 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  add(connection: RdyConnection): void {
    this.#connections.add(connection);
    // The others give up what is now too much before the new one gets its share.
    for (const each of this.#connections) this.#updateToShare(each);
  }

  remove(connection: RdyConnection): void {
    this.#connections.delete(connection);
    const hadRetry = this.#cancelRetry(connection);
    const had = hadRetry || connection.rdyCount > 0;
    connection.rdyCount = 0;
    if (had && (this.#connections.size === this.maxInFlight || this.isBackingOff)) this.#redistributionNeeded = true;
    if (this.#stopped || this.isBackingOff) return;
    for (const each of this.#connections) this.#updateToShare(each);
  }

  setMaxInFlight(maxInFlight: number): void {
    this.maxInFlight = maxInFlight;
    for (const each of this.#connections) this.#updateToShare(each);
  }

  /** What became of a message. During the pause itself nothing counts, so that many failures at once are one. */
  report(outcome: Outcome): void {
    const { options, logger } = this.#context;
    if (this.#backoffTimer !== undefined || this.#stopped) return;
    const before = this.#backoffLevel;
    if (outcome === "success" && before > 0) this.#backoffLevel--;
    if (outcome === "failure" && options.maxBackoffDurationMs > 0) {
      if (this.#pauseMs(before + 1) <= options.maxBackoffDurationMs) this.#backoffLevel++;
    }
    if (this.#backoffLevel === 0) {
      if (before > 0) this.#exitBackoff();
      return;
    }
    const pauseMs = Math.min(this.#pauseMs(this.#backoffLevel), options.maxBackoffDurationMs);
    logger.warn(`backing off for ${pauseMs} ms (backoff level ${this.#backoffLevel}), setting all to RDY 0`);
    for (const each of this.#connections) this.#update(each, 0);
    this.#pause(pauseMs);
  }

  stop(): void {
    this.#stopped = true;
    const { clock } = this.#context;
    clock.clearTimer(this.#backoffTimer);
    clock.clearTimer(this.#redistributeTimer);
    for (const timer of this.#retries.values()) clock.clearTimer(timer);
    this.#retries.clear();
  }

  // --- backoff -----------------------------------------------------------------------------------------------------

  #pauseMs(level: number): number {
    const { backoffStrategy, backoffMultiplierMs } = this.#context.options;
    const fullMs = backoffMultiplierMs * 2 ** level;
    return backoffStrategy === "full_jitter" ? Math.floor(this.#context.chance() * fullMs) : fullMs;
  }

  #pause(pauseMs: number): void {
    this.#backoffTimer = this.#context.clock.setTimer(() => this.#resume(), pauseMs);
  }

  #resume(): void {
    const { logger, chance } = this.#context;
    this.#backoffTimer = undefined;
    if (this.#stopped) return;
    const open = [...this.#connections].filter((each) => !each.closing);
    const choice = open[Math.floor(chance() * open.length)];
    if (choice === undefined) {
      logger.warn("no connection available to resume");
      this.#pause(resumeRetryMs);
      return;
    }
    logger.warn(`(${choice.address}) backoff timeout expired, sending RDY 1`);
    this.#update(choice, 1);
  }

  #exitBackoff(): void {
    this.#context.logger.warn(`exiting backoff, returning all to RDY ${this.#share()}`);
    for (const each of this.#connections) this.#update(each, this.#share());
  }

  // --- distribution ------------------------------------------------------------------------------------------------

  #share(): number {
    const each = this.maxInFlight / Math.max(1, this.#connections.size);
    return Math.floor(Math.min(Math.max(1, each), this.maxInFlight));
  }

  #updateToShare(connection: RdyConnection): void {
    if (this.isBackingOff || this.#backoffTimer !== undefined) return;
    this.#update(connection, this.#share());
  }

  #update(connection: RdyConnection, wanted: number): void {
    if (connection.closing || this.#stopped || !this.#connections.has(connection)) return;
    this.#cancelRetry(connection);
    const count = Math.min(wanted, connection.maxRdyCount);
    const possible = this.maxInFlight - this.#total() + connection.rdyCount;
    if (count > 0 && possible <= 0) {
      // It would never get anything: try again when others may have given something up.
      if (connection.rdyCount === 0) this.#retryLater(connection, count);
      return;
    }
    this.#send(connection, Math.min(count, Math.max(0, possible)));
  }

  #send(connection: RdyConnection, count: number): void {
    if (connection.rdyCount === count) return;
    connection.rdyCount = count;
    connection.lastRdyMs = this.#context.clock.monotonicMs();
    connection.sendRdy(count);
  }

  #total(): number {
    let total = 0;
    for (const each of this.#connections) total += each.rdyCount;
    return total;
  }

  #retryLater(connection: RdyConnection, count: number): void {
    const retry = () => {
      this.#retries.delete(connection);
      if (!this.isBackingOff) this.#update(connection, count);
    };
    this.#retries.set(connection, this.#context.clock.setTimer(retry, rdyRetryMs));
  }

  #cancelRetry(connection: RdyConnection): boolean {
    this.#context.clock.clearTimer(this.#retries.get(connection));
    return this.#retries.delete(connection);
  }

  #planRedistribution(): void {
    const { clock, options } = this.#context;
    this.#redistributeTimer = clock.setTimer(() => {
      this.#redistribute();
      this.#planRedistribution();
    }, options.rdyRedistributeIntervalMs);
  }

  #redistribute(): void {
    const { options, clock, chance } = this.#context;
    const count = this.#connections.size;
    if (this.#backoffTimer !== undefined || count === 0) return;
    if (count > this.maxInFlight || (this.isBackingOff && count > 1)) this.#redistributionNeeded = true;
    if (!this.#redistributionNeeded) return;
    this.#redistributionNeeded = false;
    const nowMs = clock.monotonicMs();
    for (const each of this.#connections) {
      if (each.rdyCount === 0) continue;
      const idle = nowMs - each.lastMessageMs > options.lowRdyIdleTimeoutMs;
      if (idle || nowMs - each.lastRdyMs > options.lowRdyTimeoutMs) this.#update(each, 0);
    }
    const waiting = [...this.#connections];
    let available = (this.isBackingOff ? 1 : this.maxInFlight) - this.#total();
    for (; waiting.length > 0 && available > 0; available--) {
      const [choice] = waiting.splice(Math.floor(chance() * waiting.length), 1);
      if (choice !== undefined && choice.rdyCount === 0) this.#update(choice, 1);
    }
  }
}
