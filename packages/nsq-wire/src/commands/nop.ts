/**
 * NOP: the client is alive; its answer to a heartbeat.
 *
 *     "NOP" LF                                no reply
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandRow } from "../command-row.ts";

export const nop: CommandRow = { name: "NOP", body: "none" };

export function encodeNop(writer: ByteWriter): void {
  writer.utf8("NOP\n");
}
