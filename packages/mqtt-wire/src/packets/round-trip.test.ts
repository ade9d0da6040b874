import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import fc from "fast-check";
import { packetSizeMaxOfFormat } from "../limits.ts";
import { type PacketCodec, type PacketName, type PacketValues, packetCodecs } from "../testing/packet-codecs.ts";
import { chunksOf, readStream } from "../testing/read-stream.ts";

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
const topicFilter = fc
  .tuple(fc.array(level, { maxLength: 4 }), fc.boolean())
  .map(([levels, hash]) => [...levels, ...(hash ? ["#"] : [])].join("/") || "a");
const returnCode = fc.constantFrom(0 as const, 1 as const, 2 as const, 0x80 as const);

const will = record({ topic, payload: bytes, qos, retain: fc.boolean() });
const connect = record({
  protocolLevel: fc.constantFrom(3 as const, 4 as const),
  cleanSession: fc.boolean(),
  keepAliveSeconds: fc.integer({ min: 0, max: 65_535 }),
  clientIdentifier: text.map((value) => value || "a"),
  will: fc.option(will, { nil: undefined }),
  userName: fc.option(text, { nil: undefined }),
  password: fc.option(bytes, { nil: undefined }),
}).map((value) => (value.userName === undefined ? { ...value, password: undefined } : value));
const publish = record({ topic, payload: bytes, qos, retain: fc.boolean(), dup: fc.boolean(), packetIdentifier }).map(
  (value) => (value.qos === 0 ? { ...value, dup: false, packetIdentifier: 0 } : value),
);
const ack = record({ packetIdentifier });
const none = fc.constant({});

const values: { readonly [Name in PacketName]: fc.Arbitrary<PacketValues[Name]> } = {
  CONNECT: connect,
  CONNACK: fc.oneof(
    record({ sessionPresent: fc.boolean(), returnCode: fc.constant(0 as const) }),
    record({ sessionPresent: fc.constant(false), returnCode: fc.constantFrom(1, 2, 3, 4, 5) }),
  ),
  PUBLISH: publish,
  PUBACK: ack,
  PUBREC: ack,
  PUBREL: ack,
  PUBCOMP: ack,
  SUBSCRIBE: record({
    packetIdentifier,
    subscriptions: fc.array(record({ topicFilter, qos }), { minLength: 1, maxLength: 5 }),
  }),
  SUBACK: record({ packetIdentifier, returnCodes: fc.array(returnCode, { minLength: 1, maxLength: 5 }) }),
  UNSUBSCRIBE: record({ packetIdentifier, topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 5 }) }),
  UNSUBACK: ack,
  PINGREQ: none,
  PINGRESP: none,
  DISCONNECT: none,
};

for (const name of Object.keys(values) as PacketName[]) {
  test(`${name} comes back as it was encoded`, () => {
    const codec = packetCodecs[name] as PacketCodec<unknown>;
    fc.assert(
      fc.property(values[name] as fc.Arbitrary<unknown>, fc.integer({ min: 1, max: 500 }), (value, chunkSize) => {
        const writer = new ByteWriter(1);
        codec.encode(writer, value);
        const packet = writer.take();
        const outcome = readStream(chunksOf(packet, chunkSize), packetSizeMaxOfFormat);
        assert.deepEqual(outcome, { packets: [{ name, hex: packet.toString("hex"), value }], error: undefined });
      }),
      { numRuns: 200 },
    );
  });
}

/** As the decoders make them, with a prototype. */
function record<Value>(fields: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }): fc.Arbitrary<Value> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Value>;
}
