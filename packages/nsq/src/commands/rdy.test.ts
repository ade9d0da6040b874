import assert from "node:assert/strict";
import { test } from "node:test";
import { error, idOf, message, mpub, response } from "../testing/frames.ts";
import { type TestClient, TestNsqd } from "../testing/test-nsqd.ts";

const nothing = Buffer.alloc(0);

/** A consumer of a topic with the messages a, b, c, d, e. */
async function consumerOfFive(): Promise<{ nsqd: TestNsqd; consumer: TestClient; messages: Buffer[] }> {
  const nsqd = await TestNsqd.start();
  await nsqd.connect().exchange(mpub("orders", ["a", "b", "c", "d", "e"]));
  const consumer = await nsqd.subscribe("orders", "billing");
  const messages = [..."abcde"].map((body, offset) => message({ offset, body, timestampMs: nsqd.nowMs }));
  return { nsqd, consumer, messages };
}

const refused: readonly (readonly [line: string, text: string])[] = [
  ["RDY -1", "E_INVALID RDY could not parse count -1"],
  ["RDY x", "E_INVALID RDY could not parse count x"],
  ["RDY 2501", "E_INVALID RDY count 2501 out of range 0-2500"],
  ["RDY 18446744073709551615", "E_INVALID RDY count -1 out of range 0-2500"],
];

for (const [line, text] of refused) {
  test(`refuses ${line}`, async () => {
    const nsqd = await TestNsqd.start();
    const client = await nsqd.subscribe("orders", "billing");
    assert.deepEqual(await client.exchange(`${line}\n`), error(text));
    assert.equal(client.closed, true);
  });
}

test("NSQ-1.8-9: sends nothing before RDY", async () => {
  const { consumer } = await consumerOfFive();
  assert.deepEqual(await consumer.exchange("NOP\n"), nothing);
});

test("NSQ-1.8-10: is a ceiling and not a credit", async () => {
  const { consumer, messages } = await consumerOfFive();
  assert.deepEqual(await consumer.exchange("RDY 2\n"), Buffer.concat([messages[0]!, messages[1]!]));
  assert.deepEqual(await consumer.exchange("RDY 2\n"), nothing);
  assert.deepEqual(await consumer.exchange(`FIN ${idOf(1)}\n`), messages[2]);
});

test("NSQ-1.8-11: means one without a count", async () => {
  const { consumer, messages } = await consumerOfFive();
  assert.deepEqual(await consumer.exchange("RDY\n"), messages[0]);
});

test("NSQ-1.8-12: means none with an empty count", async () => {
  const { consumer, messages } = await consumerOfFive();
  assert.deepEqual(await consumer.exchange("RDY 1\n"), messages[0]);
  assert.deepEqual(await consumer.exchange(`RDY \nFIN ${idOf(0)}\n`), nothing);
});

test("NSQ-1.8-13: lets what is in flight drain when lowered", async () => {
  const { consumer, messages } = await consumerOfFive();
  await consumer.exchange("RDY 3\n");
  assert.deepEqual(await consumer.exchange(`RDY 1\nFIN ${idOf(0)}\nFIN ${idOf(1)}\n`), nothing);
  assert.deepEqual(await consumer.exchange(`FIN ${idOf(2)}\n`), messages[3]);
});

test("NSQ-1.11-10: stops at CLS while messages may still be finished", async () => {
  const { nsqd, consumer } = await consumerOfFive();
  await consumer.exchange("RDY 2\n");
  assert.deepEqual(await consumer.exchange(`CLS\nFIN ${idOf(0)}\n`), response("CLOSE_WAIT"));
  assert.equal(nsqd.catalog.get("orders")?.channels.get("billing")?.inFlightCount, 1);
  assert.equal(consumer.closed, false);
});
