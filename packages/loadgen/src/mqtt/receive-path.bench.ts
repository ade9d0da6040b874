/**
 * What the generator itself spends on a message, without sockets: stamping and encoding it, and reading, checking and
 * accounting for it. 64 bytes, QoS 0. `--smoke` for a tiny run.
 */

import { hostClock, systemClock } from "@polylog/base/clock";
import { type ByteStream, TurnFlusher } from "@polylog/base/transport";
import { StampReader, StampWriter } from "../measure/stamp.ts";
import { BenchRecorder } from "./bench-measures.ts";
import type { LinkContext } from "./client-link.ts";
import type { Dial } from "./dial.ts";
import { receiverGroups } from "./plan.ts";
import { Publisher } from "./publisher.ts";
import { planOfShape } from "./shape-plan.ts";
import { Account, Subscriber } from "./subscriber.ts";

type Listener = (argument: never) => void;

/** Keeps what is written, and lets the bench play the broker. */
class Wire implements ByteStream {
  readonly writableLength = 0;
  written: Uint8Array[] = [];
  readonly #listeners = new Map<string, Listener>();
  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return true;
  }
  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }
  emit(chunk: Buffer): void {
    this.#listeners.get("data")?.(chunk as never);
  }
  cork(): void {}
  uncork(): void {}
  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

const terms = { runTag: 1, wallOffsetNs: 1_795_000_000_000_000_000n };
const connack = Buffer.from([0x20, 2, 0, 0]);
const suback = Buffer.from([0x90, 3, 0, 1, 0]);

function linkTo(wire: Wire): LinkContext {
  const dial: Dial = (_settings, _local, onReady) => {
    onReady(wire);
    return { destroy: () => undefined };
  };
  const settings = {
    dial: { host: "", port: 0, tls: undefined, webSocketPath: undefined },
    protocolLevel: 4 as const,
    userName: undefined,
    password: undefined,
    keepAliveSeconds: 0,
    isCleanStart: true,
    sessionExpirySeconds: undefined,
    connectTimeoutMs: 1000,
    sources: [],
  };
  const flusher = new TurnFlusher(systemClock);
  return { settings, clock: systemClock, host: hostClock, flusher, dial, recorder: new BenchRecorder() };
}

function main(): void {
  const isSmoke = process.argv.includes("--smoke");
  const batches = isSmoke ? 2 : 400;
  const perBatch = 1000;
  const load = { qos: 0, retain: false, rate: 1, stages: [], clientPrefix: "b", baseTopic: "bench/topic" } as const;
  const size = { publishers: 1, subscribers: 1, topics: 1 };
  const payload = { size: 64, filling: new Uint8Array(64).fill(7) };
  const plan = planOfShape("straight-run", { ...load, size, payload, warmupNs: 0, durationNs: 1e9, cutEveryNs: 1e9 });
  const out = new Wire();
  const owner = { onRoom: () => undefined, onConnected: () => undefined };
  const stamp = new StampWriter(terms);
  const publisher = new Publisher(linkTo(out), stamp, plan.flows[0]!, plan.flows[0]!.publishers[0]!, 1, owner);
  publisher.link.open();
  out.emit(connack);
  const into = new Wire();
  const account = new Account(receiverGroups(plan)[0]!);
  const reader = new StampReader(terms);
  const subscriber = new Subscriber(linkTo(into), plan.subscriptions[0]!, account, reader, 1e9, owner);
  subscriber.link.open();
  into.emit(connack);
  into.emit(suback);
  for (let run = 0; run < 3; run++) {
    let sendMs = 0;
    let receiveMs = 0;
    for (let batch = 0; batch < batches; batch++) {
      const connection = publisher.link.connection!;
      const nowNs = hostClock.monotonicNs();
      out.written = [];
      const startedMs = performance.now();
      stamp.setNow(nowNs);
      for (let i = 0; i < perBatch; i++) publisher.send(connection, nowNs, nowNs, true);
      connection.output.flush();
      const sentMs = performance.now();
      for (const bytes of out.written) into.emit(bytes as Buffer);
      sendMs += sentMs - startedMs;
      receiveMs += performance.now() - sentMs;
    }
    const rate = (ms: number) => `${((batches * perBatch) / ms / 1000).toFixed(2)} M/s`;
    process.stdout.write(`send: ${rate(sendMs)}, receive: ${rate(receiveMs)}\n`);
  }
  const wanted = 3 * batches * perBatch;
  if (account.received !== wanted) throw new Error(`received ${account.received} of ${wanted}`);
}

main();
