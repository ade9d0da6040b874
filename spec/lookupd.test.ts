/** nsqlookupd in the process: what it knows of its own nsqd, and what two servers tell each other. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";

async function start(t: TestContext, dataDir: string, ...flags: string[]): Promise<ServerProcess> {
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  return server;
}

async function get(port: number, path: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).json();
}

async function post(port: number, path: string, body = ""): Promise<void> {
  assert.equal((await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body })).status, 200);
}

interface Found {
  readonly channels?: readonly string[];
  readonly producers?: readonly { readonly broadcast_address: string; readonly tcp_port: number }[];
}

async function lookup(server: ServerProcess, topic: string): Promise<[channels: string[], ports: number[]]> {
  const found = (await get(server.listeners.lookupdHttp.port, `/lookup?topic=${topic}`)) as Found;
  return [[...(found.channels ?? [])], (found.producers ?? []).map(({ tcp_port: port }) => port)];
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(`never: ${what}`);
}

test("tells of its own topics, also after kill -9", async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await start(t, dataDir);
  await post(first.listeners.nsqHttp.port, "/topic/create?topic=orders");
  await post(first.listeners.nsqHttp.port, "/channel/create?topic=orders&channel=billing");
  await post(first.listeners.nsqHttp.port, "/pub?topic=orders", "first"); // Only its OK says that the log is saved.
  assert.deepEqual(await lookup(first, "orders"), [["billing"], [first.listeners.nsqTcp.port]]);
  const { producers } = (await get(first.listeners.lookupdHttp.port, "/nodes")) as Found;
  assert.deepEqual(
    producers?.map((each) => each.broadcast_address),
    ["127.0.0.1"],
  );
  await first.kill();
  const second = await start(t, dataDir, "--broadcast-address=nsq1", "--broadcast-tcp-port=9");
  await until("the second knows it", async () => (await lookup(second, "orders"))[1].length > 0);
  assert.deepEqual(await lookup(second, "orders"), [["billing"], [9]]);
  const info = (await get(second.listeners.nsqHttp.port, "/info")) as { broadcast_address: string };
  assert.equal(info.broadcast_address, "nsq1");
});

test("registers with another server and takes its channels over", async (t) => {
  const there = await start(t, temporaryDirectory(t));
  const address = `127.0.0.1:${there.listeners.lookupdTcp.port}`;
  const here = await start(t, temporaryDirectory(t), "--lookupd-http-listen=off", `--lookupd-tcp-address=${address}`);
  const { nsqTcp, nsqHttp } = here.listeners;
  await until("registered", async () => {
    const { producers } = (await get(there.listeners.lookupdHttp.port, "/nodes")) as Found;
    return producers?.some((each) => each.tcp_port === nsqTcp.port) ?? false;
  });
  await post(there.listeners.nsqHttp.port, "/topic/create?topic=orders");
  await post(there.listeners.nsqHttp.port, "/channel/create?topic=orders&channel=billing");
  await post(nsqHttp.port, "/pub?topic=orders", "first");
  await until("the channel is there with the message", async () => {
    const stats = (await get(nsqHttp.port, "/stats?format=json")) as { topics: { channels: { depth: number }[] }[] };
    return stats.topics[0]?.channels[0]?.depth === 1;
  });
  const ports = [there.listeners.nsqTcp.port, nsqTcp.port];
  await until("both are told of", async () => (await lookup(there, "orders"))[1].length === 2);
  assert.deepEqual((await lookup(there, "orders"))[1].toSorted(), ports.toSorted());
  assert.equal(await here.stop(), 0);
  await until("it has gone", async () => (await lookup(there, "orders"))[1].length === 1);
});
