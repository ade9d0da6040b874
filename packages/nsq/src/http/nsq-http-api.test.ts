import assert from "node:assert/strict";
import { connect } from "node:net";
import { hostname } from "node:os";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { serverCertificate } from "@polylog/testkit";
import { startHttp } from "../testing/test-http.ts";

const version = "nsq; version=1.0";
const json = "application/json; charset=utf-8";

test("answers /ping without naming the API's version", async (context) => {
  const { request } = await startHttp(context);
  const { status, headers, body } = await request("GET", "/ping");
  assert.deepEqual([status, body, headers["content-type"]], [200, "OK", "text/plain; charset=utf-8"]);
  assert.equal(headers["x-nsq-content-type"], undefined);
});

test("NSQ-2.2-1: answers /ping with why records are refused", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await request("POST", "/pub?topic=orders", "a");
  nsqd.memory.storage.failAt("write", 1);
  assert.equal((await request("POST", "/pub?topic=orders", "b")).status, 503);
  const { status, body } = await request("GET", "/ping");
  assert.equal(status, 500);
  assert.match(body, /^NOK - partition 0 of log orders is read-only/);
});

test("NSQ-2.2-2: answers /info with its limits and ports", async (context) => {
  const { nsqd, port, request } = await startHttp(context, { tcpPort: () => 4150 });
  const { headers, body } = await request("GET", "/info");
  assert.deepEqual([headers["content-type"], headers["x-nsq-content-type"]], [json, version]);
  const info = {
    version: "1.3.0",
    broadcast_address: hostname(),
    hostname: hostname(),
    http_port: port,
    tcp_port: 4150,
    start_time: Math.floor(nsqd.nowMs / 1000),
    max_heartbeat_interval: 60_000_000_000,
    max_output_buffer_size: 65_536,
    max_output_buffer_timeout: 30_000_000_000,
    max_deflate_level: 6,
    topology_zone: "",
    topology_region: "",
  };
  assert.equal(body, JSON.stringify(info));
});

const redirects: readonly (readonly [method: string, path: string, status: number, location: string])[] = [
  ["GET", "/ping/", 301, "/ping"],
  ["GET", "/PING", 301, "/ping"],
  ["GET", "//ping", 301, "/ping"],
  ["GET", "/a/../ping?x=1&y=2", 301, "/ping?x=1&y=2"],
  ["POST", "/Pub?topic=x", 307, "/pub?topic=x"],
  ["POST", "/topic/create/", 307, "/topic/create"],
];

for (const [method, path, status, location] of redirects) {
  test(`redirects ${method} ${path}`, async (context) => {
    const { request } = await startHttp(context);
    const answer = await request(method, path);
    assert.deepEqual([answer.status, answer.headers.location], [status, location]);
    const page = `<a href="${location.replace("&", "&amp;")}">Moved Permanently</a>.\n\n`;
    assert.equal(answer.body, method === "GET" ? page : "");
  });
}

const refused: readonly (readonly [method: string, path: string, status: number, code: string, allow?: string])[] = [
  ["GET", "/", 404, "NOT_FOUND"],
  ["GET", "/nope", 404, "NOT_FOUND"],
  ["OPTIONS", "/nope", 404, "NOT_FOUND"],
  ["GET", "/PUB", 404, "NOT_FOUND"],
  ["GET", "/put?topic=x", 404, "NOT_FOUND"],
  ["POST", "/ping", 405, "METHOD_NOT_ALLOWED", "GET, OPTIONS"],
  ["GET", "/pub", 405, "METHOD_NOT_ALLOWED", "OPTIONS, POST"],
  ["DELETE", "/pub", 405, "METHOD_NOT_ALLOWED", "OPTIONS, POST"],
];

for (const [method, path, status, code, allow] of refused) {
  test(`refuses ${method} ${path}`, async (context) => {
    const { nsqd, request } = await startHttp(context);
    const answer = await request(method, path);
    assert.deepEqual([answer.status, answer.body], [status, JSON.stringify({ message: code })]);
    assert.deepEqual([answer.headers["content-type"], answer.headers["x-nsq-content-type"]], [json, version]);
    assert.equal(answer.headers.allow, allow);
    assert.equal(nsqd.metric("polylog_nsq_http_errors_total"), 1);
  });
}

test("NSQ-2.1-3: refuses HEAD without a body", async (context) => {
  const { request } = await startHttp(context);
  const { status, headers, body } = await request("HEAD", "/ping");
  assert.deepEqual([status, headers.allow, body], [405, "GET, OPTIONS", ""]);
});

test("NSQ-2.1-2: tells the methods of a path", async (context) => {
  const { request } = await startHttp(context);
  const { status, headers, body } = await request("OPTIONS", "/pub");
  assert.deepEqual([status, headers.allow, body], [200, "OPTIONS, POST", ""]);
  assert.equal(headers["x-nsq-content-type"], undefined);
});

test("understands percent escapes in the path", async (context) => {
  const { request } = await startHttp(context);
  assert.equal((await request("GET", "/p%69ng")).body, "OK");
  assert.equal((await request("GET", "/%zz")).status, 400);
});

test("answers 500 to what it did not expect and says so", async (context) => {
  const { nsqd, request } = await startHttp(context);
  Object.defineProperty(nsqd.catalog, "get", {
    value: () => {
      throw new Error("unexpected");
    },
  });
  const { status, body } = await request("POST", "/topic/delete?topic=x");
  assert.deepEqual([status, body], [500, '{"message":"INTERNAL_ERROR"}']);
  assert.equal(nsqd.logger.at("error").length, 1);
});

test("gives a body that does not come a deadline", async (context) => {
  const { nsqd, port } = await startHttp(context);
  const socket = connect(port, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  socket.write("POST /pub?topic=orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  while (nsqd.metric("polylog_nsq_http_requests_total") === 0) await nsqd.run();
  await nsqd.run();
  await nsqd.advance(60_000);
  while (received.length === 0) await nsqd.run();
  assert.match(Buffer.concat(received).toString(), /^HTTP\/1.1 408 .*\{"message":"REQUEST_TIMEOUT"\}$/s);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await nsqd.advance(60_000);
  await closed;
  assert.equal(nsqd.catalog.size, 0);
});

test("forgets a request whose peer has gone", async (context) => {
  const { nsqd, port } = await startHttp(context);
  const timersBefore = nsqd.memory.clock.timersPending;
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /pub?topic=orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  while (nsqd.metric("polylog_nsq_http_requests_total") === 0) await nsqd.run();
  socket.destroy();
  while (nsqd.memory.clock.timersPending > timersBefore) await nsqd.run();
  await nsqd.advance(120_000);
  assert.equal(nsqd.catalog.size, 0);
  assert.equal(nsqd.logger.lines.length, 0);
});

test("NSQ-2.1-1: refuses everything without TLS where it is required", async (t) => {
  const context = createSecureContext(serverCertificate);
  const { request } = await startHttp(t, {
    tls: { context: () => context, clientAuth: "none", required: "true" },
    httpsPort: () => 4152,
  });
  const answer = await request("GET", "/ping");
  assert.deepEqual([answer.status, answer.body], [403, '{"message": "TLS_REQUIRED", "https_port": 4152}']);
});
