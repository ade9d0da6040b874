/** What clients, sessions and subscriptions cost while nothing happens, and how fast they come. One sample per peer. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Peer } from "../peers.ts";
import { cpuSecondsOf, residentBytesOf } from "../process-usage.ts";
import type { Rig, Sample } from "../rig.ts";
import { type ClientOptions, framesOf, LoadClient } from "./load-client.ts";

const atOnce = 50;
/** Handshakes under way beyond which no further ones are begun: the rate is then what the broker takes. */
const connectingMax = 1000;
/** What has become garbage on the way is not what is held; collecting it takes a while. */
const settleMs = 5000;
/**
 * V8 collects the whole heap of who does nothing about 100 s after it did so last, in steps, and gives pages back; Go's
 * collector every two minutes. So the rows that take minutes anyway wait that long, and tell both figures.
 */
const collectedMs = 130_000;
const matchBatch = 200;
const matchRounds = 100;
let runs = 0;

/** Clients with one subscription each that stay and say nothing. */
export function idleClients(count: number): (peer: Peer) => Promise<Rig> {
  return holding(0, async (peer, run) => {
    const clients: LoadClient[] = [];
    await inParallel(count, async (i) => {
      const client = await LoadClient.open({ port: peer.port, clientId: `idle${run}-${i}`, level: 4 });
      await client.subscribe([`idle/${run}/${i}`], 0);
      clients.push(client);
    });
    return { count, unit: "bytes/client", clients };
  });
}

/** Persistent sessions with one subscription each whose clients have left. */
export function offlineSessions(count: number): (peer: Peer) => Promise<Rig> {
  return holding(collectedMs, async (peer, run) => {
    await inParallel(count, async (i) => {
      const options: ClientOptions = { port: peer.port, clientId: `off${run}-${i}`, level: 4, keepsSession: true };
      const client = await LoadClient.open(options);
      await client.subscribe([`offline/${run}/${i}`], 1);
      client.leave();
    });
    return { count, unit: "bytes/session", clients: [] };
  });
}

/**
 * Clients that all subscribe to their share of `filters` filters, half of them with a wildcard, and then messages to topics
 * never seen before that match none: what is left of the time is finding that out.
 */
export function manySubscriptions(clients: number, perClient: number, filters: number): (peer: Peer) => Promise<Rig> {
  return holding(collectedMs, async (peer, run) => {
    const opened: LoadClient[] = [];
    await inParallel(clients, async (i) => {
      const client = await LoadClient.open({ port: peer.port, clientId: `subs${run}-${i}`, level: 4 });
      opened.push(client);
      for (let from = 0; from < perClient; from += 100) {
        const some = Array.from({ length: Math.min(100, perClient - from) }, (_, k) => {
          const n = (i * perClient + from + k) % filters;
          return n % 2 === 0 ? `site/${n % 500}/+/unit${n}/state` : `site/${n % 500}/line/unit${n}/state`;
        });
        await client.subscribe(some, 0);
      }
    });
    const publisher = await LoadClient.open({ port: peer.port, clientId: `matcher${run}`, level: 4 });
    const cpuBefore = cpuSecondsOf(peer.pid);
    const matchUs = await medianMatchUs(publisher, run);
    const cpuUs = ((cpuSecondsOf(peer.pid) - cpuBefore) * 1e6) / (matchBatch * matchRounds);
    const more = { "µs/new topic": matchUs, "broker µs/new topic": cpuUs };
    return { count: clients * perClient, unit: "bytes/subscription", clients: [...opened, publisher], more };
  });
}

/** Of batches, each followed by a ping: the time per message until its answer. */
async function medianMatchUs(publisher: LoadClient, run: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < matchRounds; round++) {
    const packets = Array.from({ length: matchBatch }, (_, k) => {
      const n = round * matchBatch + k;
      return framesOf(`site/${n % 500}/m${run}-${n}/unit${n}/none`, 16, 0, 4, 1).bytes;
    });
    const bytes = Buffer.concat([...packets, Buffer.from([0xc0, 0])]);
    const startMs = performance.now();
    publisher.write(bytes);
    await untilPinged(publisher, round + 1);
    times.push((1000 * (performance.now() - startMs)) / matchBatch);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}

function untilPinged(client: LoadClient, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.onChunk = () => {
      if (client.failure !== undefined) reject(client.failure);
      else if (client.pings >= count) resolve();
    };
    client.onChunk();
  });
}

/** New clients at a steady rate; each leaves when it has its CONNACK. */
export function connecting(perSecond: number): (peer: Peer) => Promise<Rig> {
  return async (peer) => ({
    run: (seconds) => connectSteadily(peer, perSecond, seconds),
    close: () => undefined,
  });
}

async function connectSteadily(peer: Peer, perSecond: number, seconds: number): Promise<Sample> {
  const run = runs++;
  const count = perSecond * seconds;
  const times: number[] = [];
  const open: Promise<void>[] = [];
  let failed = 0;
  const connect = async (i: number) => {
    const startMs = performance.now();
    try {
      const client = await LoadClient.open({ port: peer.port, clientId: `c${run}-${i}`, level: 4 });
      times.push(performance.now() - startMs);
      client.leave();
    } catch {
      failed++;
    }
  };
  const cpuBefore = cpuSecondsOf(peer.pid);
  const startMs = performance.now();
  for (let begun = 0; begun < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - startMs) * perSecond) / 1000) + 1);
    while (begun < due && begun - times.length - failed < connectingMax) open.push(connect(begun++));
    await sleep(1);
  }
  await Promise.all(open);
  const elapsed = (performance.now() - startMs) / 1000;
  const cpu = cpuSecondsOf(peer.pid) - cpuBefore;
  times.sort((a, b) => a - b);
  return {
    "connects/s": times.length / elapsed,
    "p50 ms": times[times.length >> 1] ?? Number.NaN,
    "p99 ms": times[Math.floor(0.99 * (times.length - 1))] ?? Number.NaN,
    "broker µs/connect": (cpu * 1e6) / Math.max(1, times.length),
    failed,
  };
}

interface Held {
  readonly count: number;
  readonly unit: string;
  readonly clients: readonly LoadClient[];
  readonly more?: Sample;
}

/** `idleMs`: how long to wait before what is held is measured, besides `settleMs`. */
function holding(idleMs: number, hold: (peer: Peer, run: number) => Promise<Held>): (peer: Peer) => Promise<Rig> {
  return async (peer) => {
    const held: LoadClient[] = [];
    return {
      run: async (seconds) => {
        const settle = Math.min(settleMs, seconds * 5000);
        await sleep(settle);
        const before = residentBytesOf(peer.pid);
        const startMs = performance.now();
        const { count, unit, clients, more } = await hold(peer, runs++);
        const elapsed = (performance.now() - startMs) / 1000;
        held.push(...clients);
        await sleep(settle);
        const atOnce = residentBytesOf(peer.pid) - before;
        if (seconds >= 1) await sleep(idleMs); // Not in a tiny run.
        const grown = residentBytesOf(peer.pid) - before;
        const sizes = { "resident MB": grown / 1e6, "MB at once": atOnce / 1e6 };
        return { [unit]: grown / count, ...sizes, ...more, seconds: elapsed };
      },
      close: () => {
        for (const client of held) client.close();
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
