/**
 * As many messages as a server takes: each producer keeps `outstanding` commands unanswered, each consumer finishes what it gets.
 * A round has a topic of its own, which is deleted behind it, so that no queue in memory overflows to disk.
 *
 *     published only    messages answered with OK, until the last answer
 *     through           messages consumed, until the last one: what is behind when publishing ends counts with its time
 *     drain             messages published before the clock runs, consumed until the last one
 */

import { setTimeout as sleep } from "node:timers/promises";
import { encodeMpub, encodePub } from "@polylog/nsq-wire";
import { cpuSecondsOf } from "../process-usage.ts";
import type { Rig, Sample } from "../rig.ts";
import { encoded, LoadClient } from "./load-client.ts";
import { type NsqPeer, post } from "./nsq-peers.ts";

export interface FloodShape {
  readonly producers: number;
  readonly consumers: number;
  /** Messages of one command: 1 is PUB, more is MPUB. */
  readonly batch: number;
  /** Commands of one producer that are not answered yet. */
  readonly outstanding: number;
  /** The messages are there before the consumers ask for any. */
  readonly drain?: true;
}

const bodySize = 200;
const body = Buffer.alloc(bodySize, 0x61);
/** What nsqd lets a consumer have at most. */
const readyCount = 2500;
/** Messages that wait for a drain, per second of `--seconds`. */
const drainPerSecond = 300_000;
const drainBatch = 100;
const drainOutstanding = 4;
const stallMs = 60_000;
let runs = 0;

interface Flood {
  readonly peer: NsqPeer;
  readonly shape: FloodShape;
  readonly topic: string;
  readonly producers: readonly LoadClient[];
  readonly consumers: readonly LoadClient[];
}

export async function openFlood(peer: NsqPeer, shape: FloodShape): Promise<Rig> {
  return { run: (seconds) => flood(peer, shape, seconds), close: () => undefined };
}

async function flood(peer: NsqPeer, shape: FloodShape, seconds: number): Promise<Sample> {
  const topic = `bench${runs++}`;
  await post(peer, `topic/create?topic=${topic}`);
  if (shape.consumers > 0) await post(peer, `channel/create?topic=${topic}&channel=bench`);
  const open = (role: "producer" | "consumer", count: number) =>
    Promise.all(Array.from({ length: count }, () => LoadClient.open({ port: peer.port, role })));
  const [producers, consumers] = [await open("producer", shape.producers), await open("consumer", shape.consumers)];
  const each: Flood = { peer, shape, topic, producers, consumers };
  try {
    for (const consumer of consumers) await consumer.subscribe(topic, "bench");
    return await (shape.drain === true ? drain(each, seconds) : publish(each, seconds));
  } finally {
    for (const client of [...producers, ...consumers]) client.close();
    await post(peer, `topic/delete?topic=${topic}`);
  }
}

async function publish(flood: Flood, seconds: number): Promise<Sample> {
  const { shape, consumers, producers } = flood;
  for (const consumer of consumers) consumer.setReady(readyCount);
  const before = usageNow(flood.peer);
  const published = await publishFor(flood, shape.batch, shape.outstanding, () => {
    return performance.now() - before.atMs < seconds * 1000;
  });
  const publishedMs = performance.now() - before.atMs;
  if (consumers.length === 0) return sampleOf(flood.peer, before, published);
  const behind = published - received(consumers);
  await untilReceived([...producers, ...consumers], consumers, published);
  const sample = sampleOf(flood.peer, before, published);
  return { ...sample, "published/s": (published / publishedMs) * 1000, behind };
}

async function drain(flood: Flood, seconds: number): Promise<Sample> {
  const total = Math.round(drainPerSecond * seconds);
  let begun = 0;
  const published = await publishFor(flood, drainBatch, drainOutstanding, () => begun++ * drainBatch < total);
  await sleep(200);
  const before = usageNow(flood.peer);
  for (const consumer of flood.consumers) consumer.setReady(readyCount);
  await untilReceived(flood.consumers, flood.consumers, published);
  return sampleOf(flood.peer, before, published);
}

/** Publishes while `goesOn`, which is asked for every command; resolves with the number of messages once all are answered. */
function publishFor(
  { topic, producers }: Flood,
  batch: number,
  outstanding: number,
  goesOn: () => boolean,
): Promise<number> {
  const command = encoded((writer) => {
    if (batch === 1) encodePub(writer, topic, body);
    else encodeMpub(writer, topic, new Array<Buffer>(batch).fill(body));
  });
  const commands = Buffer.concat(new Array<Buffer>(outstanding).fill(command));
  let sent = 0;
  let answered = 0;
  return new Promise((resolve, reject) => {
    for (const producer of producers) {
      const send = (countMax: number) => {
        let count = 0;
        while (count < countMax && goesOn()) count++;
        sent += count;
        if (count > 0) producer.write(commands.subarray(0, count * command.length));
      };
      producer.onAnswers = (count) => {
        answered += count;
        send(count);
        if (answered === sent) resolve(answered * batch);
      };
      producer.onFailure = reject;
      send(outstanding);
    }
  });
}

function untilReceived(clients: readonly LoadClient[], consumers: readonly LoadClient[], count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${count - received(consumers)} messages did not come`)), stallMs);
    const check = () => {
      if (received(consumers) < count) return;
      clearTimeout(timer);
      resolve();
    };
    for (const consumer of consumers) consumer.onMessages = check;
    for (const client of clients) {
      client.onFailure = (error) => {
        clearTimeout(timer);
        reject(error);
      };
    }
    check();
  });
}

function received(consumers: readonly LoadClient[]): number {
  let sum = 0;
  for (const consumer of consumers) sum += consumer.received;
  return sum;
}

interface Usage {
  readonly atMs: number;
  readonly server: number;
  readonly generator: number;
}

export function usageNow(peer: NsqPeer): Usage {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), server: cpuSecondsOf(peer.pid), generator: (user + system) / 1e6 };
}

function sampleOf(peer: NsqPeer, before: Usage, messages: number): Sample {
  const after = usageNow(peer);
  return {
    "msg/s": messages / ((after.atMs - before.atMs) / 1000),
    "server µs/msg": ((after.server - before.server) * 1e6) / messages,
    "generator µs/msg": ((after.generator - before.generator) * 1e6) / messages,
  };
}
