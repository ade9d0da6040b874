/**
 * `export json|csv|parquet|hdr`: results as files.
 *
 *     json      run-ID.json for each run: what was measured and scenarios, each with configuration, throughput and latency
 *     csv       one file per table, named after it
 *     parquet   the same
 *     hdr       scenario-ID.hlog for each scenario: an interval log of HdrHistogram, every kind of time under a tag
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineOptions, type OptionValues, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { loadgenErrors } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { renderHdrLog } from "../measure/hdr-log.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import { tables } from "../store/tables.ts";
import type { Environment } from "./command.ts";
import { renderRunJson } from "./run-json.ts";
import { storeOptions } from "./store-options.ts";

const uuid = (text: string) =>
  /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text) ? undefined : "it is no id";

const exportOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    output: { flag: "output", type: "path", default: ".", group: "Results", help: "directory to write to" },
    runId: { flag: "run-id", type: "string", group: "Results", help: "only this run", check: uuid },
    scenarioId: { flag: "scenario-id", type: "string", group: "Results", help: "only this scenario", check: uuid },
  });

type Filter = Pick<OptionValues<ReturnType<typeof exportOptions>>, "runId" | "scenarioId">;

const formats = ["json", "csv", "parquet", "hdr"] as const;
type Format = (typeof formats)[number];

export async function exportResults(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = exportOptions(tool);
  if (argv.includes("--help")) {
    const summary =
      "Writes results as JSON (a file per run), CSV or Parquet (a file per table), or logs of HdrHistogram (a file per scenario).";
    stdout.write(renderHelp(options, { usage: `${name} export ${formats.join("|")} [options]`, summary, envPrefix }));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 1 });
  const format = positionals[0] as Format | undefined;
  if (format === undefined || !formats.includes(format)) {
    throw optionErrors.USAGE({ count: 1, problems: `  a format is needed: ${formats.join(", ")}` });
  }
  mkdirSync(values.output, { recursive: true });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const files = await exportAs(format, store, values.output, values, name);
    for (const file of files) stdout.write(`${file}\n`);
  } catch (error) {
    if (error instanceof Error && "code" in error) throw error;
    throw loadgenErrors.QUERY_FAILED({ reason: (error as Error).message }, error);
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}

function exportAs(
  format: Format,
  store: ResultStore,
  folder: string,
  filter: Filter,
  tool: string,
): Promise<readonly string[]> {
  if (format === "json") return exportJson(store, folder, filter);
  if (format === "hdr") return exportHdr(store, folder, filter, tool);
  return exportTables(store, format, folder, filter);
}

/** A scenario without rows for it, one of mqtt-bench itself say, has no log: its buckets are too coarse. */
async function exportHdr(store: ResultStore, folder: string, filter: Filter, tool: string): Promise<readonly string[]> {
  const known = await store.query("SELECT 1 FROM duckdb_tables() WHERE table_name = 'hdr_blobs'");
  if (known.rows.length === 0) return [];
  const scenarios = await store.query(
    `SELECT CAST(r.scenario_id AS VARCHAR), r.scenario_name, r.started_at,
            (SELECT epoch_ms(arg_min(h.abs_ts, h.rel_ns)) - min(h.rel_ns) / 1e6 FROM hdr_blobs h WHERE h.scenario_id = r.scenario_id)
     FROM scenarios r WHERE ${ofScenarios(filter)} ORDER BY r.started_at`,
  );
  const files: string[] = [];
  for (const [id, name, startedAt, startMs] of scenarios.rows) {
    if (startMs === null) continue;
    const { rows } = await store.query(
      "SELECT timing, rel_ns, interval_ns, max_ms, histogram FROM hdr_blobs WHERE scenario_id = $1 ORDER BY rel_ns, timing",
      [String(id)],
    );
    const path = join(folder, `scenario-${id}.hlog`);
    const comments = [`${tool} ${name}, begun ${startedAt}`, "values are microseconds, Interval_Max milliseconds"];
    const log = rows.map(([tag, relNs, intervalNs, maxMs, histogram]) => ({
      tag: String(tag),
      startSeconds: (Number(relNs) - Number(intervalNs)) / 1e9,
      lengthSeconds: Number(intervalNs) / 1e9,
      maxMilliseconds: Number(maxMs),
      histogram: String(histogram),
    }));
    writeFileSync(path, renderHdrLog(Number(startMs), comments, log));
    files.push(path);
  }
  return files;
}

async function exportJson(store: ResultStore, folder: string, filter: Filter): Promise<readonly string[]> {
  const { rows } = await store.query(
    `SELECT CAST(run_id AS VARCHAR) FROM runs r WHERE ${ofRuns(filter)} ORDER BY started_at`,
  );
  const files: string[] = [];
  for (const [runId] of rows) {
    const path = join(folder, `run-${runId}.json`);
    writeFileSync(path, await renderRunJson(store, String(runId), filter.scenarioId));
    files.push(path);
  }
  return files;
}

async function exportTables(
  store: ResultStore,
  format: "csv" | "parquet",
  folder: string,
  filter: Filter,
): Promise<readonly string[]> {
  const { rows } = await store.query("SELECT table_name FROM duckdb_tables()");
  const present = new Set(rows.map(([name]) => name));
  const files: string[] = [];
  for (const { name, columns } of tables) {
    if (!present.has(name)) continue;
    const path = join(folder, `${name}.${format}`);
    const where = "scenario_id" in columns ? ofScenarios(filter) : ofRuns(filter);
    const options = format === "csv" ? "FORMAT csv, HEADER" : "FORMAT parquet, COMPRESSION zstd";
    const target = path.replaceAll("'", "''");
    await store.query(`COPY (SELECT r.* FROM ${name} r WHERE ${where}) TO '${target}' (${options})`);
    files.push(path);
  }
  return files;
}

/** Ids have been checked to be ids. */
function ofScenarios({ runId, scenarioId }: Filter): string {
  if (scenarioId !== undefined) return `r.scenario_id = '${scenarioId}'`;
  return runId === undefined
    ? "true"
    : `r.scenario_id IN (SELECT scenario_id FROM scenarios WHERE run_id = '${runId}')`;
}

function ofRuns({ runId, scenarioId }: Filter): string {
  if (scenarioId !== undefined) return `r.run_id IN (SELECT run_id FROM scenarios WHERE scenario_id = '${scenarioId}')`;
  return runId === undefined ? "true" : `r.run_id = '${runId}'`;
}
