/** output_buffer_size, output_buffer_timeout, sample_rate and msg_timeout, as a client asks for them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf, message, mpub, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

async function start(asked: object, ready = 10) {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("IDENTIFY", JSON.stringify(asked)), "SUB orders billing\n", `RDY ${ready}\n`);
  const publish = (...bodies: string[]) => nsqd.connect().exchange(mpub("orders", bodies));
  const received = () => client.stream.received();
  return { nsqd, client, publish, received };
}

test("NSQ-1.12-6: holds messages back for output_buffer_timeout", async () => {
  const { nsqd, publish, received } = await start({ output_buffer_timeout: 500 });
  const timestampMs = nsqd.nowMs;
  await publish("a");
  await nsqd.advance(400);
  await publish("b");
  await nsqd.advance(99);
  assert.equal(received().length, 0);
  await nsqd.advance(1);
  const second = message({ offset: 1, body: "b", timestampMs: timestampMs + 400 });
  assert.deepEqual(received(), Buffer.concat([message({ offset: 0, body: "a", timestampMs }), second]));
  await publish("c");
  await nsqd.advance(499);
  assert.equal(received().length, 0);
  await nsqd.advance(1);
  assert.notEqual(received().length, 0);
});

test("NSQ-1.12-7: sends messages when output_buffer_size is full", async () => {
  const { publish, received } = await start({ output_buffer_size: 100, output_buffer_timeout: -1 });
  await publish("a", "b");
  assert.equal(received().length, 0);
  await publish("c"); // Three frames of 35 bytes.
  assert.equal(received().length, 70);
  await publish("x".repeat(200));
  assert.equal(received().length, 35 + 234);
  await publish("y".repeat(100_000));
  assert.equal(received().length, 100_034);
});

test("NSQ-1.12-8: sends messages when the client is not ready", async () => {
  const { nsqd, client, publish, received } = await start({ output_buffer_timeout: 1000 }, 2);
  await publish("a");
  assert.equal(received().length, 0);
  await publish("b", "c");
  assert.equal(received().length, 70);
  client.send(`FIN ${idOf(0)}\n`);
  await nsqd.run();
  assert.equal(received().length, 35); // It has two in flight again.
  client.send(`FIN ${idOf(1)}\n`);
  await publish("d");
  assert.equal(received().length, 35);
  client.send("RDY 4\n", `FIN ${idOf(2)}\n`);
  await publish("e");
  assert.equal(received().length, 0);
  client.send("RDY 0\n");
  await nsqd.run();
  assert.equal(received().length, 35);
});

for (const asked of [{}, { output_buffer_size: -1 }, { output_buffer_size: -1, output_buffer_timeout: 500 }]) {
  test(`sends at once to a client that says ${JSON.stringify(asked)}`, async () => {
    const { publish, received } = await start(asked);
    await publish("a");
    assert.equal(received().length, 35);
  });
}

test("answers do not wait for messages", async () => {
  const { client, publish } = await start({ output_buffer_timeout: 500 });
  await publish("a");
  const answer = await client.exchange(sized("PUB other", "x"));
  assert.match(answer.toString("latin1"), /OK$/);
});

test("keeps no timer for a client that is gone", async () => {
  const { nsqd, client, publish } = await start({ output_buffer_timeout: 500 });
  await publish("a");
  client.stream.disconnect();
  await nsqd.run();
  const other = await nsqd.subscribe("orders", "billing");
  assert.equal((await other.exchange("RDY 1\n")).length, 35);
  await nsqd.advance(1000);
});

test("sample_rate of one client leaves another one alone", async () => {
  const nsqd = await TestNsqd.start();
  const sampled = nsqd.connect();
  await sampled.exchange(sized("IDENTIFY", '{"sample_rate":20}'), "SUB orders sampled\n", "RDY 2500\n");
  const whole = await nsqd.subscribe("orders", "whole", 2500);
  await nsqd.connect().exchange(mpub("orders", new Array<string>(1000).fill("a")));
  const count = sampled.stream.received().length / 35;
  assert.ok(count > 100 && count < 350, `${count}`);
  assert.equal(whole.stream.received().length / 35, 1000);
});

test("NSQ-1.12-9: msg_timeout is that of the client which has the message", async () => {
  const nsqd = await TestNsqd.start();
  const clients = [1000, 5000].map((msg_timeout) => ({ client: nsqd.connect(), msg_timeout }));
  for (const { client, msg_timeout } of clients)
    await client.exchange(sized("IDENTIFY", JSON.stringify({ msg_timeout })), "SUB orders billing\n", "RDY 1\n");
  await nsqd.connect().exchange(mpub("orders", ["a", "b"]));
  const channel = nsqd.catalog.require("orders").channels.get("billing")!;
  for (const { client } of clients) client.send("RDY 0\n");
  await nsqd.advance(1000);
  assert.deepEqual([channel.counters.timeoutCount, channel.inFlightCount], [1, 1]);
  await nsqd.advance(3999);
  assert.equal(channel.counters.timeoutCount, 1);
  await nsqd.advance(1);
  assert.deepEqual([channel.counters.timeoutCount, channel.inFlightCount], [2, 0]);
});
