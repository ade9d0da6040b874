import assert from "node:assert/strict";
import { test } from "node:test";
import { readBufferSize, readBuffersMax } from "./limits.ts";
import { ReadBuffers } from "./read-buffers.ts";

test("uses again what was given back", () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(readBufferSize);
  buffers.giveBack(first);
  assert.equal(buffers.take(readBufferSize - 1), first);
  assert.notEqual(buffers.take(readBufferSize), first);
});

test("gives nobody a buffer that was given back twice", () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(readBufferSize);
  buffers.giveBack(first);
  buffers.giveBack(first);
  assert.equal(buffers.take(readBufferSize), first);
  assert.notEqual(buffers.take(readBufferSize), first);
});

test("keeps no more than it may, and none of another size", () => {
  const buffers = new ReadBuffers();
  buffers.giveBack(Buffer.alloc(1));
  buffers.giveBack(Buffer.alloc(readBufferSize * 2));
  const given = Array.from({ length: readBuffersMax + 1 }, (): Buffer => Buffer.alloc(readBufferSize));
  for (const each of given) buffers.giveBack(each);
  const taken = given.map(() => buffers.take(readBufferSize));
  assert.equal(taken.filter((each) => given.includes(each)).length, readBuffersMax);
});

test("makes small reads no large buffer", () => {
  assert.equal(new ReadBuffers().take(4096).length, 4096);
});
