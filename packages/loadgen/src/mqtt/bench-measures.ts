/** What mqtt-bench counts and times beside what every tool does. */

import { counterNames } from "../measure/counters.ts";
import { Recorder, type Report, Totals, timingNames } from "../measure/recorder.ts";

/** `acked`: PUBACK or PUBCOMP has come. */
const benchCounters = [
  ...counterNames,
  "duplicates",
  "outOfOrder",
  /** Received later than `--late-after` behind the time it was due. */
  "late",
  "corrupt",
  /** Messages of another run, or of something else: retained ones, say. Warm-up included. */
  "foreign",
  /** Of those received: whose payloads are too short for a stamp. */
  "unstamped",
  /** Sent in warm-up and measured time. */
  "sentAll",
  "receivedAll",
  "connectAttempts",
  "connected",
  "connectFailed",
  "disconnected",
  "reconnected",
  "subscribed",
] as const;

/** `ack`: from PUBLISH sent to PUBACK or PUBCOMP received. */
const benchTimings = [
  ...timingNames,
  /** Where a message arrives more than once: at the first and at the last of its receivers, from when it was due. */
  "firstReceiver",
  "lastReceiver",
  /** Of TCP and, where used, TLS and WebSocket. */
  "connect",
  "connack",
  "suback",
  /** From the loss of a connection to the CONNACK of the next. */
  "reconnect",
  /** To each retained message that a subscription brought. */
  "retained",
] as const;

export type BenchCounter = (typeof benchCounters)[number];
export type BenchTiming = (typeof benchTimings)[number];
export type BenchReport = Report<BenchCounter, BenchTiming>;

const benchMeasures = { counters: benchCounters, timings: benchTimings };

export class BenchTotals extends Totals<BenchCounter, BenchTiming> {
  constructor() {
    super(benchMeasures);
  }

  /** As it is now; what comes later is not in it. */
  copy(): BenchTotals {
    const copy = new BenchTotals();
    copy.addAll(this);
    return copy;
  }
}

export class BenchRecorder extends Recorder<BenchCounter, BenchTiming> {
  constructor() {
    super(benchMeasures);
  }

  fail(code: string, sample: string): void {
    this.counters.errors++;
    this.errors.add(code, sample);
  }
}
