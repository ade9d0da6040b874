import assert from "node:assert/strict";
import { test } from "node:test";
import { error, idOf, message, mpub, response, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

const ok = response("OK");
const heartbeat = response("_heartbeat_");
const nothing = Buffer.alloc(0);

/** A client's whole life, and what is answered when nothing but time passes between commands. */
const life = Buffer.concat([
  Buffer.from("  V2"),
  sized("IDENTIFY", '{"client_id":"a","heartbeat_interval":30000}'),
  sized("PUB orders", "one"),
  mpub("orders", ["two", "three"]),
  Buffer.from("SUB orders billing\r\nRDY 2\nNOP\n"),
  Buffer.from(`FIN ${idOf(8)}\n`),
  sized("DPUB other 5", "four"),
  Buffer.from("CLS\nNOP extra words\nRDY 7\n"),
  sized("PUB other", "five"),
]);

function lifeAnswers(timestampMs: number): Buffer[] {
  return [
    ok,
    ok,
    ok,
    ok,
    error(`E_FIN_FAILED FIN ${idOf(8)} failed ID not in flight`),
    ok,
    response("CLOSE_WAIT"),
    ok,
    message({ offset: 0, body: "one", timestampMs }),
    message({ offset: 1, body: "two", timestampMs }),
  ];
}

test("NSQ-1.1-11: answers a life sent byte by byte", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connectSilently();
  for (const byte of life) {
    client.send(Buffer.from([byte]));
    await nsqd.run();
  }
  const received = client.stream.received();
  for (const frame of lifeAnswers(nsqd.nowMs)) assert.ok(received.includes(frame));
  assert.equal(received.length, Buffer.concat(lifeAnswers(nsqd.nowMs)).length);
});

test("NSQ-1.1-12: answers a life sent at once", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connectSilently();
  const received = await client.exchange(life);
  // CLS comes before the end of the turn in which messages are handed out, so there are none.
  assert.deepEqual(received, Buffer.concat(lifeAnswers(nsqd.nowMs).slice(0, 8)));
});

test("NSQ-1.1-10: closes on another magic with the code alone", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connectSilently();
  assert.deepEqual(await client.exchange("  V1"), error("E_BAD_PROTOCOL"));
  assert.equal(client.closed, true);
});

test("closes without a frame on a line that is too long", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  const answer = await client.exchange(sized("PUB orders", "a"), Buffer.alloc(16_384, "x"));
  assert.deepEqual(answer, ok);
  assert.equal(client.closed, true);
});

const unknown: readonly (readonly [line: string, text: string])[] = [
  ["", "E_INVALID invalid command "],
  ["ASDF", "E_INVALID invalid command ASDF"],
  ["pub orders", "E_INVALID invalid command pub"],
  ["P\u00ff", "E_INVALID invalid command P\u00ff"],
];

for (const [line, text] of unknown) {
  test(`closes on the command "${line}"`, async () => {
    const nsqd = await TestNsqd.start();
    const client = nsqd.connect();
    assert.deepEqual(await client.exchange(Buffer.from(`${line}\n`, "latin1")), error(text));
    assert.equal(client.closed, true);
  });
}

test("logs a client's error once with its address and reason", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange("ASDF\nASDF\n");
  const [line, ...others] = nsqd.logger.at("warn");
  assert.equal(others.length, 0);
  assert.equal(line?.subject, "nsq");
  assert.deepEqual(line?.fields, {
    remote: `memory:${client.stream.remotePort}`,
    code: "E_INVALID",
    reason: "invalid command ASDF",
  });
  assert.equal(nsqd.metric('polylog_nsq_errors_total{code="E_INVALID"}'), 1);
});

test("NSQ-1.11-5: sends a heartbeat each interval", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await nsqd.advance(29_999);
  assert.deepEqual(client.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(client.stream.received(), heartbeat);
  await client.exchange("NOP\n");
  await nsqd.advance(30_000);
  assert.deepEqual(client.stream.received(), heartbeat);
});

test("sends heartbeats at the interval the client asked for", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await nsqd.advance(500);
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":1000}'));
  await nsqd.advance(999);
  assert.deepEqual(client.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(client.stream.received(), heartbeat);
});

test("NSQ-1.11-6: closes a silent client after two intervals without a frame", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":1000}'));
  await nsqd.advance(2000);
  assert.equal(client.closed, false);
  await nsqd.advance(250); // What the coarse timer may be late by.
  assert.equal(client.closed, true);
  assert.deepEqual(client.stream.received(), Buffer.concat([heartbeat, heartbeat]));
  assert.equal(nsqd.metric("polylog_nsq_timeouts_total"), 1);
});

test("NSQ-1.11-7: hears any command as a sign of life", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":1000}'));
  for (let i = 0; i < 5; i++) {
    await nsqd.advance(1900);
    await client.exchange("NOP\n");
  }
  assert.equal(client.closed, false);
});

test("NSQ-1.11-9: says what was missing when a command stays incomplete", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":1000}'), "PUB orders\n", Buffer.from([0, 0, 0, 9, 1]));
  await nsqd.advance(2250);
  const text = "E_BAD_MESSAGE PUB failed to read message body";
  assert.deepEqual(client.stream.received(), Buffer.concat([heartbeat, heartbeat, error(text)]));
  assert.equal(client.closed, true);
});

test("NSQ-1.11-8: neither sends heartbeats nor closes when they are off", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  await client.exchange(sized("IDENTIFY", '{"heartbeat_interval":-1}'));
  await nsqd.advance(600_000);
  assert.deepEqual(client.stream.received(), nothing);
  assert.equal(client.closed, false);
});

test("closes a peer that never sends the magic", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connectSilently();
  client.send(" ");
  await nsqd.advance(60_250);
  assert.deepEqual(client.stream.received(), nothing);
  assert.equal(client.closed, true);
});

test("stops reading a client that does not read its answers", async () => {
  const nsqd = await TestNsqd.start();
  const client = await nsqd.subscribe("orders", "billing");
  client.stream.stalled = true;
  const failing = Buffer.from(`FIN ${idOf(0)}\n`.repeat(100_000));
  for (let i = 0; i < 10 && !client.stream.paused; i++) {
    client.stream.send(failing);
    await nsqd.run();
  }
  assert.equal(client.stream.paused, true);
  assert.ok(client.stream.writableLength > 32 * 1024 * 1024);
  client.stream.unstall();
  assert.equal(client.stream.paused, false);
});

test("stops reading while too many answers wait", async () => {
  const nsqd = await TestNsqd.start();
  const client = nsqd.connect();
  client.send(Buffer.concat(new Array(65_537).fill(sized("PUB orders", "a"))));
  assert.equal(client.stream.paused, true);
  await nsqd.run();
  assert.equal(client.stream.paused, false);
  assert.equal(client.stream.received().length, 65_537 * ok.length);
});

test("leaves nothing behind when a client goes", async () => {
  const nsqd = await TestNsqd.start();
  const timersBefore = nsqd.memory.clock.timersPending;
  const client = nsqd.connect();
  client.send(sized("PUB orders", "a"));
  client.stream.disconnect(new Error("reset by peer"));
  await nsqd.run();
  assert.equal(nsqd.metric("polylog_nsq_connections"), 0);
  await nsqd.advance(1000);
  assert.equal(nsqd.memory.clock.timersPending, timersBefore);
  assert.equal(nsqd.logger.at("error").length, 0);
});
