/** A run as `export json` writes it: the fields of mqtt-bench, with the tool's own words, and the whole result under `result`. */

import type { RunResult } from "../measure/result.ts";
import type { Cell, ToolProfile } from "../measure/tool-profile.ts";
import type { ResultStore } from "../store/result-store.ts";
import { toolProfileOf } from "../tools.ts";

export async function renderRunJson(
  store: ResultStore,
  runId: string,
  scenarioId: string | undefined,
): Promise<string> {
  const run = await store.query(
    "SELECT started_at, ended_at, broker_host, broker_port, broker_name, broker_version FROM runs WHERE run_id = $1",
    [runId],
  );
  const [startedAt, endedAt, host, port, name, version] = run.rows[0]!;
  const { columns, rows } = await store.query(
    `SELECT CAST(scenario_id AS VARCHAR) AS scenario_id, scenario_name, qos, publishers, subscribers, topics, msg_rate,
            payload_size, duration_ns, total_sent, total_received, total_timed_out, avg_recv_rate, delivery_rate,
            p50_ns, p95_ns, p99_ns, p999_ns
     FROM scenarios LEFT JOIN final_results USING (scenario_id) WHERE run_id = $1 ORDER BY started_at`,
    [runId],
  );
  const results = await resultsOf(store, runId);
  const scenarios = rows
    .map((row): Scenario => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])))
    .filter(({ scenario_id }) => scenarioId === undefined || scenario_id === scenarioId.toLowerCase());
  const profile = toolProfileOf({ tool: await store.toolOf(runId) });
  const document = {
    run_id: runId,
    started_at: startedAt,
    ended_at: endedAt,
    [profile.words.target]: { host, port, name, version },
    scenarios: scenarios.map((row) => scenarioOf(profile, row, results.get(String(row["scenario_id"])))),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

type Scenario = Readonly<Record<string, Cell>>;

async function resultsOf(store: ResultStore, runId: string): Promise<ReadonlyMap<string, RunResult>> {
  try {
    return new Map((await store.load(runId)).map((result) => [result.scenarioId, result]));
  } catch {
    return new Map(); // A run of mqtt-bench itself, or one that did not end.
  }
}

function scenarioOf(profile: ToolProfile, row: Scenario, result: RunResult | undefined): object {
  const { scenario_id, scenario_name, p50_ns, p95_ns, p99_ns, p999_ns } = row;
  const ms = (ns: Cell | undefined) => (typeof ns === "number" ? ns / 1e6 : null);
  return {
    scenario_id,
    scenario_name,
    ...profile.exported(row),
    latency: {
      p50_ns,
      p95_ns,
      p99_ns,
      p999_ns,
      p50_ms: ms(p50_ns),
      p95_ms: ms(p95_ns),
      p99_ms: ms(p99_ns),
      p999_ms: ms(p999_ns),
    },
    ...(result === undefined ? {} : { result }),
  };
}
