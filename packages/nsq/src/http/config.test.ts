import assert from "node:assert/strict";
import { test } from "node:test";
import { LogThreshold } from "@polylog/base/telemetry";
import { startHttp } from "../testing/test-http.ts";

const shown: readonly (readonly [option: string, body: string, type: string])[] = [
  ["max_msg_size", "1048576", "application/json; charset=utf-8"],
  ["msg_timeout", "60000000000", "application/json; charset=utf-8"],
  ["snappy", "true", "application/json; charset=utf-8"],
  ["auth_http_addresses", "[]", "application/json; charset=utf-8"],
  ["topology_zone", "a", "text/plain; charset=utf-8"],
  ["log_level", "2", "application/json; charset=utf-8"],
  ["tls_required", "0", "application/json; charset=utf-8"],
];

for (const [option, body, type] of shown) {
  test(`shows the option ${option}`, async (t) => {
    const { request } = await startHttp(t, { topologyZone: "a" });
    const answer = await request("GET", `/config/${option}`);
    assert.deepEqual([answer.status, answer.body, answer.headers["content-type"]], [200, body, type]);
  });
}

const refused: readonly (readonly [method: string, path: string, body: string, status: number, code: string])[] = [
  ["GET", "/config/node_id", "", 400, "INVALID_OPTION"],
  ["GET", "/config/toString", "", 400, "INVALID_OPTION"],
  ["GET", "/config/a/b", "", 404, "NOT_FOUND"],
  ["GET", "/config/", "", 404, "NOT_FOUND"],
  ["PUT", "/config/max_msg_size", "1", 400, "INVALID_OPTION"],
  ["PUT", "/config/log_level", "", 413, "INVALID_VALUE"],
  ["PUT", "/config/log_level", "loud", 400, "INVALID_VALUE"],
  ["PUT", "/config/log_level", "x".repeat(1_048_577), 413, "INVALID_VALUE"],
  ["POST", "/debug/freememory", "", 500, "INTERNAL_ERROR"],
  ["PUT", "/debug/setblockrate?rate=1", "", 500, "INTERNAL_ERROR"],
  ["GET", "/debug/pprof/heap", "", 404, "NOT_FOUND"],
];

for (const [method, path, body, status, code] of refused) {
  test(`answers ${method} ${path} with ${body.length} bytes as ${code}`, async (t) => {
    const { request } = await startHttp(t);
    const answer = await request(method, path, body === "" ? undefined : body);
    assert.deepEqual([answer.status, answer.body], [status, JSON.stringify({ message: code })]);
  });
}

test("NSQ-2.2-6: sets the level of the server's log", async (t) => {
  const threshold = new LogThreshold("warn");
  const { request } = await startHttp(t, { threshold });
  assert.equal((await request("GET", "/config/log_level")).body, "3");
  assert.equal((await request("PUT", "/config/log_level", "FATAL")).body, "5");
  assert.equal((await request("GET", "/config/log_level")).body, "5");
  assert.equal(threshold.level, "fatal");
  for (const value of ["1", "debug\n", "toString"])
    assert.equal((await request("PUT", "/config/log_level", value)).status, 400);
  assert.equal(threshold.level, "fatal");
});

test("remembers the log level where the log cannot be changed", async (t) => {
  const { request } = await startHttp(t);
  assert.equal((await request("PUT", "/config/log_level", "error")).body, "4");
  assert.equal((await request("GET", "/config/log_level")).body, "4");
});

test("refuses a block rate that is no number", async (t) => {
  const { request } = await startHttp(t);
  const answer = await request("PUT", "/debug/setblockrate?rate=x");
  assert.deepEqual(
    [answer.status, answer.body],
    [400, 'invalid block rate : strconv.Atoi: parsing "x": invalid syntax'],
  );
});

test("refuses to change what access does not allow", async (t) => {
  const allows = (_: unknown, action: string, resource: string) => !(action === "manage" && resource === "$nsq");
  const { request } = await startHttp(t, { broker: { access: { allows } } });
  const { status, body } = await request("PUT", "/config/log_level", "fatal");
  assert.deepEqual([status, body], [403, '{"message":"FORBIDDEN"}']);
  assert.equal((await request("GET", "/config/log_level")).body, "2");
});
