import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import fc from "fast-check";
import { FrameReader } from "../frame-reader.ts";
import { type PacketName, packetTypeRules, packetTypes } from "../packet-type.ts";
import { decodeConnect } from "../packets/connect.ts";
import { isValidVector5, level5 } from "../testing/mqtt5-vector.ts";
import { vectors5 } from "../testing/mqtt5-vectors.ts";
import { chunksOf, readStream } from "../testing/read-stream.ts";
import { vectorBytes } from "../testing/vector.ts";
import { decodeAnyConnect, protocolLevelOf } from "./connect5.ts";
import { type PacketCodec5, packetCodecs5 } from "./packet-codecs5.ts";
import { PropertyCursor } from "./property-cursor.ts";
import { type PropertyPacket, propertyTable } from "./property-table.ts";

const names = Object.keys(packetTypes) as PacketName[];
const anyBytes = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes));
const packet = fc.constantFrom(...vectors5.map((vector) => vectorBytes(vector.hex)));
const validPacket = fc.constantFrom(...vectors5.filter(isValidVector5).map((vector) => vectorBytes(vector.hex)));

/** A packet whose fixed header is right and whose body is noise: reaches the decoders at once. */
const noisyPacket = fc.tuple(fc.constantFrom(...names), anyBytes).map(([name, body]) => {
  const first = (packetTypes[name] << 4) | packetTypeRules[name].flags[0];
  return Buffer.concat([Buffer.from([first, body.length]), body]);
});

test("gives only errors of the table for noise", () => {
  const stream = fc.oneof(anyBytes, noisyPacket, fc.array(packet, { maxLength: 6 }).map(Buffer.concat));
  fc.assert(
    fc.property(stream, (bytes) => void readStream([bytes], 4096, level5)),
    { numRuns: 5000 },
  );
});

test("survives any change to a valid packet", () => {
  fc.assert(
    fc.property(validPacket, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, place, value) => {
      const changed = Buffer.from(bytes);
      changed[place % changed.length] = value;
      readStream([changed], 4096, level5);
    }),
    { numRuns: 5000 },
  );
});

test("survives a valid packet cut short", () => {
  for (const vector of vectors5.filter(isValidVector5)) {
    const bytes = vectorBytes(vector.hex);
    for (let size = 2; size < bytes.length && bytes.length < 128; size++) {
      const cut = Buffer.from(bytes.subarray(0, size));
      cut[1] = size - 2;
      readStream([cut], 4096, level5);
    }
  }
});

test("gives the same for any split", () => {
  const stream = fc.array(fc.oneof(packet, noisyPacket), { maxLength: 6 }).map(Buffer.concat);
  fc.assert(
    fc.property(stream, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 300 }), (bytes, size, sizeMax) => {
      const split = readStream(chunksOf(bytes, size), sizeMax, level5);
      assert.deepEqual(split, readStream([bytes], sizeMax, level5));
    }),
    { numRuns: 2000 },
  );
});

test("reads nothing behind the packet", () => {
  const any = fc.oneof(packet, noisyPacket);
  fc.assert(
    fc.property(any, fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes, behind) => {
      const alone = readStream([bytes], 4096, level5);
      const followed = readStream([Buffer.concat([bytes, behind])], 4096, level5);
      assert.deepEqual(followed.packets[0], alone.packets[0]);
    }),
    { numRuns: 4000 },
  );
});

test("decodes again what it encodes of anything it accepted", () => {
  fc.assert(
    fc.property(validPacket, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, place, byte) => {
      const changed = Buffer.from(bytes);
      changed[place % changed.length] = byte;
      for (const { name, value } of readStream([changed], 4096, level5).packets) {
        if (typeof value === "string") continue;
        const writer = new ByteWriter();
        (packetCodecs5[name as PacketName] as PacketCodec5<unknown>).encode(writer, value);
        const again = readStream([writer.take()], 4096, level5);
        assert.deepEqual(again.packets[0].value, value);
      }
    }),
    { numRuns: 2000 },
  );
});

test("walks noise to its end or to an error", () => {
  const owners = propertyTable.userProperties.packets as readonly PropertyPacket[];
  const cursor = new PropertyCursor();
  fc.assert(
    fc.property(anyBytes, fc.constantFrom(...owners), (region, owner) => {
      const bytes = Buffer.concat([Buffer.from([region.length]), region]);
      let at = 1;
      try {
        cursor.open(owner, bytes, 0, bytes.length);
        while (cursor.next()) {
          assert.equal(cursor.start, at);
          assert.ok(cursor.end > at && cursor.end <= bytes.length);
          at = cursor.end;
        }
        assert.equal(at, bytes.length);
      } catch (error) {
        assert.match(String((error as { code?: unknown }).code), /^mqtt-wire\./);
      }
    }),
    { numRuns: 3000 },
  );
});

test("reads a CONNECT of any version from noise", () => {
  const start = fc.constantFrom("00044d515454", "00064d514973647003", "00044d51545404", "00044d51545405");
  fc.assert(
    fc.property(start, anyBytes, (prefix, rest) => {
      const bytes = Buffer.concat([Buffer.from(prefix, "hex"), rest]);
      const level = protocolLevelOf(bytes, 0, bytes.length);
      for (const decode of [decodeAnyConnect, decodeConnect]) {
        try {
          const value = decode(bytes, 0, bytes.length);
          assert.equal(value.protocolLevel, level);
        } catch (error) {
          assert.match(String((error as { code?: unknown }).code), /^mqtt-wire\./);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test("holds no more than the packet size allows", () => {
  const reader = new FrameReader(1000);
  reader.protocolLevel = 5;
  reader.push(Buffer.from("30ff7f", "hex"));
  assert.throws(() => reader.next(), { code: "mqtt-wire.PACKET_TOO_LARGE" });
});
