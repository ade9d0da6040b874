/** The rows of the MQTT benchmark, as data: what is set up, and which of a sample's figures decides. */

import type { Peer } from "../peers.ts";
import type { Row } from "../row-benchmark.ts";
import { type FloodShape, openFlood } from "./flood.ts";
import { connecting, idleClients, manySubscriptions, offlineSessions } from "./holding.ts";
import { openLatency } from "./latency.ts";
import type { PeerName } from "./mqtt-peers.ts";

export interface Scenario extends Row<PeerName, Peer> {
  /** What the brokers listen with, and whether ours writes the messages to a log. */
  readonly setup?: "tls" | "captured";
}

const straight = { groups: 10, publishers: 1, subscribers: 1, payloadSize: 16, level: 4 } as const;
const qos0 = { ...straight, qos: 0, window: 1000 } as const;
const fanIn = { ...qos0, groups: 1, publishers: 100, window: 400 } as const;
const fanOut = { ...qos0, groups: 1, subscribers: 100, window: 1000 } as const;
const fanOutWide = { ...fanOut, subscribers: 1000, window: 400 } as const;
/** What NATS lets a session have unacknowledged; mosquitto drops beyond a thousand that wait. */
const acknowledged = { ...straight, window: 100 } as const;
const kilobyte = 1024;
const level5 = { NATS: "it has no MQTT 5", Aedes: "it has no MQTT 5" } as const;

export const scenarios: readonly Scenario[] = [
  flood("straight-qos0", "straight 10 → 10, QoS 0", qos0),
  flood("straight-qos1", "straight 10 → 10, QoS 1", { ...acknowledged, qos: 1 }),
  flood("straight-qos2", "straight 10 → 10, QoS 2", { ...acknowledged, qos: 2 }),
  flood("fan-in", "fan-in 100 → 1, QoS 0", fanIn),
  flood("fan-out-100", "fan-out 1 → 100, QoS 0", fanOut),
  flood("fan-out-1000", "fan-out 1 → 1000, QoS 0", fanOutWide),
  flood("straight-qos0-v5", "straight 10 → 10, QoS 0, MQTT 5", { ...qos0, level: 5 }, { without: level5 }),
  flood(
    "straight-qos1-v5",
    "straight 10 → 10, QoS 1, MQTT 5",
    { ...acknowledged, qos: 1, level: 5 },
    { without: level5 },
  ),
  flood(
    "straight-qos2-v5",
    "straight 10 → 10, QoS 2, MQTT 5",
    { ...acknowledged, qos: 2, level: 5 },
    { without: level5 },
  ),
  flood("fan-in-v5", "fan-in 100 → 1, QoS 0, MQTT 5", { ...fanIn, level: 5 }, { without: level5 }),
  flood("fan-out-100-v5", "fan-out 1 → 100, QoS 0, MQTT 5", { ...fanOut, level: 5 }, { without: level5 }),
  flood("straight-qos0-1k", "straight 10 → 10, QoS 0, 1 KiB", { ...qos0, payloadSize: kilobyte, window: 1000 }),
  flood("straight-qos1-1k", "straight 10 → 10, QoS 1, 1 KiB", { ...acknowledged, qos: 1, payloadSize: kilobyte }),
  flood("straight-qos2-1k", "straight 10 → 10, QoS 2, 1 KiB", { ...acknowledged, qos: 2, payloadSize: kilobyte }),
  flood("fan-in-1k", "fan-in 100 → 1, QoS 0, 1 KiB", { ...fanIn, payloadSize: kilobyte, window: 50 }),
  flood("fan-out-100-1k", "fan-out 1 → 100, QoS 0, 1 KiB", { ...fanOut, payloadSize: kilobyte, window: 200 }),
  flood(
    "captured",
    "straight 10 → 10, QoS 1, ours to a log at `written`",
    { ...acknowledged, qos: 1 },
    { setup: "captured" },
  ),
  flood(
    "tls",
    "straight 10 → 10, QoS 0, TLS",
    { ...qos0, tls: true },
    { setup: "tls", without: { Aedes: "not set up" } },
  ),
  {
    name: "latency",
    title: "latency at 10 → 10, 100 msg/s each, QoS 0",
    better: "lower",
    open: (peer) => openLatency(peer, { groups: 10, subscribers: 1, perSecond: 1000 }),
  },
  {
    name: "latency-fan-out",
    title: "latency at 1 → 1000, one message at a time, QoS 0",
    better: "lower",
    open: (peer) => openLatency(peer, { groups: 1, subscribers: 1000 }),
  },
  { name: "connects", title: "10,000 connects/s", better: "higher", open: connecting(10_000) },
  { name: "idle", title: "10,000 idle clients", better: "lower", once: true, open: idleClients(10_000) },
  {
    name: "subscriptions",
    title: "1,000,000 subscriptions to 100,000 filters",
    better: "lower",
    once: true,
    long: true,
    open: manySubscriptions(1000, 1000, 100_000),
  },
  {
    name: "offline",
    title: "100,000 offline sessions",
    better: "lower",
    once: true,
    long: true,
    without: { NATS: "a stream consumer per session: hours" },
    open: offlineSessions(100_000),
  },
];

/** The same at a size that only shows that it works. */
export const smokeScenarios: readonly Scenario[] = [
  flood("straight-qos0", "straight 2 → 2, QoS 0", { ...qos0, groups: 2 }),
  flood("straight-qos2-v5", "straight 2 → 2, QoS 2, MQTT 5", { ...acknowledged, groups: 2, qos: 2, level: 5 }),
  flood("captured", "straight 2 → 2, QoS 1 to a log", { ...acknowledged, groups: 2, qos: 1 }, { setup: "captured" }),
  flood("tls", "straight 1 → 1, QoS 0, TLS", { ...qos0, groups: 1, tls: true }, { setup: "tls" }),
  {
    name: "latency",
    title: "latency at 2 → 2",
    better: "lower",
    open: (peer) => openLatency(peer, { groups: 2, subscribers: 1, perSecond: 200 }),
  },
  { name: "connects", title: "100 connects/s", better: "higher", open: connecting(100) },
  { name: "idle", title: "20 idle clients", better: "lower", once: true, open: idleClients(20) },
  { name: "offline", title: "20 offline sessions", better: "lower", once: true, open: offlineSessions(20) },
  {
    name: "subscriptions",
    title: "200 subscriptions",
    better: "lower",
    once: true,
    open: manySubscriptions(2, 100, 50),
  },
];

function flood(
  name: string,
  title: string,
  shape: FloodShape,
  more: Pick<Scenario, "setup" | "without"> = {},
): Scenario {
  return { name, title, better: "higher", open: (peer) => openFlood(peer, shape), ...more };
}
