/**
 * SUB: joins the consumers of a channel; once per connection.
 *
 *     "SUB" SP topic SP channel LF            reply: OK
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandLine, CommandRow } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { checkTopicLine, requireName, requireNameParam } from "./names.ts";

export const sub: CommandRow = { name: "SUB", body: "none" };

export interface Sub {
  topic: string;
  channel: string;
}

/** Throws TOO_FEW_PARAMETERS, BAD_TOPIC or BAD_CHANNEL. State and heartbeats are checked before, by the server. */
export function decodeSub(line: CommandLine): Sub {
  checkTopicLine(line, "SUB", 2);
  requireNameParam(line, "SUB", 1, nsqWireErrors.BAD_CHANNEL);
  const { bytes, paramStart, paramEnd } = line;
  return {
    topic: bytes.toString("latin1", paramStart[0], paramEnd[0]),
    channel: bytes.toString("latin1", paramStart[1], paramEnd[1]),
  };
}

/** Writes the command. Throws BAD_TOPIC or BAD_CHANNEL. */
export function encodeSub(writer: ByteWriter, topic: string, channel: string): void {
  requireName("SUB", topic, nsqWireErrors.BAD_TOPIC);
  requireName("SUB", channel, nsqWireErrors.BAD_CHANNEL);
  writer.utf8(`SUB ${topic} ${channel}\n`);
}
