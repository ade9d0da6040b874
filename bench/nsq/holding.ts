/** What topics, channels and subscribers cost while nothing happens. One sample per peer. */

import { setTimeout as sleep } from "node:timers/promises";
import { cpuSecondsOf, residentBytesOf } from "../process-usage.ts";
import type { Rig, Sample } from "../rig.ts";
import { LoadClient } from "./load-client.ts";
import { type NsqPeer, post } from "./nsq-peers.ts";

const atOnce = 50;
/** What has become garbage on the way is not what is held; collecting it takes a while. */
const settleMs = 5000;
/** The processor time of an idle server is counted for as long. */
const idleMs = 5000;

/** Topics with so many channels each, and nobody who publishes or consumes. */
export function topicsAndChannels(topics: number, channels: number): (peer: NsqPeer) => Promise<Rig> {
  return holding(async (peer) => {
    await inParallel(topics, async (i) => {
      await post(peer, `topic/create?topic=idle${i}`);
      for (let c = 0; c < channels; c++) await post(peer, `channel/create?topic=idle${i}&channel=c${c}`);
    });
    return { count: topics, unit: "bytes/topic", clients: [] };
  });
}

/** Consumers that are ready for messages that nobody publishes, spread over `topics` topics with one channel each. */
export function idleSubscribers(count: number, topics: number): (peer: NsqPeer) => Promise<Rig> {
  return holding(async (peer) => {
    const clients: LoadClient[] = [];
    await inParallel(count, async (i) => {
      const client = await LoadClient.open({ port: peer.port, role: "consumer", readBufferSize: 4096 });
      await client.subscribe(`idle${i % topics}`, "bench");
      client.setReady(1);
      clients.push(client);
    });
    return { count, unit: "bytes/subscriber", clients };
  });
}

interface Held {
  readonly count: number;
  readonly unit: string;
  readonly clients: readonly LoadClient[];
}

function holding(hold: (peer: NsqPeer) => Promise<Held>): (peer: NsqPeer) => Promise<Rig> {
  return async (peer) => {
    let clients: readonly LoadClient[] = [];
    return {
      run: async (seconds): Promise<Sample> => {
        const settle = Math.min(settleMs, seconds * settleMs);
        await sleep(settle);
        const before = residentBytesOf(peer.pid);
        const held = await hold(peer);
        clients = held.clients;
        await sleep(settle);
        const cpuBefore = cpuSecondsOf(peer.pid);
        const idle = Math.min(idleMs, seconds * idleMs);
        await sleep(idle);
        const cpuMs = (cpuSecondsOf(peer.pid) - cpuBefore) * 1000;
        const after = residentBytesOf(peer.pid);
        const failure = clients.find((client) => client.failure !== undefined)?.failure;
        if (failure !== undefined) throw failure;
        return {
          [held.unit]: (after - before) / held.count,
          "resident MB": after / 1e6,
          "idle CPU ms/s": cpuMs / (idle / 1000),
        };
      },
      close: () => {
        for (const client of clients) client.close();
      },
    };
  };
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
