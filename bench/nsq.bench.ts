/**
 * NSQ under one load generator: Polylog at durability `written`, nsqd in memory and nsqd on disk in turn, round by round, medians.
 *
 *     npm run bench -- nsq [--rows=NAME,NAME] [--peers=NAME,NAME] [--seconds=N] [--rounds=N] [--smoke]
 *
 * Rows are those of `nsq/scenario.ts`; `pub*` takes all that begin so. docs/benchmarks.md says what the figures mean.
 */

import { findPeers, type NsqPeer, type PeerName, peerNames, startNsqPeer } from "./nsq/nsq-peers.ts";
import { report } from "./nsq/report.ts";
import { type Scenario, scenarios, smokeScenarios } from "./nsq/scenario.ts";
import type { Rig, Sample } from "./rig.ts";

const smoke = process.argv.includes("--smoke");
const seconds = smoke ? 0.02 : Number(optionOf("seconds") ?? 1);
const rounds = smoke ? 1 : Number(optionOf("rounds") ?? 5);
/** What is not compiled yet, in whichever process, is nobody's rate: the first of the rounds is longer, and does not count. */
const warmUpFactor = 3;

async function main(): Promise<void> {
  const wanted = optionOf("peers")?.toLowerCase().split(",");
  const installed = findPeers();
  const peers = peerNames.filter((name) => wanted?.includes(name.toLowerCase()) ?? (!smoke || name === "Polylog"));
  for (const name of peers) process.stdout.write(`${name}: ${installed.get(name) ?? "not installed, so left out"}\n`);
  const measured = peers.filter((name) => installed.has(name));
  for (const scenario of chosen()) await measure(scenario, measured);
}

function chosen(): readonly Scenario[] {
  if (smoke) return smokeScenarios;
  const rows = optionOf("rows")?.split(",");
  if (rows === undefined) return scenarios;
  return scenarios.filter(({ name }) =>
    rows.some((row) => name === row || (row.endsWith("*") && name.startsWith(row.slice(0, -1)))),
  );
}

/** Every row has servers of its own: what one row leaves behind is not the next one's. */
async function measure(scenario: Scenario, names: readonly PeerName[]): Promise<void> {
  const samples = new Map<PeerName, Sample[]>();
  const missing = new Map<PeerName, string>();
  if (scenario.once === true) for (const name of names) await interleave(scenario, [name], 1, samples, missing);
  else await interleave(scenario, names, smoke ? 1 : rounds + 1, samples, missing);
  if (scenario.once !== true && !smoke) for (const each of samples.values()) each.shift();
  report(scenario, samples, missing);
}

async function interleave(
  scenario: Scenario,
  names: readonly PeerName[],
  rounds: number,
  samples: Map<PeerName, Sample[]>,
  missing: Map<PeerName, string>,
): Promise<void> {
  const rigs = new Map<PeerName, Rig>();
  const attempt = async (name: PeerName, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      missing.set(name, String(error));
      samples.delete(name);
      rigs.delete(name);
    }
  };
  const peers: NsqPeer[] = [];
  try {
    for (const name of names) {
      const peer = await startNsqPeer(name, scenario.setup);
      peers.push(peer);
      await attempt(name, async () => {
        rigs.set(name, await scenario.open(peer));
        samples.set(name, []);
      });
    }
    for (let round = 0; round < rounds; round++) {
      const length = round === 0 && rounds > 1 ? seconds * warmUpFactor : seconds;
      for (const [name, rig] of rigs)
        await attempt(name, async () => void samples.get(name)!.push(await rig.run(length)));
    }
    for (const rig of rigs.values()) rig.close();
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

function optionOf(name: string): string | undefined {
  const prefix = `--${name}=`;
  return process.argv.find((word) => word.startsWith(prefix))?.slice(prefix.length);
}

await main();
