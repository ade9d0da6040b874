import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacketName } from "@polylog/mqtt-wire";
import { connectBytes, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

/** One valid packet of each type, as bytes. */
const packets: Readonly<Record<Exclude<PacketName, "AUTH">, Buffer>> = {
  CONNECT: connectBytes("b"),
  CONNACK: Buffer.from("20020000", "hex"),
  PUBLISH: publishBytes("t", "x"),
  PUBACK: Buffer.from("40020001", "hex"),
  PUBREC: Buffer.from("50020001", "hex"),
  PUBREL: Buffer.from("62020001", "hex"),
  PUBCOMP: Buffer.from("70020001", "hex"),
  SUBSCRIBE: Buffer.from("8206000100017400", "hex"),
  SUBACK: Buffer.from("9003000100", "hex"),
  UNSUBSCRIBE: Buffer.from("a2050001000174", "hex"),
  UNSUBACK: Buffer.from("b0020001", "hex"),
  PINGREQ: Buffer.from("c000", "hex"),
  PINGRESP: Buffer.from("d000", "hex"),
  DISCONNECT: Buffer.from("e000", "hex"),
};

const names = Object.keys(packets) as (keyof typeof packets)[];

for (const name of names.filter((each) => each !== "CONNECT")) {
  test(`MQTT-3.1.0-1 v3: closes on ${name} as the first packet`, async () => {
    const server = await MemoryServer.start();
    const client = server.open();
    await client.send(packets[name]);
    assert.deepEqual(client.packets(), []);
    assert.equal(client.closed, true);
    assert.equal(server.complaints[0].fields["code"], "mqtt.FIRST_PACKET_NOT_CONNECT");
  });
}

test("MQTT-3.1.0-2 v3: closes on a second CONNECT", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.send(packets.CONNECT);
  assert.equal(client.closed, true);
  assert.equal(server.complaints[0].fields["code"], "mqtt.SECOND_CONNECT");
});

for (const name of ["CONNACK", "SUBACK", "UNSUBACK", "PINGRESP"] as const) {
  test(`MQTT-4.8.0-1 v3: closes on ${name}, which only servers send`, async () => {
    const server = await MemoryServer.start();
    const client = await server.connect("a");
    await client.send(packets[name]);
    assert.equal(client.closed, true);
    assert.equal(server.complaints[0].fields["code"], "mqtt.PACKET_NOT_FOR_SERVER");
  });
}

for (const name of ["PUBREC", "PUBREL", "PUBCOMP"] as const) {
  test(`takes ${name} for a message it does not know`, async () => {
    const server = await MemoryServer.start();
    const client = await server.connect("a");
    await client.send(packets[name]);
    assert.equal(client.closed, false);
  });
}

for (const name of ["PUBLISH", "PUBACK", "SUBSCRIBE", "UNSUBSCRIBE", "PINGREQ"] as const) {
  test(`takes ${name} from a connected client`, async () => {
    const server = await MemoryServer.start();
    const client = await server.connect("a");
    await client.send(packets[name]);
    assert.equal(client.closed, false);
    assert.equal(server.metric(`polylog_mqtt_packets_received_total{type="${name}"}`), 1);
  });
}

test("logs a violation once with client and peer", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.send(Buffer.concat([packets.CONNECT, packets.CONNECT, packets.PINGRESP]));
  assert.equal(server.complaints.length, 1);
  const { message, fields } = server.complaints[0];
  assert.equal(message, "client closed");
  assert.equal(fields["clientId"], "a");
  assert.equal(fields["remote"], `memory:${client.stream.remotePort}`);
  assert.equal(fields["reason"], "the client sent a second CONNECT");
  assert.equal(server.metric("polylog_mqtt_protocol_errors_total"), 1);
});

test("MQTT-4.8.0-1 v3: a violation closes that connection only", async () => {
  const server = await MemoryServer.start();
  const good = await server.connect("good");
  await good.subscribe("t");
  await (await server.connect("bad")).send(packets.SUBACK);
  await good.publish("t", "x");
  assert.deepEqual(good.payloads(), ["x"]);
});

test("reads any conversation in single bytes", async () => {
  const server = await MemoryServer.start();
  const client = server.open();
  const conversation = Buffer.concat([
    connectBytes("a"),
    packets.SUBSCRIBE,
    packets.PUBLISH,
    publishBytes("t", "y".repeat(300), { qos: 1, packetIdentifier: 7 }),
    packets.PINGREQ,
    packets.UNSUBSCRIBE,
    packets.DISCONNECT,
  ]);
  for (const byte of conversation) await client.send(Buffer.from([byte]));
  const types = client.packets().map(({ type }) => type);
  assert.deepEqual(types.sort(), ["CONNACK", "PINGRESP", "PUBACK", "PUBLISH", "PUBLISH", "SUBACK", "UNSUBACK"]);
  assert.equal(client.closed, true);
  assert.equal(server.complaints.length, 0);
});
