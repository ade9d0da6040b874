/** The rows of the NSQ benchmark, as data: what is set up, and which of a sample's figures decides. Bodies have 200 bytes. */

import type { Identify } from "@polylog/nsq-wire";
import type { Rig } from "../rig.ts";
import type { Row } from "../row-benchmark.ts";
import { type FloodShape, openFlood } from "./flood.ts";
import { idleSubscribers, topicsAndChannels } from "./holding.ts";
import { openLatency } from "./latency.ts";
import type { NsqPeer, PeerName, Setup } from "./nsq-peers.ts";

export interface Scenario extends Row<PeerName, NsqPeer> {
  readonly setup: Setup;
}

const pub: FloodShape = { producers: 4, consumers: 0, batch: 1, outstanding: 32 };
const mpub: FloodShape = { producers: 4, consumers: 0, batch: 100, outstanding: 4 };
const drain: FloodShape = { producers: 4, consumers: 4, batch: 100, outstanding: 4, drain: true };
const oneAtATime: FloodShape = { producers: 1, consumers: 0, batch: 1, outstanding: 1 };
const unbuffered: Partial<Identify> = { output_buffer_size: -1 };
const buffered: Partial<Identify> = { output_buffer_size: 16_384, output_buffer_timeout: 25 };

export const scenarios: readonly Scenario[] = [
  flood("pub", "PUB, 4 connections, 32 outstanding each", pub, 2, 4),
  flood("mpub", "MPUB of 100, 4 connections, 4 outstanding each", mpub, 1, 4),
  flood("drain", "drain of a channel, 4 consumers", drain, 1.2, 4),
  flood("pub-through", "PUB through to one consumer, 4 producers, 32 outstanding each", { ...pub, consumers: 1 }, 2, 4),
  flood("mpub-through", "MPUB of 100 through to one consumer, 4 producers", { ...mpub, consumers: 1 }, 1.3, 4),
  flood("pub-single", "one PUB at a time, 1 connection", oneAtATime, undefined, 1.2),
  latency("latency", "latency at 1,000 msg/s, no output buffering", 1000, unbuffered),
  latency("latency-buffered", "latency at 1,000 msg/s, output_buffer_timeout 25 ms", 1000, buffered),
  holding("topics", "1,000 topics with 3 channels each", topicsAndChannels(1000, 3)),
  holding("subscribers", "10,000 idle subscribers", idleSubscribers(10_000, 100)),
];

/** The same at a size that only shows that it works. */
export const smokeScenarios: readonly Scenario[] = [
  flood("pub", "PUB", pub, 2, 4),
  flood("drain", "drain of a channel", drain, 1.2, 4),
  flood("mpub-through", "MPUB of 100 through to one consumer", { ...mpub, consumers: 1 }, 1.3, 4),
  latency("latency-buffered", "latency at 100 msg/s, buffered", 100, buffered),
  holding("topics", "5 topics with 3 channels each", topicsAndChannels(5, 3)),
  holding("subscribers", "20 idle subscribers", idleSubscribers(20, 5)),
];

function flood(name: string, title: string, shape: FloodShape, memory: number | undefined, disk: number): Scenario {
  const bars = { ...(memory !== undefined && { "nsqd-memory": memory }), "nsqd-disk": disk };
  return { name, title, better: "higher", setup: "flood", bars, open: (peer) => openFlood(peer, shape) };
}

function latency(name: string, title: string, perSecond: number, buffering: Partial<Identify>): Scenario {
  const open = (peer: NsqPeer) => openLatency(peer, perSecond, buffering);
  return { name, title, better: "lower", setup: "flood", bars: { "nsqd-memory": 1, "nsqd-disk": 1 }, open };
}

function holding(name: string, title: string, open: (peer: NsqPeer) => Promise<Rig>): Scenario {
  return { name, title, better: "lower", setup: "idle", once: true, bars: {}, open };
}
