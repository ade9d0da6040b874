import assert from "node:assert/strict";
import { test } from "node:test";
import { error, idOf, message, mpub, sized } from "../testing/frames.ts";
import { type TestClient, TestNsqd } from "../testing/test-nsqd.ts";

const nothing = Buffer.alloc(0);

interface OneInFlight {
  readonly nsqd: TestNsqd;
  readonly consumer: TestClient;
  /** The frame of its delivery number `attempts`. */
  readonly frame: (attempts: number) => Buffer;
}

/** A consumer with `RDY 1` and message 0 in flight. */
async function oneInFlight(identify = "{}"): Promise<OneInFlight> {
  const nsqd = await TestNsqd.start();
  const timestampMs = nsqd.nowMs;
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const consumer = nsqd.connect();
  await consumer.exchange(sized("IDENTIFY", identify), "SUB orders billing\nRDY 1\n");
  return { nsqd, consumer, frame: (attempts) => message({ offset: 0, body: "a", attempts, timestampMs }) };
}

const refused: readonly (readonly [line: string, text: string])[] = [
  ["FIN", "E_INVALID FIN insufficient number of params"],
  ["REQ", "E_INVALID REQ insufficient number of params"],
  [`REQ ${idOf(0)}`, "E_INVALID REQ insufficient number of params"],
  ["TOUCH", "E_INVALID TOUCH insufficient number of params"],
  ["FIN 0123", "E_INVALID invalid message ID"],
  ["REQ 0123 0", "E_INVALID invalid message ID"],
  ["TOUCH 0123456789abcdef0", "E_INVALID invalid message ID"],
  [`REQ ${idOf(0)} -1`, "E_INVALID REQ could not parse timeout -1"],
];

for (const [line, text] of refused) {
  test(`refuses ${line}`, async () => {
    const { consumer } = await oneInFlight();
    assert.deepEqual(await consumer.exchange(`${line}\n`), error(text));
    assert.equal(consumer.closed, true);
  });
}

for (const verb of ["FIN", "REQ", "TOUCH"]) {
  const delay = verb === "REQ" ? " 0" : "";

  test(`answers ${verb} of an unknown id without closing`, async () => {
    const { consumer } = await oneInFlight();
    for (const id of [idOf(1), idOf(0, 9), "zzzzzzzzzzzzzzzz", "0123456789ABCDEF"]) {
      const text = `E_${verb}_FAILED ${verb} ${id} failed ID not in flight`;
      assert.deepEqual(await consumer.exchange(`${verb} ${id}${delay}\n`), error(text));
    }
    assert.equal(consumer.closed, false);
  });

  test(`answers ${verb} of another consumer's message without closing`, async () => {
    const { nsqd } = await oneInFlight();
    const other = await nsqd.subscribe("orders", "billing");
    const text = `E_${verb}_FAILED ${verb} ${idOf(0)} failed client does not own message`;
    assert.deepEqual(await other.exchange(`${verb} ${idOf(0)}${delay}\n`), error(text));
    assert.equal(other.closed, false);
  });
}

test("NSQ-1.9-17: finishes once", async () => {
  const { consumer } = await oneInFlight();
  const text = `E_FIN_FAILED FIN ${idOf(0)} failed ID not in flight`;
  assert.deepEqual(await consumer.exchange(`FIN ${idOf(0)}\nFIN ${idOf(0)}\n`), error(text));
});

test("NSQ-1.9-18: finishes in any order", async () => {
  const nsqd = await TestNsqd.start();
  await nsqd.connect().exchange(mpub("orders", ["a", "b", "c"]));
  const consumer = await nsqd.subscribe("orders", "billing", 3);
  assert.deepEqual(await consumer.exchange(`FIN ${idOf(2)}\nFIN ${idOf(0)}\nFIN ${idOf(1)}\n`), nothing);
  assert.equal(nsqd.catalog.get("orders")?.channels.get("billing")?.inFlightCount, 0);
});

