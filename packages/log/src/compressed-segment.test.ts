import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { compressSync } from "lz4-napi";
import { BlockCache } from "./block-cache.ts";
import {
  CompressedSegment,
  encodeBlockHead,
  encodeCompressedEnd,
  encodeCompressedHeader,
} from "./compressed-segment.ts";
import { writeAll } from "./storage/full-write.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { compressed } from "./testing/compressed-file.ts";

const blockSize = 64 * 1024;
/** Four blocks, the last one short; no two parts of it are the same, and it can be compressed. */
const segment = Buffer.from(Array.from({ length: 22_000 }, (_, i) => `record ${i} `).join("")).subarray(
  0,
  3.2 * blockSize,
);

async function openBytes(bytes: Buffer, cache = new BlockCache()): Promise<CompressedSegment> {
  const storage = new MemoryStorage();
  const file = await storage.open("a", "create");
  await writeAll(file, bytes, 0);
  return CompressedSegment.open(file, cache);
}

async function readWhole(file: CompressedSegment): Promise<Buffer> {
  const bytes = Buffer.alloc(await file.size());
  assert.equal(await file.read(bytes, 0), bytes.length);
  return bytes;
}

/** What is read of the file with damaged blocks as zeros. */
function withZeros(...blocks: readonly number[]): Buffer {
  const bytes = Buffer.from(segment);
  for (const block of blocks) bytes.fill(0, block * blockSize, Math.min(bytes.length, (block + 1) * blockSize));
  return bytes;
}

describe("a compressed segment", () => {
  it("reads as the segment, at every position and size", async () => {
    const file = await openBytes(compressed(segment));
    assert.deepEqual(file.faults, []);
    assert.equal(await file.size(), segment.length);
    const range = fc.tuple(fc.nat(segment.length + 10), fc.nat(3 * blockSize));
    await fc.assert(
      fc.asyncProperty(range, async ([position, size]) => {
        const target = Buffer.alloc(size, 1);
        const read = await file.read(target, position);
        const expected = segment.subarray(position, position + size);
        assert.equal(read, expected.length);
        assert.ok(target.subarray(0, read).equals(expected));
        assert.ok(target.subarray(read).every((byte) => byte === 1));
      }),
      { numRuns: 300 },
    );
  });

  it("refuses to be written", async () => {
    const file = await openBytes(compressed(segment));
    await assert.rejects(writeAll(file, Buffer.from("x"), 0));
    await assert.rejects(file.truncate());
  });

  it("reads a damaged block as zeros and the others as they are", async () => {
    const bytes = compressed(segment);
    const heads = [32];
    for (let i = 0; i < 3; i++) heads.push(heads[i]! + 8 + bytes.readUInt32LE(heads[i]!));
    for (const [block, at] of heads.entries()) {
      const damaged = Buffer.from(bytes);
      damaged[at + 100]! ^= 4;
      const file = await openBytes(damaged);
      assert.ok((await readWhole(file)).equals(withZeros(block)));
      assert.ok((await readWhole(file)).equals(withZeros(block)), "again");
    }
  });

  it("goes on with the header's copy, or without the table, and says so", async () => {
    const bytes = compressed(segment);
    for (const [at, word] of [
      [9, "header"],
      [bytes.length - 20, "end"],
      [bytes.length - 40, "table"],
    ] as const) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      const file = await openBytes(damaged);
      assert.ok(
        file.faults.some((fault) => fault.includes(word)),
        word,
      );
      assert.ok((await readWhole(file)).equals(segment));
    }
  });

  it("notices every flipped bit", async () => {
    const bytes = compressed(segment.subarray(0, 700));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const file = await openBytes(damaged);
      const isNoticed = file.faults.length > 0 || (await readWhole(file)).every((byte) => byte === 0);
      assert.ok(isNoticed, `bit ${bit}`);
    }
  });

  it("notices a cut at every byte, and reads the blocks before it", async () => {
    const bytes = compressed(segment);
    const second = 32 + 8 + bytes.readUInt32LE(32);
    for (let size = 0; size < bytes.length; size += size < second + 50 && size > second - 50 ? 1 : 501) {
      const file = await openBytes(bytes.subarray(0, size));
      assert.ok(file.faults.length > 0);
      const read = await readWhole(file);
      if (size >= 32) assert.equal(read.length, segment.length);
      if (size >= second) assert.ok(read.subarray(0, blockSize).equals(segment.subarray(0, blockSize)), `${size}`);
    }
    for (let size = bytes.length - 52; size < bytes.length; size++)
      assert.ok((await readWhole(await openBytes(bytes.subarray(0, size)))).equals(segment));
  });

  it("takes no memory for what a hostile file claims", async () => {
    for (const claim of [
      { blockSize, size: 2 ** 45 },
      { blockSize: 2 ** 30, size: segment.length },
      { blockSize: 12_345, size: segment.length },
      { blockSize, size: 10 },
    ]) {
      const header = encodeCompressedHeader(claim);
      const file = await openBytes(Buffer.concat([header, Buffer.alloc(100), header]));
      assert.equal(await file.size(), 0);
      assert.equal(file.faults.length, 2);
    }
    const header = encodeCompressedHeader({ blockSize, size: 300 });
    const content = compressSync(Buffer.alloc(300));
    for (const size of [301, 2 ** 32 - 1]) {
      const claiming = Buffer.from(content);
      claiming.writeUInt32LE(size, 0);
      const end = encodeCompressedEnd(header, [content.length]);
      const file = await openBytes(Buffer.concat([header, encodeBlockHead(0, claiming), claiming, end]));
      assert.ok((await readWhole(file)).equals(Buffer.alloc(300)));
    }
    const longTable = encodeCompressedEnd(header, [2 ** 32 - 1]);
    const file = await openBytes(Buffer.concat([header, encodeBlockHead(0, content), content, longTable]));
    assert.ok(file.faults.some((fault) => fault.includes("table")));
  });

  it("does not take one block for another", async () => {
    const header = encodeCompressedHeader({ blockSize, size: 2 * blockSize });
    const contents = [1, 2].map((fill) => compressSync(Buffer.alloc(blockSize, fill)));
    const swapped = [encodeBlockHead(1, contents[1]!), contents[1]!, encodeBlockHead(0, contents[0]!), contents[0]!];
    const sizes = [contents[1]!.length, contents[0]!.length];
    const file = await openBytes(Buffer.concat([header, ...swapped, encodeCompressedEnd(header, sizes)]));
    assert.ok((await readWhole(file)).equals(Buffer.alloc(2 * blockSize)));
  });

  it("keeps a bounded number of blocks, of open files only", async () => {
    const cache = new BlockCache(2 * blockSize);
    const file = await openBytes(compressed(segment), cache);
    for (let position = 10; position < segment.length; position += blockSize)
      await file.read(Buffer.alloc(9), position);
    assert.ok(cache.size > 0 && cache.size <= 2 * blockSize);
    await file.close();
    assert.equal(cache.size, 0);
  });

  it("has a header that says what the table in the comment says", () => {
    const bytes = compressed(segment);
    assert.equal(bytes.toString("latin1", 0, 8), "PLLZ4-01");
    assert.deepEqual([bytes.readUInt32LE(8), bytes.readUInt32LE(12)], [blockSize, 4]);
    assert.equal(Number(bytes.readBigUInt64LE(16)), segment.length);
    assert.equal(bytes.readUInt32LE(28), crc32(bytes.subarray(0, 28)));
    assert.ok(bytes.subarray(-32).equals(bytes.subarray(0, 32)));
  });
});
