import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import fc from "fast-check";
import { FrameReader } from "../frame-reader.ts";
import type { ProtocolLevel, QoS } from "../packet-type.ts";
import { publishFlags } from "../packets/publish.ts";
import { vectorBytes } from "../testing/vector.ts";
import { decodePacket5 } from "./packet-codecs5.ts";
import { PropertyCursor } from "./property-cursor.ts";
import type { Properties } from "./property-table.ts";
import {
  checkClientPublish,
  copyKeptProperties,
  decodeAnyPublish,
  encodePublish5,
  messageExpirySeconds,
  messageExpirySize,
  openProperties,
  Publish5View,
  publish5Size,
  subscriptionIdentifierSize,
  topicAliasSize,
  writeMessageExpiry,
  writePublish5Header,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "./publish5.ts";

function readerOn(bytes: Buffer, protocolLevel: ProtocolLevel = 5): FrameReader {
  const reader = new FrameReader(100_000);
  reader.protocolLevel = protocolLevel;
  reader.push(bytes);
  assert.equal(reader.next(), true);
  return reader;
}

function publish(
  properties: Properties<"PUBLISH">,
  fields: { topic?: string; qos?: QoS; payload?: Buffer } = {},
): Buffer {
  const { topic = "a/b", qos = 1, payload = Buffer.from("hi") } = fields;
  const writer = new ByteWriter();
  const packetIdentifier = qos === 0 ? 0 : 7;
  encodePublish5(writer, { topic, payload, qos, retain: false, dup: false, packetIdentifier, properties });
  return writer.take();
}

describe("decodeAnyPublish", () => {
  test("fills the view with positions", () => {
    const view = new Publish5View();
    decodeAnyPublish(
      view,
      readerOn(vectorBytes("3d 1c 0003 'a/b' 1234 12 0b 05 02 0000003c 23 0009 01 01 26 0001 'k' 0000 'hi'")),
    );
    assert.deepEqual(
      { ...view },
      {
        topicStart: 4,
        topicEnd: 7,
        packetIdentifier: 0x1234,
        qos: 2,
        retain: 1,
        dup: 1,
        payloadStart: 28,
        payloadEnd: 30,
        propertiesStart: 10,
        propertiesEnd: 28,
        topicAlias: 9,
        topicAliasAt: 18,
        messageExpiryAt: 13,
        subscriptionIdentifierCount: 1,
        keptPropertiesSize: 8,
      },
    );
  });

  test("leaves nothing of the packet before", () => {
    const full = publish({ topicAlias: 3, messageExpiryInterval: 1, subscriptionIdentifiers: [1], contentType: "c" });
    const bare = { topicAlias: 0, messageExpiryAt: 0, subscriptionIdentifierCount: 0, keptPropertiesSize: 0 };
    const view = new Publish5View();
    decodeAnyPublish(view, readerOn(full));
    decodeAnyPublish(view, readerOn(publish({}, { qos: 0 })));
    const { topicAlias, messageExpiryAt, subscriptionIdentifierCount, keptPropertiesSize } = view;
    assert.deepEqual({ topicAlias, messageExpiryAt, subscriptionIdentifierCount, keptPropertiesSize }, bare);
    assert.deepEqual([view.propertiesStart, view.propertiesEnd, view.payloadStart], [8, 8, 8]);
    decodeAnyPublish(view, readerOn(full));
    decodeAnyPublish(view, readerOn(Buffer.from("3003000161", "hex"), 4));
    const fresh = new Publish5View();
    decodeAnyPublish(fresh, readerOn(Buffer.from("3003000161", "hex"), 4));
    assert.deepEqual({ ...view }, { ...fresh });
    assert.equal(view.propertiesStart, 0);
  });

  test("reads a level 4 packet as level 4", () => {
    const view = new Publish5View();
    decodeAnyPublish(view, readerOn(Buffer.from("300500016100ff", "hex"), 4));
    assert.equal(view.payloadEnd - view.payloadStart, 2);
  });

  test("tells the Message Expiry Interval", () => {
    for (const seconds of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      const view = new Publish5View();
      const reader = readerOn(publish({ messageExpiryInterval: seconds }));
      decodeAnyPublish(view, reader);
      assert.equal(messageExpirySeconds(reader.bytes, view.messageExpiryAt), seconds);
    }
  });

  test("[MQTT-3.3.2-8] tells alias 0 by its own code", () => {
    const view = new Publish5View();
    const reader = readerOn(vectorBytes("30 09 0003 'a/b' 03 23 0000"));
    assert.throws(() => decodeAnyPublish(view, reader), { code: "mqtt-wire.TOPIC_ALIAS_INVALID", wireCode: 0x94 });
  });

  test("[MQTT-3.3.4-6] a client may not send Subscription Identifiers", () => {
    const view = new Publish5View();
    decodeAnyPublish(view, readerOn(publish({ subscriptionIdentifiers: [1] })));
    assert.throws(() => checkClientPublish(view), { code: "mqtt-wire.PROTOCOL_ERROR", wireCode: 0x82 });
    decodeAnyPublish(view, readerOn(publish({ topicAlias: 1 })));
    checkClientPublish(view);
  });

  test("lets the properties be walked later", () => {
    const view = new Publish5View();
    const reader = readerOn(publish({ contentType: "c", userProperties: [["k", "v".repeat(200)]] }));
    decodeAnyPublish(view, reader);
    const cursor = new PropertyCursor();
    openProperties(cursor, view, reader.bytes);
    const ids: number[] = [];
    while (cursor.next()) ids.push(cursor.id);
    assert.deepEqual(ids, [0x03, 0x26]);
  });
});

describe("forwarding", () => {
  const kept: Properties<"PUBLISH"> = {
    payloadFormatIndicator: 1,
    contentType: "t",
    responseTopic: "r/é",
    correlationData: Buffer.from([0, 255]),
    userProperties: [
      ["b", "1"],
      ["a", "2"],
      ["b", "1"],
    ],
  };

  /** As a server does: what is kept as it came, the rest anew. */
  function forward(packet: Buffer, topic: string, anew: { expiry?: number; alias?: number; ids?: number[] }): Buffer {
    const view = new Publish5View();
    const reader = readerOn(packet);
    decodeAnyPublish(view, reader);
    const topicBytes = Buffer.from(topic);
    const { expiry, alias, ids = [] } = anew;
    let propertiesSize = view.keptPropertiesSize;
    if (expiry !== undefined) propertiesSize += messageExpirySize;
    if (alias !== undefined) propertiesSize += topicAliasSize;
    for (const id of ids) propertiesSize += subscriptionIdentifierSize(id);
    const payloadLength = view.payloadEnd - view.payloadStart;
    const size = publish5Size(topicBytes.length, propertiesSize, payloadLength, view.qos);
    const target = Buffer.alloc(size + 4, 0xaa);
    const flags = publishFlags(view.qos, false, false);
    let at = writePublish5Header(target, 2, flags, topicBytes, 99, propertiesSize, payloadLength);
    if (expiry !== undefined) at = writeMessageExpiry(target, at, expiry);
    if (alias !== undefined) at = writeTopicAlias(target, at, alias);
    for (const id of ids) at = writeSubscriptionIdentifier(target, at, id);
    at = copyKeptProperties(view, reader.bytes, target, at);
    at += reader.bytes.copy(target, at, view.payloadStart, view.payloadEnd);
    assert.equal(at, size + 2);
    assert.equal(target.toString("hex", 0, 2) + target.toString("hex", at), "aaaaaaaa");
    return target.subarray(2, at);
  }

  function decoded(packet: Buffer): unknown {
    return decodePacket5(readerOn(packet)).value;
  }

  test("[MQTT-3.3.2-18] keeps properties and their order", () => {
    const packet = publish({ topicAlias: 1, ...kept, messageExpiryInterval: 60, subscriptionIdentifiers: [5] });
    const expected = { ...(decoded(publish(kept)) as object), packetIdentifier: 99 };
    assert.deepEqual(decoded(forward(packet, "a/b", {})), expected);
    assert.deepEqual(decoded(forward(publish(kept), "a/b", {})), expected);
  });

  test("writes anew what belongs to one hop", () => {
    const packet = publish({ topicAlias: 1, messageExpiryInterval: 60, ...kept, subscriptionIdentifiers: [5, 6] });
    const anew = { expiry: 0xffff_fff0, alias: 0xabcd, ids: [1, 128, 268_435_455] };
    const properties = {
      ...kept,
      messageExpiryInterval: anew.expiry,
      topicAlias: anew.alias,
      subscriptionIdentifiers: anew.ids,
    };
    assert.deepEqual(decoded(forward(packet, "", anew)), {
      topic: "",
      payload: Buffer.from("hi"),
      qos: 1,
      retain: false,
      dup: false,
      packetIdentifier: 99,
      properties,
    });
  });

  test("keeps the same whatever stands where", () => {
    const entries = Object.entries({
      ...kept,
      topicAlias: 3,
      messageExpiryInterval: 9,
      subscriptionIdentifiers: [1, 300],
      contentType: "c".repeat(150),
    });
    fc.assert(
      fc.property(fc.shuffledSubarray(entries), (chosen) => {
        const hop = ["topicAlias", "messageExpiryInterval", "subscriptionIdentifiers"];
        const expected = Object.fromEntries(chosen.filter(([name]) => !hop.includes(name)));
        const packet = publish(Object.fromEntries(chosen));
        assert.equal(forward(packet, "a/b", {}).toString("hex"), withIdentifier(publish(expected)).toString("hex"));
      }),
    );
  });

  /** The packet with the identifier that `forward` gives. */
  function withIdentifier(packet: Buffer): Buffer {
    const topicAt = packet.indexOf("a/b");
    packet.writeUInt16BE(99, topicAt + 3);
    return packet;
  }

  test("says when the bytes can go on as they came", () => {
    const unchanged = (packet: Buffer) => {
      const view = new Publish5View();
      decodeAnyPublish(view, readerOn(packet));
      return view.keptPropertiesSize === view.propertiesEnd - view.propertiesStart;
    };
    assert.equal(unchanged(publish({})), true);
    assert.equal(unchanged(publish(kept)), true);
    assert.equal(unchanged(publish({ ...kept, topicAlias: 1 })), false);
    assert.equal(unchanged(publish({ messageExpiryInterval: 1 })), false);
  });

  test("writes the header that the encoder writes", () => {
    const size = fc.constantFrom(0, 1, 100, 121, 122, 127, 128, 16_300, 16_384);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        size,
        size,
        fc.constantFrom(0, 1, 2),
        (length, value, body, qos) => {
          const topic = "t".repeat(length);
          const payload = Buffer.alloc(body, 0x70);
          const properties = value === 0 ? {} : { contentType: "c".repeat(value) };
          const packet = publish(properties, { topic, qos: qos as QoS, payload });
          const again = forward(packet, topic, {});
          if (qos !== 0) again.writeUInt16BE(7, packet.length - body - (value === 0 ? 1 : sizeOf(value + 3)) - 2);
          assert.equal(again.toString("hex"), packet.toString("hex"));
        },
      ),
    );
  });

  /** Bytes of a region of `length` bytes with its length in front. */
  function sizeOf(length: number): number {
    return subscriptionIdentifierSize(length) - 1 + length;
  }
});
