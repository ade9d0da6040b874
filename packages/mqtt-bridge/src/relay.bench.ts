/**
 * Messages per second through a bridge without sockets and servers: chunks of 64 KiB from one side, every write to the other
 * counted and thrown away. MQTT 5 on both, payload 64 bytes. Each rate is the best of several rounds.
 *
 *     node packages/mqtt-bridge/dist/relay.bench.js [--smoke]
 */

import { EventEmitter } from "node:events";
import { ByteWriter } from "@polylog/base/bytes";
import { ManualClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { type ByteStream, TurnFlusher } from "@polylog/base/transport";
import type { QoS } from "@polylog/mqtt-wire";
import { packetCodecs5 } from "@polylog/mqtt-wire/mqtt5";
import { BridgeClient, type BridgeClientOwner } from "./bridge-client.ts";
import { noCounters } from "./bridge-counters.ts";
import { Relay } from "./relay.ts";
import { Sweep } from "./sweep.ts";
import { TopicMap } from "./topic-map.ts";

const chunkSize = 64 * 1024;

class Sink extends EventEmitter implements ByteStream {
  readonly writableLength = 0;
  bytes = 0;

  write(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return true;
  }

  cork(): void {}
  uncork(): void {}
  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

function ignore(): void {}

function connected(clock: ManualClock, owner: Partial<BridgeClientOwner>): { client: BridgeClient; stream: Sink } {
  const stream = new Sink();
  const limits = { keepAliveSeconds: 0, receiveMax: 65_535, packetSizeMax: 1e6, isTransient: false };
  const options = { level: "5", clientId: "c", userName: undefined, password: undefined, peer: "peer" } as const;
  const nothing = {
    onConnected: ignore,
    onSubscribed: ignore,
    onUnsubscribed: ignore,
    onPublish: ignore,
    onAck: ignore,
  };
  const hooks = { ...nothing, onDrained: ignore, onClosed: ignore, ...owner };
  const client = new BridgeClient({ ...options, ...limits, stream, clock, flusher: new TurnFlusher(clock) }, hooks);
  client.start();
  clock.turn();
  stream.emit("data", Buffer.from([0x20, 3, 0, 0, 0]));
  stream.bytes = 0;
  return { client, stream };
}

function chunkOf(qos: QoS): { chunk: Buffer; count: number } {
  const writer = new ByteWriter(chunkSize);
  let count = 0;
  for (; writer.length < chunkSize - 200; count++) {
    const message = { topic: "plant/7/line/3/temperature", payload: Buffer.alloc(64), retain: false, dup: false };
    const properties = { contentType: "text/plain" };
    packetCodecs5.PUBLISH.encode(writer, { ...message, qos, packetIdentifier: qos === 0 ? 0 : count + 1, properties });
  }
  return { chunk: writer.take(), count };
}

/** In millions. */
function measure(qos: QoS, chunks: number): number {
  const clock = new ManualClock();
  const target = connected(clock, {});
  const source = connected(clock, { onPublish: () => relay.onPublish() });
  const rules = [{ pattern: "plant/#", direction: "out", qos: 2, localPrefix: "", remotePrefix: "site/" }] as const;
  const counters = noCounters();
  const marker = Buffer.from("\x26\0\x0epolylog-bridge\0\x01c", "latin1");
  const topics = new TopicMap(rules, "out");
  const relay = new Relay({
    source: source.client,
    target: target.client,
    topics,
    marker,
    sweep: new Sweep(),
    counters,
    direction: "out",
    logger: silentLogger,
  });
  const { chunk, count } = chunkOf(qos);
  const startedMs = performance.now();
  for (let i = 0; i < chunks; i++) {
    source.stream.emit("data", Buffer.from(chunk));
    clock.turn();
  }
  const elapsedMs = performance.now() - startedMs;
  if (counters.out !== count * chunks || target.stream.bytes === 0) throw new Error("messages are missing");
  return counters.out / elapsedMs / 1000;
}

function main(args: readonly string[]): void {
  const isSmoke = args.includes("--smoke");
  for (const qos of [0, 1] as const) {
    let best = 0;
    for (let round = 0; round < (isSmoke ? 1 : 5); round++) best = Math.max(best, measure(qos, isSmoke ? 2 : 1000));
    process.stdout.write(`QoS ${qos}, MQTT 5 to 5    ${best.toFixed(2)} M/s\n`);
  }
}

main(process.argv.slice(2));
