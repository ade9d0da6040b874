/** What `polylog verify` finds, and how it prints that for people. */

import type { PolylogError } from "@polylog/base/errors";
import type { VerifiedChannel } from "@polylog/broker/offline";
import type { PartitionReport } from "@polylog/log/offline";

/** What `--json` prints, with faults as {code, message} and what their text was made of. */
export interface VerifyResult {
  readonly dataDirectory: string;
  /** The process that uses it. */
  readonly usedBy: number | undefined;
  readonly partitions: readonly PartitionReport[];
  /** The log of the MQTT sessions; undefined: there is none, or only another log was asked for. */
  readonly sessions: PartitionReport | undefined;
  /** The log of the messages to `$delayed/`, likewise. */
  readonly delayed: PartitionReport | undefined;
  readonly state: StateResult;
  readonly faultCount: number;
  readonly durationMs: number;
}

export interface StateResult {
  /** Why small state was not looked at; undefined: it was. */
  readonly skipped: string | undefined;
  readonly rowCount: number;
  readonly channels: readonly VerifiedChannel[];
  /** How far the messages to `$delayed/` are. */
  readonly delayed: VerifiedChannel | undefined;
  readonly faults: readonly PolylogError[];
}

export function renderPartition(report: PartitionReport, of = ""): string {
  const { log, partition, segments, offsetFirst, offsetNext, batchCount, link, tailBytes, tornBytes } = report;
  const bytes = sizeOf(segments);
  const storedBytes = segments.reduce((sum, segment) => sum + segment.storedBytes, 0);
  const onDisk = storedBytes === bytes ? "" : `, compressed to ${renderSize(storedBytes)}`;
  const lines = [
    `${of}${log}/${partition}: offsets ${offsetFirst} to before ${offsetNext}, ${count(batchCount, "batch")} in ` +
      `${count(segments.length, "segment")}, ${renderSize(bytes)}${onDisk}`,
  ];
  if (link !== undefined && batchCount > 0) lines.push(`  last link ${link}`);
  if (tailBytes > 0) lines.push(`  tail: ${count(tailBytes, "byte")} behind the last whole batch`);
  if (tornBytes > 0) lines.push(`  torn: ${count(tornBytes, "byte")} cut off by earlier starts, in .torn files`);
  return `${lines.join("\n")}\n`;
}

export function renderChannel({ log, channel, partition, floor, cursor, unfinishedCount }: VerifiedChannel): string {
  if (floor === undefined || cursor === undefined) return `channel ${log}/${partition} ${channel}: not readable\n`;
  return `channel ${log}/${partition} ${channel}: finished to before ${floor}, delivered to before ${cursor}, ${unfinishedCount} unfinished\n`;
}

export function renderFault(fault: PolylogError): string {
  return `  FAULT ${fault.code}: ${fault.message}\n`;
}

export function renderSummary({ partitions, sessions, delayed, state, faultCount, durationMs }: VerifyResult): string {
  const all = [...partitions, sessions, delayed].filter((report) => report !== undefined);
  const bytes = sizeOf(all.flatMap(({ segments }) => segments));
  const stateText =
    state.skipped === undefined
      ? `${count(state.rowCount, "row")} of state, ${count(state.channels.length, "channel position")}`
      : `state not looked at: ${state.skipped}`;
  const seconds = (durationMs / 1000).toFixed(1);
  return (
    `Verified ${count(all.length, "partition")}, ${renderSize(bytes)}; ${stateText}; ${seconds} s.\n` +
    `${faultCount === 0 ? "No faults." : `${count(faultCount, "fault")}.`}\n`
  );
}

function sizeOf(segments: PartitionReport["segments"]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

export function renderSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

function count(value: number, noun: string): string {
  const plural = noun.endsWith("h") ? `${noun}es` : `${noun}s`;
  return `${value} ${value === 1 ? noun : plural}`;
}
