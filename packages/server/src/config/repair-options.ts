/** The options of `polylog repair`: flags and POLYLOG_DATA_DIR, the same names as for `polylog serve`. */

import { defineOptions, type OptionValues, renderHelp, resolveOptions } from "@polylog/base/options";
import { environmentPrefix } from "./load-serve-options.ts";

export const repairOptions = defineOptions({
  dataDir: {
    flag: "data-dir",
    type: "path",
    default: "./polylog-data",
    group: "What to repair",
    help: "The data directory. No server may be using it.",
  },
  log: {
    flag: "log",
    type: "string",
    from: ["flag"],
    placeholder: "NAME",
    group: "What to repair",
    help: "Only this log; without it, all of them.",
  },
  apply: {
    flag: "apply",
    type: "boolean",
    default: false,
    from: ["flag"],
    group: "How",
    help: "Do it. Without this flag nothing is changed and everything is only said.",
  },
});

export type RepairCommandOptions = OptionValues<typeof repairOptions>;

/** Undefined: help was asked for. Throws `options.USAGE`. */
export function loadRepairOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): RepairCommandOptions | undefined {
  if (argv.includes("--help") || argv.includes("-h")) return undefined;
  return resolveOptions(repairOptions, {
    argv,
    env: { POLYLOG_DATA_DIR: env["POLYLOG_DATA_DIR"] },
    envPrefix: environmentPrefix,
  }).values;
}

export function renderRepairHelp(): string {
  const help = renderHelp(repairOptions, {
    usage: "polylog repair [options]",
    summary: "Says how the damaged logs of a data directory can be made whole, and with --apply does it.",
    envPrefix: environmentPrefix,
    examples: ["polylog repair --data-dir /var/lib/polylog", "polylog repair --data-dir /var/lib/polylog --apply"],
  });
  return `${help}\n${whatItDoes}`;
}

const whatItDoes = `What it does:
  A damaged range is replaced by an empty one: its records are lost, all others stay as they are, at the
  offsets that they have. A missing segment is replaced by an empty one. Footers, links and indexes are
  made anew. The partition takes records again, channels go on behind what is lost. If you have a copy,
  restore it instead.

What it keeps:
  Each file that is replaced, under its name with .damaged at the end. Remove them when you are sure.

Exit codes:
  0  nothing is damaged, or it was repaired
  2  wrong usage: an unknown option, no such directory, no such log
  4  without --apply: something is damaged; or it was refused; or a server uses the directory
`;
