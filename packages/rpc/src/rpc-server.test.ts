import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type Clock, ManualClock, systemClock } from "@polylog/base/clock";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { startBrokerInMemory } from "@polylog/broker/testing";
import { settle } from "@polylog/testkit";
import { type ClientOptions, WebSocket } from "ws";
import { defaultRpcLimits, type RpcLimits } from "./limits.ts";
import { RpcServer } from "./rpc-server.ts";

interface Answer {
  readonly id: number | null;
  readonly result?: {
    readonly subscription?: number;
    readonly logs?: readonly { readonly log: string }[];
    readonly records?: readonly { readonly value: unknown }[];
  };
  readonly error?: { readonly code: number; readonly data: Record<string, unknown> };
}

/** A server on loopback with a log `orders`. */
async function serve(test: TestContext, limits: Partial<RpcLimits> = {}, clock: Clock = systemClock) {
  const broker = await startBrokerInMemory(systemClock);
  broker.catalog.create("orders");
  const metrics = new MetricRegistry();
  const origins = ["http://console.example"];
  const rpc = new RpcServer({ broker, clock, metrics, origins, limits: { ...defaultRpcLimits, ...limits } });
  const http = createServer((request, response) => rpc.handleRequest(request, response));
  http.on("upgrade", (request, socket, head) => rpc.handleUpgrade(request, socket, head));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  test.after(() => {
    http.close();
    http.closeAllConnections();
  });
  return { rpc, broker, metrics, port: (http.address() as AddressInfo).port };
}

const call = (method: string, params: object, id = 1): string => JSON.stringify({ jsonrpc: "2.0", id, method, params });

interface PostAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Sends a request; with `end` false its body never ends. */
async function send(
  port: number,
  body: string | Buffer,
  options: { method?: string; headers?: OutgoingHttpHeaders; end?: boolean } = {},
): Promise<PostAnswer> {
  const { method = "POST", headers = {}, end = true } = options;
  const request = httpRequest({
    port,
    method,
    headers: { "content-type": "application/json", ...headers },
    agent: false,
  });
  request.on("error", () => undefined);
  request.write(body);
  if (end) request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  request.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

async function connect(port: number, options: ClientOptions = {}, protocols: string[] = []): Promise<Client> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, protocols, options);
  const client = new Client(webSocket);
  await once(webSocket, "open");
  return client;
}

class Client {
  readonly webSocket: WebSocket;
  readonly #received: Record<string, unknown>[] = [];
  #wake: () => void = () => undefined;

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data) => {
      this.#received.push(JSON.parse(String(data)) as Record<string, unknown>);
      this.#wake();
    });
    webSocket.on("error", () => undefined);
  }

  send(method: string, params: object, id = 1): void {
    this.webSocket.send(call(method, params, id));
  }

  async next(): Promise<Record<string, unknown>> {
    while (this.#received.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#received.shift()!;
  }

  async answer(): Promise<Answer> {
    return (await this.next()) as unknown as Answer;
  }
}

test("answers a POST", async (t) => {
  const { port } = await serve(t);
  const { status, headers, text } = await send(port, call("log.list", {}));
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/json");
  assert.equal((JSON.parse(text) as Answer).result?.logs?.[0]?.log, "orders");
});

/** Values of which ten are an answer that leaves in many slices. */
const long = "v".repeat(100_000);

async function produceLong(port: number): Promise<void> {
  for (let i = 0; i < 10; i++)
    await send(port, call("produce", { log: "orders", encoding: "utf8", records: [{ value: `${i}${long}` }] }));
}

for (const encoding of ["base64", "utf8"]) {
  test(`a long answer in ${encoding} arrives whole by POST`, async (t) => {
    const { port } = await serve(t);
    await produceLong(port);
    const { text, headers } = await send(port, call("consume", { log: "orders", offset: 0, encoding }));
    assert.equal(Number(headers["content-length"]), text.length);
    const values = (JSON.parse(text) as Answer).result?.records?.map(({ value }) => String(value)) ?? [];
    const decoded = values.map((value) => Buffer.from(value, encoding as BufferEncoding).toString());
    assert.deepEqual(
      decoded,
      Array.from({ length: 10 }, (_, i) => `${i}${long}`),
    );
  });
}

test("what comes after a long answer waits for its end", async (t) => {
  const { port } = await serve(t);
  await produceLong(port);
  const client = await connect(port);
  client.send("consume", { log: "orders", offset: 0 }, 1);
  client.send("consume", { log: "orders", offset: 5 }, 2);
  client.send("log.list", {}, 3);
  const counts = new Map<unknown, number | undefined>();
  for (let i = 0; i < 3; i++) {
    const { id, result } = await client.answer();
    counts.set(id, result?.records?.length);
  }
  assert.deepEqual([...counts].sort(), [
    [1, 10],
    [2, 5],
    [3, undefined],
  ]);
  client.webSocket.terminate();
});

test("a long answer to a peer that went away ends", async (t) => {
  const { rpc, port } = await serve(t);
  await produceLong(port);
  const client = await connect(port);
  for (let id = 1; id <= 20; id++) client.send("consume", { log: "orders", offset: 0 }, id);
  await client.answer();
  client.webSocket.terminate();
  await rpc.stop({ deadlineMs: 5000 });
  assert.equal(rpc.connectionCount, 0);
});

