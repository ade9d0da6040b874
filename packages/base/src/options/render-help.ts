/** Renders a table as the text of `--help`: groups, two columns, at most 100 columns wide. */

import {
  defaultTexts,
  environmentName,
  fileKey,
  mayComeFrom,
  type OptionRow,
  type OptionTable,
} from "./option-table.ts";
import { groupRows, listNotations, noBreakSpace, placeholderOf, wrapText } from "./render-options.ts";

export interface HelpTexts {
  /** `polylog serve [options]` */
  readonly usage: string;
  readonly summary: string;
  /** Command lines, each shown as it is. */
  readonly examples?: readonly string[];
  /** As given to `resolveOptions`; mentioned once, at the end. */
  readonly envPrefix?: string;
  /** True when the program reads a config file; mentioned once, at the end. */
  readonly configFile?: boolean;
}

const columnsMax = 100;
/** A longer flag gets a line of its own. */
const flagColumnMax = 40;

export function renderHelp(table: OptionTable, texts: HelpTexts): string {
  const rows = Object.values<OptionRow>(table);
  const flagColumn = Math.min(flagColumnMax, Math.max(0, ...rows.map((row) => renderFlag(row).length))) + 2;
  const blocks = [`Usage: ${texts.usage}\n\n${wrapText(texts.summary, columnsMax).join("\n")}`];
  for (const [group, members] of groupRows(table)) {
    const flags = members.filter((row) => mayComeFrom(row, "flag"));
    const lines = flags.flatMap((row) => renderColumns(renderFlag(row), row.help + renderDefault(row), flagColumn));
    if (lines.length > 0) blocks.push([`${group}:`, ...lines].join("\n"));
  }
  const legend = listNotations(table).flatMap(({ placeholder, notation }) =>
    renderColumns(`  ${placeholder}`, notation, flagColumn),
  );
  if (legend.length > 0) blocks.push(["Values:", ...legend].join("\n"));
  if (texts.examples !== undefined) blocks.push(["Examples:", ...texts.examples.map((line) => `  ${line}`)].join("\n"));
  const origins = renderOrigins(rows, texts);
  if (origins !== "") blocks.push(wrapText(origins, columnsMax).join("\n"));
  return `${blocks.join("\n\n")}\n`;
}

function renderFlag(row: OptionRow): string {
  const short = row.short === undefined ? "" : `-${row.short}, `;
  return `  ${short}--${row.flag} ${placeholderOf(row)}`.trimEnd();
}

function renderDefault(row: OptionRow): string {
  const repeatable = row.repeatable === true ? " (repeatable)" : "";
  if (row.type === "boolean")
    return row.default === true ? ` (default on; --no-${row.flag} switches it off)` : repeatable;
  const texts = defaultTexts(row).map((text) => (text === "" ? '""' : text));
  return texts.length === 0 ? repeatable : `${repeatable} (default${noBreakSpace}${texts.join(", ")})`;
}

/** Says once how an option is named elsewhere, with the first that may come from everywhere as the example. */
function renderOrigins(rows: readonly OptionRow[], { envPrefix, configFile }: HelpTexts): string {
  const row = rows.find(({ from }) => from === undefined);
  if (row === undefined || (envPrefix === undefined && configFile !== true)) return "";
  const names: string[] = [];
  if (envPrefix !== undefined) names.push(`${environmentName(row, envPrefix)} in the environment`);
  if (configFile === true) names.push(`${fileKey(row)} in the config file`);
  const order = ["flag", ...(envPrefix === undefined ? [] : ["environment"]), ...(configFile === true ? ["file"] : [])];
  return `--${row.flag} is ${names.join(" and ")}, and so on. Precedence: ${order.join(", ")}, default.`;
}

function renderColumns(left: string, right: string, leftWidth: number): string[] {
  const lines = wrapText(right, columnsMax - leftWidth).map((line) => " ".repeat(leftWidth) + line);
  if (left.length > leftWidth - 2) return [left, ...lines];
  return [left + (lines[0] ?? "").slice(left.length), ...lines.slice(1)];
}
