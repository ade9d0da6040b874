/**
 * How long messages take at a rate that is far from the limit. The time of sending stands in the payload. Two ways to send:
 *
 *     steady      each publisher in turn, so that all of them together send `perSecond` messages
 *     one by one  the next message a moment after the last copy of the one before has come
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Peer } from "../peers.ts";
import { cpuSecondsOf } from "../process-usage.ts";
import type { Rig, Sample } from "../rig.ts";
import { framesOf, LoadClient } from "./load-client.ts";

export interface LatencyShape {
  readonly groups: number;
  readonly subscribers: number;
  /** Messages per second of all publishers together; undefined: one by one. */
  readonly perSecond?: number;
}

const payloadSize = 16;
const restBetweenMs = 2;
/** At ten times the rate: a compiler that waits for code to be hot should be done before the clock runs. */
const warmUpSeconds = 2;
let runs = 0;

export async function openLatency(peer: Peer, shape: LatencyShape): Promise<Rig> {
  const run = runs++;
  const times: number[] = [];
  const lanes: { publisher: LoadClient; frame: Buffer }[] = [];
  const clients: LoadClient[] = [];
  for (let g = 0; g < shape.groups; g++) {
    const topic = `bench/${run}/l${g}`;
    for (let i = 0; i < shape.subscribers; i++) {
      const subscriber = await LoadClient.open({ port: peer.port, clientId: `ls${run}-${g}-${i}`, level: 4 });
      await subscriber.subscribe([topic], 0);
      subscriber.onPublish = (bytes, end) => times.push(performance.now() - bytes.readDoubleBE(end - payloadSize));
      clients.push(subscriber);
    }
    const publisher = await LoadClient.open({ port: peer.port, clientId: `lp${run}-${g}`, level: 4 });
    clients.push(publisher);
    lanes.push({ publisher, frame: framesOf(topic, payloadSize, 0, 4, 1).bytes });
  }
  const send = (turn: number) => {
    const { publisher, frame } = lanes[turn % lanes.length]!;
    const copy = Buffer.from(frame);
    copy.writeDoubleBE(performance.now(), copy.length - payloadSize);
    publisher.write(copy);
  };
  if (shape.perSecond !== undefined) await sendSteadily(send, 10 * shape.perSecond, warmUpSeconds);
  return {
    run: async (seconds) => {
      times.length = 0;
      const cpuBefore = cpuSecondsOf(peer.pid);
      if (shape.perSecond === undefined) await sendOneByOne(send, times, shape.subscribers, seconds);
      else await sendSteadily(send, shape.perSecond, seconds);
      const failure = clients.find((client) => client.failure !== undefined)?.failure;
      if (failure !== undefined) throw failure;
      return sampleOf(times, cpuSecondsOf(peer.pid) - cpuBefore);
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

async function sendSteadily(send: (turn: number) => void, perSecond: number, seconds: number): Promise<void> {
  const startMs = performance.now();
  const count = perSecond * seconds;
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) * perSecond) / 1000) + 1);
    while (sent < due) send(sent++);
    await sleep(1);
  }
  await sleep(100);
}

async function sendOneByOne(
  send: (turn: number) => void,
  times: readonly number[],
  copies: number,
  seconds: number,
): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  for (let sent = 0; performance.now() < endMs; sent++) {
    send(sent);
    const giveUpMs = performance.now() + 1000;
    while (times.length < (sent + 1) * copies && performance.now() < giveUpMs)
      await new Promise((resolve) => setImmediate(resolve));
    await sleep(restBetweenMs);
  }
}

function sampleOf(times: number[], cpuSeconds: number): Sample {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => 1000 * (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN);
  return {
    "p50 µs": at(0.5),
    "p99 µs": at(0.99),
    "broker µs/msg": (cpuSeconds * 1e6) / Math.max(1, times.length),
    messages: times.length,
  };
}
