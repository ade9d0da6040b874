/**
 * One connection publishes 64-byte QoS 0 messages to one subscriber: Polylog and mosquitto in turn, same generator.
 *
 *     npm run bench -- mqtt-straight
 *
 * The publisher stays at most `aheadMax` messages ahead of the subscriber, so no broker has a reason to drop any; every
 * message is counted, and a run that loses one fails.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import {
  encodeConnect,
  encodeSubscribe,
  FrameReader,
  packetTypes,
  publishFlags,
  publishSize,
  writePublishHeader,
} from "@polylog/mqtt-wire";
import { type Peer, startMosquitto, startPolylog } from "./peers.ts";
import { compare } from "./rounds.ts";

const smoke = process.argv.includes("--smoke");
const messageCount = smoke ? 2_000 : 400_000;
const rounds = smoke ? 1 : 5;
const payloadSize = 64;
const burst = 500;
const aheadMax = 20_000;
const topic = Buffer.from("bench/straight/one");

async function main(): Promise<void> {
  const peers = [await startPolylog("mqtt"), await startMosquitto()].filter((peer) => peer !== undefined);
  if (peers.length === 1) process.stdout.write("mosquitto is not installed; measuring Polylog alone\n");
  try {
    const targets = peers.map((peer) => ({ name: peer.name, run: () => straight(peer) }));
    await compare(`MQTT QoS 0, 1 publisher to 1 subscriber, ${payloadSize} bytes`, targets, rounds);
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function straight(peer: Peer): Promise<number> {
  const subscriber = await connectClient(peer.port, "subscriber");
  const reader = new FrameReader(1 << 20);
  let received = 0;
  let onProgress = () => {};
  subscriber.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    while (reader.next()) if (reader.type === packetTypes.PUBLISH) received++;
    onProgress();
  });
  const subscribe = new ByteWriter();
  encodeSubscribe(subscribe, { packetIdentifier: 1, subscriptions: [{ topicFilter: String(topic), qos: 0 }] });
  subscriber.write(subscribe.take());
  await once(subscriber, "data");

  const publisher = await connectClient(peer.port, "publisher");
  const chunk = publishBurst();
  const startedAtMs = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const send = () => {
      while (sent < messageCount && sent - received < aheadMax && publisher.writableLength < 1 << 20) {
        publisher.write(chunk);
        sent += burst;
      }
      if (received >= messageCount) resolve();
    };
    onProgress = send;
    publisher.on("drain", send);
    send();
  });
  const seconds = (performance.now() - startedAtMs) / 1000;
  subscriber.destroy();
  publisher.destroy();
  if (received !== messageCount) throw new Error(`${peer.name} delivered ${received} of ${messageCount} messages`);
  return messageCount / seconds;
}

function publishBurst(): Buffer {
  const size = publishSize(topic.length, payloadSize, 0);
  const chunk = Buffer.alloc(size * burst, 0x61);
  for (let i = 0; i < burst; i++)
    writePublishHeader(chunk, i * size, publishFlags(0, false, false), topic, 0, payloadSize);
  return chunk;
}

async function connectClient(port: number, clientIdentifier: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const packet = new ByteWriter();
  encodeConnect(packet, {
    protocolLevel: 4,
    clientIdentifier,
    cleanSession: true,
    keepAliveSeconds: 0,
    will: undefined,
    userName: undefined,
    password: undefined,
  });
  socket.write(packet.take());
  await once(socket, "data");
  return socket;
}

await main();
