import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { vectorBytes } from "../testing/vector.ts";
import { writeProperties } from "./properties.ts";
import { PropertyCursor } from "./property-cursor.ts";
import { type PropertyPacket, type PropertyRow, propertyTable } from "./property-table.ts";
import type { Sender } from "./reason-codes.ts";
import { readVariableByteInteger } from "./variable-byte-integer.ts";

const rows: readonly PropertyRow[] = Object.values(propertyTable);

function walk(packet: PropertyPacket, hex: string, sender?: Sender): number[] {
  const bytes = vectorBytes(hex);
  const cursor = new PropertyCursor();
  cursor.open(packet, bytes, 0, bytes.length, sender);
  const ids: number[] = [];
  while (cursor.next()) ids.push(cursor.id);
  return ids;
}

describe("propertyTable", () => {
  test("lists the properties of each packet", () => {
    const idsOf = (packet: PropertyPacket) =>
      rows.filter((row) => row.packets.includes(packet)).map((row) => row.id.toString(16).padStart(2, "0"));
    const expected: Readonly<Record<PropertyPacket, string>> = {
      CONNECT: "11 15 16 17 19 21 22 26 27",
      WILL: "01 02 03 08 09 18 26",
      CONNACK: "11 12 13 15 16 1a 1c 1f 21 22 24 25 26 27 28 29 2a",
      PUBLISH: "01 02 03 08 09 0b 23 26",
      PUBACK: "1f 26",
      PUBREC: "1f 26",
      PUBREL: "1f 26",
      PUBCOMP: "1f 26",
      SUBSCRIBE: "0b 26",
      SUBACK: "1f 26",
      UNSUBSCRIBE: "26",
      UNSUBACK: "1f 26",
      DISCONNECT: "11 1c 1f 26",
      AUTH: "15 16 1f 26",
    };
    for (const packet of Object.keys(expected) as PropertyPacket[]) {
      assert.equal(idsOf(packet).join(" "), expected[packet], packet);
    }
  });

  test("has 27 properties with an identifier each", () => {
    assert.equal(rows.length, 27);
    assert.equal(new Set(rows.map((row) => row.id)).size, 27);
    assert.equal(new Set(rows.map((row) => row.name)).size, 27);
    for (const row of rows) assert.ok(row.id < 64, "the cursor remembers identifiers in 64 bits");
  });
});

