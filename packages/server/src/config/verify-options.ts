/** The options of `polylog verify`: flags and POLYLOG_* variables, the same names as for `polylog serve`. */

import { defineOptions, type OptionValues, renderHelp, resolveOptions } from "@polylog/base/options";
import { environmentPrefix } from "./load-serve-options.ts";

export const verifyOptions = defineOptions({
  dataDir: {
    flag: "data-dir",
    type: "path",
    default: "./polylog-data",
    group: "What to verify",
    help: "The data directory.",
  },
  log: {
    flag: "log",
    type: "string",
    from: ["flag"],
    placeholder: "NAME",
    group: "What to verify",
    help: "Only this log, its partitions and channels; without it, all of them.",
  },
  json: {
    flag: "json",
    type: "boolean",
    default: false,
    from: ["flag"],
    group: "Output",
    help: "Print one JSON document at the end instead of text.",
  },
});

export type VerifyCommandOptions = OptionValues<typeof verifyOptions>;

/** Undefined: help was asked for. Throws `options.USAGE`. */
export function loadVerifyOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): VerifyCommandOptions | undefined {
  if (argv.includes("--help") || argv.includes("-h")) return undefined;
  return resolveOptions(verifyOptions, {
    argv,
    env: { POLYLOG_DATA_DIR: env["POLYLOG_DATA_DIR"] },
    envPrefix: environmentPrefix,
  }).values;
}

export function renderVerifyHelp(): string {
  const help = renderHelp(verifyOptions, {
    usage: "polylog verify [options]",
    summary:
      "Reads everything in a data directory and says what is there and what is wrong. Changes nothing, blocks nobody.",
    envPrefix: environmentPrefix,
    examples: [
      "polylog verify --data-dir /var/lib/polylog",
      "polylog verify --log orders --json | jq '.partitions[].link'",
    ],
  });
  return `${help}\n${whatItDoes}`;
}

const whatItDoes = `What is checked:
  Every byte of every segment: checksums, that offsets follow one another, that each batch carries the
  digest of the one before (its link), footers, and that each segment begins where the last one ended; of
  logs, of MQTT sessions and of delayed MQTT messages.
  Then every row of small state, and that each channel stands inside of its log. For that a copy of the
  directory "state" is made among the system's temporary files, because opening it would change it.

What is no damage:
  "tail": bytes behind the last whole batch, left by a crash; the next start cuts them off and keeps them.
  "torn": bytes in .torn files, cut off by earlier starts. Look at them, or remove them.

What the last link is good for:
  It is a digest over everything before it. Note it somewhere else: if the log has the same link at the
  same offset later, nothing before that offset was changed, whoever did it.

While a server runs:
  Its logs are verified as they are; what it is just writing counts as tail. Its state is left out.

Exit codes:
  0  nothing is wrong
  2  wrong usage: an unknown option, no such directory, no such log
  4  something is damaged; each fault says where, and what can still be read
`;
