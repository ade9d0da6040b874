import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttp } from "../testing/test-http.ts";
import { TestPeers } from "../testing/test-peers.ts";

const path = "/config/nsqlookupd_tcp_addresses";

test("changes the list of nsqlookupds and tells it", async (context) => {
  const { peers } = await TestPeers.start({});
  const { request } = await startHttp(context, { lookupds: peers });
  assert.equal((await request("GET", path)).body, "[]");
  const list = '["a:4160","[::1]:4160"]';
  const { status, body, headers } = await request("PUT", path, list);
  assert.deepEqual([status, body, headers["content-type"]], [200, list, "application/json; charset=utf-8"]);
  assert.equal((await request("GET", path)).body, list);
  assert.equal((await request("PUT", path, "[]")).body, "[]");
});

const refused: readonly (readonly [body: string, status: number])[] = [
  ["", 413],
  ["x".repeat(1_048_577), 413],
  ["a:4160", 400],
  ['"a:4160"', 400],
  ["[1]", 400],
  ['["nowhere"]', 400],
  [JSON.stringify(Array.from({ length: 1001 }, () => "a:1")), 400],
];

test("refuses what is no list of addresses", async (context) => {
  const { peers } = await TestPeers.start({});
  const { request } = await startHttp(context, { lookupds: peers });
  for (const [body, status] of refused) {
    const answer = await request("PUT", path, body);
    assert.deepEqual(
      [body.slice(0, 20), answer.status, answer.body],
      [body.slice(0, 20), status, '{"message":"INVALID_VALUE"}'],
    );
  }
});

test("has an empty list where there is nobody to change it", async (context) => {
  const { request } = await startHttp(context);
  assert.equal((await request("GET", path)).body, "[]");
  assert.equal((await request("PUT", path, "[]")).body, '{"message":"INVALID_OPTION"}');
});
