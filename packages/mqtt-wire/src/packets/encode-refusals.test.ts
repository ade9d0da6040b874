import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { type PacketCodec, type PacketName, type PacketValues, packetCodecs } from "../testing/packet-codecs.ts";

type Row = { [Name in PacketName]: readonly [name: string, type: Name, value: PacketValues[Name]] }[PacketName];

const tooLong = "x".repeat(65_536);
const payload = Buffer.from("x");
const connect: PacketValues["CONNECT"] = {
  protocolLevel: 4,
  cleanSession: true,
  keepAliveSeconds: 0,
  clientIdentifier: "a",
  will: undefined,
  userName: undefined,
  password: undefined,
};
const will = { topic: "w", payload, qos: 0, retain: false } as const;
const publish = { topic: "a", payload, qos: 0, retain: false, dup: false, packetIdentifier: 0 } as const;

const rows: readonly Row[] = [
  ["[MQTT-3.1.2-22] a password without user name", "CONNECT", { ...connect, password: payload }],
  ["too long a client identifier", "CONNECT", { ...connect, clientIdentifier: tooLong }],
  ["[MQTT-1.5.3-2] a user name with U+0000", "CONNECT", { ...connect, userName: "\0" }],
  ["too long a password", "CONNECT", { ...connect, userName: "u", password: Buffer.alloc(65_536) }],
  ["too long a keep alive", "CONNECT", { ...connect, keepAliveSeconds: 65_536 }],
  ["a will topic with a wildcard", "CONNECT", { ...connect, will: { ...will, topic: "#" } }],
  ["too long a will message", "CONNECT", { ...connect, will: { ...will, payload: Buffer.alloc(65_536) } }],
  ["[MQTT-3.2.2-4] a refusal with a session", "CONNACK", { sessionPresent: true, returnCode: 5 }],
  ["[MQTT-3.3.2-2] a topic with a wildcard", "PUBLISH", { ...publish, topic: "a/+" }],
  ["[MQTT-4.7.3-1] an empty topic", "PUBLISH", { ...publish, topic: "" }],
  ["[MQTT-2.3.1-5] an identifier at QoS 0", "PUBLISH", { ...publish, packetIdentifier: 1 }],
  ["[MQTT-2.3.1-1] identifier 0 at QoS 1", "PUBLISH", { ...publish, qos: 1 }],
  ["[MQTT-3.3.1-2] DUP at QoS 0", "PUBLISH", { ...publish, dup: true }],
  ["identifier 0", "PUBACK", { packetIdentifier: 0 }],
  ["identifier 65536", "PUBREL", { packetIdentifier: 65_536 }],
  ["[MQTT-2.3.1-1] identifier 0", "SUBSCRIBE", { packetIdentifier: 0, subscriptions: [{ topicFilter: "a", qos: 0 }] }],
  ["[MQTT-3.8.3-3] no topic filter", "SUBSCRIBE", { packetIdentifier: 1, subscriptions: [] }],
  ["an invalid topic filter", "SUBSCRIBE", { packetIdentifier: 1, subscriptions: [{ topicFilter: "a#", qos: 0 }] }],
  ["no return code", "SUBACK", { packetIdentifier: 1, returnCodes: [] }],
  ["[MQTT-3.10.3-2] no topic filter", "UNSUBSCRIBE", { packetIdentifier: 1, topicFilters: [] }],
  ["an invalid topic filter", "UNSUBSCRIBE", { packetIdentifier: 1, topicFilters: ["a", "++"] }],
];

for (const [name, type, value] of rows) {
  const sentence = name.startsWith("[") ? name.replace("] ", `] ${type} refuses `) : `${type} refuses ${name}`;
  test(`${sentence}, writing nothing`, () => {
    const codec = packetCodecs[type] as PacketCodec<unknown>;
    const writer = new ByteWriter();
    assert.throws(() => codec.encode(writer, value), { code: "mqtt-wire.NOT_ENCODABLE" });
    assert.equal(writer.length, 0);
  });
}

test("[MQTT-3.1.3-7] CONNECT refuses an empty client identifier", () => {
  const writer = new ByteWriter();
  const value = { ...connect, clientIdentifier: "", cleanSession: false };
  const code = "mqtt-wire.CLIENT_IDENTIFIER_NOT_VALID";
  assert.throws(() => packetCodecs.CONNECT.encode(writer, value), { code });
  assert.equal(writer.length, 0);
});
