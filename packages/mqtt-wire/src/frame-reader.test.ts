import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { FrameReader } from "./frame-reader.ts";
import { packetSizeMaxOfFormat } from "./limits.ts";
import { packetTypes } from "./packet-type.ts";
import { encodePublish } from "./packets/publish.ts";
import { chunksOf, readStream } from "./testing/read-stream.ts";
import { isValidVector, vectorBytes } from "./testing/vector.ts";
import { vectors } from "./testing/vectors.ts";

const pingreq = Buffer.from("c000", "hex");
const puback = Buffer.from("40020001", "hex");

function publish(payload: Buffer): Buffer {
  const writer = new ByteWriter();
  encodePublish(writer, { topic: "a/b", payload, qos: 1, retain: false, dup: false, packetIdentifier: 7 });
  return writer.take();
}

function readerWith(...chunks: Buffer[]): FrameReader {
  const reader = new FrameReader(packetSizeMaxOfFormat);
  for (const chunk of chunks) reader.push(chunk);
  return reader;
}

describe("FrameReader", () => {
  test("finds nothing in nothing", () => {
    const reader = readerWith();
    assert.equal(reader.next(), false);
    reader.push(Buffer.alloc(0));
    assert.equal(reader.next(), false);
  });

  test("says where a packet lies", () => {
    const reader = readerWith(Buffer.concat([pingreq, publish(Buffer.alloc(200)), puback]));
    const seen: number[][] = [];
    while (reader.next())
      seen.push([reader.type, reader.flags, reader.packetStart, reader.bodyStart, reader.packetEnd]);
    assert.deepEqual(seen, [
      [packetTypes.PINGREQ, 0, 0, 2, 2],
      [packetTypes.PUBLISH, 2, 2, 5, 212],
      [packetTypes.PUBACK, 0, 212, 214, 216],
    ]);
  });

  test("does not copy packets inside a chunk", () => {
    const chunk = Buffer.concat([puback, puback]);
    const reader = readerWith(chunk);
    while (reader.next()) assert.equal(reader.bytes, chunk);
  });

  test("copies a packet in many chunks once", () => {
    const packet = publish(Buffer.alloc(1_000_000, 0x61));
    const reader = readerWith();
    for (const chunk of chunksOf(packet, 16 * 1024)) {
      assert.equal(reader.next(), false);
      reader.push(chunk);
    }
    assert.equal(reader.next(), true);
    assert.equal(reader.bytes.length, packet.length);
    assert.equal(reader.bytes.buffer.byteLength, packet.length);
    assert.ok(reader.bytes.equals(packet));
  });

  test("lets the caller reuse a drained chunk", () => {
    const packet = publish(Buffer.from("hello"));
    const chunk = Buffer.alloc(packet.length - 2);
    packet.copy(chunk);
    const reader = readerWith(chunk);
    assert.equal(reader.next(), false);
    chunk.fill(0xff);
    reader.push(packet.subarray(packet.length - 2));
    assert.equal(reader.next(), true);
    assert.ok(reader.bytes.equals(packet));
  });

  test("never writes to a packet it gave out", () => {
    const [first, second] = [publish(Buffer.from("first")), publish(Buffer.from("second"))];
    const reader = readerWith();
    for (const chunk of chunksOf(first, 3)) {
      reader.push(chunk);
      if (!reader.next()) continue;
      const given = reader.bytes;
      for (const next of chunksOf(second, 3)) {
        reader.push(next);
        reader.next();
      }
      assert.ok(given.equals(first));
    }
  });

  test("holds on to no chunk once drained", () => {
    const reader = readerWith(Buffer.concat([puback, puback.subarray(0, 3)]));
    assert.equal(reader.next(), true);
    assert.equal(reader.next(), false);
    assert.equal(reader.bytes.length, 0);
  });

  test("takes a chunk before the last is drained", () => {
    const reader = readerWith(Buffer.concat([puback, puback.subarray(0, 1)]));
    assert.equal(reader.next(), true);
    reader.push(puback.subarray(1));
    reader.push(pingreq);
    assert.equal(reader.next(), true);
    assert.equal(reader.type, packetTypes.PUBACK);
    assert.equal(reader.next(), true);
    assert.equal(reader.type, packetTypes.PINGREQ);
    assert.equal(reader.next(), false);
  });

  test("accepts a packet of exactly the limit", () => {
    const packet = publish(Buffer.alloc(300));
    const reader = new FrameReader(packet.length);
    reader.push(packet);
    assert.equal(reader.next(), true);
    const smaller = new FrameReader(packet.length - 1);
    smaller.push(packet);
    assert.throws(() => smaller.next(), /PUBLISH of 310 bytes is larger than 309/);
  });

  test("applies a changed limit to the next packet", () => {
    const reader = new FrameReader(4);
    reader.push(Buffer.concat([puback, publish(Buffer.alloc(10))]));
    assert.equal(reader.next(), true);
    reader.packetSizeMax = 100;
    assert.equal(reader.next(), true);
    assert.equal(reader.type, packetTypes.PUBLISH);
  });

  test("refuses too large a packet before its body", () => {
    const reader = new FrameReader(1000);
    for (const byte of [0x30, 0xff]) {
      reader.push(Buffer.from([byte]));
      assert.equal(reader.next(), false);
    }
    reader.push(Buffer.from([0x7f]));
    assert.throws(() => reader.next(), { code: "mqtt-wire.PACKET_TOO_LARGE" });
  });

  test("refuses the fourth continuation before a fifth byte", () => {
    const reader = readerWith(Buffer.from("30ffffff", "hex"));
    assert.equal(reader.next(), false);
    reader.push(Buffer.from("ff", "hex"));
    assert.throws(() => reader.next(), { code: "mqtt-wire.MALFORMED_PACKET" });
  });

  test("accepts the largest remaining length", () => {
    const reader = readerWith(Buffer.from("30ffffff", "hex"));
    reader.push(Buffer.from("7f", "hex"));
    assert.equal(reader.next(), false);
  });

  test("[MQTT-2.2.2-2] refuses flags at the first byte", () => {
    const reader = readerWith(Buffer.from("80", "hex"));
    assert.throws(() => reader.next(), /SUBSCRIBE is malformed: flags 0000 are not allowed/);
  });

  test("throws the same error for ever", () => {
    const reader = readerWith(Buffer.from("0000", "hex"));
    let first: unknown;
    assert.throws(
      () => reader.next(),
      (error) => {
        first = error;
        return isCodedError(error, "mqtt-wire.INVALID_PACKET_TYPE");
      },
    );
    reader.push(pingreq);
    assert.throws(
      () => reader.next(),
      (error) => error === first,
    );
    assert.equal(reader.bytes.length, 0);
  });

  test("[MQTT-1.5.5-1] wants the shortest length in MQTT 5", () => {
    for (const hex of ["c08000", "30808000", "30808080", "3084808000"]) {
      const reader = readerWith();
      reader.protocolLevel = 5;
      assert.equal(reader.protocolLevel, 5);
      reader.push(Buffer.from(hex, "hex"));
      if (hex === "30808080") assert.equal(reader.next(), false);
      else assert.throws(() => reader.next(), /longer than needed/);
    }
  });

  test("knows AUTH only in MQTT 5", () => {
    const auth = Buffer.from("f000", "hex");
    assert.throws(() => readerWith(auth).next(), { code: "mqtt-wire.INVALID_PACKET_TYPE" });
    const reader = readerWith();
    reader.protocolLevel = 5;
    reader.push(auth);
    assert.equal(reader.next(), true);
    assert.equal(reader.type, packetTypes.AUTH);
    reader.push(Buffer.from("f100", "hex"));
    assert.throws(() => reader.next(), { code: "mqtt-wire.MALFORMED_PACKET" });
  });

  test("allows DUP on PUBREL only in MQTT 3.1", () => {
    const again = Buffer.from("6a020001", "hex");
    const reader = readerWith(again);
    reader.protocolLevel = 3;
    assert.equal(reader.next(), true);
    reader.protocolLevel = 4;
    reader.push(again);
    assert.throws(() => reader.next(), { code: "mqtt-wire.MALFORMED_PACKET" });
  });
});

