/**
 * DPUB: one message, to be delivered only after a time.
 *
 *     "DPUB" SP topic SP defer LF, int32 size (1..max-msg-size), size bytes        reply: OK; defer in ms
 *
 * Unlike REQ's, a defer above max-req-timeout is refused. Once read, the topic is parameter 0 and the message is the body.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { notDecimal, overlong, readDecimal, readUint64, wrapFreeMaxMs, wrapMilliseconds } from "../base10.ts";
import { type CommandLine, type CommandRow, messageErrors } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import type { ProtocolLimits } from "../limits.ts";
import { checkTopicLine, requireName } from "./names.ts";

export const dpub: CommandRow = { name: "DPUB", body: "sized", errors: messageErrors, checkLine: decodeDpub };

/**
 * The defer in ms, 0..max-req-timeout. Throws TOO_FEW_PARAMETERS, BAD_TOPIC, TIMEOUT_UNPARSABLE or
 * DPUB_TIMEOUT_OUT_OF_RANGE; for a DPUB that the reader let through it does not throw.
 */
export function decodeDpub(line: CommandLine, limits: ProtocolLimits): number {
  checkTopicLine(line, "DPUB", 2);
  const start = line.paramStart[1]!;
  const end = line.paramEnd[1]!;
  const asked = readDecimal(line.bytes, start, end);
  if (asked === notDecimal) {
    throw nsqWireErrors.TIMEOUT_UNPARSABLE({ command: "DPUB", timeout: line.bytes.toString("latin1", start, end) });
  }
  const wraps = asked === overlong || asked > wrapFreeMaxMs;
  const deferMs = wraps ? wrapMilliseconds(readUint64(line.bytes, start, end)) : asked;
  if (deferMs >= 0 && deferMs <= limits.reqTimeoutMaxMs) return deferMs;
  throw nsqWireErrors.DPUB_TIMEOUT_OUT_OF_RANGE({
    timeout: wraps ? String(readUint64(line.bytes, start, end)) : asked,
    max: limits.reqTimeoutMaxMs,
  });
}

/**
 * Writes the command; `deferMs` must be a whole number of at least 0. Throws BAD_TOPIC, or MESSAGE_SIZE_INVALID for an
 * empty message.
 */
export function encodeDpub(writer: ByteWriter, topic: string, deferMs: number, message: Uint8Array): void {
  requireName("DPUB", topic, nsqWireErrors.BAD_TOPIC);
  if (message.length === 0) throw nsqWireErrors.MESSAGE_SIZE_INVALID({ command: "DPUB", size: 0 });
  writer.utf8(`DPUB ${topic} ${deferMs}\n`);
  writer.u32be(message.length);
  writer.bytes(message);
}
