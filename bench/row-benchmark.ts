/**
 * A benchmark whose rows are data: each row has servers of its own, round by round in turn, and medians in print.
 *
 *     npm run bench -- NAME [--rows=NAME,NAME] [--peers=NAME,NAME] [--seconds=N] [--rounds=N] [--smoke]
 */

import type { Peer } from "./peers.ts";
import type { Rig, Sample } from "./rig.ts";
import { type ReportedRow, report } from "./row-report.ts";

export interface Row<Name extends string, P extends Peer> extends ReportedRow<Name> {
  /** Nothing can be measured twice in one process: one round, one server after the other. */
  readonly once?: true;
  /** Takes minutes: only when it is named, or with `--rows=all`. */
  readonly long?: true;
  /** Peers that cannot do it, and why. */
  readonly without?: Partial<Record<Name, string>>;
  open(peer: P): Promise<Rig>;
}

export interface RowBenchmark<Name extends string, P extends Peer, R extends Row<Name, P>> {
  readonly rows: readonly R[];
  /** The same at a size that only shows that it works. */
  readonly smokeRows: readonly R[];
  readonly smokeSeconds: number;
  /** In the order in which they are measured; `Polylog` first. */
  readonly peerNames: readonly Name[];
  /** Of those that are installed, with their versions. `wanted`: only these, in lower case. */
  readonly findPeers: (wanted: readonly string[] | undefined) => ReadonlyMap<Name, string>;
  readonly start: (name: Name, row: R) => Promise<P>;
  /** The figure that tells the server's processor time. */
  readonly cpuUnit: string;
}

/** What is not compiled yet, in whichever process, is nobody's rate: the first of the rounds is longer, and does not count. */
const warmUpFactor = 3;

const smoke = process.argv.includes("--smoke");

export async function runRows<Name extends string, P extends Peer, R extends Row<Name, P>>(
  benchmark: RowBenchmark<Name, P, R>,
): Promise<void> {
  const wanted = smoke ? ["polylog"] : optionOf("peers")?.toLowerCase().split(",");
  const installed = benchmark.findPeers(wanted);
  const names = benchmark.peerNames.filter((name) => wanted?.includes(name.toLowerCase()) ?? true);
  for (const name of names) process.stdout.write(`${name}: ${installed.get(name) ?? "not installed, so left out"}\n`);
  const measured = names.filter((name) => installed.has(name));
  for (const row of chosenRows(benchmark)) await measure(benchmark, row, measured);
}

/** `fan*` takes all that begin so, `all` also the ones that take minutes. */
function chosenRows<R extends { readonly name: string; readonly long?: true }>({
  rows,
  smokeRows,
}: {
  readonly rows: readonly R[];
  readonly smokeRows: readonly R[];
}): readonly R[] {
  if (smoke) return smokeRows;
  const words = optionOf("rows")?.split(",");
  if (words === undefined) return rows.filter(({ long }) => long !== true);
  const isMeant = (name: string, word: string) =>
    word === "all" || name === word || (word.endsWith("*") && name.startsWith(word.slice(0, -1)));
  const names = rows.map(({ name }) => name);
  for (const word of words)
    if (!names.some((name) => isMeant(name, word))) throw new Error(`no row is ${word}; there are ${names.join(", ")}`);
  return rows.filter(({ name }) => words.some((word) => isMeant(name, word)));
}

/** What one row leaves behind, or kills, is not the next one's. */
async function measure<Name extends string, P extends Peer, R extends Row<Name, P>>(
  benchmark: RowBenchmark<Name, P, R>,
  row: R,
  names: readonly Name[],
): Promise<void> {
  const samples = new Map<Name, Sample[]>();
  const missing = new Map<Name, string>();
  for (const name of names) {
    const reason = row.without?.[name];
    if (reason !== undefined) missing.set(name, reason);
  }
  const able = names.filter((name) => !missing.has(name));
  const counted = smoke || row.once === true ? 1 : Number(optionOf("rounds") ?? 5) + 1;
  if (row.once === true) for (const name of able) await interleave(benchmark, row, [name], counted, samples, missing);
  else await interleave(benchmark, row, able, counted, samples, missing);
  if (counted > 1) for (const each of samples.values()) each.shift();
  report(row, samples, missing, benchmark.cpuUnit);
}

async function interleave<Name extends string, P extends Peer, R extends Row<Name, P>>(
  { start, smokeSeconds }: RowBenchmark<Name, P, R>,
  row: R,
  names: readonly Name[],
  rounds: number,
  samples: Map<Name, Sample[]>,
  missing: Map<Name, string>,
): Promise<void> {
  const seconds = smoke ? smokeSeconds : Number(optionOf("seconds") ?? 1);
  const rigs = new Map<Name, Rig>();
  const attempt = async (name: Name, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      missing.set(name, String(error));
      samples.delete(name);
      rigs.delete(name);
    }
  };
  const peers: P[] = [];
  try {
    for (const name of names) {
      const peer = await start(name, row);
      peers.push(peer);
      await attempt(name, async () => {
        rigs.set(name, await row.open(peer));
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
