import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf, mpub, sized } from "../testing/frames.ts";
import { startHttp } from "../testing/test-http.ts";
import type { TestClient } from "../testing/test-nsqd.ts";
import { renderRfc3339 } from "./go-time.ts";

const latency = { count: 0, percentiles: null };
test("NSQ-2.3-1: begins on a fresh server as upstream's test wants it", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const { headers, body } = await request("GET", "/stats?format=json");
  const startTime = Math.floor(nsqd.nowMs / 1000);
  assert.ok(body.startsWith(`{"version":"1.3.0","health":"OK","start_time":${startTime},"topics":[],"memory":{`));
  assert.ok(body.endsWith('},"producers":null}'));
  assert.equal(headers["content-type"], "application/json; charset=utf-8");
});

/** A client as /stats shows it before it has done anything; `changes` are what it has done. */
function clientStats(client: TestClient, connectedAt: number, changes: Readonly<Record<string, unknown>>) {
  const initial = {
    client_id: "memory",
    hostname: "memory",
    version: "V2",
    remote_address: `memory:${client.stream.remotePort}`,
    state: 0,
    ready_count: 0,
    in_flight_count: 0,
    message_count: 0,
    finish_count: 0,
    requeue_count: 0,
    connect_ts: connectedAt,
    sample_rate: 0,
    deflate: false,
    snappy: false,
    user_agent: "",
    topology_zone: "",
    topology_region: "",
    pub_counts: undefined,
    tls: false,
    tls_cipher_suite: "",
    tls_version: "",
    tls_negotiated_protocol: "",
    tls_negotiated_protocol_is_mutual: false,
  };
  return { ...initial, ...changes };
}

test("NSQ-2.3-2: tells topics, channels, clients and producers in nsqd's shape", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const connectedAt = Math.floor(nsqd.nowMs / 1000);
  const consumer = nsqd.connect();
  const identity = { client_id: "c", hostname: "h", user_agent: "<u>", topology_zone: "z", topology_region: "r" };
  await consumer.exchange(sized("IDENTIFY", JSON.stringify(identity)), "SUB orders billing\nRDY 3\n");
  const producer = nsqd.connect();
  await producer.exchange(mpub("orders", ["12345", "678", "9", "0"]), sized("DPUB orders 9000", "later"));
  await consumer.exchange(`FIN ${idOf(0)}\nREQ ${idOf(1)} 5000\n`);
  const { body } = await request("GET", "/stats?format=json&include_mem=false");
  const counts = { ready_count: 3, in_flight_count: 2, message_count: 4, finish_count: 1, requeue_count: 1 };
  const channel = {
    channel_name: "billing",
    depth: 0,
    backend_depth: 0,
    in_flight_count: 2,
    deferred_count: 2,
    message_count: 5,
    requeue_count: 1,
    timeout_count: 0,
    client_count: 1,
    clients: [clientStats(consumer, connectedAt, { ...identity, state: 3, ...counts })],
    paused: false,
    e2e_processing_latency: latency,
  };
  const topic = {
    topic_name: "orders",
    channels: [channel],
    depth: 0,
    backend_depth: 0,
    message_count: 5,
    message_bytes: 15,
    paused: false,
    e2e_processing_latency: latency,
  };
  const published = clientStats(producer, connectedAt, { pub_counts: [{ topic: "orders", count: 5 }] });
  const whole = { version: "1.3.0", health: "OK", start_time: connectedAt, topics: [topic], producers: [published] };
  assert.equal(body, JSON.stringify(whole).replace("<u>", "\\u003cu\\u003e"));
});

