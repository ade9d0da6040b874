/** A row of the NSQ benchmark in print: medians of every figure per peer, and how we compare with each. */

import type { Sample } from "../rig.ts";
import { median } from "../rounds.ts";
import type { PeerName } from "./nsq-peers.ts";
import type { Scenario } from "./scenario.ts";

export function report(
  scenario: Scenario,
  samples: ReadonlyMap<PeerName, readonly Sample[]>,
  missing: ReadonlyMap<PeerName, string>,
): void {
  process.stdout.write(`\n${scenario.name}: ${scenario.title}\n`);
  let ours: readonly Sample[] | undefined;
  for (const [name, rounds] of samples) {
    const units = Object.keys(rounds[0] ?? {});
    const first = rounds.map((sample) => sample[units[0]!]!);
    const figures = units.map((unit) => `${figure(median(rounds.map((sample) => sample[unit]!)))} ${unit}`);
    const spread = rounds.length > 1 ? ` (${figure(Math.min(...first))} to ${figure(Math.max(...first))})` : "";
    if (name === "Polylog") ours = rounds;
    const compared = ours === undefined || ours === rounds ? "" : ratios(scenario, name, ours, rounds);
    process.stdout.write(`  ${name.padEnd(11)} ${figures.join(", ")}${spread}${compared}\n`);
  }
  for (const [name, reason] of missing) process.stdout.write(`  ${name.padEnd(11)} no figure: ${reason}\n`);
}

/** The second says how the servers compare where others use the machine, too, and take time from both. */
function ratios(
  { better, bars }: Scenario,
  name: PeerName,
  ours: readonly Sample[],
  theirs: readonly Sample[],
): string {
  const [first] = Object.keys(ours[0]!);
  const times = better === "higher" ? quotient(ours, theirs, first!) : quotient(theirs, ours, first!);
  const byCpu = quotient(theirs, ours, "server µs/msg");
  const bar = bars[name] === undefined ? "" : `, bar ${bars[name]} ×`;
  const cpu = Number.isNaN(byCpu) ? "" : `, ${byCpu.toFixed(2)} × by processor time`;
  return `   Polylog is ${times.toFixed(2)} × better${cpu}${bar}`;
}

/** Median of the rounds' quotients: a busy neighbour was there for both of a round. */
function quotient(above: readonly Sample[], below: readonly Sample[], unit: string): number {
  return median(above.map((sample, round) => (sample[unit] ?? Number.NaN) / (below[round]?.[unit] ?? Number.NaN)));
}

function figure(value: number): string {
  if (Math.abs(value) >= 100_000) return `${(value / 1000).toFixed(0)} k`;
  return Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}
