/** A row of the MQTT benchmark in print: medians of every figure per peer, and how the first one compares with ours. */

import type { Sample } from "../rig.ts";
import { median } from "../rounds.ts";
import type { PeerName } from "./mqtt-peers.ts";
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
    const compared = ours === undefined || ours === rounds ? "" : ratios(scenario, ours, rounds);
    process.stdout.write(`  ${name.padEnd(10)} ${figures.join(", ")}${spread}${compared}\n`);
  }
  for (const [name, reason] of missing) process.stdout.write(`  ${name.padEnd(10)} no figure: ${reason}\n`);
}

/** The second says how the brokers compare where others use the machine, too, and take time from both. */
function ratios({ better }: Scenario, ours: readonly Sample[], theirs: readonly Sample[]): string {
  const [first] = Object.keys(ours[0]!);
  const times = better === "higher" ? quotient(ours, theirs, first!) : quotient(theirs, ours, first!);
  const byCpu = quotient(theirs, ours, "broker µs/msg");
  return `   Polylog is ${times.toFixed(2)} × better${Number.isNaN(byCpu) ? "" : `, ${byCpu.toFixed(2)} × by processor time`}`;
}

function quotient(above: readonly Sample[], below: readonly Sample[], unit: string): number {
  const of = (samples: readonly Sample[]) => median(samples.map((sample) => sample[unit] ?? Number.NaN));
  return of(above) / of(below);
}

function figure(value: number): string {
  if (value >= 100_000) return `${(value / 1000).toFixed(0)} k`;
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}