test("NSQ-2.3-3: filters by topic and channel", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await nsqd.subscribe("beta", "second");
  await nsqd.subscribe("alpha", "first");
  await nsqd.subscribe("alpha", "second");
  const names = async (filter: string) => {
    const { body } = await request("GET", `/stats?format=json&include_mem=0&${filter}`);
    const { topics } = JSON.parse(body) as {
      topics: { topic_name: string; channels: { channel_name: string }[] }[] | null;
    };
    return topics?.map((each) => [each.topic_name, ...each.channels.map((channel) => channel.channel_name)]) ?? null;
  };
  assert.deepEqual(await names(""), [
    ["alpha", "first", "second"],
    ["beta", "second"],
  ]);
  assert.deepEqual(await names("topic=alpha"), [["alpha", "first", "second"]]);
  assert.deepEqual(await names("channel=second"), [
    ["alpha", "second"],
    ["beta", "second"],
  ]);
  assert.deepEqual(await names("topic=alpha&channel=first"), [["alpha", "first"]]);
  assert.deepEqual(await names("channel=unknown"), []);
  assert.equal(await names("topic=unknown"), null);
});

test("NSQ-2.3-4: leaves clients out when asked to", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await nsqd.subscribe("orders", "billing");
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const { body } = await request("GET", "/stats?format=json&include_clients=false");
  const stats = JSON.parse(body) as { producers: unknown; topics: { channels: Record<string, unknown>[] }[] };
  assert.equal(stats.producers, null);
  assert.deepEqual(
    [stats.topics[0]?.channels[0]?.["client_count"], stats.topics[0]?.channels[0]?.["clients"]],
    [1, null],
  );
});

test("counts publishes of the topic asked for", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const producer = nsqd.connect();
  for (const topic of ["a", "b", "a", "a"]) await producer.exchange(sized(`PUB ${topic}`, "x"));
  const counted = async (topic: string) => {
    const { body } = await request("GET", `/stats?format=json&topic=${topic}`);
    return (JSON.parse(body) as { producers: { pub_counts?: unknown }[] }).producers[0]?.pub_counts;
  };
  assert.deepEqual(await counted("a"), [{ topic: "a", count: 3 }]);
  assert.deepEqual(await counted("b"), [{ topic: "b", count: 1 }]);
});

test("NSQ-2.3-5: prints the text form line by line", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const startedAtMs = nsqd.nowMs;
  await nsqd.subscribe("orders", "billing", 5);
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  await nsqd.catalog.setPaused(nsqd.catalog.ensure("paused"), true);
  await nsqd.advance(62_500); // Time enough for both clients to be silent for too long.
  const { headers, body } = await request("GET", "/stats?include_mem=false");
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.deepEqual(body.split("\n"), [
    `nsqd v1.3.0 (built w/node${process.versions.node})`,
    `start_time ${renderRfc3339(startedAtMs)}`,
    "uptime 1m2.5s",
    "",
    "Health: OK",
    "",
    "Topics:",
    "   [orders         ] depth: 0     be-depth: 0     msgs: 1        e2e%: ",
    "      [billing                  ] depth: 1     be-depth: 1     inflt: 0    def: 0    re-q: 0     timeout: 1     msgs: 1        e2e%: ",
    "",
    "*P [paused         ] depth: 0     be-depth: 0     msgs: 0        e2e%: ",
    "",
    "Producers: None",
    "",
  ]);
});

test("prints clients and memory", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  const producer = nsqd.connect();
  await producer.exchange(sized("PUB orders", "a"));
  await nsqd.advance(2000);
  const { body } = await request("GET", "/stats");
  const id = (port: number) => `[V2 ${`memory:${port} `.padEnd(21)}]`;
  const counts = "state: 3 inflt: 1    rdy: 5    fin: 0        re-q: 0        msgs: 1        connected: 2s";
  assert.ok(body.includes(`\n        ${id(consumer.stream.remotePort)} ${counts}\n`));
  const published = `   ${id(producer.stream.remotePort)} msgs: 1        topics: orders=1 connected: 2s\n`;
  assert.ok(body.endsWith(`\n\nProducers:\n${published}`));
  assert.match(body, /\nHealth: OK\n\nMemory:\n {3}heap_objects {13}\t\d+\n {3}heap_idle_bytes {10}\t\d+\n/);
});
