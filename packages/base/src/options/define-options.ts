import { optionErrors } from "./errors.ts";
import { defaultTexts, type OptionRow, type OptionTable } from "./option-table.ts";
import { optionTypes, parseOptionText } from "./option-types.ts";

/**
 * Returns the table as it is, once checked: names are well-formed and unique, bounds can be parsed, and every default
 * passes its own option's checks. Throws `options.TABLE_INVALID` otherwise: that is a mistake in the program.
 */
export function defineOptions<const T extends OptionTable>(table: T): T {
  const taken = new Set<string>();
  for (const [option, row] of Object.entries<OptionRow>(table)) {
    const problem = findNameProblem(row, taken) ?? findBoundProblem(row) ?? findDefaultProblem(row);
    if (problem !== undefined) throw optionErrors.TABLE_INVALID({ option, problem });
  }
  return table;
}

function findNameProblem(row: OptionRow, taken: Set<string>): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(row.flag)) return `"${row.flag}" is not a kebab-case flag`;
  if (row.flag.startsWith("no-")) return "a flag must not start with no-; that is how booleans are switched off";
  if (row.short !== undefined && !/^[a-zA-Z]$/.test(row.short)) return `"${row.short}" is not one letter`;
  for (const spelling of row.short === undefined ? [row.flag] : [row.flag, row.short]) {
    if (taken.has(spelling)) return `"${spelling}" is already the name of another option`;
    taken.add(spelling);
  }
  return undefined;
}

function findBoundProblem(row: OptionRow): string | undefined {
  if (row.type !== "integer" && row.type !== "size" && row.type !== "duration") return undefined;
  for (const bound of [row.min, row.max]) {
    if (bound !== undefined && optionTypes[row.type].parse(String(bound)) === undefined) {
      return `bound ${bound} is not ${optionTypes[row.type].noun}`;
    }
  }
  return undefined;
}

function findDefaultProblem(row: OptionRow): string | undefined {
  for (const text of defaultTexts(row)) {
    const parsed = parseOptionText(row, text);
    if (parsed.problem !== undefined) return `default: ${parsed.problem}`;
  }
  return undefined;
}
