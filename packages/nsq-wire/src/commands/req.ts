/**
 * REQ: deliver the message again, at once (0) or after a time.
 *
 *     "REQ" SP id SP timeout LF               no reply; timeout in ms
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { notDecimal, overlong, readDecimal, readUint64, wrapFreeMaxMs, wrapMilliseconds } from "../base10.ts";
import type { CommandLine, CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";
import { requireId, writeVerbAndId } from "./ids.ts";

export const req: CommandRow = { name: "REQ", body: "none" };

const verb = Buffer.from("REQ ", "latin1");

/**
 * The timeout in ms, clamped to 0..max-req-timeout; the id's 16 bytes start at `line.paramStart[0]`. Throws
 * TOO_FEW_PARAMS, INVALID_MESSAGE_ID or TIMEOUT_UNPARSABLE.
 */
export function decodeReq(line: CommandLine, limits: ProtocolLimits): number {
  requireId(line, "REQ", 2);
  const start = line.paramStart[1]!;
  const end = line.paramEnd[1]!;
  let timeoutMs = readDecimal(line.bytes, start, end);
  if (timeoutMs === notDecimal) {
    throw nsqWireErrors.TIMEOUT_UNPARSABLE({ command: "REQ", timeout: line.bytes.toString("latin1", start, end) });
  }
  if (timeoutMs === overlong || timeoutMs > wrapFreeMaxMs) {
    timeoutMs = wrapMilliseconds(readUint64(line.bytes, start, end));
  }
  return Math.min(Math.max(timeoutMs, 0), limits.reqTimeoutMaxMs);
}

/**
 * Writes the command for the id at `bytes[idStart]`; `timeoutMs` must be a whole number of at least 0. Throws
 * INVALID_MESSAGE_ID when 16 bytes are not there.
 */
export function encodeReq(writer: ByteWriter, timeoutMs: number, bytes: Uint8Array, idStart = 0): void {
  writeVerbAndId(writer, verb, bytes, idStart);
  writer.utf8(` ${timeoutMs}\n`);
}
