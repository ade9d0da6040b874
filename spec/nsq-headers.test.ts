/** What NSQ has no place for and a log has: keys and headers of messages published over NSQ's HTTP API. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer, temporaryDirectory } from "@polylog/testkit";

test("a key and headers given to /pub are read by consume", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(async () => void (await server.stop()));
  const { nsqHttp, http } = server.listeners;
  const headers = { "X-Polylog-Key": "order-7", "X-Polylog-Header-Trace": "abc", "X-Other": "no" };
  const publish = (query: string, given: Record<string, string>): Promise<Response> =>
    fetch(`http://127.0.0.1:${nsqHttp.port}/pub?topic=orders${query}`, { method: "POST", body: "one", headers: given });
  assert.equal(await (await publish("", headers)).text(), "OK");
  assert.equal(await (await publish("&defer=1", { "X-Polylog-Key": "order-8" })).text(), "OK");
  assert.equal(await (await publish("", {})).text(), "OK");
  const answer = await fetch(`http://127.0.0.1:${http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "consume",
      params: { log: "orders", from: "earliest", encoding: "utf8" },
    }),
  });
  const { result } = (await answer.json()) as {
    result: { records: { key: string | null; headers: unknown; value: string }[] };
  };
  const [first, second, third] = result.records;
  assert.deepEqual([first?.key, first?.value, JSON.stringify(first?.headers)], ["order-7", "one", '[["trace","abc"]]']);
  assert.deepEqual([second?.key, second?.value], ["order-8", "one"]);
  assert.deepEqual([third?.key, third?.headers], [null, []]);
});
