/**
 * Argv as Go's flag package reads it: `-x` and `--x` are the same; `-x=v` or `-x v`; a boolean alone is true and takes
 * another value only after `=`; flags end at the first other argument, or behind `--`. The last one of a flag counts, a
 * repeatable one collects.
 */

import { parseGoDuration } from "./go-duration.ts";
import type { GoFlagRow, GoFlagTable, GoFlagValues } from "./go-flag-table.ts";

/** Its message is what Go prints before the usage; then the program ends with exit code 2. `help`: -h was asked for. */
export class GoFlagError extends Error {
  readonly help: boolean;

  constructor(message: string, help = false) {
    super(message);
    this.help = help;
  }
}

type Value = string | number | boolean | readonly string[] | undefined;

export interface ParsedGoFlags<Table extends GoFlagTable> {
  readonly values: GoFlagValues<Table>;
  /** Names that were given. */
  readonly given: ReadonlySet<string>;
  /** What stands behind the flags. */
  readonly rest: readonly string[];
}

/** Throws GoFlagError. */
export function parseGoFlags<Table extends GoFlagTable>(table: Table, argv: readonly string[]): ParsedGoFlags<Table> {
  const values: Record<string, Value> = {};
  for (const [name, row] of Object.entries(table)) values[name] = row.type === "strings" ? [] : row.default;
  const given = new Set<string>();
  let at = 0;
  while (at < argv.length) {
    const arg = argv[at]!;
    if (arg.length < 2 || !arg.startsWith("-")) break;
    at++;
    if (arg === "--") break;
    const { name, value } = splitFlag(arg);
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (row === undefined) throw unknownFlag(name);
    const bare = bareText(row);
    const takesNext = value === undefined && bare === undefined;
    if (takesNext && at >= argv.length) throw new GoFlagError(`flag needs an argument: -${name}`);
    const text = value ?? (takesNext ? argv[at++]! : bare!);
    const read = readValue(name, row, text);
    values[name] = row.type === "strings" ? [...(values[name] as readonly string[]), text] : read;
    given.add(name);
  }
  return { values: values as GoFlagValues<Table>, given, rest: argv.slice(at) };
}

/** What the flag alone means; undefined when a value has to follow. */
function bareText(row: GoFlagRow): string | undefined {
  if (row.type === "bool") return "true";
  return row.type === "text" ? row.bare : undefined;
}

function splitFlag(arg: string): { name: string; value: string | undefined } {
  const body = arg.slice(arg.startsWith("--") ? 2 : 1);
  if (body === "" || body.startsWith("-") || body.startsWith("=")) throw new GoFlagError(`bad flag syntax: ${arg}`);
  const equals = body.indexOf("=");
  if (equals === -1) return { name: body, value: undefined };
  return { name: body.slice(0, equals), value: body.slice(equals + 1) };
}

function unknownFlag(name: string): GoFlagError {
  if (name === "help" || name === "h") return new GoFlagError("", true);
  return new GoFlagError(`flag provided but not defined: -${name}`);
}

const booleans: Readonly<Record<string, boolean>> = {
  ...{ "1": true, t: true, T: true, true: true, TRUE: true, True: true },
  ...{ "0": false, f: false, F: false, false: false, FALSE: false, False: false },
};

/** Undefined when Go's ParseBool refuses the text. */
export function parseGoBool(text: string): boolean | undefined {
  return Object.hasOwn(booleans, text) ? booleans[text] : undefined;
}

function readValue(name: string, row: GoFlagRow, text: string): Value {
  const invalid = (reason: string) =>
    new GoFlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: ${reason}`);
  switch (row.type) {
    case "string":
    case "strings":
      return text;
    case "text": {
      const problem = row.problem(text);
      if (problem === undefined) return text;
      throw row.bare === undefined
        ? invalid(problem)
        : new GoFlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: ${problem}`);
    }
    case "bool": {
      const value = parseGoBool(text);
      if (value === undefined)
        throw new GoFlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
      return value;
    }
    case "int":
    case "count": {
      if (!/^[+-]?(\d+|0[xX][\da-fA-F]+)$/.test(text)) throw invalid("parse error");
      const value = Number(text);
      if (!Number.isSafeInteger(value)) throw invalid("value out of range");
      return value;
    }
    case "float": {
      const value = Number(text);
      if (text.trim() === "" || Number.isNaN(value)) throw invalid("parse error");
      return value;
    }
    case "duration": {
      const value = parseGoDuration(text);
      if (value === undefined) throw invalid("parse error");
      return value;
    }
  }
}
