/**
 * Packets per second of the hot paths: reading publishes of 64 bytes from chunks cut at any byte, writing them and
 * their acknowledgements into a buffer of 64 KiB. Not in it: looking the topic up, routing, sockets. Each rate is the best of
 * several rounds.
 *
 *     node packages/mqtt-wire/dist/frame-reader.bench.js [--smoke]
 */

import { FrameReader } from "./frame-reader.ts";
import { packetTypes, type QoS } from "./packet-type.ts";
import { writePuback } from "./packets/puback.ts";
import { decodePublish, PublishView, publishSize, writePublishHeader } from "./packets/publish.ts";
import { checkTopicName } from "./topic.ts";

const chunkSizeLarge = 64 * 1024;
/** What one Ethernet frame carries. */
const chunkSizeSmall = 1460;
const topic = Buffer.from("plant/7/line/3/temperature");
const payload = Buffer.alloc(64, 0x61);
const view = new PublishView();
const output = Buffer.alloc(chunkSizeLarge);

/** A stream of `count` publishes, cut into chunks of `chunkSize` bytes. */
function publishChunks(count: number, qos: QoS, chunkSize: number): Buffer[] {
  const size = publishSize(topic.length, payload.length, qos);
  const stream = Buffer.alloc(size * count);
  for (let at = 0, sent = 0; sent < count; sent++, at += size) {
    payload.copy(stream, writePublishHeader(stream, at, qos << 1, topic, (sent % 65_535) + 1, payload.length));
  }
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunkSize) chunks.push(stream.subarray(at, at + chunkSize));
  return chunks;
}

function readPublishes(chunks: readonly Buffer[], checkTopic: boolean): number {
  const reader = new FrameReader(chunkSizeLarge);
  let read = 0;
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      if (reader.type !== packetTypes.PUBLISH) continue;
      decodePublish(view, reader);
      if (checkTopic) checkTopicName(reader.bytes, view.topicStart, view.topicEnd);
      if (view.payloadEnd - view.payloadStart === payload.length) read++;
    }
  }
  return read;
}

function writePublishes(count: number, qos: QoS): number {
  const size = publishSize(topic.length, payload.length, qos);
  let at = 0;
  for (let written = 0; written < count; written++) {
    if (at + size > output.length) at = 0;
    at = writePublishHeader(output, at, qos << 1, topic, (written & 0x7fff) + 1, payload.length);
    output.set(payload, at);
    at += payload.length;
  }
  return count;
}

function writePubacks(count: number): number {
  let at = 0;
  for (let written = 0; written < count; written++) {
    if (at + 4 > output.length) at = 0;
    at = writePuback(output, at, (written & 0x7fff) + 1);
  }
  return count;
}

function main(args: readonly string[]): void {
  const smoke = args.includes("--smoke");
  const count = smoke ? 2_000 : 500_000;
  const rounds = smoke ? 2 : 10;
  const chunks0 = publishChunks(count, 0, chunkSizeLarge);
  const chunks1 = publishChunks(count, 1, chunkSizeLarge);
  const small0 = publishChunks(count, 0, chunkSizeSmall);
  const cases: readonly (readonly [string, () => number])[] = [
    ["read QoS 0 PUBLISH", () => readPublishes(chunks0, false)],
    ["read QoS 1 PUBLISH", () => readPublishes(chunks1, false)],
    ["read QoS 0 PUBLISH, chunks of 1460", () => readPublishes(small0, false)],
    ["read QoS 0 PUBLISH, topic checked", () => readPublishes(chunks0, true)],
    ["write QoS 0 PUBLISH", () => writePublishes(count, 0)],
    ["write QoS 1 PUBLISH", () => writePublishes(count, 1)],
    ["write PUBACK", () => writePubacks(count)],
  ];
  for (const [name, run] of cases) {
    let best = 0;
    for (let round = 0; round < rounds; round++) {
      const startedMs = performance.now();
      if (run() !== count) throw new Error(`${name}: packets are missing`);
      best = Math.max(best, count / (performance.now() - startedMs) / 1000);
    }
    process.stdout.write(`${name.padEnd(36)} ${best.toFixed(1).padStart(7)} M/s\n`);
  }
}

main(process.argv.slice(2));
