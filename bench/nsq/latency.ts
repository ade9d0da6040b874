/** How long messages take at a steady rate that is far from the limit. The time of sending stands in the body. */

import { setTimeout as sleep } from "node:timers/promises";
import { encodePub, type Identify } from "@polylog/nsq-wire";
import type { Rig, Sample } from "../rig.ts";
import { usageNow } from "./flood.ts";
import { encoded, LoadClient } from "./load-client.ts";
import { type NsqPeer, post } from "./nsq-peers.ts";

const bodySize = 200;
const readyCount = 2500;
/** At ten times the rate: a compiler that waits for code to be hot should be done before the clock runs. */
const warmUpSeconds = 2;
let runs = 0;

/** `buffering`: what the consumer asks for, of every server the same. */
export async function openLatency(peer: NsqPeer, perSecond: number, buffering: Partial<Identify>): Promise<Rig> {
  const topic = `latency${runs++}`;
  await post(peer, `topic/create?topic=${topic}`);
  await post(peer, `channel/create?topic=${topic}&channel=bench`);
  const producer = await LoadClient.open({ port: peer.port, role: "producer" });
  const consumer = await LoadClient.open({ port: peer.port, role: "consumer", buffering });
  await consumer.subscribe(topic, "bench");
  const times: number[] = [];
  consumer.onBody = (bytes, start) => times.push(performance.now() - bytes.readDoubleBE(start));
  consumer.setReady(readyCount);
  const pub = encoded((writer) => encodePub(writer, topic, Buffer.alloc(bodySize, 0x61)));
  const send = () => {
    const copy = Buffer.from(pub);
    copy.writeDoubleBE(performance.now(), copy.length - bodySize);
    producer.write(copy);
  };
  await sendSteadily(send, 10 * perSecond, warmUpSeconds);
  return {
    run: async (seconds) => {
      times.length = 0;
      const before = usageNow(peer);
      await sendSteadily(send, perSecond, seconds);
      const failure = producer.failure ?? consumer.failure;
      if (failure !== undefined) throw failure;
      return sampleOf(times, usageNow(peer).server - before.server);
    },
    close: () => {
      producer.close();
      consumer.close();
    },
  };
}

async function sendSteadily(send: () => void, perSecond: number, seconds: number): Promise<void> {
  const startMs = performance.now();
  const count = perSecond * seconds;
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) * perSecond) / 1000) + 1);
    while (sent < due) {
      send();
      sent++;
    }
    await sleep(1);
  }
  await sleep(300);
}

function sampleOf(times: readonly number[], cpuSeconds: number): Sample {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => 1000 * (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN);
  return {
    "p99 µs": at(0.99),
    "p50 µs": at(0.5),
    "server µs/msg": (cpuSeconds * 1e6) / Math.max(1, times.length),
    messages: times.length,
  };
}
