/** `query SQL`: asks the result file itself. It is opened for reading only. */

import { defineOptions, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { loadgenErrors } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import type { Rows } from "../store/store-messages.ts";
import type { Environment } from "./command.ts";
import { renderCsv } from "./render-csv.ts";
import { renderColumns } from "./render-table.ts";
import { storeOptions } from "./store-options.ts";

const queryOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    format: {
      flag: "format",
      type: "choice",
      values: ["table", "json", "csv"],
      default: "table",
      group: "Results",
      help: "how to print the rows",
    },
  });

export async function query(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = queryOptions(tool);
  if (argv.includes("--help")) {
    const texts = {
      usage: `${name} query SQL [options]`,
      summary: "Runs SQL, as DuckDB has it, on the results. Nothing can be changed.",
      examples: [`${name} query '${tool.queryExample}'`],
      envPrefix,
    };
    stdout.write(renderHelp(options, texts));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 1 });
  const [sql] = positionals;
  if (sql === undefined) throw optionErrors.USAGE({ count: 1, problems: "  SQL is needed" });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const rows = await store.query(sql).catch((error: Error) => {
      throw loadgenErrors.QUERY_FAILED({ reason: error.message }, error);
    });
    stdout.write(renderers[values.format](rows));
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}

const renderers = {
  table: ({ columns, rows }: Rows) => renderColumns(columns, rows),
  csv: ({ columns, rows }: Rows) => renderCsv(columns, rows),
  json: ({ columns, rows }: Rows) => {
    const objects = rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
    return `${JSON.stringify(objects)}\n`;
  },
} as const;
