/** The message id of FIN, REQ and TOUCH: 16 bytes, which a server looks into only afterwards. Hot: no allocation. */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandLine } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { messageIdSize } from "../limits.ts";

/** Where the id starts in `line.bytes`. Throws TOO_FEW_PARAMS or INVALID_MESSAGE_ID. */
export function requireId(line: CommandLine, command: string, paramCountMin: 1 | 2): number {
  if (line.paramCount < paramCountMin) throw nsqWireErrors.TOO_FEW_PARAMS({ command });
  const start = line.paramStart[0]!;
  if (line.paramEnd[0]! - start !== messageIdSize) throw nsqWireErrors.INVALID_MESSAGE_ID();
  return start;
}

/** Writes `verb`, which ends with a space, and the 16 bytes at `idStart`. Throws INVALID_MESSAGE_ID when they are fewer. */
export function writeVerbAndId(writer: ByteWriter, verb: Uint8Array, bytes: Uint8Array, idStart: number): void {
  if (idStart + messageIdSize > bytes.length) throw nsqWireErrors.INVALID_MESSAGE_ID();
  writer.bytes(verb);
  writer.bytes(bytes, idStart, idStart + messageIdSize);
}
