import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteMap } from "./index.ts";

test("finds a value by a range of bytes", () => {
  const map = new ByteMap<number>(4);
  const bytes = Buffer.from("xxabcxx");
  map.set(bytes, 2, 5, 1);
  assert.equal(map.get(Buffer.from("abc"), 0, 3), 1);
  assert.equal(map.get(Buffer.from("abd"), 0, 3), undefined);
  assert.equal(map.get(Buffer.from("abc"), 0, 2), undefined);
});

test("keeps its keys when the source changes", () => {
  const map = new ByteMap<number>(4);
  const bytes = Buffer.from("abc");
  map.set(bytes, 0, 3, 1);
  bytes[0] = 0;
  assert.equal(map.get(Buffer.from("abc"), 0, 3), 1);
});

test("behaves as a Map that empties itself when full", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 3 }), fc.nat()), { maxLength: 60 }), (entries) => {
      const map = new ByteMap<number>(8);
      const model = new Map<string, number>();
      for (const [bytes, value] of entries) {
        const key = Buffer.from(bytes).toString("hex");
        if (!model.has(key) && model.size === 8) model.clear();
        model.set(key, value);
        map.set(bytes, 0, bytes.length, value);
        assert.equal(map.size, model.size);
        for (const [hex, expected] of model) {
          const probe = Buffer.from(hex, "hex");
          assert.equal(map.get(probe, 0, probe.length), expected);
        }
      }
    }),
  );
});
