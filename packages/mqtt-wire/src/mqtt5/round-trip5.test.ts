import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import fc from "fast-check";
import { packetSizeMaxOfFormat } from "../limits.ts";
import type { PacketName } from "../packet-type.ts";
import { level5 } from "../testing/mqtt5-vector.ts";
import { chunksOf, readStream } from "../testing/read-stream.ts";
import { type PacketCodec5, type PacketValues5, packetCodecs5 } from "./packet-codecs5.ts";
import { type Properties, type PropertyPacket, type PropertyRow, propertyTable } from "./property-table.ts";
import { isReasonCodeOf, type ReasonCode, type ReasonCodePacket } from "./reason-codes.ts";

const characters = fc.string({ unit: "binary", maxLength: 30 });
const text = characters.map((value) => value.replaceAll("\0", ""));
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const packetIdentifier = fc.integer({ min: 1, max: 65_535 });
const topic = characters.map((value) => value.replace(/[\0+#]/g, "") || "a");
const level = fc.oneof(
  fc.constant("+"),
  topic.map((name) => name.replaceAll("/", "")),
);
const plainFilter = fc
  .tuple(fc.array(level, { maxLength: 4 }), fc.boolean())
  .map(([levels, hash]) => [...levels, ...(hash ? ["#"] : [])].join("/") || "a");
const shareName = topic.map((name) => name.replaceAll("/", "") || "g");
const topicFilter = fc.oneof(
  plainFilter,
  fc.tuple(shareName, plainFilter).map(([name, filter]) => `$share/${name}/${filter}`),
);

const valuesByType: Readonly<Record<PropertyRow["type"], (min: number) => fc.Arbitrary<unknown>>> = {
  flag: () => fc.boolean(),
  bit: () => fc.constantFrom(0, 1),
  u16: (min) => fc.integer({ min, max: 0xffff }),
  u32: (min) => fc.integer({ min, max: 0xffff_ffff }),
  varint: (min) => fc.oneof(fc.integer({ min, max: 300 }), fc.integer({ min, max: 2 ** 28 - 1 })),
  utf8: () => text,
  topic: () => topic,
  binary: () => bytes,
  pair: () => fc.tuple(text, text),
};

/** Any properties `packet` may have, in any order. */
function properties<Packet extends PropertyPacket>(packet: Packet): fc.Arbitrary<Properties<Packet>> {
  const rows: readonly (readonly [string, PropertyRow])[] = Object.entries(propertyTable);
  const fields = rows
    .filter(([, row]) => row.packets.includes(packet))
    .map(([name, row]) => {
      const one = valuesByType[row.type](row.nonZero === true ? 1 : 0);
      const maxLength = row.repeats?.includes(packet) === true ? 3 : 1;
      const value = row.isList === true ? fc.array(one, { minLength: 1, maxLength }) : one;
      return fc.tuple(fc.constant(name), value);
    });
  const none = fc.constant<[string, unknown][]>([]);
  return fc
    .shuffledSubarray(fields)
    .chain((some) => (some.length === 0 ? none : fc.tuple(...some)))
    .map((entries) => Object.fromEntries<unknown>(entries))
    .map(withMethod) as fc.Arbitrary<Properties<Packet>>;
}

/** Authentication Data belongs to a method. */
function withMethod(value: Record<string, unknown>): Record<string, unknown> {
  return value["authenticationMethod"] === undefined ? without(value, "authenticationData") : value;
}

function without(value: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}

function reasonCode<Packet extends ReasonCodePacket>(packet: Packet): fc.Arbitrary<ReasonCode<Packet>> {
  const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => isReasonCodeOf(packet, code));
  return fc.constantFrom(...codes) as fc.Arbitrary<ReasonCode<Packet>>;
}

const ack = <Name extends "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP">(name: Name) =>
  record({ packetIdentifier, reasonCode: reasonCode(name), properties: properties(name) });
const filterAck = <Name extends "SUBACK" | "UNSUBACK">(name: Name) =>
  record({
    packetIdentifier,
    properties: properties(name),
    reasonCodes: fc.array(reasonCode(name), { minLength: 1, maxLength: 5 }),
  });
const will = record({ topic, payload: bytes, qos, retain: fc.boolean(), properties: properties("WILL") });

const values: { readonly [Name in PacketName]: fc.Arbitrary<PacketValues5[Name]> } = {
  CONNECT: record({
    protocolLevel: fc.constant(5 as const),
    cleanStart: fc.boolean(),
    keepAliveSeconds: fc.integer({ min: 0, max: 65_535 }),
    clientIdentifier: text,
    will: fc.option(will, { nil: undefined }),
    userName: fc.option(text, { nil: undefined }),
    password: fc.option(bytes, { nil: undefined }),
    properties: properties("CONNECT"),
  }),
  CONNACK: record({
    sessionPresent: fc.boolean(),
    reasonCode: reasonCode("CONNACK"),
    properties: properties("CONNACK"),
  }).map((value) => (value.reasonCode === 0 ? value : { ...value, sessionPresent: false })),
  PUBLISH: fc
    .tuple(
      record({
        topic,
        payload: bytes,
        qos,
        retain: fc.boolean(),
        dup: fc.boolean(),
        packetIdentifier,
        properties: properties("PUBLISH"),
      }),
      fc.boolean(),
    )
    .map(([value, isAliased]) => ({
      ...value,
      ...(value.qos === 0 ? { dup: false, packetIdentifier: 0 } : {}),
      ...(isAliased && value.properties.topicAlias !== undefined ? { topic: "" } : {}),
    })),
  PUBACK: ack("PUBACK"),
  PUBREC: ack("PUBREC"),
  PUBREL: ack("PUBREL"),
  PUBCOMP: ack("PUBCOMP"),
  SUBSCRIBE: record({
    packetIdentifier,
    properties: properties("SUBSCRIBE"),
    subscriptions: fc.array(
      record({
        topicFilter,
        qos,
        noLocal: fc.boolean(),
        retainAsPublished: fc.boolean(),
        retainHandling: fc.constantFrom(0 as const, 1 as const, 2 as const),
      }).map((value) => (value.topicFilter.startsWith("$share/") ? { ...value, noLocal: false } : value)),
      { minLength: 1, maxLength: 5 },
    ),
  }),
  SUBACK: filterAck("SUBACK"),
  UNSUBSCRIBE: record({
    packetIdentifier,
    properties: properties("UNSUBSCRIBE"),
    topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 5 }),
  }),
  UNSUBACK: filterAck("UNSUBACK"),
  PINGREQ: fc.constant({}),
  PINGRESP: fc.constant({}),
  DISCONNECT: record({ reasonCode: reasonCode("DISCONNECT"), properties: properties("DISCONNECT") }),
  AUTH: record({ reasonCode: reasonCode("AUTH"), properties: properties("AUTH") }).map((value) => ({
    ...value,
    properties: { authenticationMethod: "m", ...value.properties },
  })),
};

for (const name of Object.keys(values) as PacketName[]) {
  test(`MQTT 5 ${name} comes back as it was encoded`, () => {
    const codec = packetCodecs5[name] as PacketCodec5<unknown>;
    fc.assert(
      fc.property(values[name] as fc.Arbitrary<unknown>, fc.integer({ min: 1, max: 500 }), (value, chunkSize) => {
        const writer = new ByteWriter(1);
        codec.encode(writer, value);
        const packet = writer.take();
        const outcome = readStream(chunksOf(packet, chunkSize), packetSizeMaxOfFormat, level5);
        assert.deepEqual(outcome, { packets: [{ name, hex: packet.toString("hex"), value }], error: undefined });
      }),
      { numRuns: 300 },
    );
  });
}

/** As the decoders make them, with a prototype. */
function record<Value>(fields: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }): fc.Arbitrary<Value> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Value>;
}
