/**
 * How rates are compared: every target does the same work in every round, in turn, so that a busy neighbour slows all of
 * them alike; what is reported is the median of the rounds and the ratio to the peer, never one run.
 */

export interface Target {
  readonly name: string;
  /** Does the work once and returns messages per second. */
  readonly run: () => Promise<number>;
}

/** Prints a line per target; ratios are to the first target, which is ours. */
export async function compare(title: string, targets: readonly Target[], rounds: number): Promise<void> {
  const rates = targets.map((): number[] => []);
  // What is not compiled yet, in whichever process, is nobody's rate: a first round does not count.
  if (rounds > 1) for (const target of targets) await target.run();
  for (let round = 0; round < rounds; round++)
    for (const [index, target] of targets.entries()) rates[index]!.push(await target.run());
  process.stdout.write(`${title} (median of ${rounds} interleaved rounds)\n`);
  const ours = median(rates[0]!);
  for (const [index, target] of targets.entries()) {
    const rate = median(rates[index]!);
    const spread = `${thousands(Math.min(...rates[index]!))} to ${thousands(Math.max(...rates[index]!))}`;
    const ratio = index === 0 ? "" : `   Polylog is ${(ours / rate).toFixed(2)} ×`;
    process.stdout.write(`  ${target.name.padEnd(22)} ${thousands(rate).padStart(9)} msg/s   (${spread})${ratio}\n`);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)} k`;
}
