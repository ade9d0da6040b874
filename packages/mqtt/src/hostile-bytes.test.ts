/** Whatever a client sends, it harms nobody but itself: a running server, and a good client that must not notice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePingreq, encodePuback, encodeSubscribe, encodeUnsubscribe } from "@polylog/mqtt-wire";
import fc from "fast-check";
import { bytesOf, connectBytes, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const topic = fc.constantFrom(
  "a",
  "a/b",
  "$SYS/x",
  "$share/g/a",
  "/",
  "a//b",
  "log/x",
  "x".repeat(300),
  "/".repeat(300),
);
const filter = fc.constantFrom("#", "+", "a/#", "+/+", "$share/g/#", "a", "/".repeat(300));
const qos = fc.constantFrom(0 as const, 1 as const);
const identifier = fc.integer({ min: 1, max: 20 });

const packet = fc.oneof(
  fc.tuple(fc.constantFrom("evil", "other", "evil2"), fc.boolean(), topic).map(([clientId, cleanSession, willTopic]) =>
    connectBytes(clientId, {
      cleanSession,
      will: { topic: willTopic, payload: Buffer.from("will"), qos: 1, retain: false },
    }),
  ),
  fc
    .tuple(topic, qos, fc.boolean(), identifier, fc.integer({ min: 0, max: 300 }))
    .map(([name, level, retain, id, size]) =>
      publishBytes(name, "x".repeat(size), { qos: level, retain, packetIdentifier: level === 0 ? 0 : id }),
    ),
  fc
    .tuple(filter, qos, identifier)
    .map(([topicFilter, level, packetIdentifier]) =>
      bytesOf(encodeSubscribe, { packetIdentifier, subscriptions: [{ topicFilter, qos: level }] }),
    ),
  fc
    .tuple(filter, identifier)
    .map(([topicFilter, packetIdentifier]) =>
      bytesOf(encodeUnsubscribe, { packetIdentifier, topicFilters: [topicFilter] }),
    ),
  identifier.map((packetIdentifier) => bytesOf(encodePuback, { packetIdentifier })),
  fc.constant(bytesOf(encodePingreq, {})),
);

/** A conversation, perhaps with some bytes overwritten, perhaps pure noise. */
const conversation = fc.oneof(
  fc
    .tuple(
      fc.array(packet, { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    )
    .map(([packets, changes]) => {
      const bytes = Buffer.concat([connectBytes("evil"), ...packets]);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

const script = fc.record({
  bytes: conversation,
  /** Where the stream is cut into chunks. */
  cuts: fc.array(fc.nat({ max: 500 }), { maxLength: 5 }),
  stalled: fc.boolean(),
  ending: fc.constantFrom("stay", "leave"),
});

test("hostile bytes harm nobody else", async () => {
  const limits = { connectionsMax: 1_000, sessionsMax: 1_000, outputBytesMax: 20_000, backlogBytesMax: 5_000 };
  const server = await MemoryServer.start({ limits, captures: [{ log: "log", filter: "log/#" }] });
  const good = server.connect("good");
  good.subscribe("good/+", 1);
  good.packets();
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 4 }), async (scripts) => {
      for (const { bytes, cuts, stalled, ending } of scripts) {
        const client = server.open();
        client.stream.stalled = stalled;
        let start = 0;
        for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
          client.send(bytes.subarray(start, cut));
          start = Math.max(start, cut);
        }
        if (ending === "leave") client.stream.disconnect();
        assert.ok(client.stream.writableLength < 100_000);
      }
      await server.run();
      const payload = String(round++);
      good.publish("good/x", payload, { qos: 1 });
      const received = good.packets();
      assert.deepEqual(received.map(({ type }) => type).sort(), ["PUBACK", "PUBLISH"]);
      for (const each of received) if (each.type === "PUBLISH") good.puback(each.packetIdentifier);
      assert.equal(good.closed, false);
    }),
    { numRuns: 150 },
  );
  const internal = server.complaints.filter(({ fields }) => fields["code"] === "mqtt.INTERNAL");
  assert.deepEqual(internal, []);
});
