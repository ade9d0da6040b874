/** The topic and channel checks that commands share. */

import type { CodedError } from "@polylog/base/errors";
import type { CommandLine } from "../command-row.ts";
import { nsqWireErrors } from "../errors.ts";
import { goQuote } from "../go-quote.ts";
import { isTopicOrChannelName, isTopicOrChannelNameString } from "../names.ts";

type BadName = (details: { command: string; name: string }) => CodedError;

/** Throws `badName` unless the parameter `index`, which must exist, is a name. */
export function requireNameParam(line: CommandLine, command: string, index: 0 | 1, badName: BadName): void {
  const start = line.paramStart[index]!;
  const end = line.paramEnd[index]!;
  if (isTopicOrChannelName(line.bytes, start, end)) return;
  throw badName({ command, name: goQuote(line.bytes, start, end) });
}

/** Throws `badName` unless `name` is one: encoders refuse what every server refuses. */
export function requireName(command: string, name: string, badName: BadName): void {
  if (isTopicOrChannelNameString(name)) return;
  const bytes = Buffer.from(name, "utf8");
  throw badName({ command, name: goQuote(bytes, 0, bytes.length) });
}

/** Throws TOO_FEW_PARAMETERS or BAD_TOPIC: what SUB, PUB and DPUB check first. */
export function checkTopicLine(line: CommandLine, command: string, paramCountMin: 1 | 2): void {
  if (line.paramCount < paramCountMin) throw nsqWireErrors.TOO_FEW_PARAMETERS({ command });
  requireNameParam(line, command, 0, nsqWireErrors.BAD_TOPIC);
}
