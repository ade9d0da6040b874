// The main job, end to end, with clients nobody here wrote, and a crash in the middle.
//
// Two mqtt.js publishers send readings of ten topics with QoS 1 under sensors/#, captured to the log `telemetry`. Two
// nsqjs consumers work it off through one channel and requeue some. Half-way the server is killed with SIGKILL and
// started again on the same data. At the end:
//
//   1. every acknowledged message was finished at least once,
//   2. reading the log over JSON-RPC returns every acknowledged message,
//   3. in order per publisher, repeated only where the crash swallowed an acknowledgement and the client sent again,
//   4. an order sent with NSQ PUB reaches an MQTT subscriber of `orders`.
//
//   node examples/main-job.mjs [messages]

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "@polylog/testkit";
import mqtt from "mqtt";
import nsq from "nsqjs";

const messagesTotal = Number(process.argv[2] ?? 10_000);
const publishers = 2;
const topicsPerPublisher = 5;
const outstandingMax = 200;

const dataDir = mkdtempSync(join(tmpdir(), "polylog-main-job-"));
const flags = ["--capture", "telemetry=sensors/#", "--log-level=warn"];
let server = await startServer({ dataDir, flags });
const { mqtt: mqttAddress, nsqTcp, nsqHttp, http } = server.listeners;
const samePorts = [
  `--mqtt-listen=127.0.0.1:${mqttAddress.port}`,
  `--nsq-tcp-listen=127.0.0.1:${nsqTcp.port}`,
  `--nsq-http-listen=127.0.0.1:${nsqHttp.port}`,
  `--http-listen=127.0.0.1:${http.port}`,
];

/** "publisher:sequence" of every message whose PUBACK arrived. */
const acknowledged = new Set();
/** Sent and not acknowledged at the moment of the crash: only these may be in the log twice. */
let unacknowledgedAtCrash = new Set();
const finished = new Set();
let deliveries = 0;
let requeues = 0;

// --- publishers ----------------------------------------------------------------------------------------------------

const sent = new Set();

async function publish(publisher, count) {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttAddress.port}`, {
    clientId: `publisher-${publisher}`,
    clean: false,
    reconnectPeriod: 100,
  });
  client.on("error", () => undefined); // It reconnects by itself and sends again what was not acknowledged.
  const outstanding = new Set();
  for (let sequence = 0; sequence < count; sequence++) {
    const key = `${publisher}:${sequence}`;
    const topic = `sensors/${publisher}/${sequence % topicsPerPublisher}`;
    sent.add(key);
    const done = client.publishAsync(topic, JSON.stringify({ publisher, sequence }), { qos: 1 }).then(() => {
      acknowledged.add(key);
      outstanding.delete(done);
    });
    outstanding.add(done);
    if (outstanding.size >= outstandingMax) await Promise.race(outstanding);
  }
  await Promise.all(outstanding);
  await client.endAsync();
}

// --- consumers -----------------------------------------------------------------------------------------------------

function consume() {
  const reader = new nsq.Reader("telemetry", "workers", {
    nsqdTCPAddresses: [`127.0.0.1:${nsqTcp.port}`],
    maxInFlight: 200,
    maxAttempts: 0, // Never give up on a message.
    lookupdPollInterval: 1, // Also how often, in seconds, it tries to connect again.
  });
  reader.on("error", () => undefined);
  reader.on("message", (message) => {
    deliveries++;
    const { publisher, sequence } = message.json();
    if (message.attempts === 1 && sequence % 97 === 0) {
      requeues++;
      message.requeue(50, false);
      return;
    }
    message.finish();
    finished.add(`${publisher}:${sequence}`);
  });
  reader.connect();
  return reader;
}

// --- the run -------------------------------------------------------------------------------------------------------

async function until(what, condition, withinMs = 120_000) {
  const deadlineMs = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadlineMs)
      throw new Error(`${what} did not happen within ${withinMs / 1000} s\n${server.output()}`);
    await sleep(10);
  }
}

async function crashAndRestart() {
  await until("half of the acknowledgements", () => acknowledged.size >= messagesTotal / 2);
  await server.kill();
  unacknowledgedAtCrash = new Set([...sent].filter((key) => !acknowledged.has(key)));
  console.log(`killed with SIGKILL: ${acknowledged.size} acknowledged, ${unacknowledgedAtCrash.size} on their way`);
  server = await startServer({ dataDir, flags: [...flags, ...samePorts] });
  console.log("started again on the same data");
}

async function readLog() {
  const records = [];
  for (let offset = 0; ; ) {
    const response = await fetch(`http://127.0.0.1:${http.port}/rpc`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "consume",
        params: { log: "telemetry", partition: 0, offset, maxRecords: 5000, encoding: "json" },
      }),
    });
    const { result, error } = await response.json();
    assert.equal(error, undefined);
    if (result.records.length === 0) return records;
    records.push(...result.records);
    offset = records.at(-1).offset + 1;
  }
}

function checkLog(records) {
  const seen = new Set();
  const lastSequence = new Array(publishers).fill(-1);
  let repeated = 0;
  for (const [index, { offset, topic, value }] of records.entries()) {
    assert.equal(offset, index, "offsets have no gap");
    const key = `${value.publisher}:${value.sequence}`;
    assert.equal(topic, `sensors/${value.publisher}/${value.sequence % topicsPerPublisher}`);
    if (seen.has(key)) {
      assert.ok(unacknowledgedAtCrash.has(key), `${key} is repeated although it was acknowledged before the crash`);
      repeated++;
      continue;
    }
    assert.ok(value.sequence > lastSequence[value.publisher], `${key} is out of order`);
    lastSequence[value.publisher] = value.sequence;
    seen.add(key);
  }
  for (const key of acknowledged) assert.ok(seen.has(key), `${key} was acknowledged and is not in the log`);
  return repeated;
}

async function checkOrderReachesSubscriber() {
  const subscriber = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttAddress.port}`);
  await subscriber.subscribeAsync("orders", { qos: 1 });
  const arrived = once(subscriber, "message");
  const writer = new nsq.Writer("127.0.0.1", nsqTcp.port);
  writer.connect();
  await once(writer, "ready");
  writer.publish("orders", "one coffee");
  const [topic, payload] = await arrived;
  assert.equal(`${topic}: ${payload}`, "orders: one coffee");
  writer.close();
  await subscriber.endAsync();
}

try {
  const consumers = [consume(), consume()];
  const publishing = Array.from({ length: publishers }, (_, publisher) =>
    publish(publisher, messagesTotal / publishers),
  );
  await crashAndRestart();
  await Promise.all(publishing);
  assert.equal(acknowledged.size, messagesTotal);
  await until("finishing every message", () => finished.size >= messagesTotal);
  console.log(`finished all ${finished.size} messages: ${deliveries} deliveries, ${requeues} requeued`);
  for (const consumer of consumers) consumer.close();

  const records = await readLog();
  const repeated = checkLog(records);
  console.log(`the log has all ${acknowledged.size} acknowledged messages in order; ${repeated} were sent twice`);

  await checkOrderReachesSubscriber();
  console.log("an NSQ PUB to orders reached the MQTT subscriber of orders");
  assert.equal(await server.stop(), 0);
  console.log("main job done");
} finally {
  await server.kill();
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(0); // nsqjs keeps timers of its own.
