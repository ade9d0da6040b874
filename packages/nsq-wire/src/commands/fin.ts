/**
 * FIN: the message is done.
 *
 *     "FIN" SP id LF                          no reply
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandLine, CommandRow } from "../command-row.ts";
import { requireId, writeVerbAndId } from "./ids.ts";

export const fin: CommandRow = { name: "FIN", body: "none" };

const verb = Buffer.from("FIN ", "latin1");

/** Where the id's 16 bytes start in `line.bytes`. Throws TOO_FEW_PARAMS or INVALID_MESSAGE_ID. */
export function decodeFin(line: CommandLine): number {
  return requireId(line, "FIN", 1);
}

/** Writes the command for the id at `bytes[idStart]`. Throws INVALID_MESSAGE_ID when 16 bytes are not there. */
export function encodeFin(writer: ByteWriter, bytes: Uint8Array, idStart = 0): void {
  writeVerbAndId(writer, verb, bytes, idStart);
  writer.u8(0x0a);
}
