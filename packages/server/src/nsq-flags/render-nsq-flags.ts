/** The reference page of the flags of `nsqd` and `nsqlookupd`, from their tables. */

import { formatGoDuration } from "@polylog/base/go-flags";
import { serveOptions } from "../config/serve-options.ts";
import { keyOf, type NsqFlagRow, type NsqFlagTable } from "./nsq-flag.ts";
import { nsqdFlags } from "./nsqd-flags.ts";
import { nsqlookupdFlags } from "./nsqlookupd-flags.ts";

export function renderNsqFlags(): string {
  const parts = [intro];
  for (const [name, table] of [
    ["nsqd", nsqdFlags("")],
    ["nsqlookupd", nsqlookupdFlags("")],
  ] as const)
    parts.push(`## ${name}\n\n${renderTable(table)}\n`);
  return parts.join("\n");
}

function renderTable(table: NsqFlagTable): string {
  const rows = Object.entries(table)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, row]) => `| \`--${name}\` | ${defaultText(row)} | ${keyText(name, row)} | ${hereText(row)} |`);
  return ["| flag | default | key in the config file | here |", "|---|---|---|---|", ...rows].join("\n");
}

function defaultText(row: NsqFlagRow): string {
  if (row.defaultShown !== undefined) return row.defaultShown;
  if (row.default === undefined) return "none; may be repeated";
  if (row.type === "duration") return `\`${formatGoDuration(row.default)}\``;
  return row.default === "" ? "" : `\`${row.default}\``;
}

function keyText(name: string, row: NsqFlagRow): string {
  return name === "version" || name === "config" ? "" : `\`${keyOf(name, row)}\``;
}

function hereText({ means, here, usage }: NsqFlagRow): string {
  if (means === "nothing") return `no effect: ${here}`;
  const option = means === "command" ? "" : `\`--${serveOptions[means].flag}\``;
  const text = [option, here].filter((part) => part !== "").join("; ");
  return (text === "" ? usage : text).replaceAll("<", "&lt;").replaceAll("|", "\\|");
}

const intro = `<!-- Generated from the tables in packages/server/src/nsq-flags; change the tables, not this page. -->

# Flags of nsqd and nsqlookupd

The commands \`nsqd\` and \`nsqlookupd\` (also \`polylog nsqd\`, \`polylog nsqlookupd\`) take NSQ's flags in NSQ's way: \`-x\` and
\`--x\` are the same, and so are \`-x=value\` and \`-x value\`; a boolean is \`-x\` or \`-x=false\`. A flag on the command line wins
over the file that \`--config\` names; other keys of that file are left alone, and a bare number there is milliseconds where a
duration is meant. The last column names the option of \`polylog serve\` that a flag sets, described in [options.md](options.md), or
says what the flag does; one without effect is accepted, and the log says so once.
`;
