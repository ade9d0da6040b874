import assert from "node:assert/strict";
import { test } from "node:test";
import { error, idOf, int32, message, mpub, response, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

const ok = response("OK");
const nothing = Buffer.alloc(0);

type Parts = readonly (string | Buffer)[];

/** What is sent, the error, and whether the topic is there afterwards. */
const refused: readonly (readonly [name: string, parts: Parts, text: string, topicMade: boolean])[] = [
  ["PUB without topic", ["PUB\n"], "E_INVALID PUB insufficient number of parameters", false],
  ["PUB to no name", ["PUB x$\n"], 'E_BAD_TOPIC PUB topic name "x$" is not valid', false],
  ["an empty PUB", ["PUB orders\n", int32(0)], "E_BAD_MESSAGE PUB invalid message body size 0", false],
  ["a negative PUB", ["PUB orders\n", int32(-1)], "E_BAD_MESSAGE PUB invalid message body size -1", false],
  ["a large PUB", ["PUB orders\n", int32(101)], "E_BAD_MESSAGE PUB message too big 101 > 100", false],
  ["DPUB without delay", ["DPUB orders\n"], "E_INVALID DPUB insufficient number of parameters", false],
  ["DPUB with no number", ["DPUB orders x\n"], "E_INVALID DPUB could not parse timeout x", false],
  ["a late DPUB", ["DPUB orders 3600001\n"], "E_INVALID DPUB timeout 3600001 out of range 0-3600000", false],
  ["an empty DPUB", ["DPUB orders 1\n", int32(0)], "E_BAD_MESSAGE DPUB invalid message body size 0", false],
  ["MPUB without topic", ["MPUB\n"], "E_INVALID MPUB insufficient number of parameters", false],
  ["MPUB to no name", ["MPUB a$\n"], 'E_BAD_TOPIC E_BAD_TOPIC MPUB topic name "a$" is not valid', false],
  ["an empty MPUB", ["MPUB orders\n", int32(0)], "E_BAD_BODY MPUB invalid body size 0", true],
  ["a large MPUB", ["MPUB orders\n", int32(1001)], "E_BAD_BODY MPUB body too big 1001 > 1000", true],
  ["MPUB of none", ["MPUB orders\n", int32(8), int32(0)], "E_BAD_BODY MPUB invalid message count 0", true],
  ["MPUB of too many", ["MPUB orders\n", int32(8), int32(200)], "E_BAD_BODY MPUB invalid message count 200", true],
  [
    "MPUB with an empty message",
    ["MPUB orders\n", int32(12), int32(1), int32(0)],
    "E_BAD_MESSAGE MPUB invalid message(0) body size 0",
    true,
  ],
  [
    "MPUB with a large message",
    ["MPUB orders\n", int32(12), int32(1), int32(101)],
    "E_BAD_MESSAGE MPUB message too big 101 > 100",
    true,
  ],
];

for (const [name, parts, text, topicMade] of refused) {
  test(`refuses ${name}`, async () => {
    const nsqd = await TestNsqd.start({ limits: { msgSizeMax: 100, bodySizeMax: 1000 } });
    const client = nsqd.connect();
    assert.deepEqual(await client.exchange(...parts), error(text));
    assert.equal(client.closed, true);
    assert.equal(nsqd.catalog.get("orders") !== undefined, topicMade);
    assert.equal(nsqd.catalog.get("orders")?.messageCount ?? 0, 0);
  });
}

test("acknowledges PUB only once it is written", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send(sized("PUB orders", "a"));
  assert.deepEqual(client.stream.received(), nothing);
  await nsqd.run();
  assert.deepEqual(client.stream.received(), ok);
  const restarted = await nsqd.memory.crash();
  assert.equal(restarted.broker.catalog.get("orders")?.partitions[0]?.nextOffset, 1);
});

test("acknowledges PUB at once at durability memory", async () => {
  const nsqd = await TestNsqd.start({ broker: { defaults: { durability: "memory" } } });
  const client = nsqd.connect();
  client.send(sized("PUB orders", "a"), sized("DPUB orders 5", "b"), mpub("orders", ["c"]));
  nsqd.memory.clock.turn();
  assert.deepEqual(client.stream.received(), Buffer.concat([ok, ok, ok]));
});

test("NSQ-1.10-34: appends MPUB in order with one answer", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  assert.deepEqual(await nsqd.connect().exchange(mpub("orders", ["a", "bb", "ccc"])), ok);
  const messages = ["a", "bb", "ccc"].map((body, offset) => message({ offset, body, timestampMs: nsqd.nowMs }));
  assert.deepEqual(consumer.stream.received(), Buffer.concat(messages));
});

