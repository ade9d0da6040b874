/**
 * The command line, split into uses of known flags and positional arguments.
 *
 *     --name value   --name=value   --switch   --switch=false   --no-switch   -h   --
 *
 * Flags and positionals may mix; after `--` everything is positional, and `-` alone is. What follows a flag is its
 * value unless it starts with `--` or is itself a flag; `--name=--value` forces it.
 */

import { nearestName } from "./nearest-name.ts";
import { mayComeFrom, type OptionTable } from "./option-table.ts";

export interface FlagUse {
  /** The option's name in its table. */
  readonly option: string;
  /** As it was written, without the value: `--no-color`. */
  readonly spelling: string;
  readonly text: string;
}

export interface ParsedArgv {
  readonly uses: readonly FlagUse[];
  readonly positionals: readonly string[];
}

/** How a flag may be spelled: with a value, or alone, which then stands for `alone`. */
interface Spelling {
  readonly option: string;
  readonly alone: "true" | "false" | undefined;
  readonly takesValue: boolean;
}

/** Adds a sentence to `problems` for everything it cannot use, and goes on. */
export function parseArgv(table: OptionTable, argv: readonly string[], problems: string[]): ParsedArgv {
  const spellings = listSpellings(table);
  const uses: FlagUse[] = [];
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      positionals.push(argument);
      continue;
    }
    const equals = argument.indexOf("=");
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const inline = equals === -1 ? undefined : argument.slice(equals + 1);
    const next = argv[i + 1];
    const nextIsValue = next !== undefined && !next.startsWith("--") && !spellings.has(next);
    const spelling = spellings.get(name);
    if (spelling === undefined) {
      problems.push(describeUnknown(name, spellings));
      if (inline === undefined && nextIsValue && !next.startsWith("-")) i++; // Most likely its value: one problem, not two.
    } else if (inline !== undefined && !spelling.takesValue) {
      problems.push(`${name} takes no value`);
    } else if (inline !== undefined) {
      uses.push({ option: spelling.option, spelling: name, text: inline });
    } else if (spelling.alone !== undefined) {
      uses.push({ option: spelling.option, spelling: name, text: spelling.alone });
    } else if (nextIsValue) {
      uses.push({ option: spelling.option, spelling: name, text: next });
      i++;
    } else {
      problems.push(`${name} needs a value`);
    }
  }
  return { uses, positionals };
}

function listSpellings(table: OptionTable): ReadonlyMap<string, Spelling> {
  const spellings = new Map<string, Spelling>();
  for (const [option, row] of Object.entries(table)) {
    if (!mayComeFrom(row, "flag")) continue;
    const isSwitch = row.type === "boolean" && row.repeatable !== true;
    const spelling: Spelling = { option, alone: isSwitch ? "true" : undefined, takesValue: true };
    spellings.set(`--${row.flag}`, spelling);
    if (row.short !== undefined) spellings.set(`-${row.short}`, spelling);
    if (isSwitch) spellings.set(`--no-${row.flag}`, { option, alone: "false", takesValue: false });
  }
  return spellings;
}

function describeUnknown(name: string, spellings: ReadonlyMap<string, Spelling>): string {
  const nearest = name.length > 2 ? nearestName(name, spellings.keys()) : undefined;
  return `${name}: no such option${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
}
