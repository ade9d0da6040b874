import assert from "node:assert/strict";
import { test } from "node:test";
import { BridgeRig } from "./testing/bridge-rig.ts";

const oneWay = (direction: "out" | "in" | "both") =>
  ({ pattern: "a/#", direction, qos: 1, localPrefix: "", remotePrefix: "" }) as const;

test("connects to both and subscribes with No Local", async () => {
  const rig = await new BridgeRig().start();
  const [connect] = rig.remote.packets();
  assert.ok(connect?.name === "CONNECT");
  const { clientIdentifier, cleanStart, userName, password, properties } = connect.value;
  assert.deepEqual(
    [clientIdentifier, cleanStart, userName, password?.toString()],
    ["polylog-test-b", false, "ada", "secret"],
  );
  assert.equal(properties.sessionExpiryInterval, 0xffff_ffff);
  assert.equal(rig.locals.length, 0);
  rig.remote.connack(false, { receiveMaximum: 20 });
  const [local] = rig.local.packets();
  assert.ok(local?.name === "CONNECT" && local.value.properties.receiveMaximum === 20);
  rig.local.connack(true);
  const [subscribe] = rig.remote.packets();
  assert.ok(subscribe?.name === "SUBSCRIBE");
  const options = { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 };
  assert.deepEqual(subscribe.value.subscriptions, [{ topicFilter: "i/#", ...options }]);
  assert.equal(rig.info.status, "linking");
});

test("makes its session here before the remote broker answers", async () => {
  const rig = new BridgeRig({ subscribed: [{ filter: "stale", qos: 1 }] });
  rig.isAway = true;
  const starting = rig.start();
  await rig.advance(0);
  assert.deepEqual(rig.local.words(), ["CONNECT"]);
  rig.local.connack(false);
  const [unsubscribe] = rig.local.packets();
  assert.ok(unsubscribe?.name === "UNSUBSCRIBE");
  assert.deepEqual(unsubscribe.value.topicFilters, ["stale"]);
  rig.local.send("UNSUBACK", { packetIdentifier: 65_535, reasonCodes: [0], properties: {} });
  const [subscribe] = rig.local.packets();
  assert.ok(subscribe?.name === "SUBSCRIBE");
  assert.deepEqual(
    subscribe.value.subscriptions.map(({ topicFilter, retainHandling }) => [topicFilter, retainHandling]),
    [["o/#", 2]],
  );
  rig.local.send("SUBACK", { packetIdentifier: 65_535, reasonCodes: [2], properties: {} });
  assert.deepEqual(rig.local.words(), ["DISCONNECT"]);
  await starting;
  await rig.advance(0);
  assert.equal(rig.info.status, "waiting");
});

test("asks for retained messages on its first link only", async () => {
  const rig = await new BridgeRig().start();
  rig.remote.connack();
  rig.local.connack(true);
  assert.deepEqual(rig.local.words(), ["CONNECT", "SUBSCRIBE 65535"]);
  rig.local.send("SUBACK", { packetIdentifier: 65_535, reasonCodes: [2], properties: {} });
  rig.remote.send("SUBACK", { packetIdentifier: 65_535, reasonCodes: [2], properties: {} });
  assert.equal(rig.info.status, "connected");
  rig.remote.stream.disconnect();
  await rig.advance(1000);
  rig.remote.connack(true);
  rig.local.connack(true);
  assert.deepEqual(rig.local.words(), ["CONNECT"]);
  assert.deepEqual(rig.remote.words(), ["CONNECT", "SUBSCRIBE 65535"]);
});

