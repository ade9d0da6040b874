/**
 * Histograms in the interchange form of HdrHistogram, so that its tools and libraries read, plot and add them up.
 *
 * One histogram: base64 of
 *
 *     0    i32   0x1c849314: version 2, compressed
 *     4    i32   length of what follows, which is deflated with zlib:
 *
 *     0    i32   0x1c849313: version 2
 *     4    i32   length of the counts in bytes
 *     8    i32   0: slots begin at the first
 *     12   i32   3: significant digits
 *     16   i64   1: smallest value that is told apart
 *     24   i64   10,000,000: largest value
 *     32   f64   1: values are whole numbers
 *     40   …     counts, slot by slot up to the last that holds any: zigzag LEB128; a negative number is that many empty slots
 *
 * All big endian. Values are microseconds: with these terms HdrHistogram's slots are those of `histogram.ts`, and nothing is
 * rounded. Smallest, largest and mean are then as exact as a slot is.
 *
 * A log: text lines, version 1.3 of HistogramLogWriter, each histogram with a tag; times in seconds, largest values in
 * milliseconds.
 */

import { deflateSync } from "node:zlib";
import { slotEndNs } from "./histogram.ts";

const cookie = 0x1c849313;
const compressedCookie = 0x1c849314;
const significantDigits = 3;
const microsecondsMax = 10_000_000n;
const headerSize = 40;

/** One line of a log. */
export interface HdrLogRow {
  readonly tag: string;
  /** From the log's start, in seconds. */
  readonly startSeconds: number;
  readonly lengthSeconds: number;
  readonly maxMilliseconds: number;
  /** As `encodeHdr` gives it. */
  readonly histogram: string;
}

/** `cells`: slot, count, slot, count, … in rising order, as in `HistogramSnapshot`. */
export function encodeHdr(cells: ArrayLike<number>): string {
  const counts: number[] = [];
  let next = 0;
  for (let i = 0; i < cells.length; i += 2) {
    const slot = cells[i]!;
    if (slot > next) pushLeb128(counts, 2 * (slot - next) - 1);
    pushLeb128(counts, 2 * cells[i + 1]!);
    next = slot + 1;
  }
  const plain = Buffer.alloc(headerSize + counts.length);
  plain.writeInt32BE(cookie, 0);
  plain.writeInt32BE(counts.length, 4);
  plain.writeInt32BE(significantDigits, 12);
  plain.writeBigInt64BE(1n, 16);
  plain.writeBigInt64BE(microsecondsMax, 24);
  plain.writeDoubleBE(1, 32);
  plain.set(counts, headerSize);
  const deflated = deflateSync(plain);
  const head = Buffer.alloc(8);
  head.writeInt32BE(compressedCookie, 0);
  head.writeInt32BE(deflated.length, 4);
  return Buffer.concat([head, deflated]).toString("base64");
}

/** The largest value of these cells, to the width of its slot. */
export function maxMillisecondsOf(cells: ArrayLike<number>): number {
  return cells.length === 0 ? 0 : Math.min(10_000, (slotEndNs(cells[cells.length - 2]!) - 1000) / 1e6);
}

/** What `cells` hold more than those of the same histogram `earlier`. */
export function cellsSince(cells: ArrayLike<number>, earlier: ArrayLike<number>): readonly number[] {
  const since: number[] = [];
  let at = 0;
  for (let i = 0; i < cells.length; i += 2) {
    const slot = cells[i]!;
    while (at < earlier.length && earlier[at]! < slot) at += 2;
    const count = cells[i + 1]! - (earlier[at] === slot ? earlier[at + 1]! : 0);
    if (count > 0) since.push(slot, count);
  }
  return since;
}

/** `comments`: lines for people. */
export function renderHdrLog(startMs: number, comments: readonly string[], rows: readonly HdrLogRow[]): string {
  const start = (startMs / 1000).toFixed(3);
  const lines = [
    ...comments.map((text) => `#${text.replace(/[\r\n]+/g, " ")}`),
    "#[Histogram log format version 1.3]",
    `#[StartTime: ${start} (seconds since epoch), ${new Date(startMs).toUTCString()}]`,
    `#[BaseTime: ${start} (seconds since epoch)]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ...rows.map(
      ({ tag, startSeconds, lengthSeconds, maxMilliseconds, histogram }) =>
        `Tag=${tag},${startSeconds.toFixed(3)},${lengthSeconds.toFixed(3)},${maxMilliseconds.toFixed(3)},${histogram}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** At most 8 bytes: `value` is a whole number below 2^56. */
function pushLeb128(bytes: number[], value: number): void {
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
}
