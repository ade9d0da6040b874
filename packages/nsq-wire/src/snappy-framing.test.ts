import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SnappyReader, SnappyWriter } from "./snappy-framing.ts";

const startHex = "ff060000734e61507059";
/** The frame OK: too short to be compressed. */
const okFrame = Buffer.from("00000006000000004f4b", "hex");

test("begins the stream and leaves short data uncompressed", () => {
  const encoded = new SnappyWriter().encode(okFrame).toString("hex");
  assert.equal(encoded.slice(0, 28), `${startHex}010e0000`);
  assert.equal(encoded.slice(36), okFrame.toString("hex"));
});

test("begins the stream once", () => {
  const writer = new SnappyWriter();
  writer.encode(okFrame);
  assert.equal(writer.encode(okFrame).toString("hex").startsWith("010e0000"), true);
});

test("compresses data that becomes shorter", () => {
  const encoded = new SnappyWriter().encode(Buffer.alloc(100_000, "a"));
  assert.ok(encoded.length < 10_000);
  assert.equal(encoded[10], 0x00);
});

test("computes the checksum of the framing format", () => {
  // CRC-32C of "123456789" is e3069283; masked: rotated right by 15 bits, plus a282ead8.
  const encoded = new SnappyWriter().encode(Buffer.from("123456789"));
  const checksum = 0xe3069283;
  const masked = (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
  assert.equal(encoded.readUInt32LE(14), masked);
});

test("reads what it wrote, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
        { maxLength: 6 },
      ),
      fc.boolean(),
      fc.integer({ min: 1, max: 700 }),
      (writes, repeat, step) => {
        const writer = new SnappyWriter();
        const sent = writes.map((bytes) => (repeat ? Buffer.concat(new Array(50).fill(bytes)) : bytes));
        const encoded = Buffer.concat(sent.map((bytes) => writer.encode(bytes)));
        const reader = new SnappyReader();
        const parts: Buffer[] = [];
        for (let at = 0; at < encoded.length; at += step)
          parts.push(Buffer.from(reader.decode(encoded.subarray(at, at + step))));
        assert.deepEqual(Buffer.concat(parts), Buffer.concat(sent));
      },
    ),
    { numRuns: 60 },
  );
});

test("skips padding and repeated identifiers", () => {
  const writer = new SnappyWriter();
  const first = writer.encode(Buffer.from("one"));
  const stream = Buffer.concat([
    first,
    Buffer.from("fe0300007878788001000079", "hex"),
    Buffer.from(startHex, "hex"),
    writer.encode(Buffer.from("two")),
  ]);
  const reader = new SnappyReader();
  const parts = [...stream].map((byte) => Buffer.from(reader.decode(Buffer.from([byte]))));
  assert.equal(Buffer.concat(parts).toString(), "onetwo");
});

const bad: readonly (readonly [name: string, hex: string, reason: RegExp])[] = [
  ["no identifier", "010e0000", /begin with its identifier/],
  ["another identifier", "ff060000734e61507058", /wrong stream identifier/],
  ["an identifier of another length", "ff070000", /wrong stream identifier/],
  ["a reserved type", `${startHex}02010000`, /reserved type/],
  ["a plain chunk that is too long", `${startHex}01050001`, /length that cannot be/],
  ["a compressed chunk that is too long", `${startHex}00cf2a01`, /length that cannot be/],
  ["a chunk shorter than its checksum", `${startHex}01030000`, /length that cannot be/],
  ["a wrong checksum", `${startHex}010500000000000061`, /wrong checksum/],
  ["a block that says it holds too much", `${startHex}0008000000000000ffff7f00`, /too many bytes/],
  ["a block of nonsense", `${startHex}000700000000000003ffff`, /cannot be read/],
];

for (const [name, hex, reason] of bad) {
  test(`refuses ${name}`, () => {
    assert.throws(() => new SnappyReader().decode(Buffer.from(hex, "hex")), {
      code: "nsq-wire.SNAPPY_CORRUPT",
      message: reason,
    });
  });
}
