/** Whatever a client sends, it harms nobody but itself: a running server, and a good client that must not notice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePingreq, encodePuback, encodeSubscribe, encodeUnsubscribe } from "@polylog/mqtt-wire";
import fc from "fast-check";
import { bytesOf, connectBytes, publishBytes } from "./testing/memory-client.ts";
import { bytesOf5, connectBytes5 } from "./testing/memory-client5.ts";
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
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
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

const qos5 = fc.constantFrom(0 as const, 1 as const, 2 as const);
const lasting = { sessionExpiryInterval: 10, topicAliasMaximum: 3, maximumPacketSize: 200, receiveMaximum: 2 };
const ackNames = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"] as const;

const packet5 = fc.oneof(
  fc.tuple(fc.constantFrom("evil", "other"), fc.boolean()).map(([clientId, cleanStart]) =>
    connectBytes5(clientId, {
      cleanStart,
      properties: lasting,
      will: { topic: "w", payload: Buffer.from("w"), qos: 2, retain: false, properties: { willDelayInterval: 1 } },
    }),
  ),
  fc
    .tuple(topic, qos5, fc.boolean(), identifier, fc.integer({ min: 0, max: 300 }), fc.nat({ max: 66 }))
    .map(([name, level, retain, id, size, topicAlias]) =>
      bytesOf5("PUBLISH", {
        topic: topicAlias > 60 ? "" : name,
        payload: Buffer.alloc(size),
        qos: level,
        retain,
        dup: false,
        packetIdentifier: level === 0 ? 0 : id,
        properties: topicAlias === 0 ? {} : { topicAlias, messageExpiryInterval: 5, userProperties: [["k", "v"]] },
      }),
    ),
  fc.tuple(filter, qos5, identifier).map(([topicFilter, level, packetIdentifier]) =>
    bytesOf5("SUBSCRIBE", {
      packetIdentifier,
      properties: { subscriptionIdentifiers: [packetIdentifier] },
      subscriptions: [{ topicFilter, qos: level, noLocal: false, retainAsPublished: true, retainHandling: 1 }],
    }),
  ),
  fc
    .tuple(filter, identifier)
    .map(([topicFilter, packetIdentifier]) =>
      bytesOf5("UNSUBSCRIBE", { packetIdentifier, topicFilters: [topicFilter], properties: {} }),
    ),
  fc
    .tuple(fc.constantFrom(...ackNames), identifier)
    .map(([name, packetIdentifier]) => bytesOf5(name, { packetIdentifier, reasonCode: 0, properties: {} })),
  fc.constant(bytesOf5("DISCONNECT", { reasonCode: 4, properties: { sessionExpiryInterval: 20 } })),
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
  fc
    .tuple(
      fc.array(packet5, { maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    )
    .map(([packets, changes]) => {
      const bytes = Buffer.concat([connectBytes5("evil", { cleanStart: false, properties: lasting }), ...packets]);
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
  const good = await server.connect("good");
  await good.subscribe("good/+", 1);
  good.packets();
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 4 }), async (scripts) => {
      for (const { bytes, cuts, stalled, ending } of scripts) {
        const client = server.open();
        client.stream.stalled = stalled;
        let start = 0;
        for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
          await client.send(bytes.subarray(start, cut));
          start = Math.max(start, cut);
        }
        if (ending === "leave") client.stream.disconnect();
        assert.ok(client.stream.writableLength < 100_000);
      }
      await server.advance(3_000);
      const payload = String(round++);
      await good.publish("good/x", payload, { qos: 1 });
      const received = good.packets();
      assert.deepEqual(received.map(({ type }) => type).sort(), ["PUBACK", "PUBLISH"]);
      for (const each of received) if (each.type === "PUBLISH") await good.puback(each.packetIdentifier);
      assert.equal(good.closed, false);
    }),
    { numRuns: 150 },
  );
  const internal = server.complaints.filter(({ fields }) => fields["code"] === "mqtt.INTERNAL");
  assert.deepEqual(internal, []);
});
