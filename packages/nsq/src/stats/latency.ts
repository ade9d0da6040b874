/**
 * End-to-end latency: from a message's publish to its FIN, as quantiles of the last while. Two windows take turns, each half
 * as long as that while, so what is shown covers between half of it and all of it.
 *
 * nsqd keeps targeted streams, within 1 % of rank; here each window keeps a random sample of a fixed size, exact until it is full.
 */

import type { Channel } from "@polylog/broker";
import { latencySamplesMax } from "../limits.ts";

export interface LatencyOptions {
  /** Above 0 and up to 1. */
  readonly quantiles: readonly number[];
  /** Default 10 min. */
  readonly windowMs?: number;
}

export interface LatencyResult {
  readonly count: number;
  readonly percentiles: readonly { readonly quantile: number; readonly value: number }[] | null;
}

/** What is shown when no quantiles are kept. */
export const noLatency: LatencyResult = { count: 0, percentiles: null };

interface Window {
  readonly startedAtMs: number;
  count: number;
  /** ns */
  readonly samples: number[];
}

/** A whole number from 0 and below `count`. */
type RandomIndex = (count: number) => number;

class LatencyWindows {
  readonly #windowMs: number;
  readonly #randomIndex: RandomIndex;
  #current: Window;
  #previous: Window | undefined;

  constructor(windowMs: number, nowMs: number, randomIndex: RandomIndex) {
    this.#windowMs = windowMs;
    this.#randomIndex = randomIndex;
    this.#current = { startedAtMs: nowMs, count: 0, samples: [] };
  }

  add(ns: number, nowMs: number): void {
    this.#turn(nowMs);
    const { samples } = this.#current;
    const place = samples.length < latencySamplesMax ? samples.length : this.#randomIndex(this.#current.count + 1);
    if (place < latencySamplesMax) samples[place] = ns;
    this.#current.count++;
  }

  windows(nowMs: number): Window[] {
    this.#turn(nowMs);
    return this.#previous === undefined ? [this.#current] : [this.#previous, this.#current];
  }

  #turn(nowMs: number): void {
    const age = nowMs - this.#current.startedAtMs;
    if (age < this.#windowMs) return;
    this.#previous = age < 2 * this.#windowMs ? this.#current : undefined;
    this.#current = { startedAtMs: nowMs, count: 0, samples: [] };
  }
}

export class Latencies {
  /** Highest first. */
  readonly quantiles: readonly number[];
  readonly #windowMs: number;
  readonly #randomIndex: RandomIndex;
  readonly #channels = new WeakMap<Channel, LatencyWindows>();

  constructor({ quantiles, windowMs = 600_000 }: LatencyOptions, randomIndex: RandomIndex) {
    this.#randomIndex = randomIndex;
    this.quantiles = [...quantiles].sort((a, b) => b - a);
    this.#windowMs = windowMs / 2;
  }

  /** A message of the channel, published at `publishedAtMs`, is finished. */
  add(channel: Channel, publishedAtMs: number, nowMs: number): void {
    let windows = this.#channels.get(channel);
    if (windows === undefined) {
      windows = new LatencyWindows(this.#windowMs, nowMs, this.#randomIndex);
      this.#channels.set(channel, windows);
    }
    windows.add(Math.max(0, nowMs - publishedAtMs) * 1e6, nowMs);
  }

  /** Of one channel, or of all of a topic's. */
  result(channels: readonly Channel[], nowMs: number): LatencyResult {
    const windows = channels.flatMap((channel) => this.#channels.get(channel)?.windows(nowMs) ?? []);
    const samples = windows.flatMap((window) => window.samples).sort((a, b) => a - b);
    const at = (quantile: number): number =>
      samples[Math.min(samples.length - 1, Math.ceil(quantile * samples.length) - 1)] ?? 0;
    return {
      count: windows.reduce((sum, { count }) => sum + count, 0),
      percentiles: this.quantiles.map((quantile) => ({ quantile, value: at(quantile) })),
    };
  }
}