describe("PropertyCursor", () => {
  test("says where a value lies", () => {
    const bytes = vectorBytes("ff 0f 03 0002 'ab' 26 0001 'n' 0003 'val' 01");
    const cursor = new PropertyCursor();
    cursor.open("PUBLISH", bytes, 1, bytes.length);
    assert.deepEqual([cursor.propertiesStart, cursor.propertiesEnd], [2, 17]);
    assert.equal(cursor.next(), true);
    assert.deepEqual([cursor.id, cursor.start, cursor.valueStart, cursor.end, cursor.text], [3, 2, 5, 7, "ab"]);
    assert.equal(cursor.next(), true);
    assert.deepEqual([cursor.id, cursor.start, cursor.end], [0x26, 7, 16]);
    assert.deepEqual([cursor.nameText, cursor.text], ["n", "val"]);
    assert.throws(() => cursor.next(), { code: "mqtt-wire.MALFORMED_PACKET" });
  });

  test("reads numbers of every size", () => {
    const bytes = vectorBytes("11 01 01 02 ffffffff 23 1234 0b ffffff7f 0b 05");
    const cursor = new PropertyCursor();
    cursor.open("PUBLISH", bytes, 0, bytes.length);
    const numbers: number[] = [];
    while (cursor.next()) numbers.push(cursor.number);
    assert.deepEqual(numbers, [1, 0xffff_ffff, 0x1234, 268_435_455, 5]);
  });

  test("can be opened again after an error", () => {
    const cursor = new PropertyCursor();
    const bad = Buffer.from("0121", "hex");
    cursor.open("CONNECT", bad, 0, bad.length);
    assert.throws(() => cursor.next(), { code: "mqtt-wire.MALFORMED_PACKET" });
    const good = Buffer.from("03210001", "hex");
    cursor.open("CONNECT", good, 0, good.length);
    assert.equal(cursor.next(), true);
    assert.equal(cursor.number, 1);
    assert.equal(cursor.next(), false);
    assert.equal(cursor.next(), false);
  });

  test("forgets what it saw in the packet before", () => {
    assert.deepEqual(walk("CONNECT", "03 21 0001"), [0x21]);
    assert.deepEqual(walk("CONNECT", "03 21 0001"), [0x21]);
  });

  test("refuses to repeat what may stand once, and only that", () => {
    for (const row of rows.filter((each) => each.type !== "topic" && each.type !== "pair")) {
      const value = { flag: "01", bit: "01", u16: "0001", u32: "00000001", varint: "01", utf8: "0000", binary: "0000" }[
        row.type as "flag"
      ];
      for (const packet of row.packets) {
        const one = `${row.id.toString(16).padStart(2, "0")}${value}`;
        const size = (one.length / 2).toString(16).padStart(2, "0");
        const twoSizes = one.length.toString(16).padStart(2, "0");
        assert.deepEqual(walk(packet, size + one), [row.id]);
        if (row.repeats?.includes(packet) === true) assert.equal(walk(packet, twoSizes + one + one).length, 2);
        else assert.throws(() => walk(packet, twoSizes + one + one), { code: "mqtt-wire.PROTOCOL_ERROR" }, row.name);
      }
    }
  });

  test("[MQTT-3.3.4-6] refuses a client's Subscription Identifier", () => {
    const error = {
      code: "mqtt-wire.PROTOCOL_ERROR",
      message: /a client may not send it with Subscription Identifier/,
    };
    assert.throws(() => walk("PUBLISH", "02 0b 01", "client"), error);
    assert.deepEqual(walk("PUBLISH", "02 0b 01", "server"), [0x0b]);
    assert.deepEqual(walk("SUBSCRIBE", "02 0b 01", "client"), [0x0b]);
  });

  test("[MQTT-3.14.2-2] refuses a server's Session Expiry Interval in DISCONNECT", () => {
    const code = "mqtt-wire.PROTOCOL_ERROR";
    assert.throws(() => walk("DISCONNECT", "05 11 00000001", "server"), { code });
    assert.deepEqual(walk("DISCONNECT", "05 11 00000001", "client"), [0x11]);
    assert.throws(() => walk("DISCONNECT", "03 1c 0000", "client"), { code });
    assert.throws(() => walk("DISCONNECT", "03 21 0001", "client"), { code: "mqtt-wire.MALFORMED_PACKET" });
  });

  test("names the property and the packet", () => {
    assert.throws(() => walk("CONNECT", "03 21 0000"), /CONNECT breaks the protocol: its Receive Maximum is 0/);
    assert.throws(() => walk("WILL", "03 21 0001"), /CONNECT is malformed: Receive Maximum is not a property/);
    assert.throws(() => walk("CONNECT", "02 17 09"), /its Request Problem Information is 9/);
    assert.throws(() => walk("AUTH", "01 7e"), /identifier 126, which no property has/);
  });
});

test("writes properties in the order of their keys", () => {
  const body = new ByteWriter(1);
  body.u8(0xff);
  writeProperties(body, "DISCONNECT", {
    reasonString: "r",
    userProperties: [["a", ""]],
    sessionExpiryInterval: undefined,
  });
  writeProperties(body, "DISCONNECT", { sessionExpiryInterval: 1, reasonString: "" });
  assert.equal(body.view().toString("hex"), "ff0a1f00017226000161000008110000000" + "11f0000");
});

test("[MQTT-1.5.5-1] reads variable byte integers in their shortest form", () => {
  const read = (hex: string) => {
    const bytes = Buffer.from(hex, "hex");
    const packed = readVariableByteInteger("PUBLISH", "field", bytes, 0, bytes.length);
    return [packed >>> 3, packed & 7];
  };
  assert.deepEqual(read("00"), [0, 1]);
  assert.deepEqual(read("7fff"), [127, 1]);
  assert.deepEqual(read("8001"), [128, 2]);
  assert.deepEqual(read("ff7f"), [16_383, 2]);
  assert.deepEqual(read("808001"), [16_384, 3]);
  assert.deepEqual(read("ffffff7f"), [268_435_455, 4]);
  for (const hex of ["", "80", "ffff", "8000", "818000", "80808000", "ffffffff7f", "8080808001"]) {
    assert.throws(() => read(hex), { code: "mqtt-wire.MALFORMED_PACKET" }, hex);
  }
});
