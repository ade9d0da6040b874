/**
 * MPUB: several messages, one reply for all.
 *
 *     "MPUB" SP topic LF, int32 size, int32 count, count times: int32 size (1..max-msg-size), size bytes     reply: OK
 *
 * `size` must be 1..max-body-size and says nothing else: like nsqd, the reader follows the inner sizes and ends where
 * the last of them ends. `count` must be 1..(max-body-size - 4) / 5. Unlike nsqd, which would go on taking messages
 * for as long as a wrong `count` tells it, the reader refuses a body whose inner sizes add up to more than
 * max-body-size (BODY_TOO_BIG, with the size reached). No body that states its size correctly is refused by this.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { bodyErrors, type CommandLine, type CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { requireName, requireNameParam } from "./names.ts";

export const mpub: CommandRow = { name: "MPUB", body: "mpub", errors: bodyErrors, checkLine };

function checkLine(line: CommandLine): void {
  if (line.paramCount < 1) throw nsqWireErrors.TOO_FEW_PARAMETERS({ command: "MPUB" });
  requireNameParam(line, "MPUB", 0, nsqWireErrors.MPUB_BAD_TOPIC);
}

/**
 * Writes the command. Throws MPUB_BAD_TOPIC, MPUB_COUNT_INVALID when there are no messages, or
 * MPUB_MESSAGE_SIZE_INVALID for an empty one; then nothing has been written.
 */
export function encodeMpub(writer: ByteWriter, topic: string, messages: readonly Uint8Array[]): void {
  requireName("MPUB", topic, nsqWireErrors.MPUB_BAD_TOPIC);
  if (messages.length === 0) throw nsqWireErrors.MPUB_COUNT_INVALID({ count: 0 });
  let size = 4;
  for (let index = 0; index < messages.length; index++) {
    const messageSize = messages[index]!.length;
    if (messageSize === 0) throw nsqWireErrors.MPUB_MESSAGE_SIZE_INVALID({ index, size: 0 });
    size += 4 + messageSize;
  }
  writer.utf8(`MPUB ${topic}\n`);
  writer.reserve(4 + size);
  writer.u32be(size);
  writer.u32be(messages.length);
  for (let index = 0; index < messages.length; index++) {
    writer.u32be(messages[index]!.length);
    writer.bytes(messages[index]!);
  }
}
