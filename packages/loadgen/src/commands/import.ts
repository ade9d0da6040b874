/** `import FILE`: takes the runs of another result file over, one of mqtt-bench included. */

import { existsSync } from "node:fs";
import { defineOptions, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { loadgenErrors } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import { tables } from "../store/tables.ts";
import type { Environment } from "./command.ts";
import { storeOptions } from "./store-options.ts";

const importOptions = (tool: ToolProfile) => defineOptions(storeOptions(tool));

export async function importRuns(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = importOptions(tool);
  if (argv.includes("--help")) {
    const summary =
      "Adds the runs of another result file, ours or mqtt-bench's, to --db; runs that are there already stay.";
    stdout.write(renderHelp(options, { usage: `${name} import FILE [options]`, summary, envPrefix }));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 1 });
  const [path] = positionals;
  if (path === undefined) throw optionErrors.USAGE({ count: 1, problems: "  a file is needed" });
  if (!existsSync(path)) throw loadgenErrors.FILE_UNREADABLE({ path, reason: "there is no such file" });
  const store = await ResultStore.open(values.db);
  try {
    const added = await takeOver(store, path);
    stdout.write(`${added} ${added === 1 ? "run" : "runs"} imported\n`);
  } catch (error) {
    throw loadgenErrors.STORE_FAILED({ path, reason: (error as Error).message }, error);
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}

async function takeOver(store: ResultStore, path: string): Promise<number> {
  await store.query(`ATTACH '${path.replaceAll("'", "''")}' AS other (READ_ONLY)`);
  const present = await store.query(
    "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'other' AND schema_name = 'main'",
  );
  const columnsOf = (table: string) =>
    present.rows.filter(([name]) => name === table).map(([, column]) => String(column));
  await store.query(
    "CREATE TEMP TABLE new_runs AS SELECT run_id FROM other.runs WHERE run_id NOT IN (SELECT run_id FROM runs)",
  );
  await store.query(
    "CREATE TEMP TABLE new_scenarios AS SELECT scenario_id FROM other.scenarios WHERE run_id IN (SELECT run_id FROM new_runs)",
  );
  const statements = tables.flatMap(({ name, columns }) => {
    const common = columnsOf(name).filter((column) => column in columns);
    if (common.length === 0) return [];
    const isOfScenario = "scenario_id" in columns;
    const where = isOfScenario
      ? "scenario_id IN (SELECT scenario_id FROM new_scenarios)"
      : "run_id IN (SELECT run_id FROM new_runs)";
    const list = common.join(", ");
    return [{ sql: `INSERT INTO ${name} (${list}) SELECT ${list} FROM other.${name} WHERE ${where}`, values: [] }];
  });
  await store.database.write(statements);
  const { rows } = await store.query("SELECT count(*) FROM new_runs");
  return Number(rows[0]?.[0]);
}
