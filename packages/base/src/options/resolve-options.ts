/**
 * From a table and what the user wrote to frozen values. Precedence: flag, environment, file, default; the highest
 * that gives an option wins whole, so a repeatable flag replaces the file's list. Everything given is checked, also what
 * is overridden, and all problems are reported at once.
 *
 * A flag that is not repeatable may be given twice; the last one counts. An environment variable set to nothing
 * counts as not set. Nothing passed in is written to.
 */

import { isCodedError } from "../errors/index.ts";
import { optionErrors } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import {
  defaultTexts,
  environmentName,
  fileKey,
  mayComeFrom,
  type OptionOrigin,
  type OptionRow,
  type OptionTable,
  type OptionValues,
} from "./option-table.ts";
import { optionTypes, parseOptionText } from "./option-types.ts";
import { parseArgv } from "./parse-argv.ts";

export type OptionSource = OptionOrigin | "default";

/** A config file that was read: flat. */
export interface OptionFile {
  /** For error messages. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Default `flags`, with `_` for `-`; `options`: as the table's rows are named, for values that a program gives. */
  readonly keys?: "flags" | "options";
  /** The line a key stands on, counted from 1, for error messages. */
  readonly lineOf?: (key: string) => number | undefined;
}

/** What is wrong between options that are each fine. */
export interface OptionConflict<T extends OptionTable> {
  readonly option: keyof T & string;
  readonly problem: string;
}

export interface OptionInput<T extends OptionTable> {
  /** Without the program and the command. */
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `POLYLOG_` makes `--data-dir` `POLYLOG_DATA_DIR`. Without it the environment is not read. */
  readonly envPrefix?: string;
  /**
   * The config file, or a function that finds it with what flags and environment gave. A coded error from the function
   * is reported as one more problem.
   */
  readonly file?: OptionFile | ((given: Partial<OptionValues<T>>) => OptionFile | undefined);
  /** How many positional arguments are allowed. Default 0. */
  readonly positionalsMax?: number;
  /** Called when every option is fine by itself. */
  readonly relations?: (values: OptionValues<T>) => Iterable<OptionConflict<T>>;
}

export interface ResolvedOptions<T extends OptionTable> {
  /** Deeply frozen. */
  readonly values: OptionValues<T>;
  readonly sources: Readonly<Record<keyof T, OptionSource>>;
  readonly positionals: readonly string[];
  /** Variables with the prefix that look like a mistyped one. Others are left alone: they may belong to something else. */
  readonly warnings: readonly string[];
}

/** An option's value and where it stood, from one origin. */
type Given = ReadonlyMap<string, { readonly value: unknown; readonly where: string }>;
type Uses = ReadonlyMap<string, { readonly texts: readonly string[]; readonly where: string }>;

/** Throws `options.USAGE` with every problem found. */
export function resolveOptions<T extends OptionTable>(table: T, input: OptionInput<T>): ResolvedOptions<T> {
  const problems: string[] = [];
  const { uses, positionals } = readFlags(table, input, problems);
  const flags = parseAll(table, uses, problems);
  const environment = parseAll(table, readEnvironment(table, input), problems);
  const written = readFile(table, input, mergeValues([environment, flags]), problems);
  const file = parseAll(table, written, problems);
  throwIfAny(problems);

  const origins: readonly (readonly [OptionSource, Given])[] = [
    ["default", readDefaults(table)],
    ["file", file],
    ["environment", environment],
    ["flag", flags],
  ];
  const values = Object.freeze(mergeValues(origins.map(([, given]) => given))) as OptionValues<T>;
  const sources: Record<string, OptionSource> = {};
  const places: Record<string, string> = {};
  for (const [source, given] of origins) {
    for (const [option, { where }] of given) {
      sources[option] = source;
      places[option] = where;
    }
  }
  for (const { option, problem } of input.relations?.(values) ?? []) problems.push(`${places[option]}: ${problem}`);
  throwIfAny(problems);
  return Object.freeze({
    values,
    sources: Object.freeze(sources) as Record<keyof T, OptionSource>,
    positionals: Object.freeze(positionals),
    warnings: Object.freeze(findMistypedVariables(table, input)),
  });
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const lines = problems.map((problem) => `  ${problem.replaceAll("\n", "\n    ").trimEnd()}`);
  throw optionErrors.USAGE({ count: problems.length, problems: lines.join("\n") });
}

function mergeValues(origins: readonly Given[]): Record<string, unknown> {
  return Object.fromEntries(origins.flatMap((given) => Array.from(given, ([option, { value }]) => [option, value])));
}

