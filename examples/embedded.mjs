// A broker inside of this program, with rules of its own about who may come in and what they may do.
//
//   node examples/embedded.mjs

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  authenticate: ({ userName }) => ({ name: userName }),
  authorize: ({ name }, action, log) => action === "connect" || (name === "ada" && log === "orders"),
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

await create("orders", "ada");
await create("orders", "eve");
await server.stop();
rmSync(dataDir, { recursive: true });
console.log("the program goes on without its broker");
