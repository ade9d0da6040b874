/**
 * PUB: one message.
 *
 *     "PUB" SP topic LF, int32 size (1..max-msg-size), size bytes           reply: OK
 *
 * Once read, the topic is parameter 0 and the message is the body. Hot: there is no object for a PUB.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { type CommandLine, type CommandRow, messageErrors } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { checkTopicLine, requireName } from "./names.ts";

export const pub: CommandRow = { name: "PUB", body: "sized", errors: messageErrors, checkLine };

function checkLine(line: CommandLine): void {
  checkTopicLine(line, "PUB", 1);
}

/** Writes the command. Throws BAD_TOPIC, or MESSAGE_SIZE_INVALID for an empty message. */
export function encodePub(writer: ByteWriter, topic: string, message: Uint8Array): void {
  requireName("PUB", topic, nsqWireErrors.BAD_TOPIC);
  if (message.length === 0) throw nsqWireErrors.MESSAGE_SIZE_INVALID({ command: "PUB", size: 0 });
  writer.utf8(`PUB ${topic}\n`);
  writer.u32be(message.length);
  writer.bytes(message);
}