test("waits longer after each failure, with jitter", async () => {
  const rig = new BridgeRig();
  rig.isAway = true;
  rig.random = 0;
  await rig.start();
  const waits: number[] = [];
  for (let failure = 1; failure <= 9; failure++) {
    assert.equal(rig.info.counters.failures, failure);
    let waitedMs = 0;
    for (; rig.info.counters.failures === failure; waitedMs += 50) await rig.advance(50);
    waits.push(waitedMs);
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  assert.deepEqual(rig.lines, ["warn: not connected; it tries again until it is"]);
});

test("begins with short waits after a link that held", async () => {
  const rig = await BridgeRig.linked();
  for (const [heldMs, waitMs] of [
    [0, 375],
    [0, 750],
    [10_000, 375],
  ] as const) {
    await rig.advance(heldMs);
    rig.remote.stream.disconnect();
    await rig.advance(waitMs - 1);
    assert.equal(rig.info.status, "waiting");
    await rig.advance(1);
    assert.equal(rig.info.status, "linking");
    await rig.link(true);
    assert.equal(rig.info.status, "connected");
  }
});

test("ends both connections when one ends", async () => {
  const rig = await BridgeRig.linked();
  rig.local.send("DISCONNECT", { reasonCode: 0x98, properties: {} });
  assert.deepEqual(rig.remote.words(), ["DISCONNECT"]);
  assert.match(rig.info.reason!, /this server closed the connection: Administrative action/);
  await rig.advance(1000);
  await rig.link(true);
  rig.remote.stream.disconnect();
  assert.deepEqual(rig.local.words(), ["DISCONNECT"]);
  assert.ok(rig.local.stream.closed);
});

test("falls back to 3.1.1 where MQTT 5 is refused", async () => {
  const rig = await new BridgeRig().start();
  rig.remote.raw();
  rig.remote.sendBytes(0x20, 2, 0, 1);
  await rig.advance(0);
  assert.equal(rig.remotes.length, 2);
  assert.equal(rig.remote.raw()[8], 0x84); // As mosquitto's bridges do.
  rig.remote.sendBytes(0x20, 2, 0, 1);
  await rig.advance(0);
  assert.equal(rig.remote.raw()[8], 4);
  rig.remote.sendBytes(0x20, 2, 0, 0);
  rig.local.connack(true);
  rig.local.send("SUBACK", { packetIdentifier: 65_535, reasonCodes: [2], properties: {} });
  assert.equal(rig.remote.raw()[0], 0x82);
  rig.remote.sendBytes(0x90, 3, 0xff, 0xff, 2);
  assert.deepEqual([rig.info.status, rig.info.version], ["connected", "3.1.1"]);
  rig.remote.stream.disconnect();
  await rig.advance(1000);
  assert.equal(rig.remote.raw()[8], 4);
  rig.remote.sendBytes(0x20, 2, 1, 0);
  rig.local.connack(true);
  assert.equal(rig.remote.raw().length, 0); // The session has the subscriptions; asking again would repeat retained messages.
  assert.equal(rig.info.status, "connected");
});

test("tries another version with a broker that hangs up", async () => {
  const rig = await new BridgeRig().start();
  rig.remote.stream.disconnect();
  assert.match(rig.info.reason!, /without an answer to CONNECT/);
  await rig.advance(1000);
  assert.equal(rig.remote.raw()[8], 0x84);
});

test("takes no topic that would go round without No Local", async () => {
  const rig = await new BridgeRig({ version: "3.1.1", rules: [oneWay("both")] }).start();
  rig.remote.raw();
  rig.remote.sendBytes(0x20, 2, 0, 1);
  await rig.advance(0);
  rig.remote.raw();
  rig.remote.sendBytes(0x20, 2, 0, 0);
  rig.local.connack(true);
  assert.equal(rig.remote.raw().length, 0);
  assert.ok(rig.lines.some((line) => line.startsWith("error: topics are not taken over, because they would go round")));
});

test("says why it was refused, once", async () => {
  const rig = await new BridgeRig().start();
  for (let attempt = 0; attempt < 3; attempt++) {
    rig.remote.send("CONNACK", { sessionPresent: false, reasonCode: 0x86, properties: {} });
    assert.match(rig.info.reason!, /broker\.example:1883 refused the connection: Bad User Name or Password/i);
    await rig.advance(5000);
  }
  assert.equal(rig.lines.length, 1);
});

test("gives up a broker that does not answer", async () => {
  const rig = await new BridgeRig().start();
  await rig.advance(10_000);
  assert.match(rig.info.reason!, /did not answer CONNECT within 10000 ms/);
});

test("pings, and gives up a broker that is silent", async () => {
  const rig = await BridgeRig.linked();
  await rig.advance(30_000);
  assert.deepEqual(rig.remote.words(), ["PINGREQ"]);
  rig.remote.send("PINGRESP", {});
  await rig.advance(60_000);
  assert.equal(rig.info.status, "connected");
  await rig.advance(60_000);
  assert.match(rig.info.reason!, /nothing came from broker\.example:1883 for 90 s/);
});

test("removes the session of a bridge that is gone", async () => {
  const rig = new BridgeRig({ sessions: ["$bridge/b", "$bridge/old", "client"] });
  const starting = rig.start();
  await rig.advance(0);
  const [connect] = rig.local.packets();
  assert.ok(connect?.name === "CONNECT" && connect.value.cleanStart);
  assert.deepEqual(
    [connect.value.clientIdentifier, connect.value.properties.sessionExpiryInterval],
    ["$bridge/old", 0],
  );
  rig.local.connack(false);
  assert.deepEqual(rig.local.words(), ["DISCONNECT"]);
  await starting;
  await rig.advance(0);
  assert.equal(rig.remotes.length, 1);
});

test("leaves both sides when it stops", async () => {
  const rig = await BridgeRig.linked();
  await rig.bridges.stop();
  assert.deepEqual([rig.remote.words(), rig.local.words()], [["DISCONNECT"], ["DISCONNECT"]]);
  await rig.advance(60_000);
  assert.equal(rig.remotes.length, 1);
});

test("counts what it does for metrics", async () => {
  const rig = await BridgeRig.linked();
  rig.local.publish({ topic: "o/a" });
  assert.match(rig.metricsText, /polylog_mqtt_bridge_connected\{bridge="b"\} 1/);
  assert.match(rig.metricsText, /polylog_mqtt_bridge_messages_total\{bridge="b",direction="out"\} 1/);
});