const packet = fc.constantFrom(...vectors.map((vector) => vectorBytes(vector.hex)));
const validPacket = fc.constantFrom(...vectors.filter(isValidVector).map((vector) => vectorBytes(vector.hex)));
const stream = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.array(validPacket, { maxLength: 8 }).map((packets) => Buffer.concat(packets)),
  fc.array(packet, { maxLength: 8 }).map((packets) => Buffer.concat(packets)),
);

describe("FrameReader, any stream", () => {
  test("gives the same for any split", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(stream, sizes, fc.integer({ min: 2, max: 300 }), (bytes, chunkSizes, packetSizeMax) => {
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of chunkSizes) {
          chunks.push(bytes.subarray(at, at + size));
          at = Math.min(at + size, bytes.length);
        }
        chunks.push(bytes.subarray(at));
        assert.deepEqual(readStream(chunks, packetSizeMax), readStream([bytes], packetSizeMax));
      }),
      { numRuns: 2000 },
    );
  });

  test("finds every packet of a valid stream", () => {
    fc.assert(
      fc.property(fc.array(validPacket, { maxLength: 10 }), fc.integer({ min: 1, max: 60 }), (packets, size) => {
        const outcome = readStream(chunksOf(Buffer.concat(packets), size), packetSizeMaxOfFormat);
        assert.equal(outcome.error, undefined);
        assert.deepEqual(
          outcome.packets.map(({ hex }) => hex),
          packets.map((bytes) => bytes.toString("hex")),
        );
      }),
    );
  });

  test("survives any change to a valid packet", () => {
    fc.assert(
      fc.property(validPacket, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, place, value) => {
        const changed = Buffer.from(bytes);
        changed[place % changed.length] = value;
        readStream([changed], 1000);
      }),
      { numRuns: 3000 },
    );
  });
});
