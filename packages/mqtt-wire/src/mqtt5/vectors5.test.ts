import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isValidVector5, level5, type Vector5 } from "../testing/mqtt5-vector.ts";
import { vectors5 } from "../testing/mqtt5-vectors.ts";
import { chunksOf, readStream } from "../testing/read-stream.ts";
import { vectorBytes } from "../testing/vector.ts";
import { type PacketCodec5, packetCodecs5 } from "./packet-codecs5.ts";

const packetSizeMax = 1024;

for (const vector of vectors5) {
  describe(`[${vector.clause}] MQTT 5 ${vector.type}: ${vector.name}`, () => {
    test("in one chunk", () => checkRead(vector, [vectorBytes(vector.hex)]));
    test("byte by byte", () => checkRead(vector, chunksOf(vectorBytes(vector.hex), 1)));
    test("cut in two at every place", () => {
      const bytes = vectorBytes(vector.hex);
      for (let cut = 1; cut < bytes.length; cut++) checkRead(vector, [bytes.subarray(0, cut), bytes.subarray(cut)]);
    });
    if (isValidVector5(vector) && vector.canonical !== false) {
      test("encoded", () => {
        const codec = packetCodecs5[vector.type] as PacketCodec5<unknown>;
        const writer = new ByteWriter(1);
        codec.encode(writer, vector.value);
        assert.equal(writer.view().toString("hex"), vectorBytes(vector.hex).toString("hex"));
      });
    }
  });
}

test("has a valid and an invalid vector for every packet type", () => {
  for (const name of Object.keys(packetCodecs5)) {
    const own = vectors5.filter((vector) => vector.type === name);
    assert.ok(own.some(isValidVector5), `valid ${name}`);
    assert.ok(!own.every(isValidVector5), `invalid ${name}`);
  }
});

test("has no vector twice", () => {
  const seen = new Set(vectors5.map((vector) => `${vector.type} ${vector.name}`));
  assert.equal(seen.size, vectors5.length);
});

function checkRead(vector: Vector5, chunks: readonly Buffer[]): void {
  const outcome = readStream(chunks, packetSizeMax, level5);
  if (isValidVector5(vector)) {
    const hex = vectorBytes(vector.hex).toString("hex");
    assert.deepEqual(outcome, { packets: [{ name: vector.type, hex, value: vector.value }], error: undefined });
    return;
  }
  const found = outcome.error ?? outcome.packets[0]?.value;
  assert.equal(found, `mqtt-wire.${vector.error}`);
}
