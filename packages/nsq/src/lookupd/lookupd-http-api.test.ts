import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLookupd } from "../testing/test-lookupd.ts";

const version = "nsq; version=1.0";
const json = "application/json; charset=utf-8";

const names = ["topic", "channel"];
const refused: readonly (readonly [method: string, path: string, status: number, code: string])[] = [
  ["GET", "/channels", 400, "MISSING_ARG_TOPIC"],
  ["GET", "/lookup", 400, "MISSING_ARG_TOPIC"],
  ["GET", "/lookup?topic=unknown", 404, "TOPIC_NOT_FOUND"],
  ["GET", "/lookup?topic=", 404, "TOPIC_NOT_FOUND"],
  ["GET", "/lookup?topic=%zz", 400, "INVALID_REQUEST"],
  ["POST", "/topic/create", 400, "MISSING_ARG_TOPIC"],
  ["POST", "/topic/create?topic=a$", 400, "INVALID_ARG_TOPIC"],
  ["POST", "/topic/delete", 400, "MISSING_ARG_TOPIC"],
  ["POST", "/topic/tombstone?node=a:1", 400, "MISSING_ARG_TOPIC"],
  ["POST", "/topic/tombstone?topic=a", 400, "MISSING_ARG_NODE"],
  ...["create", "delete"].flatMap((action) => [
    ...names.map((_, at) => {
      const given = names.slice(0, at).map((each) => `${each}=a`);
      const missing = `MISSING_ARG_${names[at]!.toUpperCase()}`;
      return ["POST", `/channel/${action}?${given.join("&")}`, 400, missing] as const;
    }),
    ["POST", `/channel/${action}?topic=a$`, 400, "INVALID_ARG_TOPIC"] as const,
    ["POST", `/channel/${action}?topic=a&channel=`, 400, "INVALID_ARG_CHANNEL"] as const,
  ]),
  ["POST", "/channel/delete?topic=t&channel=unknown", 404, "CHANNEL_NOT_FOUND"],
  ["GET", "/nothing", 404, "NOT_FOUND"],
  ["GET", "/topic/create?topic=a", 405, "METHOD_NOT_ALLOWED"],
  ["HEAD", "/ping", 405, ""],
];

test("refuses with nsqlookupd's codes", async (context) => {
  const lookupd = new TestLookupd();
  lookupd.server.registry.createTopic("t");
  const request = await lookupd.startHttp(context);
  for (const [method, path, status, code] of refused) {
    const answer = await request(method, path);
    const body = code === "" ? "" : JSON.stringify({ message: code });
    assert.deepEqual([path, answer.status, answer.body], [path, status, body]);
    assert.equal(answer.headers["x-nsq-content-type"], version);
  }
  assert.equal(lookupd.metric("polylog_lookupd_http_errors_total"), refused.length);
});

const empty: readonly (readonly [path: string, body: string])[] = [
  ["/info", '{"version":"1.3.0"}'],
  ["/topics", '{"topics":[]}'],
  ["/topics?%zz", '{"topics":[]}'],
  ["/channels?topic=unknown", '{"channels":[]}'],
  ["/nodes", '{"producers":[]}'],
  ["/debug", "{}"],
];

test("answers with empty lists when it knows nothing", async (context) => {
  const request = await new TestLookupd().startHttp(context);
  for (const [path, body] of empty) {
    const answer = await request("GET", path);
    assert.deepEqual([answer.status, answer.body, answer.headers["content-type"]], [200, body, json]);
  }
  const ping = await request("GET", "/ping");
  assert.deepEqual([ping.status, ping.body, ping.headers["x-nsq-content-type"]], [200, "OK", undefined]);
  assert.equal((await request("GET", "/Topics/")).headers.location, "/topics");
});

test("changes what it knows and answers with nothing", async (context) => {
  const lookupd = new TestLookupd();
  const { registry } = lookupd.server;
  const request = await lookupd.startHttp(context);
  const post = async (path: string) => {
    const { status, body, headers } = await request("POST", path);
    assert.deepEqual([status, body, headers["content-type"]], [200, "", undefined]);
  };
  await post("/topic/create?topic=t");
  await post("/channel/create?topic=u&channel=c");
  await post("/channel/create?topic=u&channel=d");
  assert.deepEqual(
    [registry.topics(), registry.channels("u")],
    [
      ["t", "u"],
      ["c", "d"],
    ],
  );
  assert.equal((await request("GET", "/lookup?topic=u")).body, '{"channels":["c","d"],"producers":[]}');
  await post("/channel/delete?topic=u&channel=c");
  await post("/topic/delete?topic=t");
  await post("/topic/delete?topic=no%20name");
  assert.deepEqual([registry.topics(), registry.channels("u")], [["u"], ["d"]]);
});

test("tells of nsqds with nsqlookupd's keys in their order", async (context) => {
  const lookupd = new TestLookupd();
  const { remotePort } = lookupd.node("a", "t c", "u");
  const request = await lookupd.startHttp(context);
  const remote = `memory:${remotePort}`;
  const producer =
    `"remote_address":"${remote}","hostname":"a.local","broadcast_address":"a","tcp_port":4150,` +
    '"http_port":4151,"version":"1.3.0"';
  const topology = '"topology_zone":"z","topology_region":"r"';
  const found = `{"channels":["c"],"producers":[{${producer},${topology}}]}`;
  assert.equal((await request("GET", "/lookup?topic=t")).body, found);
  const node = `{${producer},"tombstones":[false,false],"topics":["t","u"],${topology}}`;
  assert.equal((await request("GET", "/nodes")).body, `{"producers":[${node}]}`);
  const nowNs = `${lookupd.clock.nowMs()}000000`;
  const entry = (tombstone: string) =>
    '[{"broadcast_address":"a","hostname":"a.local","http_port":4151,' +
    `"id":"${remote}","last_update":${nowNs},"tcp_port":4150,${tombstone},"topology_region":"r",` +
    '"topology_zone":"z","version":"1.3.0"}]';
  const alive = entry('"tombstoned":false,"tombstoned_at":-6795364578871345152');
  const dead = entry(`"tombstoned":true,"tombstoned_at":${nowNs}`);
  await request("POST", "/topic/tombstone?topic=t&node=a:4151");
  const debug = `{"channel:t:c":${alive},"client::":${alive},"topic:t:":${dead},"topic:u:":${alive}}`;
  assert.equal((await request("GET", "/debug")).body, debug);
  assert.equal((await request("GET", "/lookup?topic=t")).body, '{"channels":["c"],"producers":[]}');
  assert.match((await request("GET", "/nodes")).body, /"tombstones":\[true,false\]/);
});

test("keeps an nsqd that sends PING", async (context) => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a", "t");
  const request = await lookupd.startHttp(context);
  lookupd.clock.advance(200_000);
  assert.deepEqual(lookupd.exchange(stream, "PING\n"), ["OK"]);
  lookupd.clock.advance(200_000);
  assert.match((await request("GET", "/nodes")).body, /"broadcast_address":"a"/);
  lookupd.clock.advance(100_001);
  assert.equal((await request("GET", "/nodes")).body, '{"producers":[]}');
});
