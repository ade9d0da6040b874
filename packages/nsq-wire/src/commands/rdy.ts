/**
 * RDY: the ceiling of messages in flight to this client; each RDY replaces the one before.
 *
 *     "RDY" [SP count] LF                     no reply
 *
 * Without a parameter the count is 1; an empty parameter is 0. Hot: no allocation.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { notDecimal, overlong, readDecimal, readUint64 } from "../base10.ts";
import type { CommandLine, CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";

export const rdy: CommandRow = { name: "RDY", body: "none" };

/**
 * The count, 0..max-rdy-count. Throws RDY_COUNT_UNPARSABLE or RDY_COUNT_OUT_OF_RANGE. Not to be called in the closing
 * state, in which a server ignores the whole line.
 */
export function decodeRdy(line: CommandLine, limits: ProtocolLimits): number {
  if (line.paramCount === 0) return checkRange(1, limits.rdyCountMax);
  const start = line.paramStart[0]!;
  const end = line.paramEnd[0]!;
  const count = readDecimal(line.bytes, start, end);
  if (count === notDecimal)
    throw nsqWireErrors.RDY_COUNT_UNPARSABLE({ count: line.bytes.toString("latin1", start, end) });
  // nsqd casts to a signed integer, so that 2^64 - 1 shows as -1.
  return checkRange(
    count === overlong ? BigInt.asIntN(64, readUint64(line.bytes, start, end)) : count,
    limits.rdyCountMax,
  );
}

/** Writes the command. `count` must be a whole number of at least 0. */
export function encodeRdy(writer: ByteWriter, count: number): void {
  writer.utf8(`RDY ${count}\n`);
}

function checkRange(count: number | bigint, max: number): number {
  if (count < 0 || count > max) throw nsqWireErrors.RDY_COUNT_OUT_OF_RANGE({ count: String(count), max });
  return Number(count);
}
