import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { type PacketCodec, packetCodecs } from "./testing/packet-codecs.ts";
import { chunksOf, readStream } from "./testing/read-stream.ts";
import { isValidVector, type Vector, vectorBytes } from "./testing/vector.ts";
import { vectors } from "./testing/vectors.ts";

const packetSizeMax = 1024;

for (const vector of vectors) {
  const clause = vector.clause === undefined ? "" : `[${vector.clause}] `;
  describe(`${clause}${vector.type ?? "reserved type"}: ${vector.name}`, () => {
    test("in one chunk", () => checkRead(vector, [vectorBytes(vector.hex)]));
    test("byte by byte", () => checkRead(vector, chunksOf(vectorBytes(vector.hex), 1)));
    test("cut in two at every place", () => {
      const bytes = vectorBytes(vector.hex);
      for (let cut = 1; cut < bytes.length; cut++) checkRead(vector, [bytes.subarray(0, cut), bytes.subarray(cut)]);
    });
    if (isValidVector(vector) && vector.canonical !== false) {
      test("encoded", () => {
        const codec = packetCodecs[vector.type] as PacketCodec<unknown>;
        const writer = new ByteWriter(1);
        codec.encode(writer, vector.value);
        assert.equal(writer.view().toString("hex"), vectorBytes(vector.hex).toString("hex"));
      });
    }
  });
}

test("has a valid and an invalid vector for every packet type", () => {
  for (const name of Object.keys(packetCodecs)) {
    const own = vectors.filter((vector) => vector.type === name);
    assert.ok(own.some(isValidVector), `valid ${name}`);
    assert.ok(!own.every(isValidVector), `invalid ${name}`);
  }
});

test("has no vector twice", () => {
  const seen = new Set(vectors.map((vector) => `${vector.type} ${vector.name}`));
  assert.equal(seen.size, vectors.length);
});

function checkRead(vector: Vector, chunks: readonly Buffer[]): void {
  const outcome = readStream(chunks, packetSizeMax);
  if (isValidVector(vector)) {
    const hex = vectorBytes(vector.hex).toString("hex");
    assert.deepEqual(outcome, { packets: [{ name: vector.type, hex, value: vector.value }], error: undefined });
    return;
  }
  const found = outcome.error ?? outcome.packets[0]?.value;
  assert.equal(found, `mqtt-wire.${vector.error}`);
}
