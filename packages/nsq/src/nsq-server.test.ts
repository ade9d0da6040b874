import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { error, idOf, message, mpub, response, sized } from "./testing/frames.ts";
import { TestNsqd } from "./testing/test-nsqd.ts";

const ok = response("OK");
const nothing = Buffer.alloc(0);

test("delivers what was published to a consumer", async () => {
  const nsqd = await TestNsqd.start();
  const producer = nsqd.connect();
  const consumer = await nsqd.subscribe("orders", "billing", 10);
  assert.deepEqual(await producer.exchange(sized("PUB orders", "one")), ok);
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "one", timestampMs: nsqd.nowMs }));
});

test("lets one connection publish and consume", async () => {
  const nsqd = await TestNsqd.start();
  const both = await nsqd.subscribe("orders", "billing", 10);
  const delivered = message({ offset: 0, body: "one", timestampMs: nsqd.nowMs });
  assert.deepEqual(await both.exchange(sized("PUB orders", "one")), Buffer.concat([ok, delivered]));
});

test("delivers what another part of the server appends", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 10);
  const log = nsqd.catalog.require("orders");
  nsqd.memory.broker.produceRecord(log, log.partitions[0]!, { value: Buffer.from("x"), key: Buffer.from("k") });
  await nsqd.run();
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "x", timestampMs: nsqd.nowMs }));
});

test("deletes an ephemeral channel with its last client", async () => {
  const nsqd = await TestNsqd.start();
  const first = await nsqd.subscribe("orders", "tail#ephemeral");
  const second = await nsqd.subscribe("orders", "tail#ephemeral");
  first.stream.disconnect();
  await nsqd.run();
  assert.equal(nsqd.catalog.get("orders")?.channels.size, 1);
  await second.exchange("CLS\n");
  second.stream.disconnect();
  await nsqd.run();
  assert.equal(nsqd.catalog.get("orders")?.channels.size, 0);
});

test("deletes an ephemeral topic with its last channel", async () => {
  const nsqd = await TestNsqd.start();
  const lasting = await nsqd.subscribe("live#ephemeral", "billing");
  const passing = await nsqd.subscribe("live#ephemeral", "tail#ephemeral");
  passing.stream.disconnect();
  lasting.stream.disconnect();
  await nsqd.run();
  assert.deepEqual([...(nsqd.catalog.get("live#ephemeral")?.channels.keys() ?? [])], ["billing"]);
  await nsqd.catalog.deleteChannel(nsqd.catalog.require("live#ephemeral"), "billing");
  assert.equal(nsqd.catalog.get("live#ephemeral"), undefined);
});

test("keeps an ephemeral topic that never had a channel", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  assert.deepEqual(await client.exchange(sized("PUB live#ephemeral", "a")), ok);
  client.stream.disconnect();
  await nsqd.run();
  assert.equal(nsqd.catalog.get("live#ephemeral")?.messageCount, 1);
});

for (const deleted of ["channel", "log"]) {
  test(`closes consumers without a frame when their ${deleted} is deleted`, async () => {
    const nsqd = await TestNsqd.start();
    const consumer = await nsqd.subscribe("orders", "billing", 5);
    const other = await nsqd.subscribe("orders", "shipping", 5);
    await nsqd.connect().exchange(sized("PUB orders", "a"));
    consumer.stream.received();
    const log = nsqd.catalog.require("orders");
    void (deleted === "log" ? nsqd.catalog.delete("orders") : nsqd.catalog.deleteChannel(log, "billing"));
    await nsqd.run();
    assert.deepEqual(consumer.stream.received(), nothing);
    assert.deepEqual([consumer.closed, other.closed], [true, deleted === "log"]);
  });
}

test("answers a client that has sent its last byte, and then ends", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send("PUB orders\n", Buffer.from([0, 0, 0, 1]), "a");
  client.stream.endInput();
  await nsqd.run();
  assert.match(client.stream.received().toString("latin1"), /OK$/);
  assert.equal(client.closed, true);
});

test("names what is missing of a command that the client cut off", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send("PUB orders\n", Buffer.from([0, 0, 0, 9]), "a");
  client.stream.endInput();
  await nsqd.run();
  assert.match(client.stream.received().toString("latin1"), /E_BAD_MESSAGE PUB failed to read message body$/);
  assert.equal(client.closed, true);
});