test("a POST of notifications has no content", async (t) => {
  const { port, broker } = await serve(t);
  const produce = { jsonrpc: "2.0", method: "produce", params: { log: "orders", records: [{ value: "" }] } };
  assert.deepEqual(await send(port, JSON.stringify([produce, produce])).then(({ status, text }) => [status, text]), [
    204,
    "",
  ]);
  assert.equal(broker.catalog.require("orders").partitions[0]!.nextOffset, 2);
});

test("a POST cannot subscribe", async (t) => {
  const { port } = await serve(t);
  const { text } = await send(port, call("subscribe", { log: "orders", from: "latest" }));
  assert.equal((JSON.parse(text) as Answer).error?.data["code"], "rpc.WEBSOCKET_ONLY");
});

const json = call("log.list", {});
const refusals: readonly (readonly [
  why: string,
  status: number,
  body: string | Buffer,
  options?: Parameters<typeof send>[2],
])[] = [
  ["a GET", 405, "", { method: "GET" }],
  ["a PUT", 405, json, { method: "PUT" }],
  ["another content type", 415, json, { headers: { "content-type": "text/plain" } }],
  ["a compressed body", 415, json, { headers: { "content-encoding": "gzip" } }],
  ["a body that says it is too large", 413, "[", { headers: { "content-length": 2001 }, end: false }],
  [
    "a body that is too large",
    413,
    `[${" ".repeat(3000)}`,
    { headers: { "transfer-encoding": "chunked" }, end: false },
  ],
  ["a page from elsewhere", 403, json, { headers: { origin: "http://evil.example" } }],
  ["a page from nowhere", 403, json, { headers: { origin: "null" } }],
  ["what is not UTF-8", 200, Buffer.from([0x22, 0xff, 0x22])],
  ["what is not JSON", 200, "{"],
];

for (const [why, status, body, options] of refusals) {
  test(`refuses ${why} with ${status}`, async (t) => {
    const { port } = await serve(t, { requestSizeMax: 2000 });
    const answer = await send(port, body, options);
    assert.equal(answer.status, status, answer.text);
    const { id, error } = JSON.parse(answer.text) as Answer;
    assert.equal(id, null);
    assert.match(String(error?.data["code"]), /^rpc\./);
    assert.equal(answer.headers.allow, status === 405 ? "POST" : undefined);
  });
}

test("lets pages of its own and allowed origins in", async (t) => {
  const { port } = await serve(t);
  for (const origin of [`http://127.0.0.1:${port}`, "http://console.example"]) {
    const headers = { origin, host: `127.0.0.1:${port}` };
    assert.equal((await send(port, json, { headers })).status, 200);
  }
});

test("a body must arrive in time", async (t) => {
  const clock = new ManualClock();
  const { port } = await serve(t, {}, clock);
  const answer = send(port, "[", { headers: { "content-length": 100 }, end: false });
  while (clock.timersPending === 0) await settle(1);
  clock.advance(10_000);
  assert.equal((await answer).status, 408);
  assert.equal(clock.timersPending, 0);
});

test("refuses more POSTs than it can carry", async (t) => {
  const { port } = await serve(t, { postsMax: 1 });
  const waiting = send(port, call("consume", { log: "orders", from: "latest", waitMs: 60_000 }));
  const produce = call("produce", { log: "orders", records: [{ value: "" }] });
  let refused = await send(port, json);
  while (refused.status === 200) refused = await send(port, json);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["retry-after"], "1");
  const { webSocket } = await connect(port);
  webSocket.send(produce);
  assert.equal((await waiting).status, 200);
  webSocket.terminate();
});

test("produces, subscribes and consumes over a WebSocket", async (t) => {
  const { port, rpc, metrics } = await serve(t);
  const client = await connect(port, {}, ["jsonrpc", "other"]);
  assert.equal(client.webSocket.protocol, "jsonrpc");
  client.send("subscribe", { log: "orders", from: "earliest", encoding: "json" }, 1);
  assert.deepEqual((await client.answer()).result, { subscription: 1 });
  client.send("produce", { log: "orders", records: [{ value: { a: [1] } }], encoding: "json" }, 2);
  const both = [await client.next(), await client.next()];
  const notification = both.find((each) => "method" in each) as unknown as {
    params: { records: { value: unknown }[] };
  };
  assert.deepEqual(notification.params.records[0]?.value, { a: [1] });
  client.send("consume", { log: "orders", offset: 0, encoding: "utf8" }, 3);
  assert.equal((await client.answer()).result?.records?.[0]?.value, '{"a":[1]}');
  assert.deepEqual([rpc.connectionCount, rpc.subscriptionCount], [1, 1]);
  client.webSocket.close();
  await once(client.webSocket, "close");
  while (rpc.connectionCount > 0) await settle(1);
  assert.equal(rpc.subscriptionCount, 0);
  assert.match(renderPrometheus(metrics), /polylog_rpc_requests_total\{method="produce"\} 1/);
});

