/**
 * Packets per second of the hot paths of MQTT 5: reading publishes of 64 bytes without properties, with three (Message
 * Expiry Interval, Content Type, User Property) and with an alias in place of the topic; writing them as a server forwards
 * them; acknowledgements. A level 4 PUBLISH read by the same function is beside them. Each rate is the best of several rounds.
 *
 *     node packages/mqtt-wire/dist/mqtt5/publish5.bench.js [--smoke]
 */

import { ByteWriter } from "@polylog/base/bytes";
import { FrameReader } from "../frame-reader.ts";
import type { ProtocolLevel } from "../packet-type.ts";
import { encodePublish } from "../packets/publish.ts";
import { Ack5View, decodeAck5, writeAckWithReason } from "./ack5.ts";
import type { Properties } from "./property-table.ts";
import {
  copyKeptProperties,
  decodeAnyPublish,
  encodePublish5,
  messageExpirySize,
  Publish5View,
  publish5Size,
  writeMessageExpiry,
  writePublish5Header,
} from "./publish5.ts";

const chunkSize = 64 * 1024;
const topicName = "plant/7/line/3/temperature";
const topic = Buffer.from(topicName);
const payload = Buffer.alloc(64, 0x61);
const view = new Publish5View();
const ackView = new Ack5View();
const output = Buffer.alloc(chunkSize);
const message = { topic: topicName, payload, qos: 1, retain: false, dup: false, packetIdentifier: 7 } as const;
const three: Properties<"PUBLISH"> = {
  messageExpiryInterval: 3600,
  contentType: "application/json",
  userProperties: [["origin", "line-3"]],
};

function packetOf(properties: Properties<"PUBLISH">, name = topicName): Buffer {
  const writer = new ByteWriter();
  encodePublish5(writer, { ...message, topic: name, properties });
  return writer.take();
}

function packetOfLevel4(): Buffer {
  const writer = new ByteWriter();
  encodePublish(writer, message);
  return writer.take();
}

/** `count` times `packet`, cut into chunks at any byte. */
function chunksOf(packet: Buffer, count: number): Buffer[] {
  const stream = Buffer.concat(new Array<Buffer>(count).fill(packet));
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunkSize) chunks.push(stream.subarray(at, at + chunkSize));
  return chunks;
}

function readPublishes(chunks: readonly Buffer[], level: ProtocolLevel): number {
  const reader = new FrameReader(chunkSize);
  reader.protocolLevel = level;
  let read = 0;
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      decodeAnyPublish(view, reader);
      if (view.payloadEnd - view.payloadStart === payload.length) read++;
    }
  }
  return read;
}

/** As for a receiver: header, expiry where there is one, kept properties, payload. */
function forwardPublishes(source: Buffer, count: number): number {
  const reader = new FrameReader(chunkSize);
  reader.protocolLevel = 5;
  reader.push(source);
  reader.next();
  decodeAnyPublish(view, reader);
  const expirySize = view.messageExpiryAt === 0 ? 0 : messageExpirySize;
  const propertiesSize = view.keptPropertiesSize + expirySize;
  const size = publish5Size(topic.length, propertiesSize, payload.length, 1);
  let at = 0;
  for (let written = 0; written < count; written++) {
    if (at + size > output.length) at = 0;
    at = writePublish5Header(output, at, 2, topic, (written & 0x7fff) + 1, propertiesSize, payload.length);
    if (expirySize > 0) at = writeMessageExpiry(output, at, written);
    at = copyKeptProperties(view, source, output, at);
    output.set(payload, at);
    at += payload.length;
  }
  return count;
}

function encodePublishes(properties: Properties<"PUBLISH">, count: number): number {
  const writer = new ByteWriter(chunkSize);
  const packet = { ...message, properties };
  for (let written = 0; written < count; written++) {
    if (writer.length > chunkSize - 300) writer.clear();
    encodePublish5(writer, packet);
  }
  return count;
}

function readAcks(bytes: Buffer, count: number): number {
  let read = 0;
  for (let i = 0; i < count; i++) {
    decodeAck5(ackView, "PUBACK", bytes, 2, bytes.length);
    if (ackView.packetIdentifier === 0x1234) read++;
  }
  return read;
}

function writeAcks(count: number): number {
  let at = 0;
  for (let written = 0; written < count; written++) {
    if (at + 5 > output.length) at = 0;
    at = writeAckWithReason(output, at, "PUBACK", (written & 0x7fff) + 1, 0x10);
  }
  return count;
}

function main(args: readonly string[]): void {
  const smoke = args.includes("--smoke");
  const count = smoke ? 2_000 : 300_000;
  const rounds = smoke ? 2 : 10;
  const [none, withThree] = [packetOf({}), packetOf(three)];
  const level4 = chunksOf(packetOfLevel4(), count);
  const chunks = chunksOf(none, count);
  const chunksThree = chunksOf(withThree, count);
  const chunksAlias = chunksOf(packetOf({ topicAlias: 5 }, ""), count);
  const bareAck = Buffer.from("40021234", "hex");
  const ackWithReason = Buffer.from("4003123410", "hex");
  const cases: readonly (readonly [string, () => number])[] = [
    ["read level 4 PUBLISH", () => readPublishes(level4, 4)],
    ["read PUBLISH, no properties", () => readPublishes(chunks, 5)],
    ["read PUBLISH, three properties", () => readPublishes(chunksThree, 5)],
    ["read PUBLISH, alias for a topic", () => readPublishes(chunksAlias, 5)],
    ["forward PUBLISH, no properties", () => forwardPublishes(none, count)],
    ["forward PUBLISH, three properties", () => forwardPublishes(withThree, count)],
    ["encode PUBLISH, no properties", () => encodePublishes({}, count)],
    ["encode PUBLISH, three properties", () => encodePublishes(three, count)],
    ["read PUBACK", () => readAcks(bareAck, count)],
    ["read PUBACK with reason code", () => readAcks(ackWithReason, count)],
    ["write PUBACK with reason code", () => writeAcks(count)],
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
