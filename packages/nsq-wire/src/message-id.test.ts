import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MessageId, readMessageId, writeMessageId } from "./message-id.ts";

function write(partition: number, offset: number): string {
  const buffer = Buffer.alloc(18, 0x2e);
  assert.equal(writeMessageId(buffer, 1, partition, offset), 17);
  return buffer.toString("latin1");
}

function read(text: string, start = 0): MessageId | undefined {
  const out: MessageId = { partition: -1, offset: -1 };
  if (readMessageId(Buffer.from(text, "latin1"), start, out)) return out;
  assert.deepEqual(out, { partition: -1, offset: -1 });
  return undefined;
}

test("writes partition and offset in hex", () => {
  assert.equal(write(0, 0), ".0000000000000000.");
  assert.equal(write(4095, 2 ** 52 - 1), ".ffffffffffffffff.");
  assert.equal(write(0xabc, 0xf123456789abc), ".abcf123456789abc.");
  assert.equal(write(1, 2 ** 32), ".0010000100000000.");
});

test("reads lower-case hex only", () => {
  assert.deepEqual(read("0010000100000000"), { partition: 1, offset: 2 ** 32 });
  assert.deepEqual(read("xffffffffffffffffx", 1), { partition: 4095, offset: 2 ** 52 - 1 });
  for (const text of ["001000010000000A", "g010000100000000", "00100001 0000000", "\xff010000100000000", "0010000"]) {
    assert.equal(read(text), undefined);
  }
});

test("reads what it writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4095 }), fc.maxSafeNat(), (partition, large) => {
      const offset = large % 2 ** 52;
      const text = write(partition, offset);
      assert.deepEqual(read(text, 1), { partition, offset });
      assert.equal(BigInt(`0x${text.slice(1, 17)}`), (BigInt(partition) << 52n) | BigInt(offset));
    }),
  );
});
