/**
 * NSQ under one load generator: Polylog at durability `written`, nsqd in memory and nsqd on disk in turn, round by round, medians.
 *
 *     npm run bench -- nsq [--rows=NAME,NAME] [--peers=NAME,NAME] [--seconds=N] [--rounds=N] [--smoke]
 *
 * Rows are those of `nsq/scenario.ts`; `pub*` takes all that begin so. docs/benchmarks.md says what the figures mean.
 */

import { findPeers, peerNames, startNsqPeer } from "./nsq/nsq-peers.ts";
import { scenarios, smokeScenarios } from "./nsq/scenario.ts";
import { runRows } from "./row-benchmark.ts";

await runRows({
  rows: scenarios,
  smokeRows: smokeScenarios,
  smokeSeconds: 0.02,
  peerNames,
  findPeers,
  start: (name, { setup }) => startNsqPeer(name, setup),
  cpuUnit: "server µs/msg",
});