test("a client need not ask for the subprotocol", async (t) => {
  const { port } = await serve(t);
  const { webSocket } = await connect(port);
  assert.equal(webSocket.protocol, "");
  webSocket.terminate();
});

test("a consume that waits does not hold up others", async (t) => {
  const { port } = await serve(t);
  const client = await connect(port);
  client.send("consume", { log: "orders", from: "latest", waitMs: 60_000 }, 1);
  client.send("log.list", {}, 2);
  assert.equal((await client.answer()).id, 2);
  client.send("produce", { log: "orders", records: [{ value: "YQ==" }] }, 3);
  const ids = [(await client.answer()).id, (await client.answer()).id];
  assert.deepEqual(ids.sort(), [1, 3]);
  client.webSocket.terminate();
});

test("answers a binary frame with an error", async (t) => {
  const { port } = await serve(t);
  const client = await connect(port);
  client.webSocket.send(Buffer.from(json));
  assert.equal((await client.answer()).error?.code, -32600);
  client.webSocket.terminate();
});

test("closes on a message that is too large or no UTF-8", async (t) => {
  const { port } = await serve(t, { requestSizeMax: 1000 });
  const large = await connect(port);
  large.webSocket.send(" ".repeat(1001));
  assert.equal((await once(large.webSocket, "close"))[0], 1009);
  const broken = await connect(port);
  broken.webSocket.send(Buffer.from([0x22, 0xff]), { binary: false });
  assert.equal((await once(broken.webSocket, "close"))[0], 1007);
});

test("a client that does not read gets everything later", async (t) => {
  const { port, broker } = await serve(t);
  const client = await connect(port);
  client.send("subscribe", { log: "orders", from: "earliest", encoding: "utf8", credits: 1000 });
  await client.answer();
  client.webSocket.pause();
  const log = broker.catalog.require("orders");
  const value = Buffer.alloc(100_000, "x");
  for (let i = 0; i < 300; i++) {
    log.appendRecord(log.partitions[0]!, { value });
    if (i % 10 === 9) await settle(1);
  }
  client.webSocket.resume();
  let offsetNext = 0;
  while (offsetNext < 300) {
    const { params } = (await client.next()) as { params: { records: { offset: number }[] } };
    for (const { offset } of params.records) assert.equal(offset, offsetNext++);
  }
  client.webSocket.terminate();
});

test("refuses upgrades beyond the bound and from elsewhere", async (t) => {
  const { port } = await serve(t, { connectionsMax: 1 });
  const first = await connect(port);
  const statusOf = async (options: ClientOptions): Promise<number | undefined> => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, options);
    const [, response] = (await once(webSocket, "unexpected-response")) as [unknown, IncomingMessage];
    response.destroy();
    return response.statusCode;
  };
  assert.equal(await statusOf({}), 503);
  assert.equal(await statusOf({ origin: "http://evil.example" }), 403);
  first.webSocket.terminate();
});

test("cuts a peer that does not answer a ping", async (t) => {
  const clock = new ManualClock();
  const { port, rpc } = await serve(t, {}, clock);
  const dead = await connect(port, { autoPong: false });
  const alive = await connect(port);
  const pinged = Promise.all([once(dead.webSocket, "ping"), once(alive.webSocket, "ping")]);
  clock.advance(30_000);
  await pinged;
  // The pong is in as soon as what was sent after it has been answered.
  alive.send("log.list", {});
  while (alive.webSocket.bufferedAmount > 0) await settle(1);
  let answered = false;
  void alive.answer().then(() => {
    answered = true;
  });
  while (!answered) {
    clock.turn();
    await settle(1);
  }
  const closed = once(dead.webSocket, "close");
  clock.advance(30_000);
  await closed;
  assert.equal(rpc.connectionCount, 1);
  alive.webSocket.terminate();
});

test("stop answers what waits and closes", async (t) => {
  const { port, rpc } = await serve(t);
  const client = await connect(port);
  client.send("subscribe", { log: "orders", from: "latest" }, 1);
  await client.answer();
  client.send("consume", { log: "orders", from: "latest", waitMs: 60_000 }, 2);
  const post = send(port, call("consume", { log: "orders", from: "latest", waitMs: 60_000 }));
  client.send("log.list", {}, 3);
  await client.answer();
  const closed = once(client.webSocket, "close");
  const stopped = rpc.stop();
  assert.equal(rpc.stop(), stopped);
  assert.deepEqual((await client.next())["params"], { subscription: 1, reason: "stopping" });
  assert.deepEqual((await client.answer()).result, { records: [], highWatermark: 0 });
  assert.equal((await closed)[0], 1001);
  await stopped;
  assert.ok([200, 503].includes((await post).status));
  assert.equal((await send(port, json)).status, 503);
});

test("stop cuts a peer that does not close", async (t) => {
  const clock = new ManualClock();
  const { port, rpc } = await serve(t, {}, clock);
  const { webSocket } = await connect(port);
  webSocket.pause();
  const stopped = rpc.stop({ deadlineMs: 500 });
  clock.advance(500);
  await stopped;
  webSocket.terminate();
});
