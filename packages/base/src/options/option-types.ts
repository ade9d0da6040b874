/**
 * The eight types of option: how each is written, parsed and explained. One row per type; nothing else in this folder
 * knows a type by name except to render it.
 */

import { isIPv6 } from "node:net";
import type { ListenOption, OptionRow, OptionType } from "./option-table.ts";

/** Either a value or what is wrong with the text, as the end of a sentence that starts with where it stood. */
export type Parsed =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

interface TypeRow {
  /** What stands for the value in help; empty when the option takes none. */
  readonly placeholder: string;
  /** As it ends `"x" is not …`. */
  readonly noun: string;
  /** How it is written, when that needs saying: for errors and for the legend of help and reference. */
  readonly notation?: string;
  /** What a config file may use for it, by `typeof`. */
  readonly fileTypes: readonly string[];
  /** `undefined` when the text is not one. */
  readonly parse: (text: string) => unknown;
}

export const optionTypes: Readonly<Record<OptionType, TypeRow>> = {
  string: { placeholder: "TEXT", noun: "text", fileTypes: ["string"], parse: (text) => text },
  path: {
    placeholder: "PATH",
    noun: "a path",
    fileTypes: ["string"],
    parse: (text) => (text === "" ? undefined : text),
  },
  boolean: { placeholder: "", noun: "true or false", fileTypes: ["boolean"], parse: parseBoolean },
  integer: { placeholder: "NUMBER", noun: "a whole number", fileTypes: ["number"], parse: parseInteger },
  size: {
    placeholder: "SIZE",
    noun: "a size",
    notation: "bytes (1048576), or a number with K, M, G, T or KiB, MiB, GiB, TiB, all powers of 1024",
    fileTypes: ["number", "string"],
    parse: parseSize,
  },
  duration: {
    placeholder: "DURATION",
    noun: "a duration",
    notation: "250ms, 1s, 1m30s, 2h, 7d; a bare number is milliseconds",
    fileTypes: ["number", "string"],
    parse: parseDuration,
  },
  choice: { placeholder: "CHOICE", noun: "text", fileTypes: ["string"], parse: (text) => text },
  listen: {
    placeholder: "ADDRESS",
    noun: "an address",
    notation:
      "host:port, [::1]:port, :port (every IPv4 address), /path of a Unix socket, or off; port 0 takes a free one",
    fileTypes: ["string"],
    parse: parseListen,
  },
};

/** Parses one value and applies its row's bounds, choices and check. Objects among the values are frozen. */
export function parseOptionText(row: OptionRow, text: string): Parsed {
  const { parse, noun, notation } = optionTypes[row.type];
  const value = parse(text);
  if (value === undefined) {
    return { problem: `${JSON.stringify(text)} is not ${noun}${notation === undefined ? "" : `; write ${notation}`}` };
  }
  const problem = findValueProblem(row, value, text);
  return problem === undefined ? { value: Object.freeze(value) } : { problem };
}

/** The bounds of a row as people read them: `1 to 100 connections`, `at least 1KiB`; empty without any. */
export function describeBounds(row: OptionRow): string {
  if (row.type !== "integer" && row.type !== "size" && row.type !== "duration") return "";
  const { min, max } = row;
  const unit = row.type === "integer" && row.unit !== undefined ? ` ${row.unit}` : "";
  if (min !== undefined && max !== undefined) return `${min} to ${max}${unit}`;
  if (min !== undefined) return `at least ${min}${unit}`;
  return max === undefined ? "" : `at most ${max}${unit}`;
}

function findValueProblem(row: OptionRow, value: unknown, text: string): string | undefined {
  if (row.type === "choice" && !row.values.includes(text)) {
    return `${JSON.stringify(text)} is not one of ${row.values.join(", ")}`;
  }
  if (!isWithinBounds(row, value)) return `${text} is out of bounds; it must be ${describeBounds(row)}`;
  // Each row's check takes its own type's value, which is what its parser has just returned.
  const check = row.check as ((value: unknown) => string | undefined) | undefined;
  const problem = check?.(value);
  return problem === undefined ? undefined : `${JSON.stringify(text)}: ${problem}`;
}

function isWithinBounds(row: OptionRow, value: unknown): boolean {
  if (row.type !== "integer" && row.type !== "size" && row.type !== "duration") return true;
  const { parse } = optionTypes[row.type];
  const below = row.min !== undefined && Number(value) < Number(parse(String(row.min)));
  const above = row.max !== undefined && Number(value) > Number(parse(String(row.max)));
  return !below && !above;
}

function parseBoolean(text: string): boolean | undefined {
  if (text === "true" || text === "1") return true;
  return text === "false" || text === "0" ? false : undefined;
}

function parseInteger(text: string): number | undefined {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

function parseSize(text: string): number | undefined {
  const match = /^(\d+) ?(?:([kmgt])(?:ib)?|b)?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * sizeUnits[(match[2] ?? "").toLowerCase()]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const durationUnitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return parseInteger(text);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) totalMs += Number(amount) * durationUnitMs[unit!]!;
  return totalMs <= Number.MAX_SAFE_INTEGER ? totalMs : undefined;
}

function parseListen(text: string): ListenOption | undefined {
  if (text === "off") return "off";
  if (/^\.{0,2}\//.test(text)) return { host: text, port: 0 };
  const match = /^(?:\[([^\]]+)\]|([^:/\s[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) return undefined;
  return { host: bracketed ?? (plain === "" ? "0.0.0.0" : plain!), port };
}
