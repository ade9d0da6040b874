/**
 * One connection publishes 200-byte messages with MPUB, 100 at a time, to one consumer that finishes each: Polylog at
 * durability `written`, nsqd in memory and nsqd on disk in turn, same generator.
 *
 *     npm run bench -- nsq-mpub
 */

import type { Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeMpub, encodeRdy, encodeSub, FrameReader, frameTypes } from "@polylog/nsq-wire";
import { consumeAll, openNsq } from "./nsq-consumer.ts";
import { type Peer, startNsqd, startPolylog } from "./peers.ts";
import { compare } from "./rounds.ts";

const smoke = process.argv.includes("--smoke");
const messageCount = smoke ? 2_000 : 300_000;
const rounds = smoke ? 1 : 5;
const batchSize = 100;
const outstandingMax = 20;
const readyCount = 2_500;
const body = Buffer.alloc(200, 0x61);

async function main(): Promise<void> {
  const started = [
    await startPolylog("nsqTcp"),
    await startNsqd("nsqd, memory", ["-mem-queue-size=1000000"]),
    await startNsqd("nsqd, disk", ["-mem-queue-size=0"]),
  ];
  const peers = started.filter((peer) => peer !== undefined);
  if (peers.length === 1) process.stdout.write("nsqd is not installed; measuring Polylog alone\n");
  let run = 0;
  try {
    const targets = peers.map((peer) => ({ name: peer.name, run: () => mpubThrough(peer, `bench${run++}`) }));
    await compare(`NSQ MPUB ${batchSize} × ${body.length} bytes to 1 consumer`, targets, rounds);
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function mpubThrough(peer: Peer, topic: string): Promise<number> {
  const consumer = await openNsq(peer.port, "consumer");
  const consumed = consumeAll(consumer, messageCount, body.length);
  const subscribe = new ByteWriter();
  encodeSub(subscribe, topic, "bench");
  encodeRdy(subscribe, readyCount);
  consumer.write(subscribe.take());

  const publisher = await openNsq(peer.port);
  const mpub = new ByteWriter(batchSize * (body.length + 4) + 64);
  encodeMpub(mpub, topic, new Array<Buffer>(batchSize).fill(body));
  const startedAtMs = performance.now();
  await Promise.all([publishAll(publisher, mpub.take()), consumed]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  consumer.destroy();
  publisher.destroy();
  return messageCount / seconds;
}

/** Keeps `outstandingMax` MPUBs unanswered until all are answered with OK. */
function publishAll(socket: Socket, mpub: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader();
    let sent = 0;
    let answered = 0;
    const send = () => {
      while (sent < messageCount / batchSize && sent - answered < outstandingMax) {
        socket.write(mpub);
        sent++;
      }
    };
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      while (reader.next()) {
        if (reader.frameType === frameTypes.error) reject(new Error(reader.bytes.toString("utf8", reader.bodyStart)));
        answered++;
      }
      send();
      if (answered === messageCount / batchSize) resolve();
    });
    send();
  });
}

await main();
