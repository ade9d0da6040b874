import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { log } from "./log.ts";

async function run(...argv: readonly string[]): Promise<string> {
  let printed = "";
  const stream = { write: (text: string) => (printed += text) };
  const stdin = (async function* () {})();
  await log(argv, { env: {}, stdin, stdout: stream, stderr: stream });
  return printed;
}

const record = { offset: 7, timestamp: 0, key: "k", headers: [], topic: null, value: "a\u0007b" };

/** A server that answers every request with one record; what it was asked. */
async function serve(t: TestContext): Promise<{ url: string; asked: unknown[] }> {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { method, params } = JSON.parse(text) as { method: string; params: { encoding?: string } };
    asked.push([method, params]);
    const peeked = method === "channel.peek" ? { partition: 0, attempts: 2 } : {};
    response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: { records: [{ ...peeked, ...record }] } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `--url=http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("reads from where it is told", async (t) => {
  const { url, asked } = await serve(t);
  assert.equal(
    await run("read", "orders", url),
    "offset  timestamp                 key  topic  value\n     7  1970-01-01T00:00:00.000Z  k    -      a\\u0007b\n",
  );
  await run("read", "orders", url, "--offset=5", "--limit=3", "--partition=1");
  await run("read", "orders", url, "--timestamp=9");
  const common = { log: "orders", maxRecords: 100, encoding: "utf8", partition: 0 };
  assert.deepEqual(asked, [
    ["consume", { ...common, from: "earliest" }],
    ["consume", { ...common, maxRecords: 3, partition: 1, offset: 5 }],
    ["consume", { ...common, timestamp: 9 }],
  ]);
});

test("peeks into a channel", async (t) => {
  const { url, asked } = await serve(t);
  assert.match(await run("peek", "orders", "workers", url), /^partition {2}attempts {2}offset/);
  assert.deepEqual(JSON.parse(await run("peek", "orders", "workers", url, "--json")), {
    records: [{ partition: 0, attempts: 2, ...record }],
  });
  const params = { log: "orders", maxRecords: 100, encoding: "utf8", channel: "workers" };
  assert.deepEqual(asked[0], ["channel.peek", params]);
});

test("help and usage say what can be shown", async () => {
  assert.match(await run("--help"), /polylog log read LOG\|peek LOG CHANNEL/);
  const wrong = [[], ["read"], ["peek", "orders"], ["read", "a", "b"], ["read", "a", "--offset=1", "--timestamp=1"]];
  for (const argv of wrong) await assert.rejects(run(...argv), { code: "options.USAGE" });
});
