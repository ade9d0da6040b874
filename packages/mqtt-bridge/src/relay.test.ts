import assert from "node:assert/strict";
import { test } from "node:test";
import { BridgeRig } from "./testing/bridge-rig.ts";

test("sends a message on under the other prefix", async () => {
  const rig = await BridgeRig.linked();
  rig.local.publish({ topic: "o/a", qos: 1, packetIdentifier: 9, retain: true, properties: { contentType: "t" } });
  const [packet] = rig.remote.packets();
  assert.equal(packet?.name, "PUBLISH");
  const { topic, payload, packetIdentifier, retain, properties } = packet.value;
  assert.deepEqual([topic, payload.toString(), packetIdentifier, retain], ["far/o/a", "x", 9, true]);
  assert.equal(properties.contentType, "t");
  rig.remote.publish({ topic: "i/b", qos: 0 });
  const [other] = rig.local.packets();
  assert.equal(other?.name === "PUBLISH" && other.value.topic, "near/i/b");
});

for (const direction of ["out", "in"] as const)
  test(`acknowledges once the other side has it, ${direction}`, async () => {
    const rig = await BridgeRig.linked();
    const [source, target, topic] =
      direction === "out" ? [rig.local, rig.remote, "o/a"] : [rig.remote, rig.local, "i/a"];
    source.publish({ topic, qos: 1, packetIdentifier: 9 });
    assert.deepEqual(target.words(), ["PUBLISH 9"]);
    assert.deepEqual(source.words(), []);
    target.ack("PUBACK", 9);
    assert.deepEqual(source.words(), ["PUBACK 9"]);
    source.publish({ topic, qos: 2, packetIdentifier: 10 });
    target.ack("PUBREC", 10);
    assert.deepEqual(source.words(), ["PUBREC 10"]);
    source.ack("PUBREL", 10);
    assert.deepEqual(target.words(), ["PUBLISH 10", "PUBREL 10"]);
    assert.deepEqual(source.words(), []);
    target.ack("PUBCOMP", 10);
    assert.deepEqual(source.words(), ["PUBCOMP 10"]);
    assert.equal(rig.info.counters[direction], 2);
  });

test("sends a repeated message on as a repeated one", async () => {
  const rig = await BridgeRig.linked();
  rig.local.publish({ topic: "o/a", qos: 2, packetIdentifier: 9, dup: true });
  const [packet] = rig.remote.packets();
  assert.ok(packet?.name === "PUBLISH" && packet.value.dup);
  rig.local.ack("PUBREL", 8); // Of a message that went over on an earlier link.
  assert.deepEqual(rig.remote.words(), ["PUBREL 8"]);
  rig.remote.send("PUBCOMP", { packetIdentifier: 8, reasonCode: 0x92, properties: {} });
  assert.deepEqual(rig.local.words(), ["PUBCOMP 8"]);
});

test("ends a message that was here before", async () => {
  const rig = await BridgeRig.linked();
  const userProperties = [["polylog-bridge", "polylog-test-b"]] as [string, string][];
  rig.local.publish({ topic: "o/a", qos: 1, packetIdentifier: 9, properties: { userProperties } });
  assert.deepEqual([rig.remote.words(), rig.local.words()], [[], ["PUBACK 9"]]);
  assert.equal(rig.info.counters.looped, 1);
  rig.local.publish({ topic: "o/a", properties: { userProperties: [["polylog-bridge", "another"]] } });
  const [packet] = rig.remote.packets();
  const marked = packet?.name === "PUBLISH" ? packet.value.properties.userProperties : undefined;
  assert.deepEqual(marked, [
    ["polylog-bridge", "another"],
    ["polylog-bridge", "polylog-test-b"],
  ]);
});

test("drops a topic without a rule and acknowledges it", async () => {
  const rig = await BridgeRig.linked();
  rig.local.publish({ topic: "stale", qos: 2, packetIdentifier: 9 });
  assert.deepEqual([rig.remote.words(), rig.local.words()], [[], ["PUBREC 9"]]);
  rig.local.ack("PUBREL", 9);
  assert.deepEqual([rig.remote.words(), rig.local.words()], [[], ["PUBCOMP 9"]]);
  assert.equal(rig.info.counters.unmatched, 1);
});

test("lowers the QoS to that of the rule", async () => {
  const rule = { pattern: "#", localPrefix: "", remotePrefix: "", direction: "out" } as const;
  const once = await BridgeRig.linked({ rules: [{ ...rule, qos: 1 }] });
  once.local.publish({ topic: "a", qos: 2, packetIdentifier: 9 });
  const [packet] = once.remote.packets();
  assert.equal(packet?.name === "PUBLISH" && packet.value.qos, 1);
  once.remote.ack("PUBACK", 9);
  assert.deepEqual(once.local.words(), ["PUBREC 9"]);
  once.local.ack("PUBREL", 9);
  assert.deepEqual([once.remote.words(), once.local.words()], [[], ["PUBCOMP 9"]]);
  const none = await BridgeRig.linked({ rules: [{ ...rule, qos: 0 }] });
  none.local.publish({ topic: "a", qos: 1, packetIdentifier: 9 });
  assert.deepEqual([none.remote.words(), none.local.words()], [["PUBLISH 0"], ["PUBACK 9"]]);
});

