import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "./index.ts";

test("writes integers, bytes and text in order and grows", () => {
  const writer = new ByteWriter(1);
  writer.u8(0x01);
  writer.u16be(0x0203);
  writer.u32be(0xfffefdfc);
  writer.bytes(Buffer.from([9, 8, 7]), 1, 3);
  assert.equal(writer.utf8("é"), 2);
  assert.equal(writer.view().toString("hex"), "010203fffefdfc0807c3a9");
});

test("hands its bytes over and starts afresh", () => {
  const writer = new ByteWriter();
  writer.u8(1);
  const taken = writer.take();
  writer.u8(2);
  assert.equal(taken.toString("hex"), "01");
  assert.equal(writer.view().toString("hex"), "02");
});
