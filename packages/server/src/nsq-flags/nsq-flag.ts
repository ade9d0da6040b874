/**
 * A row of the tables of nsqd's and nsqlookupd's flags: how it is read and shown, as in Go, and what it comes to here. The
 * reading, `--help`, the config file's keys, the notices and the reference page all come from these tables.
 */

import { type GoFlagRow, type GoFlagValues, parseGoBool, parseGoDuration } from "@polylog/base/go-flags";
import { configErrors } from "../config/errors.ts";
import type { ServeOptions } from "../config/serve-options.ts";

/**
 * The option of `polylog serve` whose value it is as it stands; `command`: the command itself heeds it; `nothing`: it is
 * accepted, and the log says once what `here` says.
 */
type Means = keyof ServeOptions | "command" | "nothing";

export type NsqFlagRow = GoFlagRow & {
  readonly means: Means;
  /** For the reference page, and for the log when it means nothing: after "--flag: ". */
  readonly here: string;
  /** In the config file; default: the flag with `_` for `-`. */
  readonly key?: string;
  /** For the reference page, where the default is this machine's. */
  readonly defaultShown?: string;
};
export type NsqFlagTable = Readonly<Record<string, NsqFlagRow>>;

type FlagValue = string | number | boolean | readonly string[] | undefined;

const levels = ["debug", "info", "warn", "error", "fatal"];

/** Flags that nsqd and nsqlookupd share. `name`: the command's. */
export function commonFlags(name: string) {
  return {
    version: { type: "bool", default: false, usage: "print version string", means: "command", here: "" },
    config: { type: "string", default: "", usage: "path to config file", means: "command", here: "TOML" },
    "log-level": {
      type: "text",
      default: "info",
      shown: "INFO",
      usage: "set log verbosity: debug, info, warn, error, or fatal",
      problem: (text: string) =>
        levels.includes(text.toLowerCase()) ? undefined : `invalid log level '${text}' (${levels.join(", ")})`,
      means: "command",
      here: "",
    },
    "log-prefix": {
      type: "string",
      default: `[${name}] `,
      usage: "log message prefix",
      means: "command",
      here: "",
    },
    verbose: {
      type: "bool",
      default: false,
      usage: "[deprecated] has no effect, use --log-level",
      means: "nothing",
      here: "it has no effect, use --log-level",
    },
  } as const satisfies NsqFlagTable;
}

export function keyOf(name: string, { key }: NsqFlagRow): string {
  return key ?? name.replaceAll("-", "_");
}

/**
 * The values of the flags, and for those that were not given what the config file has; its other keys are left alone, as
 * NSQ does. Throws `config.NSQ_REFUSED` for a value that is none.
 */
export function withConfigFile<Table extends NsqFlagTable>(
  table: Table,
  values: GoFlagValues<Table>,
  given: ReadonlySet<string>,
  file: Readonly<Record<string, unknown>>,
): { values: GoFlagValues<Table>; given: ReadonlySet<string> } {
  const merged: Record<string, FlagValue> = { ...values };
  const all = new Set(given);
  for (const [name, row] of Object.entries(table)) {
    const key = keyOf(name, row);
    if (given.has(name) || !Object.hasOwn(file, key)) continue;
    const value = coerce(row, file[key]);
    if (value === undefined) {
      const reason = `failed to coerce option ${key} - ${JSON.stringify(file[key])} is not a ${row.type}`;
      throw configErrors.NSQ_REFUSED({ reason });
    }
    merged[name] = value;
    all.add(name);
  }
  return { values: merged as GoFlagValues<Table>, given: all };
}

/** Undefined when it cannot be one. */
function coerce(row: NsqFlagRow, value: unknown): FlagValue {
  switch (row.type) {
    case "string":
      return typeof value === "object" ? undefined : String(value);
    case "text":
      return typeof value === "object" || row.problem(String(value)) !== undefined ? undefined : String(value);
    case "strings":
      return (Array.isArray(value) ? value : String(value).split(",")).map(String);
    case "bool":
      return typeof value === "object" ? undefined : parseGoBool(String(value));
    case "duration":
      // A bare number is milliseconds.
      return typeof value === "number" || /^\d+$/.test(String(value)) ? Number(value) : parseGoDuration(String(value));
    default: {
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      return typeof number === "number" && Number.isFinite(number) ? number : undefined;
    }
  }
}

/** One line for each flag that was given and means nothing. */
export function noticesOf(table: NsqFlagTable, given: ReadonlySet<string>): string[] {
  return Object.entries(table)
    .filter(([name, { means }]) => means === "nothing" && given.has(name))
    .map(([name, { here }]) => `--${name}: ${here}`);
}
