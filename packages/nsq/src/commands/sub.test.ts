import assert from "node:assert/strict";
import { test } from "node:test";
import { error, message, response, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

const ok = response("OK");

const refused: readonly (readonly [line: string, text: string])[] = [
  ["SUB", "E_INVALID SUB insufficient number of parameters"],
  ["SUB orders", "E_INVALID SUB insufficient number of parameters"],
  ["SUB x$ billing", 'E_BAD_TOPIC SUB topic name "x$" is not valid'],
  ["SUB orders y$", 'E_BAD_CHANNEL SUB channel name "y$" is not valid'],
  ["SUB orders ", 'E_BAD_CHANNEL SUB channel name "" is not valid'],
];

for (const [line, text] of refused) {
  test(`refuses ${line}`, async () => {
    const nsqd = await TestNsqd.start();
    const client = nsqd.connect();
    assert.deepEqual(await client.exchange(`${line}\n`), error(text));
    assert.equal(client.closed, true);
    assert.equal(nsqd.catalog.size, 0);
  });
}

test("refuses a consumer without heartbeats", async () => {
  const client = (await TestNsqd.start()).connect();
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":-1}'));
  const text = "E_INVALID cannot SUB with heartbeats disabled";
  assert.deepEqual(await client.exchange("SUB orders billing\n"), error(text));
});

test("refuses what access does not allow", async () => {
  const access = { allows: () => false };
  const nsqd = await TestNsqd.start({ broker: { access } });
  const text = 'E_UNAUTHORIZED AUTH failed for SUB on "orders" "billing"';
  assert.deepEqual(await nsqd.connect().exchange("SUB orders billing\n"), error(text));
  assert.equal(nsqd.catalog.size, 0);
});

test("says when no log can be made", async () => {
  const { defaultBrokerLimits } = await import("@polylog/broker");
  const nsqd = await TestNsqd.start({ broker: { limits: { ...defaultBrokerLimits, logsMax: 0 } } });
  const answer = await nsqd.connect().exchange("SUB orders billing\n");
  assert.match(answer.toString("latin1", 8), /^E_SUB_FAILED SUB failed log "orders" would be one more than the 0 logs/);
});

test("saves the channel before the OK", async () => {
  const nsqd = await TestNsqd.start();
  assert.deepEqual(await nsqd.connect().exchange("SUB orders billing\n"), ok);
  const restarted = await nsqd.memory.crash();
  assert.equal(restarted.broker.catalog.get("orders")?.channels.has("billing"), true);
});

test("carries out what was pipelined behind it afterwards", async () => {
  const client = (await TestNsqd.start()).connect();
  const answer = await client.exchange("SUB orders billing\nRDY 1\nCLS\n");
  assert.deepEqual(answer, Buffer.concat([ok, response("CLOSE_WAIT")]));
});

test("lets no message overtake the OK", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  const answer = await client.exchange(sized("PUB orders", "a"), "SUB orders billing\nRDY 1\n");
  assert.deepEqual(answer, Buffer.concat([ok, ok, message({ offset: 0, body: "a", timestampMs: nsqd.nowMs })]));
});

test("NSQ-1.7-12: gives the backlog to the first channel only", async () => {
  const nsqd = await TestNsqd.start();
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const first = await nsqd.subscribe("orders", "first");
  const second = await nsqd.subscribe("orders", "second");
  const delivered = message({ offset: 0, body: "a", timestampMs: nsqd.nowMs });
  assert.deepEqual(await first.exchange("RDY 5\n"), delivered);
  assert.deepEqual(await second.exchange("RDY 5\n"), Buffer.alloc(0));
});

test("forgets the SUB of a client that has gone", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send("SUB orders passing#ephemeral\n");
  client.stream.disconnect();
  await nsqd.run();
  assert.equal(nsqd.catalog.get("orders")?.channels.size, 0);
});

test("NSQ-1.7-13: refuses while the server stops", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send(sized("PUB orders", "a"), "SUB orders billing\n"); // The SUB waits for the answer to the PUB.
  void nsqd.server.stop();
  await nsqd.run();
  assert.deepEqual(client.stream.received(), ok);
  assert.equal(client.closed, true);
});

test("NSQ-1.7-14: refuses more consumers of a channel than there may be", async () => {
  const nsqd = await TestNsqd.start({ limits: { channelConsumersMax: 1 } });
  const first = await nsqd.subscribe("orders", "billing");
  const refused = error("E_SUB_FAILED SUB failed consumers for orders:billing exceeds limit of 1");
  assert.deepEqual(await nsqd.connect().exchange("SUB orders billing\n"), refused);
  first.stream.disconnect();
  await nsqd.run();
  assert.deepEqual(await nsqd.connect().exchange("SUB orders billing\n"), response("OK"));
});
