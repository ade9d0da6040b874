/** Renders a table as the body of a reference page: one heading and one Markdown table per group. */

import {
  defaultTexts,
  environmentName,
  fileKey,
  mayComeFrom,
  type OptionOrigin,
  type OptionRow,
  type OptionTable,
} from "./option-table.ts";
import { describeBounds } from "./option-types.ts";
import { groupRows, listNotations, placeholderOf } from "./render-options.ts";

export interface ReferenceTexts {
  /** As given to `resolveOptions`; without it there is no column for the environment. */
  readonly envPrefix?: string;
  /** True when the program reads a config file; without it there is no column for its keys. */
  readonly configFile?: boolean;
}

interface Column {
  readonly title: string;
  readonly cell: (row: OptionRow) => string;
}

export function renderMarkdown(table: OptionTable, texts: ReferenceTexts = {}): string {
  const columns = listColumns(texts);
  const header = [`| ${columns.map(({ title }) => title).join(" | ")} |`, `|${" --- |".repeat(columns.length)}`];
  const blocks: string[] = [];
  for (const [group, rows] of groupRows(table)) {
    const lines = rows.map((row) => `| ${columns.map(({ cell }) => escapeCell(cell(row))).join(" | ")} |`);
    blocks.push(`## ${group}`, [...header, ...lines].join("\n"));
  }
  const legend = listNotations(table).map(({ placeholder, notation }) => `- \`${placeholder}\`: ${notation}.`);
  if (legend.length > 0) blocks.push("## Values", legend.join("\n"));
  return `${blocks.join("\n\n")}\n`;
}

function listColumns({ envPrefix, configFile }: ReferenceTexts): readonly Column[] {
  const columns: Column[] = [
    { title: "Flag", cell: nameIf("flag", (row) => `--${row.flag} ${placeholderOf(row)}`.trimEnd()) },
    { title: "What it does", cell: (row) => row.help },
    { title: "Default", cell: (row) => defaultTexts(row).map(code).join(", ") },
    { title: "Allowed", cell: describeAllowed },
  ];
  if (envPrefix !== undefined) {
    columns.push({ title: "Environment", cell: nameIf("environment", (row) => environmentName(row, envPrefix)) });
  }
  if (configFile === true) columns.push({ title: "Config file", cell: nameIf("file", fileKey) });
  return columns;
}

function describeAllowed(row: OptionRow): string {
  const parts = [describeBounds(row), row.repeatable === true ? "repeatable" : ""];
  return parts.filter((part) => part !== "").join("; ");
}

function nameIf(origin: OptionOrigin, name: (row: OptionRow) => string): (row: OptionRow) => string {
  return (row) => (mayComeFrom(row, origin) ? code(name(row)) : "");
}

function code(text: string): string {
  return `\`${text === "" ? '""' : text}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