test("drops what the other side refuses for good", async () => {
  const rig = await BridgeRig.linked();
  for (const packetIdentifier of [1, 2]) rig.local.publish({ topic: "o/a", qos: 1, packetIdentifier });
  rig.remote.ack("PUBACK", 1, 0x87);
  rig.remote.ack("PUBACK", 2, 0x87);
  assert.deepEqual(rig.local.words(), ["PUBACK 1", "PUBACK 2"]);
  rig.local.publish({ topic: "o/a", qos: 2, packetIdentifier: 3 });
  rig.remote.ack("PUBREC", 3, 0x87);
  rig.remote.words();
  rig.local.ack("PUBREL", 3);
  assert.deepEqual([rig.local.words(), rig.remote.words()], [["PUBREC 3", "PUBCOMP 3"], []]);
  assert.equal(rig.info.counters.refused, 3);
  assert.equal(rig.lines.filter((line) => line.includes("refused by the other side")).length, 1);
});

test("keeps what the other side cannot take now", async () => {
  const rig = await BridgeRig.linked();
  rig.remote.publish({ topic: "i/a", qos: 1, packetIdentifier: 9 });
  rig.local.ack("PUBACK", 9, 0x97);
  assert.deepEqual(rig.remote.words(), ["DISCONNECT"]);
  assert.equal(rig.info.status, "waiting");
  assert.match(rig.info.reason!, /this server does not take a message now: Quota exceeded/);
});

test("drops what is too large for the other side", async () => {
  const rig = await new BridgeRig().start();
  rig.remote.connack(false, { maximumPacketSize: 50 });
  rig.local.connack(true);
  rig.local.packets();
  rig.remote.packets();
  rig.local.publish({ topic: "o/a", qos: 1, packetIdentifier: 9, payload: Buffer.alloc(100) });
  assert.deepEqual([rig.remote.words(), rig.local.words()], [[], ["PUBACK 9"]]);
  assert.equal(rig.info.counters.tooLarge, 1);
});

const everything = [{ pattern: "#", direction: "both", qos: 1, localPrefix: "", remotePrefix: "" }] as const;
const payload = Buffer.alloc(500);

test("does not read one side while the other is slow", async () => {
  const rig = await BridgeRig.linked({ rules: everything });
  rig.remote.stream.stalled = true;
  for (let i = 0; i < 5000; i++) rig.local.publish({ topic: "a", payload });
  assert.ok(rig.local.stream.paused);
  rig.remote.stream.unstall();
  assert.equal(rig.remote.words().length, 5000);
  assert.equal(rig.local.stream.paused, false);
  assert.equal(rig.info.counters.out, 5000);
});

test("reads one side when both are slow, and drops QoS 0", async () => {
  const rig = await BridgeRig.linked({ rules: everything });
  for (const { stream } of [rig.remote, rig.local]) stream.stalled = true;
  for (let i = 0; i < 5000; i++) rig.remote.publish({ topic: "a", payload });
  assert.ok(rig.remote.stream.paused);
  for (let i = 0; i < 20_000; i++) rig.local.publish({ topic: "a", payload });
  assert.equal(rig.local.stream.paused, false);
  assert.ok(rig.info.counters.overflowed > 0);
  rig.local.publish({ topic: "a", qos: 1, packetIdentifier: 1 });
  for (const { stream } of [rig.remote, rig.local]) stream.unstall();
  assert.equal(rig.remote.words().at(-1), "PUBLISH 1");
  assert.equal(rig.local.words().length, 5000);
});

test("frees identifiers that a lost session has left behind", async () => {
  const rig = await new BridgeRig().start();
  await rig.link(true, false);
  rig.local.publish({ topic: "o/a", qos: 2, packetIdentifier: 1 });
  assert.deepEqual(rig.remote.words(), ["PUBREL 1", "PUBLISH 1"]);
  rig.remote.send("PUBCOMP", { packetIdentifier: 1, reasonCode: 0x92, properties: {} });
  assert.deepEqual(rig.local.words(), []);
  rig.remote.ack("PUBREC", 1);
  rig.local.ack("PUBREL", 1);
  rig.remote.ack("PUBCOMP", 1);
  assert.deepEqual(rig.local.words(), ["PUBREC 1", "PUBCOMP 1"]);
  rig.remote.words();
  rig.local.publish({ topic: "o/a", qos: 2, packetIdentifier: 1 });
  assert.deepEqual(rig.remote.words(), ["PUBLISH 1"]);
});
