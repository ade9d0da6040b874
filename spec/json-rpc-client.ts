/** The least of a JSON-RPC client: POST a request, get its result or throw its error. */

export async function callRpc(port: number, method: string, params: unknown): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: unknown; error?: { code: number; message: string } };
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

export interface LogRecord {
  readonly offset: number;
  readonly topic: string | null;
  readonly value: unknown;
}

/** Every record of partition 0 of `log`, values as text. */
export async function readLog(port: number, log: string): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (;;) {
    const params = { log, partition: 0, offset: all.length, maxRecords: 1000, encoding: "utf8" };
    const { records } = (await callRpc(port, "consume", params)) as { records: LogRecord[] };
    if (records.length === 0) return all;
    all.push(...records);
  }
}
