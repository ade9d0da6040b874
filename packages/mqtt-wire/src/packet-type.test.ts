import assert from "node:assert/strict";
import { test } from "node:test";
import { allowedFirstBytes, packetName, packetTypes } from "./packet-type.ts";

test("names types 1 to 15 and no other", () => {
  for (const [name, type] of Object.entries(packetTypes)) assert.equal(packetName(type), name);
  assert.equal(Object.keys(packetTypes).length, 15);
  for (const type of [0, 16, -1]) assert.equal(packetName(type), undefined);
});

test("[MQTT-2.2.2-1] allows one flag value per type but PUBLISH", () => {
  const allowed = allowedFirstBytes(4);
  for (const type of Object.values(packetTypes)) {
    if (type === packetTypes.AUTH) continue;
    const count = allowed.subarray(type << 4, (type << 4) + 16).reduce((sum, value) => sum + value, 0);
    assert.equal(count, type === packetTypes.PUBLISH ? 10 : 1, packetName(type));
  }
  for (const type of [0, 15])
    assert.deepEqual([...allowed.subarray(type << 4, (type << 4) + 16)], new Array(16).fill(0));
});

test("allows DUP on three more types in MQTT 3.1", () => {
  const [level3, level4] = [allowedFirstBytes(3), allowedFirstBytes(4)];
  const more = [...level3.keys()].filter((first) => level3[first] !== level4[first]);
  assert.deepEqual(more, [0x6a, 0x8a, 0xaa]);
});

test("[MQTT-3.15.1-1] allows AUTH with flags 0000 in MQTT 5 only", () => {
  const [level4, level5] = [allowedFirstBytes(4), allowedFirstBytes(5)];
  const more = [...level5.keys()].filter((first) => level5[first] !== level4[first]);
  assert.deepEqual(more, [0xf0]);
});
