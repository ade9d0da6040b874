/** A run as `export json` writes it: the fields of mqtt-bench, and ours under `result`. */

import type { ResultStore } from "../store/result-store.ts";
import type { SqlValue } from "../store/store-messages.ts";

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
  const scenarios = await store.query(
    `SELECT CAST(scenario_id AS VARCHAR), scenario_name, qos, publishers, subscribers, topics, msg_rate, payload_size,
            total_sent, total_received, avg_recv_rate, delivery_rate, p50_ns, p95_ns, p99_ns, p999_ns
     FROM scenarios LEFT JOIN final_results USING (scenario_id) WHERE run_id = $1 ORDER BY started_at`,
    [runId],
  );
  const results = await resultsOf(store, runId);
  const wanted = scenarios.rows.filter(([id]) => scenarioId === undefined || id === scenarioId.toLowerCase());
  const document = {
    run_id: runId,
    started_at: startedAt,
    ended_at: endedAt,
    broker: { host, port, name, version },
    scenarios: wanted.map((row) => scenarioOf(row, results.get(String(row[0])))),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

async function resultsOf(store: ResultStore, runId: string): Promise<ReadonlyMap<string, unknown>> {
  try {
    return new Map((await store.load(runId)).map((result) => [result.scenarioId, result]));
  } catch {
    return new Map(); // A run of mqtt-bench itself, or one that did not end.
  }
}

function scenarioOf(row: readonly SqlValue[], result: unknown): object {
  const [scenario_id, scenario_name, qos, publishers, subscribers, topics, msg_rate, payload_size, ...rest] = row;
  const [total_sent, total_received, avg_recv_rate, delivery_rate, p50, p95, p99, p999] = rest;
  const ms = (ns: SqlValue | undefined) => (typeof ns === "number" ? ns / 1e6 : null);
  return {
    scenario_id,
    scenario_name,
    config: { qos, publishers, subscribers, topics, msg_rate, payload_size },
    throughput: { total_sent, total_received, avg_recv_rate, delivery_rate },
    latency: {
      p50_ns: p50,
      p95_ns: p95,
      p99_ns: p99,
      p999_ns: p999,
      p50_ms: ms(p50),
      p95_ms: ms(p95),
      p99_ms: ms(p99),
      p999_ms: ms(p999),
    },
    ...(result === undefined ? {} : { result }),
  };
}
