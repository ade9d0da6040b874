/** Links without a network, on time that a test owns. */

import { type HostClock, ManualClock } from "@polylog/base/clock";
import { TurnFlusher } from "@polylog/base/transport";
import { MemoryStream } from "@polylog/testkit";
import { BenchRecorder } from "../bench-measures.ts";
import type { LinkContext, LinkSettings } from "../client-link.ts";

export const connack = Buffer.from([0x20, 2, 0, 0]);

const settings: LinkSettings = {
  dial: { host: "", port: 0, tls: undefined, webSocketPath: undefined },
  protocolLevel: 4,
  userName: undefined,
  password: undefined,
  keepAliveSeconds: 10,
  isCleanStart: true,
  sessionExpirySeconds: undefined,
  connectTimeoutMs: 1000,
  sources: [],
};

/** Turns and pauses are what they are to a thread; both take the time that the test gives them. */
export class ManualHost implements HostClock {
  readonly clock = new ManualClock();
  #turns: (() => void)[] = [];
  #pausedNs = 0;

  monotonicNs(): number {
    return Math.round(this.clock.monotonicMs() * 1e6 + this.#pausedNs);
  }

  atNextTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  pause(ns: number): void {
    this.#pausedNs += ns;
  }

  /** Runs turns until none waits or `untilNs` is reached; timers in between fire. */
  runUntil(untilNs: number): void {
    while (this.monotonicNs() < untilNs) {
      const turns = this.#turns.splice(0);
      for (const turn of turns) turn();
      this.clock.turn();
      if (turns.length === 0) this.clock.advance(0.1);
    }
  }
}

/** What a test has of a link: its context, and the streams it has dialled, in order. */
export function manualLink(changes: Partial<LinkSettings> = {}) {
  const host = new ManualHost();
  const streams: MemoryStream[] = [];
  const refusals: string[] = [];
  const context: LinkContext = {
    settings: { ...settings, ...changes },
    clock: host.clock,
    host,
    flusher: new TurnFlusher(host.clock),
    recorder: new BenchRecorder(),
    dial: (_settings, _local, onReady, onFail) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) onFail(Object.assign(new Error(refusal), { code: refusal }));
      else {
        const stream = new MemoryStream();
        streams.push(stream);
        onReady(stream);
      }
      return { destroy: () => undefined };
    },
  };
  return { host, context, streams, refusals };
}