test("ends connections when it stops, after their answers", async () => {
  const nsqd = await TestNsqd.start();
  const publisher = nsqd.connect();
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  publisher.send(sized("PUB orders", "a"));
  const stopped = nsqd.server.stop();
  assert.equal(consumer.closed, true);
  assert.equal(publisher.closed, false);
  await nsqd.run();
  await stopped;
  assert.deepEqual(publisher.stream.received(), ok);
  assert.equal(publisher.closed, true);
  assert.equal(nsqd.server.stop(), nsqd.server.stop());
});

test("cuts off what is left at the deadline", async () => {
  const nsqd = await TestNsqd.start();
  Object.defineProperty(nsqd.memory.broker, "produce", { value: () => false }); // A log that never answers.
  const client = nsqd.connect();
  client.send(sized("PUB orders", "a"));
  const stopped = nsqd.server.stop({ deadlineMs: 100 });
  await nsqd.advance(99);
  assert.equal(client.closed, false);
  await nsqd.advance(1);
  await stopped;
  assert.equal(client.closed, true);
  assert.equal(nsqd.metric("polylog_nsq_connections"), 0);
});

test("takes nobody once it stops", async () => {
  const nsqd = await TestNsqd.start();
  await nsqd.server.stop();
  assert.equal(nsqd.connectSilently().closed, true);
});

test("delivers again after a restart what was not finished", async () => {
  const nsqd = await TestNsqd.start();
  const timestampMs = nsqd.nowMs;
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  await nsqd.connect().exchange(mpub("orders", ["a", "b"]));
  await consumer.exchange(`FIN ${idOf(0)}\n`);
  await nsqd.server.stop();
  const again = await TestNsqd.on(await nsqd.memory.restart());
  const second = await again.subscribe("orders", "billing");
  const frames = await second.exchange("RDY 5\n");
  assert.deepEqual(frames.subarray(0, 8), message({ offset: 1, body: "b", timestampMs }).subarray(0, 8));
  assert.equal(frames.toString("latin1", 18, 34), idOf(1));
});

test("withstands hostile bytes", async () => {
  const nsqd = await TestNsqd.start({ limits: { msgSizeMax: 64, bodySizeMax: 256 } });
  const good = await nsqd.subscribe("orders", "billing", 2500);
  const word = fc.constantFrom(
    ...["PUB", "MPUB", "DPUB", "SUB", "RDY", "FIN", "REQ", "TOUCH", "CLS", "NOP", "IDENTIFY", "AUTH", "X"],
    ...["orders", "billing", "a#ephemeral", "x$", "", idOf(0), "0", "1", "-1", "99999999999999999999"],
  );
  const line = fc.array(word, { maxLength: 4 }).map((words) => Buffer.from(`${words.join(" ")}\n`));
  const size = fc.integer({ min: -2, max: 70 }).map((value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  });
  const body = fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes));
  const whole = body.map((bytes) => sized("PUB orders", bytes));
  const part = fc.oneof(line, line, size, body, whole);
  const streams = fc.array(fc.tuple(part, fc.boolean()), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(streams, fc.boolean(), async (parts, magic) => {
      const client = magic ? nsqd.connect() : nsqd.connectSilently();
      for (const [bytes, pause] of parts) {
        client.send(bytes);
        if (pause) await nsqd.run();
      }
      await nsqd.run();
      client.stream.disconnect();
      await nsqd.run();
    }),
    { numRuns: 300 },
  );
  assert.equal(nsqd.logger.at("error").length, 0);
  assert.equal(nsqd.metric("polylog_nsq_connections"), 1);
  good.stream.received();
  await good.exchange(`RDY 0\nRDY 2500\n`);
  assert.deepEqual(await good.exchange("NOP\n"), nothing);
  assert.deepEqual(await nsqd.connect().exchange("ASDF\n"), error("E_INVALID invalid command ASDF"));
  assert.deepEqual(await nsqd.connect().exchange(sized("PUB elsewhere", "a")), ok);
  assert.equal(good.closed, false);
});
