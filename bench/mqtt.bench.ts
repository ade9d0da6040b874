/**
 * MQTT brokers under one load generator: Polylog, mosquitto, NATS and Aedes in turn, round by round, medians.
 *
 *     npm run bench -- mqtt [--rows=NAME,NAME] [--peers=NAME,NAME] [--seconds=N] [--rounds=N] [--smoke]
 *
 * Rows are those of `mqtt/scenario.ts`; `fan*` takes all that begin so, `all` also the ones that take minutes.
 * docs/benchmarks.md says what the figures mean.
 */

import { findPeers, type PeerName, peerNames, startMqttPeer } from "./mqtt/mqtt-peers.ts";
import { report } from "./mqtt/report.ts";
import { type Scenario, scenarios, smokeScenarios } from "./mqtt/scenario.ts";
import type { Peer } from "./peers.ts";
import type { Rig, Sample } from "./rig.ts";

const smoke = process.argv.includes("--smoke");
const seconds = smoke ? 0.1 : Number(optionOf("seconds") ?? 1);
const rounds = smoke ? 1 : Number(optionOf("rounds") ?? 5);

async function main(): Promise<void> {
  const wanted = optionOf("peers")?.toLowerCase().split(",");
  const installed = findPeers(!smoke && (wanted?.includes("aedes") ?? true));
  const peers = peerNames.filter((name) => wanted?.includes(name.toLowerCase()) ?? (!smoke || name === "Polylog"));
  for (const name of peers) process.stdout.write(`${name}: ${installed.get(name) ?? "not installed, so left out"}\n`);
  const measured = peers.filter((name) => installed.has(name));
  for (const scenario of chosen()) await measure(scenario, measured);
}

function chosen(): readonly Scenario[] {
  if (smoke) return smokeScenarios;
  const rows = optionOf("rows")?.split(",");
  if (rows === undefined) return scenarios.filter(({ long }) => long !== true);
  return scenarios.filter(({ name }) =>
    rows.some((row) => row === "all" || name === row || (row.endsWith("*") && name.startsWith(row.slice(0, -1)))),
  );
}

/** Every row has brokers of its own: what one row leaves behind, or kills, is not the next one's. */
async function measure(scenario: Scenario, names: readonly PeerName[]): Promise<void> {
  const samples = new Map<PeerName, Sample[]>();
  const missing = new Map<PeerName, string>();
  const able = names.filter((name) => scenario.without?.[name] === undefined);
  for (const name of names) if (!able.includes(name)) missing.set(name, scenario.without![name]!);
  // What is measured once takes all descriptors there are: one broker after the other.
  if (scenario.once === true) for (const name of able) await interleave(scenario, [name], 1, samples, missing);
  // What is not compiled yet, in whichever process, is nobody's rate: a first round does not count.
  else await interleave(scenario, able, smoke ? 1 : rounds + 1, samples, missing);
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
  const peers: Peer[] = [];
  try {
    for (const name of names) {
      const peer = await startMqttPeer(name, scenario.setup ?? "plain");
      peers.push(peer);
      await attempt(name, async () => {
        rigs.set(name, await scenario.open(peer));
        samples.set(name, []);
      });
    }
    for (let round = 0; round < rounds; round++)
      for (const [name, rig] of rigs)
        await attempt(name, async () => void samples.get(name)!.push(await rig.run(seconds)));
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
