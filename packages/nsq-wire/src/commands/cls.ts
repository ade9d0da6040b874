/**
 * CLS: no more messages, please; the client finishes what it has and closes.
 *
 *     "CLS" LF                                reply: CLOSE_WAIT
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandRow } from "../command-row.ts";

export const cls: CommandRow = { name: "CLS", body: "none" };

export function encodeCls(writer: ByteWriter): void {
  writer.utf8("CLS\n");
}
