import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isCodedError } from "@polylog/base/errors";
import { vectorBytes } from "../testing/vector.ts";
import { Ack5View, ackWithReasonSize, decodeAck5, writeAckWithReason } from "./ack5.ts";
import { decodeAuth } from "./auth.ts";
import { encodeConnectRefusal } from "./connack5.ts";
import { decodeAnyConnect, decodeConnect5, protocolLevelOf } from "./connect5.ts";
import { decodeDisconnect5 } from "./disconnect5.ts";
import { parseTopicFilter } from "./shared-subscription.ts";

describe("a CONNECT of any version", () => {
  const rows: readonly (readonly [hex: string, level: number | undefined])[] = [
    ["0004 'MQTT' 05 02 003c 00 0000", 5],
    ["0004 'MQTT' 04 02 003c 0001 'a'", 4],
    ["0006 'MQIsdp' 03 02 003c 0001 'a'", 3],
    ["0004 'MQTT' 06", 6],
    ["0004 'MQTT' 84", 0x84],
    ["0004 'MQTT'", undefined],
    ["0004 'MQTX' 05", undefined],
    ["", undefined],
  ];

  test("tells its level", () => {
    for (const [hex, level] of rows) {
      const bytes = vectorBytes(`ff ${hex}`);
      assert.equal(protocolLevelOf(bytes, 1, bytes.length), level, hex);
    }
  });

  test("is decoded by its level", () => {
    for (const [hex, level] of rows.slice(0, 3)) {
      const bytes = vectorBytes(hex);
      assert.equal(decodeAnyConnect(bytes, 0, bytes.length).protocolLevel, level);
    }
    for (const [hex] of rows.slice(3)) {
      const bytes = vectorBytes(hex);
      assert.throws(() => decodeAnyConnect(bytes, 0, bytes.length), isCodedError, hex);
    }
  });

  test("[MQTT-1.5.5-1] has its remaining length in the shortest form", () => {
    const packet = vectorBytes("10 8d00 0004 'MQTT' 05 02 003c 00 0000");
    assert.throws(() => decodeAnyConnect(packet, 3, packet.length), /longer than needed/);
    const level4 = vectorBytes("10 8d00 0004 'MQTT' 04 02 003c 0001 'a'");
    assert.equal(decodeAnyConnect(level4, 3, level4.length).protocolLevel, 4);
  });

  test("lends its password", () => {
    const bytes = vectorBytes("0004 'MQTT' 05 42 003c 00 0000 0003 'pwd'");
    const { password } = decodeConnect5(bytes, 0, bytes.length);
    bytes.fill(0x78, bytes.length - 3);
    assert.equal(password?.toString(), "xxx");
  });
});

describe("the refusal of a CONNECT", () => {
  const rows: readonly (readonly [wireCode: number | undefined, level: number, hex: string])[] = [
    [0x84, 5, "2003008400"],
    [0x84, 6, "2003008400"],
    [0x84, 4, "20020001"],
    [0x84, 3, "20020001"],
    [0x84, 0x84, "20020001"],
    [0x84, 0x83, "20020001"],
    [0x81, 5, "2003008100"],
    [0x82, 5, "2003008200"],
    [0x81, 4, ""],
    [0x85, 5, "2003008500"],
    [0x85, 4, "20020002"],
    [0x86, 4, "20020004"],
    [0x87, 4, "20020005"],
    [0x88, 4, "20020003"],
    [0x89, 4, "20020003"],
    [0x8a, 4, "20020005"],
    [0x8c, 4, "20020005"],
    [0x97, 4, "20020003"],
    [0x9f, 4, "20020003"],
    [0x9f, 5, "2003009f00"],
    [0x8e, 5, ""],
    [0x00, 5, ""],
    [undefined, 5, ""],
    [undefined, 4, ""],
  ];

  test("[MQTT-3.1.2-2] has the form of its level", () => {
    for (const [wireCode, level, hex] of rows) {
      const writer = new ByteWriter();
      assert.equal(encodeConnectRefusal(writer, wireCode, level), hex !== "", `${wireCode} at ${level}`);
      assert.equal(writer.view().toString("hex"), hex, `${wireCode} at ${level}`);
    }
  });
});

describe("an acknowledgement", () => {
  test("is read without an object", () => {
    const view = new Ack5View();
    const bytes = vectorBytes("ff 1234 87 04 1f 0001 'r'");
    decodeAck5(view, "PUBACK", bytes, 1, bytes.length);
    assert.deepEqual({ ...view }, { packetIdentifier: 0x1234, reasonCode: 0x87, propertyLengthAt: 4 });
    decodeAck5(view, "PUBREL", bytes, 1, 3);
    assert.deepEqual({ ...view }, { packetIdentifier: 0x1234, reasonCode: 0, propertyLengthAt: 0 });
  });

  test("is written in place with its reason code", () => {
    const buffer = Buffer.alloc(4 * ackWithReasonSize);
    let at = writeAckWithReason(buffer, 0, "PUBACK", 0x1234, 0x10);
    at = writeAckWithReason(buffer, at, "PUBREC", 1, 0x87);
    at = writeAckWithReason(buffer, at, "PUBREL", 0xffff, 0x92);
    at = writeAckWithReason(buffer, at, "PUBCOMP", 256, 0x92);
    assert.equal(buffer.toString("hex", 0, at), "4003123410" + "5003000187" + "6203ffff92" + "7003010092");
  });
});

test("[MQTT-3.14.2-2] DISCONNECT is judged by its sender", () => {
  const decode = (hex: string, sender?: "client" | "server") => {
    const bytes = vectorBytes(hex);
    return decodeDisconnect5(bytes, 0, bytes.length, sender);
  };
  const code = "mqtt-wire.PROTOCOL_ERROR";
  assert.equal(decode("04", "client").reasonCode, 0x04);
  assert.throws(() => decode("04", "server"), { code });
  assert.throws(() => decode("8e", "client"), { code });
  assert.throws(() => decode("00 05 11 00000001", "server"), { code });
  assert.throws(() => decode("00 03 1c 0000", "client"), { code });
  assert.deepEqual(decode("00 05 11 00000001", "client").properties, { sessionExpiryInterval: 1 });
});

test("[MQTT-3.15.2-1] AUTH is judged by its sender", () => {
  const bytes = vectorBytes("19 04 15 0001 'm'");
  assert.equal(decodeAuth(bytes, 0, bytes.length, "client").reasonCode, 0x19);
  assert.throws(() => decodeAuth(bytes, 0, bytes.length, "server"), { code: "mqtt-wire.PROTOCOL_ERROR" });
});

test("[MQTT-4.8.2-1] parses shared subscriptions", () => {
  const rows: readonly (readonly [filter: string, shareName: string | undefined, topicFilter: string])[] = [
    ["a/#", undefined, "a/#"],
    ["$share", undefined, "$share"],
    ["$shared/g/a", undefined, "$shared/g/a"],
    ["$share/g/a", "g", "a"],
    ["$share/g/#", "g", "#"],
    ["$share/g//a", "g", "/a"],
    ["$share/g h/+/b", "g h", "+/b"],
  ];
  for (const [filter, shareName, topicFilter] of rows) {
    assert.deepEqual(parseTopicFilter(filter), { shareName, topicFilter }, filter);
  }
  for (const filter of [
    "",
    "$share/",
    "$share/g",
    "$share/g/",
    "$share//a",
    "$share/+/a",
    "$share/#",
    "$share/a+/b",
    "a#",
  ]) {
    assert.equal(parseTopicFilter(filter), undefined, filter);
  }
});
