/**
 * MQTT brokers under one load generator: Polylog, mosquitto, NATS and Aedes in turn, round by round, medians.
 *
 *     npm run bench -- mqtt [--rows=NAME,NAME] [--peers=NAME,NAME] [--seconds=N] [--rounds=N] [--smoke]
 *
 * Rows are those of `mqtt/scenario.ts`; `fan*` takes all that begin so, `all` also the ones that take minutes.
 * docs/benchmarks.md says what the figures mean.
 */

import { findPeers, peerNames, startMqttPeer } from "./mqtt/mqtt-peers.ts";
import { scenarios, smokeScenarios } from "./mqtt/scenario.ts";
import { runRows } from "./row-benchmark.ts";

await runRows({
  rows: scenarios,
  smokeRows: smokeScenarios,
  smokeSeconds: 0.1,
  peerNames,
  findPeers: (wanted) => findPeers(wanted?.includes("aedes") ?? true),
  start: (name, { setup }) => startMqttPeer(name, setup ?? "plain"),
  cpuUnit: "broker µs/msg",
});
