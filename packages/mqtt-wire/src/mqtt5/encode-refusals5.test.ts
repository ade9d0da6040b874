import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import type { PacketName } from "../packet-type.ts";
import { type PacketCodec5, type PacketValues5, packetCodecs5 } from "./packet-codecs5.ts";

type Row = { [Name in PacketName]: readonly [name: string, type: Name, value: PacketValues5[Name]] }[PacketName];

const tooLong = "x".repeat(65_536);
const payload = Buffer.from("x");
const connect: PacketValues5["CONNECT"] = {
  protocolLevel: 5,
  cleanStart: true,
  keepAliveSeconds: 0,
  clientIdentifier: "a",
  will: undefined,
  userName: undefined,
  password: undefined,
  properties: {},
};
const will = { topic: "w", payload, qos: 0, retain: false, properties: {} } as const;
const publish = {
  topic: "a",
  payload,
  qos: 0,
  retain: false,
  dup: false,
  packetIdentifier: 0,
  properties: {},
} as const;
const option = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
const ack = { packetIdentifier: 1, reasonCode: 0, properties: {} } as const;
const connack = { sessionPresent: false, reasonCode: 0, properties: {} } as const;
const filterAck = { packetIdentifier: 1, properties: {}, reasonCodes: [0] } as const;
/** What only a program without types can pass. */
const wrong = (value: unknown) => value as never;

const rows: readonly Row[] = [
  ["too long a client identifier", "CONNECT", { ...connect, clientIdentifier: tooLong }],
  ["[MQTT-1.5.4-2] a user name with U+0000", "CONNECT", { ...connect, userName: "\0" }],
  ["[MQTT-1.5.4-1] a lone surrogate", "CONNECT", { ...connect, clientIdentifier: "\ud800" }],
  ["too long a password", "CONNECT", { ...connect, password: Buffer.alloc(65_536) }],
  ["too long a keep alive", "CONNECT", { ...connect, keepAliveSeconds: 65_536 }],
  ["half a second of keep alive", "CONNECT", { ...connect, keepAliveSeconds: 0.5 }],
  ["a will topic with a wildcard", "CONNECT", { ...connect, will: { ...will, topic: "#" } }],
  ["too long a will payload", "CONNECT", { ...connect, will: { ...will, payload: Buffer.alloc(65_536) } }],
  ["Receive Maximum 0", "CONNECT", { ...connect, properties: { receiveMaximum: 0 } }],
  ["Receive Maximum 65536", "CONNECT", { ...connect, properties: { receiveMaximum: 65_536 } }],
  ["Maximum Packet Size 0", "CONNECT", { ...connect, properties: { maximumPacketSize: 0 } }],
  ["a negative number", "CONNECT", { ...connect, properties: { sessionExpiryInterval: -1 } }],
  ["no number", "CONNECT", { ...connect, properties: { topicAliasMaximum: Number.NaN } }],
  ["data without method", "CONNECT", { ...connect, properties: { authenticationData: payload } }],
  ["a property it cannot have", "CONNECT", { ...connect, properties: wrong({ topicAlias: 1 }) }],
  ["a property nobody has", "CONNECT", { ...connect, properties: wrong({ toString: 1 }) }],
  ["a property that is no string", "CONNECT", { ...connect, properties: wrong({ authenticationMethod: 1 }) }],
  ["[MQTT-3.2.2-6] a refusal with a session", "CONNACK", { ...connack, sessionPresent: true, reasonCode: 0x87 }],
  ["[MQTT-3.2.2-8] another packet's code", "CONNACK", { ...connack, reasonCode: wrong(0x8e) }],
  ["Maximum QoS 2", "CONNACK", { ...connack, properties: { maximumQos: wrong(2) } }],
  ["[MQTT-3.3.2-2] a topic with a wildcard", "PUBLISH", { ...publish, topic: "a/+" }],
  ["an empty topic without alias", "PUBLISH", { ...publish, topic: "" }],
  ["[MQTT-2.2.1-2] an identifier at QoS 0", "PUBLISH", { ...publish, packetIdentifier: 1 }],
  ["[MQTT-2.2.1-3] identifier 0 at QoS 1", "PUBLISH", { ...publish, qos: 1 }],
  ["[MQTT-3.3.1-2] DUP at QoS 0", "PUBLISH", { ...publish, dup: true }],
  ["[MQTT-3.3.2-8] alias 0", "PUBLISH", { ...publish, properties: { topicAlias: 0 } }],
  ["[MQTT-3.3.2-14] a response topic with a wildcard", "PUBLISH", { ...publish, properties: { responseTopic: "+" } }],
  ["Subscription Identifier 0", "PUBLISH", { ...publish, properties: { subscriptionIdentifiers: [0] } }],
  [
    "too large a Subscription Identifier",
    "PUBLISH",
    { ...publish, properties: { subscriptionIdentifiers: [2 ** 28] } },
  ],
  ["too long a User Property", "PUBLISH", { ...publish, properties: { userProperties: [["", tooLong]] } }],
  ["identifier 0", "PUBACK", { ...ack, packetIdentifier: 0 }],
  ["identifier 65536", "PUBREL", { ...ack, packetIdentifier: 65_536 }],
  ["[MQTT-3.6.2-1] another packet's code", "PUBREL", { ...ack, reasonCode: wrong(0x80) }],
  ["[MQTT-3.8.3-2] no topic filter", "SUBSCRIBE", { packetIdentifier: 1, properties: {}, subscriptions: [] }],
  [
    "an invalid filter",
    "SUBSCRIBE",
    { packetIdentifier: 1, properties: {}, subscriptions: [{ ...option, topicFilter: "a#" }] },
  ],
  [
    "[MQTT-4.8.2-1] an invalid share",
    "SUBSCRIBE",
    { packetIdentifier: 1, properties: {}, subscriptions: [{ ...option, topicFilter: "$share/+/a" }] },
  ],
  [
    "[MQTT-3.8.3-4] No Local on a share",
    "SUBSCRIBE",
    { packetIdentifier: 1, properties: {}, subscriptions: [{ ...option, noLocal: true, topicFilter: "$share/g/a" }] },
  ],
  [
    "two Subscription Identifiers",
    "SUBSCRIBE",
    {
      packetIdentifier: 1,
      properties: { subscriptionIdentifiers: [1, 2] },
      subscriptions: [{ ...option, topicFilter: "a" }],
    },
  ],
  ["no reason code", "SUBACK", { ...filterAck, reasonCodes: [] }],
  ["[MQTT-3.9.3-2] another packet's code", "SUBACK", { ...filterAck, reasonCodes: [wrong(0x11)] }],
  ["[MQTT-3.10.3-2] no topic filter", "UNSUBSCRIBE", { packetIdentifier: 1, properties: {}, topicFilters: [] }],
  ["an invalid filter", "UNSUBSCRIBE", { packetIdentifier: 1, properties: {}, topicFilters: ["a", "$share/g"] }],
  ["[MQTT-3.11.3-2] another packet's code", "UNSUBACK", { ...filterAck, reasonCodes: [wrong(1)] }],
  ["[MQTT-3.14.2-1] another packet's code", "DISCONNECT", { reasonCode: wrong(0x84), properties: {} }],
  ["[MQTT-3.15.2-1] another packet's code", "AUTH", { reasonCode: wrong(0x80), properties: {} }],
  ["no method", "AUTH", { reasonCode: 0x18, properties: {} }],
];

