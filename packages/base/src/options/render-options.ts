/** What the renderers share: grouping and the words for one option's values. */

import type { OptionRow, OptionTable } from "./option-table.ts";
import { optionTypes } from "./option-types.ts";

export function groupRows(table: OptionTable): ReadonlyMap<string, readonly OptionRow[]> {
  const groups = new Map<string, OptionRow[]>();
  for (const row of Object.values<OptionRow>(table)) {
    const group = groups.get(row.group) ?? [];
    group.push(row);
    groups.set(row.group, group);
  }
  return groups;
}

/** What stands for the value after the flag: `SIZE`, `text|json`; empty for a switch. */
export function placeholderOf(row: OptionRow): string {
  return row.placeholder ?? (row.type === "choice" ? row.values.join("|") : optionTypes[row.type].placeholder);
}

/** The types in a table whose notation needs a line of explanation, in the order of the type table. */
export function listNotations(table: OptionTable): readonly { placeholder: string; notation: string }[] {
  const used = new Set<string>(Object.values<OptionRow>(table).map((row) => row.type));
  return Object.entries(optionTypes).flatMap(([type, { placeholder, notation }]) =>
    notation === undefined || !used.has(type) ? [] : [{ placeholder, notation }],
  );
}

/** Splits at spaces; a word longer than `width` stands alone. A no-break space keeps words together and becomes a space. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += (line === "" ? "" : " ") + word;
  }
  return [...lines, line].map((each) => each.replaceAll(noBreakSpace, " "));
}

export const noBreakSpace = "\u00a0";