test("NSQ-1.10-35: follows MPUB's inner sizes whatever the outer says", async () => {
  const nsqd = await TestNsqd.start();
  const lying = Buffer.concat([Buffer.from("MPUB orders\n"), int32(1), int32(1), int32(2), Buffer.from("ab")]);
  assert.deepEqual(await nsqd.connect().exchange(lying, sized("PUB orders", "c")), Buffer.concat([ok, ok]));
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 2);
});

test("NSQ-1.10-36: delivers DPUB after its delay", async () => {
  const nsqd = await TestNsqd.start();
  const timestampMs = nsqd.nowMs;
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  assert.deepEqual(await nsqd.connect().exchange(sized("DPUB orders 500", "a")), ok);
  await nsqd.advance(499);
  assert.deepEqual(consumer.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "a", timestampMs }));
});

test("delivers DPUB without delay at once", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  assert.deepEqual(await nsqd.connect().exchange(sized("DPUB orders 0", "a")), ok);
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "a", timestampMs: nsqd.nowMs }));
});

test("refuses what access does not allow", async () => {
  const asked: string[] = [];
  const access = { allows: (_: unknown, action: string, resource: string) => asked.push(`${action} ${resource}`) < 0 };
  const nsqd = await TestNsqd.start({ broker: { access } });
  const text = (verb: string) => error(`E_UNAUTHORIZED AUTH failed for ${verb} on "orders" ""`);
  assert.deepEqual(await nsqd.connect().exchange(sized("PUB orders", "a")), text("PUB"));
  assert.deepEqual(await nsqd.connect().exchange(sized("DPUB orders 1", "a")), text("DPUB"));
  assert.deepEqual(await nsqd.connect().exchange("MPUB orders\n"), text("MPUB"));
  assert.deepEqual(asked, ["produce orders", "produce orders", "produce orders"]);
  assert.equal(nsqd.catalog.size, 0);
});

test("publishes to the new log of a name whose log was deleted", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("PUB orders", "a"));
  await Promise.all([nsqd.catalog.delete("orders"), nsqd.run()]);
  assert.deepEqual(await client.exchange(sized("PUB orders", "b")), ok);
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 1);
});

test("keeps the order of answers across levels", async () => {
  const nsqd = await TestNsqd.start();
  nsqd.catalog.create("synced", { durability: "synced" });
  nsqd.catalog.create("memory", { durability: "memory" });
  const client = await nsqd.subscribe("orders", "billing");
  const publishes = Buffer.concat([sized("PUB synced", "a"), sized("PUB memory", "b")]);
  const answers = await client.exchange(publishes, `FIN ${idOf(9)}\n`, "CLS\n");
  const notInFlight = error(`E_FIN_FAILED FIN ${idOf(9)} failed ID not in flight`);
  assert.deepEqual(answers, Buffer.concat([ok, ok, notInFlight, response("CLOSE_WAIT")]));
});

test("NSQ-1.2-1: answers what came before a fatal error first", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  const answer = await client.exchange(sized("PUB orders", "a"), sized("PUB orders", "b"), "BAD\nNOP\n");
  assert.deepEqual(answer, Buffer.concat([ok, ok, error("E_INVALID invalid command BAD")]));
  assert.equal(client.closed, true);
});

test("NSQ-1.10-37: reports what the storage refuses", async () => {
  const nsqd = await TestNsqd.start();
  const publisher = nsqd.connect();
  const other = nsqd.connect();
  await publisher.exchange(sized("PUB orders", "a"));
  nsqd.memory.storage.failAt("write", 1);
  const answer = await publisher.exchange(sized("PUB orders", "b"), sized("PUB orders", "c"));
  assert.match(answer.toString("latin1", 8), /^E_PUB_FAILED PUB failed partition 0 of log orders is read-only/);
  assert.equal(answer.indexOf("E_PUB_FAILED", 20), -1);
  assert.equal(publisher.closed, true);
  assert.match((await other.exchange(mpub("orders", ["d"]))).toString("latin1", 8), /^E_MPUB_FAILED MPUB failed /);
  assert.match((await nsqd.connect().exchange(sized("DPUB orders 1", "e"))).toString("latin1", 8), /^E_DPUB_FAILED /);
});

