// A broker inside of this program, with rules of its own about who may come in, what they may do, and which messages it takes.
//
//   node examples/embedded.mjs

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { createServer } from "polylog";

const dataDir = mkdtempSync(join(tmpdir(), "polylog-embedded-"));
const server = createServer({
  dataDir,
  mqttListen: "127.0.0.1:0",
  httpListen: "127.0.0.1:0",
  nsqTcpListen: "off",
  nsqHttpListen: "off",
  lookupdTcpListen: "off",
  lookupdHttpListen: "off",
  diskReserveSize: 0,
  authenticate: ({ userName, clientId }) => ({ name: userName, clientId }),
  authorize: ({ name }, action, resource) =>
    action === "connect" || action === "publish" || action === "subscribe" || (name === "ada" && resource === "orders"),
  onPublish: ({ route, payload, payloadStart, payloadEnd }, { name }) => {
    const isNumber = payloadEnd > payloadStart && Number.isFinite(Number(payload.subarray(payloadStart, payloadEnd)));
    if (!isNumber) console.log(`${name} on ${route.topic}: not a number, dropped`);
    return isNumber;
  },
  onSubscribe: (filter) => filter !== "#",
});
await server.start();

async function create(log, userName) {
  const { host, port } = server.listeners.http;
  const response = await fetch(`http://${host}:${port}/rpc`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Basic ${Buffer.from(`${userName}:-`).toString("base64")}`,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "log.create", params: { log } }),
  });
  const { error } = await response.json();
  console.log(`${userName} creates ${log}: ${error === undefined ? "done" : error.message}`);
}

async function measure() {
  const { host, port } = server.listeners.mqtt;
  const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, { username: "ada", password: "-" });
  const everything = await client.subscribeAsync("#").catch(() => "refused");
  console.log(`ada subscribes to everything: ${everything}`);
  await client.subscribeAsync("rooms/+", { qos: 1 });
  const arrived = new Promise((resolve) =>
    client.once("message", (topic, payload) => resolve(`${payload} on ${topic}`)),
  );
  await client.publishAsync("rooms/1", "warm", { qos: 1 });
  await client.publishAsync("rooms/1", "21.5", { qos: 1 });
  console.log(`arrived: ${await arrived}`);
  await client.endAsync();
}

await create("orders", "ada");
await create("orders", "eve");
await measure();
await server.stop();
rmSync(dataDir, { recursive: true });
console.log("the program goes on without its broker");