function readFlags<T extends OptionTable>(
  table: T,
  input: OptionInput<T>,
  problems: string[],
): { uses: Uses; positionals: readonly string[] } {
  const argv = parseArgv(table, input.argv ?? [], problems);
  const uses = new Map<string, { texts: string[]; where: string }>();
  for (const { option, spelling, text } of argv.uses) {
    const before = table[option]!.repeatable === true ? (uses.get(option)?.texts ?? []) : [];
    uses.set(option, { texts: [...before, text], where: spelling });
  }
  for (const extra of argv.positionals.slice(input.positionalsMax ?? 0)) {
    problems.push(`${JSON.stringify(extra)}: unexpected argument; options start with --`);
  }
  return { uses, positionals: argv.positionals };
}

function readEnvironment<T extends OptionTable>(table: T, input: OptionInput<T>): Uses {
  const uses = new Map<string, { texts: string[]; where: string }>();
  if (input.envPrefix === undefined) return uses;
  for (const [option, row] of Object.entries(table)) {
    const where = environmentName(row, input.envPrefix);
    const text = input.env?.[where];
    if (text === undefined || text === "" || !mayComeFrom(row, "environment")) continue;
    uses.set(option, { texts: row.repeatable === true ? splitAtCommas(text) : [text], where });
  }
  return uses;
}

function splitAtCommas(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

function readFile<T extends OptionTable>(
  table: T,
  input: OptionInput<T>,
  given: Record<string, unknown>,
  problems: string[],
): Uses {
  const uses = new Map<string, { texts: string[]; where: string }>();
  const file = findFile(input, given, problems);
  if (file === undefined) return uses;
  const options = new Map(
    Object.entries(table).map(([option, row]) => [file.keys === "options" ? option : fileKey(row), option]),
  );
  for (const [key, value] of Object.entries(file.values)) {
    const line = file.lineOf?.(key);
    const where = `${file.name}${line === undefined ? "" : `:${line}`}: ${key}`;
    const option = options.get(key);
    if (option === undefined) {
      const nearest = nearestName(key, options.keys());
      problems.push(`${where}: no such key${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
    } else if (!mayComeFrom(table[option]!, "file")) {
      problems.push(`${where}: cannot be set in a file; use --${table[option]!.flag}`);
    } else {
      const texts = readFileValue(table[option]!, value);
      if (Array.isArray(texts)) uses.set(option, { texts, where });
      else problems.push(`${where}: ${texts}`);
    }
  }
  return uses;
}

function findFile<T extends OptionTable>(
  input: OptionInput<T>,
  given: Record<string, unknown>,
  problems: string[],
): OptionFile | undefined {
  if (typeof input.file !== "function") return input.file;
  try {
    return input.file(given as Partial<OptionValues<T>>);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** The texts to parse, or what is wrong with the value's type. */
function readFileValue(row: OptionRow, value: unknown): string[] | string {
  const { fileTypes, noun } = optionTypes[row.type];
  const isList = Array.isArray(value);
  if (isList !== (row.repeatable === true)) return isList ? "takes one value, not a list" : "takes a list: [ … ]";
  const items: readonly unknown[] = isList ? value : [value];
  const wrong = items.find((item) => !fileTypes.includes(typeof item));
  if (wrong === undefined) return items.map(String);
  return `must be ${noun}; this is a ${typeof wrong === "object" ? "list, table or date" : typeof wrong}`;
}

function parseAll(table: OptionTable, uses: Uses, problems: string[]): Given {
  const given = new Map<string, { value: unknown; where: string }>();
  for (const [option, { texts, where }] of uses) {
    const row = table[option]!;
    const values: unknown[] = [];
    for (const text of texts) {
      const parsed = parseOptionText(row, text);
      if (parsed.problem === undefined) values.push(parsed.value);
      else problems.push(`${where}: ${parsed.problem}`);
    }
    if (values.length !== texts.length) continue;
    given.set(option, { value: row.repeatable === true ? Object.freeze(values) : values[0], where });
  }
  return given;
}

function readDefaults(table: OptionTable): Given {
  const given = new Map<string, { value: unknown; where: string }>();
  for (const [option, row] of Object.entries(table)) {
    const values = defaultTexts(row).map((text) => parseOptionText(row, text).value);
    const value = row.repeatable === true ? Object.freeze(values) : values[0];
    given.set(option, { value, where: `--${row.flag}` });
  }
  return given;
}

function findMistypedVariables<T extends OptionTable>(table: T, input: OptionInput<T>): string[] {
  const { env = {}, envPrefix } = input;
  if (envPrefix === undefined) return [];
  const rows = Object.values(table).filter((row) => mayComeFrom(row, "environment"));
  const known = new Set(rows.map((row) => environmentName(row, envPrefix)));
  const warnings: string[] = [];
  for (const name of Object.keys(env)) {
    if (!name.startsWith(envPrefix) || known.has(name)) continue;
    const nearest = nearestName(name, known, 2);
    if (nearest !== undefined) warnings.push(`${name} is not a setting; did you mean ${nearest}?`);
  }
  return warnings;
}
