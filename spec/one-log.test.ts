/** The sentence the product stands on: what one protocol publishes, the others consume, and a crash takes nothing back. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import {
  decodePublish,
  encodeConnect,
  encodePublish,
  encodeSubscribe,
  FrameReader as MqttFrameReader,
  PublishView,
  packetTypes,
} from "@polylog/mqtt-wire";
import {
  encodeFin,
  encodeMagic,
  encodeRdy,
  encodeSub,
  frameTypes,
  FrameReader as NsqFrameReader,
} from "@polylog/nsq-wire";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { callRpc, readLog } from "./json-rpc-client.ts";

/** A socket, and a way to wait until what arrived satisfies a condition. */
class Client {
  readonly socket: Socket;
  #wake = () => {};

  private constructor(socket: Socket, onChunk: (chunk: Buffer) => void) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      onChunk(chunk);
      this.#wake();
    });
    socket.on("error", () => undefined);
  }

  static async open(port: number, onChunk: (chunk: Buffer) => void): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new Client(socket, onChunk);
  }

  send(encode: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    encode(writer);
    this.socket.write(writer.take());
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

async function mqttClient(server: ServerProcess, clientIdentifier: string) {
  const reader = new MqttFrameReader(1 << 20);
  const view = new PublishView();
  const types: number[] = [];
  const received: string[] = [];
  const client = await Client.open(server.listeners.mqtt.port, (chunk) => {
    reader.push(chunk);
    while (reader.next()) {
      types.push(reader.type);
      if (reader.type !== packetTypes.PUBLISH) continue;
      decodePublish(view, reader);
      received.push(reader.bytes.toString("utf8", view.payloadStart, view.payloadEnd));
    }
  });
  client.send((writer) =>
    encodeConnect(writer, {
      protocolLevel: 4,
      cleanSession: true,
      keepAliveSeconds: 60,
      clientIdentifier,
      will: undefined,
      userName: undefined,
      password: undefined,
    }),
  );
  await client.until(() => types.includes(packetTypes.CONNACK));
  const count = (type: number) => types.filter((each) => each === type).length;
  return {
    received,
    close: () => client.socket.destroy(),
    subscribe: async (topicFilter: string) => {
      client.send((writer) =>
        encodeSubscribe(writer, { packetIdentifier: 1, subscriptions: [{ topicFilter, qos: 1 }] }),
      );
      await client.until(() => types.includes(packetTypes.SUBACK));
    },
    /** Resolves with the PUBACK. */
    publish: async (topic: string, payload: string) => {
      const acknowledged = count(packetTypes.PUBACK);
      const packet = {
        topic,
        payload: Buffer.from(payload),
        qos: 1,
        retain: false,
        dup: false,
        packetIdentifier: 1,
      } as const;
      client.send((writer) => encodePublish(writer, packet));
      await client.until(() => count(packetTypes.PUBACK) > acknowledged);
    },
    untilReceived: (messages: number) => client.until(() => received.length >= messages),
  };
}

/** Consumes through a channel; finishes every message for which `finishes` answers true. */
async function nsqConsumer(
  server: ServerProcess,
  topic: string,
  finishes: (body: string, attempts: number) => boolean,
) {
  const reader = new NsqFrameReader();
  const received: string[] = [];
  const client = await Client.open(server.listeners.nsqTcp.port, (chunk) => {
    reader.push(chunk);
    while (reader.next()) {
      if (reader.frameType !== frameTypes.message) continue;
      const idStart = reader.bodyStart + 10;
      const attempts = reader.bytes.readUInt16BE(reader.bodyStart + 8);
      const body = reader.bytes.toString("utf8", idStart + 16, reader.bodyEnd);
      received.push(`${body}#${attempts}`);
      if (finishes(body, attempts)) client.send((writer) => encodeFin(writer, reader.bytes, idStart));
    }
  });
  client.send((writer) => {
    encodeMagic(writer);
    encodeSub(writer, topic, "workers");
    encodeRdy(writer, 10);
  });
  return {
    received,
    close: () => client.socket.destroy(),
    untilReceived: (n: number) => client.until(() => received.length >= n),
  };
}

async function publishNsq(server: ServerProcess, topic: string, body: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.nsqHttp.port}/pub?topic=${topic}`, {
    method: "POST",
    body,
  });
  assert.equal(await response.text(), "OK");
}

test("delivers a captured MQTT message through a channel and by offset", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--capture", "telemetry=sensors/#"] });
  t.after(() => server.kill());
  const device = await mqttClient(server, "device");
  await device.publish("sensors/1", "21.5");
  await device.publish("elsewhere/1", "not captured");
  const worker = await nsqConsumer(server, "telemetry", () => true);
  await worker.untilReceived(1);
  assert.deepEqual(worker.received, ["21.5#1"]);
  const records = await readLog(server.listeners.http.port, "telemetry");
  assert.deepEqual(
    records.map(({ offset, topic, value }) => ({ offset, topic, value })),
    [{ offset: 0, topic: "sensors/1", value: "21.5" }],
  );
  worker.close();
  device.close();
});

test("delivers an NSQ PUB to MQTT subscribers of the topic, once", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const subscriber = await mqttClient(server, "subscriber");
  await subscriber.subscribe("orders");
  await publishNsq(server, "orders", "one coffee");
  await subscriber.untilReceived(1);
  await publishNsq(server, "orders", "one tea");
  await subscriber.untilReceived(2);
  assert.deepEqual(subscriber.received, ["one coffee", "one tea"]);
  assert.equal((await readLog(server.listeners.http.port, "orders")).length, 2);
  subscriber.close();
});

test("delivers what JSON-RPC produces to a channel and to a subscriber", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const subscriber = await mqttClient(server, "subscriber");
  await subscriber.subscribe("audit");
  const { port } = server.listeners.http;
  await callRpc(port, "log.create", { log: "audit" });
  const written = await callRpc(port, "produce", { log: "audit", records: [{ value: "seen" }], encoding: "utf8" });
  assert.deepEqual(written, { partition: 0, baseOffset: 0, ack: "written" });
  const worker = await nsqConsumer(server, "audit", () => true);
  await worker.untilReceived(1);
  await subscriber.untilReceived(1);
  assert.deepEqual(subscriber.received, ["seen"]);
  worker.close();
  subscriber.close();
});

test("keeps what it acknowledged, and the channel's progress, over kill -9", async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await startServer({ dataDir });
  for (const body of ["a", "b", "c"]) await publishNsq(first, "orders", body);
  const worker = await nsqConsumer(first, "orders", (body) => body === "a");
  await worker.untilReceived(3);
  await new Promise((resolve) => setTimeout(resolve, 400)); // Progress is saved at most 100 ms late.
  await first.kill();

  const second = await startServer({ dataDir });
  t.after(() => second.kill());
  assert.deepEqual(
    (await readLog(second.listeners.http.port, "orders")).map((record) => record.value),
    ["a", "b", "c"],
  );
  const again = await nsqConsumer(second, "orders", () => true);
  await again.untilReceived(2);
  assert.deepEqual([...again.received].sort(), ["b#2", "c#2"]);
  again.close();
});

test("survives hostile bytes on every port and serves the next client", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const garbage = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 131 + 17) & 0xff));
  for (const { port } of Object.values(server.listeners)) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.end(garbage);
    await once(socket.resume(), "close");
  }
  await publishNsq(server, "orders", "still here");
  const client = await mqttClient(server, "next");
  await client.publish("any/topic", "still here");
  client.close();
});
