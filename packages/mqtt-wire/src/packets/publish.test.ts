import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { FrameReader } from "../frame-reader.ts";
import type { QoS } from "../packet-type.ts";
import { writePingreq, writePingresp } from "./ping.ts";
import { writePuback } from "./puback.ts";
import { writePubcomp } from "./pubcomp.ts";
import { decodePublish, encodePublish, PublishView, publishFlags, publishSize, writePublishHeader } from "./publish.ts";
import { writePubrec } from "./pubrec.ts";
import { writePubrel } from "./pubrel.ts";

function readerOn(hex: string): FrameReader {
  const reader = new FrameReader(1000);
  reader.push(Buffer.from(hex, "hex"));
  assert.equal(reader.next(), true);
  return reader;
}

test("fills the view with positions", () => {
  const view = new PublishView();
  decodePublish(view, readerOn("3d090003612f6212346869"));
  assert.deepEqual(
    { ...view },
    {
      topicStart: 4,
      topicEnd: 7,
      packetIdentifier: 0x1234,
      qos: 2,
      retain: 1,
      dup: 1,
      payloadStart: 9,
      payloadEnd: 11,
    },
  );
});

test("leaves nothing of the packet before", () => {
  const view = new PublishView();
  decodePublish(view, readerOn("3d090003612f6212346869"));
  decodePublish(view, readerOn("3003000161"));
  assert.deepEqual(
    { ...view },
    { topicStart: 4, topicEnd: 5, packetIdentifier: 0, qos: 0, retain: 0, dup: 0, payloadStart: 5, payloadEnd: 5 },
  );
});

test("does not look at the topic", () => {
  const view = new PublishView();
  decodePublish(view, readerOn("3003000123"));
  assert.equal(view.topicEnd - view.topicStart, 1);
});

test("writes what the encoder writes", () => {
  for (const topicLength of [1, 40, 200]) {
    for (const payloadLength of [0, 64, 121, 122, 16_384]) {
      for (const qos of [0, 1, 2] as const) checkHeader(topicLength, payloadLength, qos);
    }
  }
});

function checkHeader(topicLength: number, payloadLength: number, qos: QoS): void {
  const topic = "t".repeat(topicLength);
  const payload = Buffer.alloc(payloadLength, 0x70);
  const packetIdentifier = qos === 0 ? 0 : 0xabcd;
  const writer = new ByteWriter();
  encodePublish(writer, { topic, payload, qos, retain: true, dup: qos > 0, packetIdentifier });

  const size = publishSize(topicLength, payloadLength, qos);
  const buffer = Buffer.alloc(size + 3);
  const flags = publishFlags(qos, true, qos > 0);
  const payloadAt = writePublishHeader(buffer, 3, flags, Buffer.from(topic), packetIdentifier, payloadLength);
  payload.copy(buffer, payloadAt);
  assert.equal(payloadAt + payloadLength, size + 3);
  assert.ok(buffer.subarray(3).equals(writer.view()));
}

test("writes acknowledgements and pings in place", () => {
  const buffer = Buffer.alloc(20);
  let at = writePuback(buffer, 0, 0x1234);
  at = writePubrec(buffer, at, 1);
  at = writePubrel(buffer, at, 0xffff);
  at = writePubcomp(buffer, at, 256);
  at = writePingreq(buffer, at);
  at = writePingresp(buffer, at);
  assert.equal(buffer.toString("hex", 0, at), "40021234500200016202ffff70020100c000d000");
});
