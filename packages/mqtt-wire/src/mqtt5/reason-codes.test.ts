import assert from "node:assert/strict";
import { test } from "node:test";
import { packetTypes } from "../packet-type.ts";
import {
  checkReasonCode,
  isReasonCodeOf,
  type ReasonCodePacket,
  type ReasonCodeRow,
  reasonCodeName,
  reasonCodes,
} from "./reason-codes.ts";

/** As the specification's tables list them, packet by packet. */
const expected: Readonly<Record<ReasonCodePacket, string>> = {
  CONNACK: "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f",
  PUBACK: "00 10 80 83 87 90 91 97 99",
  PUBREC: "00 10 80 83 87 90 91 97 99",
  PUBREL: "00 92",
  PUBCOMP: "00 92",
  SUBACK: "00 01 02 80 83 87 8f 91 97 9e a1 a2",
  UNSUBACK: "00 11 80 83 87 8f 91",
  DISCONNECT: "00 04 80 81 82 83 87 89 8b 8c 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2",
  AUTH: "00 18 19",
};

const packets = Object.keys(expected) as ReasonCodePacket[];
const codesOf = (packet: ReasonCodePacket, sender?: "client" | "server") =>
  Array.from({ length: 256 }, (_, code) => code)
    .filter((code) => isReasonCodeOf(packet, code, sender))
    .map((code) => code.toString(16).padStart(2, "0"))
    .join(" ");

for (const packet of packets) {
  test(`lists the reason codes of ${packet}`, () => assert.equal(codesOf(packet), expected[packet]));
}

test("knows what a client may send", () => {
  assert.equal(codesOf("DISCONNECT", "client"), "00 04 80 81 82 83 90 93 94 95 96 97 98 99");
  assert.equal(codesOf("AUTH", "client"), "18 19");
  assert.equal(isReasonCodeOf("DISCONNECT", 0x04, "server"), false);
  assert.equal(isReasonCodeOf("AUTH", 0x19, "server"), false);
  assert.equal(isReasonCodeOf("PUBACK", 0x87, "client"), true);
});

test("names a code by its packet", () => {
  assert.equal(reasonCodeName("CONNACK", 0), "Success");
  assert.equal(reasonCodeName("DISCONNECT", 0), "Normal disconnection");
  assert.equal(reasonCodeName("SUBACK", 0), "Granted QoS 0");
  assert.equal(reasonCodeName("PUBREL", 0x87), undefined);
});

test("has each code once per packet", () => {
  const rows: readonly ReasonCodeRow[] = Object.values(reasonCodes);
  const seen = rows.flatMap(({ code, packets: where }) => where.map((packet) => `${packetTypes[packet]} ${code}`));
  assert.equal(new Set(seen).size, seen.length);
});

test("[MQTT-3.14.2-1] refuses what may not stand there", () => {
  checkReasonCode("DISCONNECT", 0x8e);
  const code = "mqtt-wire.PROTOCOL_ERROR";
  assert.throws(() => checkReasonCode("DISCONNECT", 0x8e, "client"), { code, message: /a client may not send/ });
  assert.throws(() => checkReasonCode("PUBREL", 0x80), { code, message: /0x80 may not stand in it/ });
});