test("answers each PUB of a chunk in its place", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 9);
  const bodies = ["a", "bb", "ccc"];
  const pubs = bodies.map((body) => sized("PUB orders", body));
  const client = nsqd.connect();
  const others = [sized("PUB bills", "x"), sized("DPUB orders 0", "d"), sized("DPUB orders 0", "e")];
  const tooBig = Buffer.concat([Buffer.from("PUB orders\n"), int32(-1)]);
  const answers = await client.exchange(...pubs, ...others, sized("PUB orders", "f"), tooBig);
  const refusal = error("E_BAD_MESSAGE PUB invalid message body size -1");
  assert.deepEqual(answers, Buffer.concat([...new Array<Buffer>(7).fill(ok), refusal]));
  const timestampMs = nsqd.nowMs;
  const messages = [...bodies, "d", "e", "f"].map((body, offset) => message({ offset, body, timestampMs }));
  assert.deepEqual(consumer.stream.received(), Buffer.concat(messages));
  assert.equal(nsqd.catalog.get("orders")?.messageBytes, 9);
  assert.equal(nsqd.metric('polylog_nsq_commands_total{command="PUB"}'), 5);
  assert.equal(nsqd.metric("polylog_nsq_messages_published_total"), 7);
});

test("answers a large run of PUBs without waiting for the turn", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("PUB orders", "first"));
  const run = new Array<Buffer>(64).fill(sized("PUB orders", Buffer.alloc(1000, "x")));
  client.send(...run);
  assert.deepEqual(client.stream.received(), Buffer.concat(new Array<Buffer>(64).fill(ok)));
  const restarted = await nsqd.memory.crash();
  assert.equal(restarted.broker.catalog.get("orders")?.partitions[0]?.nextOffset, 65);
});

test("acknowledges no PUB of a large run before its write returns", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("PUB orders", "first"));
  nsqd.memory.storage.manual = true;
  client.send(...new Array<Buffer>(64).fill(sized("PUB orders", Buffer.alloc(1000, "x"))));
  nsqd.memory.clock.turn();
  assert.deepEqual(client.stream.received(), nothing);
  nsqd.memory.storage.complete();
  nsqd.memory.clock.turn();
  assert.deepEqual(client.stream.received(), Buffer.concat(new Array<Buffer>(64).fill(ok)));
});

test("stops reading while the log is full", async () => {
  const nsqd = await TestNsqd.start({ broker: { pendingBytesMax: 2000 } });
  const client = nsqd.connect();
  const publishes = new Array(10).fill(sized("PUB orders", Buffer.alloc(500, "x")));
  client.send(...publishes);
  assert.equal(client.stream.paused, true);
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 4);
  client.send("CLS\n"); // Waits on the socket.
  await nsqd.run();
  assert.equal(client.stream.paused, false);
  const oks = new Array(10).fill(ok);
  assert.deepEqual(client.stream.received(), Buffer.concat([...oks, error("E_INVALID cannot CLS in current state")]));
});

test("stops reading while all logs together have too much waiting", async () => {
  const nsqd = await TestNsqd.start({ broker: { pendingTotalMax: 4000 } });
  const clients = Array.from({ length: 8 }, () => nsqd.connect());
  for (const [i, client] of clients.entries())
    client.send(...new Array(4).fill(sized(`PUB orders${i}`, Buffer.alloc(500, "x"))));
  assert.deepEqual(
    clients.map((client) => client.stream.paused),
    [false, false, true, true, true, true, true, true],
  );
  await nsqd.run();
  for (const client of clients) {
    assert.equal(client.stream.paused, false);
    assert.deepEqual(client.stream.received(), Buffer.concat([ok, ok, ok, ok]));
  }
});

test("refuses while the disk is full, and delivers and finishes all the same", async () => {
  const nsqd = await TestNsqd.start({ broker: { diskFreeMin: 1000 } });
  const consumer = await nsqd.subscribe("orders", "billing");
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  nsqd.memory.storage.freeBytesLeft = 999;
  await nsqd.memory.advance(1000);
  const answer = await nsqd.connect().exchange(sized("PUB orders", "b"));
  assert.match(answer.toString("latin1", 8), /^E_PUB_FAILED PUB failed the disk is full: 999 bytes are free/);
  assert.match((await nsqd.connect().exchange(sized("PUB new", "b"))).toString("latin1", 8), /disk is full/);
  consumer.stream.received();
  const delivered = await consumer.exchange("RDY 1\n");
  assert.equal(delivered.toString("latin1").endsWith("a"), true);
  await consumer.exchange(`FIN ${idOf(0)}\n`);
  assert.equal(nsqd.catalog.require("orders").channels.get("billing")!.depth, 0);
  nsqd.memory.storage.freeBytesLeft = 10_000_000;
  await nsqd.memory.advance(1000);
  assert.deepEqual(await nsqd.connect().exchange(sized("PUB orders", "c")), ok);
});

test("counts messages and commands", async () => {
  const nsqd = await TestNsqd.start();
  await nsqd.connect().exchange(sized("PUB orders", "a"), mpub("orders", ["b", "c"]), sized("DPUB orders 9", "d"));
  assert.equal(nsqd.metric("polylog_nsq_messages_published_total"), 4);
  assert.equal(nsqd.metric('polylog_nsq_commands_total{command="MPUB"}'), 1);
});