for (const [name, type, value] of rows) {
  const sentence = name.startsWith("[")
    ? name.replace("] ", `] MQTT 5 ${type} refuses `)
    : `MQTT 5 ${type} refuses ${name}`;
  test(`${sentence}, writing nothing`, () => {
    const codec = packetCodecs5[type] as PacketCodec5<unknown>;
    const writer = new ByteWriter();
    assert.throws(() => codec.encode(writer, value), { code: "mqtt-wire.NOT_ENCODABLE" });
    assert.equal(writer.length, 0);
  });
}

test("writes the next packet as if nothing had happened", () => {
  const writer = new ByteWriter();
  assert.throws(() => packetCodecs5.CONNECT.encode(writer, { ...connect, userName: "\0" }));
  packetCodecs5.DISCONNECT.encode(writer, { reasonCode: 0x04, properties: {} });
  packetCodecs5.PUBACK.encode(writer, { ...ack, properties: { userProperties: [] } });
  assert.equal(writer.view().toString("hex"), "e00104" + "40020001");
});

test("lets go of a large buffer", () => {
  const writer = new ByteWriter();
  const userProperties = Array.from({ length: 10 }, () => ["k", "v".repeat(60_000)] as const);
  packetCodecs5.PUBLISH.encode(writer, { ...publish, properties: { userProperties } });
  assert.ok(writer.length > 600_000);
  writer.clear();
  packetCodecs5.PUBLISH.encode(writer, publish);
  assert.equal(writer.view().toString("hex"), "30050001610078");
});
