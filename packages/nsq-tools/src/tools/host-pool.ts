/**
 * Which of several destinations gets the next message, as NSQ's tools choose (bitly/go-hostpool):
 *
 *     hostpool         round robin over those that work; one that failed is left out for 30 s, doubling up to 900 s
 *     epsilon-greedy   the same, but most messages go to destinations in proportion to how fast they answered during
 *                      the last five minutes; a share of them, 0.3 at first and shrinking to 0.01, explores
 */

import type { Clock } from "@polylog/base/clock";

const retryDelayMs = 30_000;
const retryDelayMaxMs = 900_000;
const bucketCount = 120;
const bucketMs = 300_000 / bucketCount;
const epsilonFirst = 0.3;
const epsilonMin = 0.01;
const epsilonDecay = 0.9;

interface Host {
  readonly address: string;
  dead: boolean;
  nextRetryMs: number;
  retryDelayMs: number;
  /** Answers and the sum of their times, per bucket; the one at `bucket` is being filled. */
  readonly counts: number[];
  readonly timesMs: number[];
}

export interface Choice {
  readonly address: string;
  /** Says how it went; call it once. */
  mark(success: boolean): void;
}

export interface HostPoolOptions {
  readonly clock: Clock;
  /** 0..1 */
  readonly chance: () => number;
  readonly greedy: boolean;
}

export class HostPool {
  readonly #hosts: readonly Host[];
  readonly #options: HostPoolOptions;
  #next = 0;
  #epsilon = epsilonFirst;
  #bucket = 0;
  #bucketSinceMs: number;

  constructor(addresses: readonly string[], options: HostPoolOptions) {
    this.#options = options;
    this.#bucketSinceMs = options.clock.monotonicMs();
    this.#hosts = addresses.map((address) => ({
      ...{ address, dead: false, nextRetryMs: 0, retryDelayMs },
      counts: new Array<number>(bucketCount).fill(0),
      timesMs: new Array<number>(bucketCount).fill(0),
    }));
  }

  choose(): Choice {
    const { clock, greedy } = this.#options;
    const host = greedy ? this.#chooseGreedily() : this.#chooseInTurn();
    const startedMs = clock.monotonicMs();
    return {
      address: host.address,
      mark: (success) => {
        if (success) this.#succeeded(host, clock.monotonicMs() - startedMs);
        else this.#failed(host);
      },
    };
  }

  #chooseInTurn(): Host {
    const count = this.#hosts.length;
    for (let i = 0; i < count; i++) {
      const at = (i + this.#next) % count;
      const host = this.#hosts[at]!;
      if (!this.#mayTry(host)) continue;
      this.#next = at + 1;
      return this.#used(host);
    }
    // None works: all of them are tried again.
    for (const host of this.#hosts) host.dead = false;
    this.#next = 0;
    return this.#hosts[0]!;
  }

  #chooseGreedily(): Host {
    const { chance } = this.#options;
    this.#turnBuckets();
    if (chance() < this.#epsilon) {
      this.#epsilon = Math.max(epsilonMin, this.#epsilon * epsilonDecay);
      return this.#chooseInTurn();
    }
    const known = this.#hosts
      .filter((host) => this.#mayTry(host))
      .map((host) => ({ host, timeMs: this.#weightedTimeMs(host) }))
      .filter(({ timeMs }) => timeMs > 0);
    const total = known.reduce((sum, { timeMs }) => sum + 1 / timeMs, 0);
    let left = chance() * total;
    for (const { host, timeMs } of known) {
      left -= 1 / timeMs;
      if (left <= 0) return this.#used(host);
    }
    return this.#chooseInTurn();
  }

  #mayTry(host: Host): boolean {
    return !host.dead || host.nextRetryMs < this.#options.clock.monotonicMs();
  }

  /** One that failed before and is tried again waits longer the next time. */
  #used(host: Host): Host {
    if (!host.dead) return host;
    host.retryDelayMs = Math.min(retryDelayMaxMs, host.retryDelayMs * 2);
    host.nextRetryMs = this.#options.clock.monotonicMs() + host.retryDelayMs;
    return host;
  }

  #succeeded(host: Host, tookMs: number): void {
    host.dead = false;
    this.#turnBuckets();
    host.counts[this.#bucket]! += 1;
    host.timesMs[this.#bucket]! += tookMs;
  }

  #failed(host: Host): void {
    if (host.dead) return;
    host.dead = true;
    host.retryDelayMs = retryDelayMs;
    host.nextRetryMs = this.#options.clock.monotonicMs() + retryDelayMs;
  }

  #turnBuckets(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (let turns = 0; nowMs - this.#bucketSinceMs >= bucketMs; turns++) {
      this.#bucketSinceMs += bucketMs;
      if (turns >= bucketCount) continue;
      this.#bucket = (this.#bucket + 1) % bucketCount;
      for (const host of this.#hosts) {
        host.counts[this.#bucket] = 0;
        host.timesMs[this.#bucket] = 0;
      }
    }
  }

  /** Newer buckets weigh more; an empty one counts as the one before it. */
  #weightedTimeMs(host: Host): number {
    let value = 0;
    let last = 0;
    for (let i = 1; i <= bucketCount; i++) {
      const at = (this.#bucket + i) % bucketCount;
      if (host.counts[at]! > 0) last = host.timesMs[at]! / host.counts[at]!;
      value += (last * i) / bucketCount;
    }
    return value;
  }
}
