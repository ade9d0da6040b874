/** The options of `polylog log`: what to ask which server, as whom, and how to print the answer. */

import { defineOptions, type OptionValues, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { clientEnvironment, clientOptions, jsonOption, output } from "./client-options.ts";
import { environmentPrefix } from "./load-serve-options.ts";

const position = "Where to read";

export const logOptions = defineOptions({
  ...clientOptions("consume from the log"),
  from: {
    flag: "from",
    type: "choice",
    values: ["earliest", "latest"],
    default: "earliest",
    from: ["flag"],
    group: position,
    help: "The first record kept, or what comes after the last.",
  },
  offset: {
    flag: "offset",
    type: "integer",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    from: ["flag"],
    placeholder: "N",
    group: position,
    help: "This offset, instead.",
  },
  timestamp: {
    flag: "timestamp",
    type: "integer",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    from: ["flag"],
    placeholder: "MS",
    group: position,
    help: "The first record that is not older, in ms since 1970, instead.",
  },
  partition: {
    flag: "partition",
    type: "integer",
    min: 0,
    max: 1023,
    default: 0,
    from: ["flag"],
    group: position,
    help: "Of this partition.",
  },
  limit: {
    flag: "limit",
    type: "integer",
    unit: "rows",
    min: 1,
    max: 1000,
    default: 100,
    from: ["flag"],
    group: output,
    help: "Records at most.",
  },
  json: jsonOption,
});

export interface LogRequest {
  readonly log: string;
  /** Peek into this channel; undefined: read the log. */
  readonly channel: string | undefined;
  readonly options: OptionValues<typeof logOptions>;
}

/** Undefined: help was asked for. Throws `options.USAGE`. */
export function loadLogOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LogRequest | undefined {
  if (argv.includes("--help") || argv.includes("-h")) return undefined;
  const { values, positionals } = resolveOptions(logOptions, {
    argv,
    env: clientEnvironment(env),
    envPrefix: environmentPrefix,
    positionalsMax: 3,
  });
  const [word, log, channel] = positionals;
  if (word === "read" && log !== undefined && channel === undefined) {
    if (values.offset === undefined || values.timestamp === undefined) return { log, channel, options: values };
    throw usageError("say an offset or a timestamp");
  }
  if (word === "peek" && log !== undefined && channel !== undefined) return { log, channel, options: values };
  throw usageError("say what to do: read LOG, peek LOG CHANNEL");
}

function usageError(problem: string): Error {
  return optionErrors.USAGE({ count: 1, problems: `  ${problem}` });
}

export function renderLogHelp(): string {
  return renderHelp(logOptions, {
    usage: "polylog log read LOG|peek LOG CHANNEL [options]",
    summary: "Shows records of a running server's log, or those that a channel would deliver next; takes none of them.",
    envPrefix: environmentPrefix,
    examples: [
      "polylog log read orders --limit 5",
      "polylog log read orders --offset 1000 --json",
      "polylog log peek orders workers",
    ],
  });
}