test("NSQ-1.9-19: requeues at once with one attempt more", async () => {
  const { consumer, frame } = await oneInFlight();
  assert.deepEqual(await consumer.exchange(`REQ ${idOf(0)} 0\n`), frame(2));
});

test("NSQ-1.9-20: requeues after the delay", async () => {
  const { nsqd, consumer, frame } = await oneInFlight();
  assert.deepEqual(await consumer.exchange(`REQ ${idOf(0)} 500\n`), nothing);
  await nsqd.advance(499);
  assert.deepEqual(consumer.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(consumer.stream.received(), frame(2));
});

test("NSQ-1.9-21: clamps the delay to the longest", async () => {
  const nsqd = await TestNsqd.start({ limits: { reqTimeoutMsMax: 1000 } });
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  await consumer.exchange(`REQ ${idOf(0)} 999999999\n`);
  await nsqd.advance(1000);
  assert.equal(consumer.stream.received().length, 34 + 1);
});

test("NSQ-1.12-2: redelivers what was not answered in time", async () => {
  const { nsqd, consumer, frame } = await oneInFlight('{"msg_timeout":1000}');
  consumer.stream.received();
  await nsqd.advance(999);
  assert.deepEqual(consumer.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(consumer.stream.received(), frame(2));
});

test("NSQ-1.9-22: gives TOUCH the whole time-out again", async () => {
  const { nsqd, consumer, frame } = await oneInFlight('{"msg_timeout":1000}');
  consumer.stream.received();
  await nsqd.advance(900);
  assert.deepEqual(await consumer.exchange(`TOUCH ${idOf(0)}\n`), nothing);
  await nsqd.advance(999);
  assert.deepEqual(consumer.stream.received(), nothing);
  await nsqd.advance(1);
  assert.deepEqual(consumer.stream.received(), frame(2));
});

test("NSQ-1.9-23: does not put a time-out off beyond the longest", async () => {
  const nsqd = await TestNsqd.start({ limits: { msgTimeoutMs: 1000, msgTimeoutMsMax: 1500 } });
  const timestampMs = nsqd.nowMs;
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  consumer.stream.received();
  for (const ms of [900, 500]) {
    await nsqd.advance(ms);
    assert.deepEqual(await consumer.exchange(`TOUCH ${idOf(0)}\n`), nothing);
  }
  await nsqd.advance(100);
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "a", attempts: 2, timestampMs }));
});

test("hands a lost client's messages to others at once", async () => {
  const { nsqd, consumer, frame } = await oneInFlight();
  const other = await nsqd.subscribe("orders", "billing", 1);
  consumer.stream.disconnect();
  await nsqd.run();
  assert.deepEqual(other.stream.received(), frame(2));
});

test("NSQ-1.2-2: counts each failure under its code", async () => {
  const { nsqd, consumer } = await oneInFlight();
  await consumer.exchange(`FIN ${idOf(5)}\nTOUCH ${idOf(5)}\nFIN ${idOf(6)}\n`);
  assert.equal(nsqd.metric('polylog_nsq_errors_total{code="E_FIN_FAILED"}'), 2);
  assert.equal(nsqd.metric('polylog_nsq_errors_total{code="E_TOUCH_FAILED"}'), 1);
});

test("carries out the FINs of a chunk one by one", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 3);
  await nsqd.connect().exchange(mpub("orders", ["a", "b", "c"]));
  consumer.stream.received();
  const fins = [0, 9, 1, 2].map((offset) => `FIN ${idOf(offset)}\n`);
  const answer = await consumer.exchange(...fins, "FIN 0123\n");
  const notInFlight = error(`E_FIN_FAILED FIN ${idOf(9)} failed ID not in flight`);
  assert.deepEqual(answer, Buffer.concat([notInFlight, error("E_INVALID invalid message ID")]));
  assert.equal(nsqd.catalog.get("orders")?.channels.get("billing")?.counters.finishCount, 3);
  assert.equal(nsqd.metric('polylog_nsq_commands_total{command="FIN"}'), 5);
});
