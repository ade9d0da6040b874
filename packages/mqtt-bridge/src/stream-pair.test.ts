import assert from "node:assert/strict";
import { test } from "node:test";
import { streamPair } from "./stream-pair.ts";

test("hands over what is written at once", () => {
  const [one, other] = streamPair("x");
  const chunks: string[] = [];
  other.on("data", (chunk) => chunks.push(chunk.toString()));
  assert.ok(one.write(Buffer.from("a")));
  assert.deepEqual([chunks, one.writableLength], [["a"], 0]);
});

test("keeps what a paused reader does not take", () => {
  const [one, other] = streamPair("x");
  const heard: string[] = [];
  other.on("data", (chunk) => heard.push(`${chunk.length}`));
  one.on("drain", () => heard.push("drain"));
  other.on("end", () => heard.push("end"));
  other.pause();
  assert.ok(one.write(Buffer.alloc(64 * 1024)));
  assert.equal(one.write(Buffer.alloc(1)), false);
  one.end();
  assert.deepEqual([heard, one.writableLength], [[], 64 * 1024 + 1]);
  other.resume();
  assert.deepEqual(heard, ["65536", "1", "drain", "end"]);
});

test("closes both ends once both have ended", () => {
  const [one, other] = streamPair("x");
  const heard: string[] = [];
  one.on("close", () => heard.push("one"));
  other.on("close", () => heard.push("other"));
  one.end();
  assert.deepEqual(heard, []);
  other.end();
  assert.deepEqual(heard, ["one", "other"]);
  assert.equal(one.write(Buffer.from("a")), false);
});

test("a destroyed end takes the other along", () => {
  const [one, other] = streamPair("x");
  let closed = 0;
  for (const end of [one, other]) end.on("close", () => closed++);
  one.destroy();
  other.destroy();
  assert.equal(closed, 2);
});
