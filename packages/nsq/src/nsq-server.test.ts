import assert from "node:assert/strict";
import { test } from "node:test";
import { message, mpub, response, sized } from "./testing/frames.ts";
import { TestNsqd } from "./testing/test-nsqd.ts";

test("delivers what was published to a consumer", async () => {
  const nsqd = await TestNsqd.start();
  const producer = nsqd.connect();
  const consumer = await nsqd.subscribe("orders", "billing", 10);
  assert.deepEqual(await producer.exchange(sized("PUB orders", "one")), response("OK"));
  await nsqd.run();
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "one", timestampMs: nsqd.nowMs }));
  assert.deepEqual(await producer.exchange(mpub("orders", ["two", "three"])), response("OK"));
});
