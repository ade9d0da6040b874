/** A row of a benchmark in print: medians of every figure per peer, and how the peers compare with ours. */

import type { Sample } from "./rig.ts";
import { median } from "./rounds.ts";

export interface ReportedRow<Name extends string> {
  readonly name: string;
  readonly title: string;
  readonly better: "higher" | "lower";
  /** At least so many times as good as a peer is what we want to be. */
  readonly bars?: Partial<Record<Name, number>>;
}

export function report<Name extends string>(
  row: ReportedRow<Name>,
  samples: ReadonlyMap<Name, readonly Sample[]>,
  missing: ReadonlyMap<Name, string>,
  cpuUnit: string,
): void {
  process.stdout.write(`\n${row.name}: ${row.title}\n`);
  let ours: readonly Sample[] | undefined;
  for (const [name, rounds] of samples) {
    const units = Object.keys(rounds[0] ?? {});
    const first = rounds.map((sample) => sample[units[0]!]!);
    const figures = units.map((unit) => `${figure(median(rounds.map((sample) => sample[unit]!)))} ${unit}`);
    const spread = rounds.length > 1 ? ` (${figure(Math.min(...first))} to ${figure(Math.max(...first))})` : "";
    if (name === "Polylog") ours = rounds;
    const compared = ours === undefined || ours === rounds ? "" : ratios(row, ours, rounds, cpuUnit);
    const bar = compared === "" || row.bars?.[name] === undefined ? "" : `, bar ${row.bars[name]} ×`;
    process.stdout.write(`  ${name.padEnd(11)} ${figures.join(", ")}${spread}${compared}${bar}\n`);
  }
  for (const [name, reason] of missing) process.stdout.write(`  ${name.padEnd(11)} no figure: ${reason}\n`);
}

/** The second says how the servers compare where others use the machine, too, and take time from both. */
function ratios(
  { better }: ReportedRow<string>,
  ours: readonly Sample[],
  theirs: readonly Sample[],
  cpuUnit: string,
): string {
  const [first] = Object.keys(ours[0]!);
  const times = better === "higher" ? quotient(ours, theirs, first!) : quotient(theirs, ours, first!);
  const byCpu = quotient(theirs, ours, cpuUnit);
  return `   Polylog is ${times.toFixed(2)} × better${Number.isNaN(byCpu) ? "" : `, ${byCpu.toFixed(2)} × by processor time`}`;
}

/** Median of the rounds' quotients: a busy neighbour was there for both of a round. */
function quotient(above: readonly Sample[], below: readonly Sample[], unit: string): number {
  return median(above.map((sample, round) => (sample[unit] ?? Number.NaN) / (below[round]?.[unit] ?? Number.NaN)));
}

function figure(value: number): string {
  if (Math.abs(value) >= 100_000) return `${(value / 1000).toFixed(0)} k`;
  return Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}
