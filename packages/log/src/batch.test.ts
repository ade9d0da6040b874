import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import {
  batchCount,
  batchEpoch,
  batchFault,
  batchHeaderSize,
  batchIsRich,
  batchLink,
  batchOffset,
  batchPartition,
  batchPayloadStart,
  batchProducer,
  batchSize,
  batchTimestampFirst,
  batchTimestampLast,
  sealBatch,
} from "./batch.ts";

const fields = {
  link: Buffer.alloc(32, 0xab),
  rich: true,
  producer: false,
  partition: 513,
  epoch: 0xfedcba98,
  count: 2,
  offset: 2 ** 52 + 3,
  timestampFirst: 1_700_000_000_000,
  timestampLast: 1_700_000_000_999,
};

function sealed(payloadSize = 20): Buffer {
  const bytes = Buffer.alloc(5 + batchHeaderSize + payloadSize, 7);
  sealBatch(bytes, 5, bytes.length, fields);
  return bytes;
}

/** The batch with a byte changed and, if wanted, a CRC that fits again. */
function changed(at: number, value: number, withCrc: boolean): Buffer {
  const bytes = sealed();
  bytes[5 + at] = value;
  if (withCrc) bytes.writeUInt32LE(crc32(bytes.subarray(5 + 12)), 5 + 8);
  return bytes;
}

describe("batch", () => {
  it("has the header of the byte table", () => {
    const hex = sealed(8).subarray(5).toString("hex");
    const crc = sealed(8).readUInt32LE(13).toString(16).padStart(8, "0").match(/../g)!.reverse().join("");
    const expected = [
      "504c4231",
      "50000000",
      crc,
      "01",
      "01",
      "0102",
      "98badcfe",
      "02000000",
      "0300000000001000",
      "0068e5cf8b010000",
      "e76be5cf8b010000",
      "ab".repeat(32),
      "0707070707070707",
    ];
    assert.equal(hex, expected.join(""));
  });

  it("is read back field by field", () => {
    const bytes = sealed();
    assert.equal(batchFault(bytes, 5, bytes.length), undefined);
    assert.equal(batchSize(bytes, 5), bytes.length - 5);
    assert.deepEqual(
      {
        rich: batchIsRich(bytes, 5),
        producer: batchProducer(bytes, 5) !== undefined,
        partition: batchPartition(bytes, 5),
        epoch: batchEpoch(bytes, 5),
        count: batchCount(bytes, 5),
        offset: batchOffset(bytes, 5),
        timestampFirst: batchTimestampFirst(bytes, 5),
        timestampLast: batchTimestampLast(bytes, 5),
        link: batchLink(bytes, 5),
      },
      fields,
    );
  });

  it("begins with who wrote it when that had an id", () => {
    const block = "02" + "612d" + "0500000000000000" + "0300000001000000";
    const bytes = Buffer.concat([Buffer.alloc(80), Buffer.from(block, "hex"), Buffer.alloc(8)]);
    sealBatch(bytes, 0, bytes.length, { ...fields, producer: true });
    assert.equal(batchFault(bytes, 0, bytes.length), undefined);
    assert.deepEqual(batchProducer(bytes, 0), { id: "a-", epoch: 5, sequence: 2 ** 32 + 3 });
    assert.equal(batchPayloadStart(bytes, 0), 80 + 19);
    assert.equal(batchPayloadStart(sealed(), 5), 85);
    // An id of 0 or too many bytes, a character, an epoch and a sequence that nobody writes, no room for the records.
    for (const [at, value] of [
      [80, 0],
      [80, 12],
      [80, 200],
      [81, 0x20],
      [90, 0xff],
      [98, 0xff],
      [20, 3],
    ] as const) {
      const wrong = Buffer.from(bytes);
      wrong[at] = value;
      wrong.writeUInt32LE(crc32(wrong.subarray(12)), 8);
      assert.equal(batchFault(wrong, 0, wrong.length), "fields", `byte ${at}`);
    }
  });

  it("is recognised only when whole and intact", () => {
    const cases: [bytes: Buffer, fault: string | undefined][] = [
      [changed(0, 0, false), "magic"],
      [changed(7, 0xff, false), "length"],
      [changed(4, 72, false), "length"],
      [changed(4, 93, false), "incomplete"],
      [changed(4, 91, false), "crc"],
      [changed(8, sealed()[5 + 8]! ^ 1, false), "crc"],
      [changed(92, 1, false), "crc"],
      [changed(12, 2, true), "version"],
      [changed(13, 2, true), "fields"],
      [changed(13, 128, true), "attributes"],
      [changed(20, 0, true), "fields"],
      [changed(31, 0xff, true), "fields"],
      [changed(44, 0, true), "fields"],
    ];
    for (const [bytes, fault] of cases) assert.equal(batchFault(bytes, 5, bytes.length), fault);
    assert.equal(batchFault(sealed(), 5, 5 + 79), "incomplete");
    assert.equal(batchFault(Buffer.alloc(100), 0, 100), "magic");
  });
});
