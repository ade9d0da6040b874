/** Real nsqds with our nsqlookupd, our nsqd with a real nsqlookupd, and consumers from npm that find both. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { type TestContext, test } from "node:test";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { eventually, get, post, startDaemon } from "./nsq-daemons.ts";
import { findTool, missingTools } from "./outside-tools.ts";

interface Consumer {
  on(event: "message", listener: (message: { body: Buffer; finish(): void }) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  connect(): void;
  close(): void;
}

interface Nsqjs {
  readonly Reader: new (topic: string, channel: string, options: object) => Consumer;
}

const { Reader } = createRequire(import.meta.url)("nsqjs") as Nsqjs; // It has no types.

async function startOurs(t: TestContext, ...flags: string[]): Promise<ServerProcess> {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => server.kill());
  return server;
}

interface Found {
  readonly channels: readonly string[];
  /** TCP ports of the nsqds. */
  readonly ports: readonly number[];
}

async function lookup(port: number, topic: string): Promise<Found> {
  const answer = JSON.parse((await get(port, `/lookup?topic=${topic}`)) ?? "{}") as {
    channels?: string[];
    producers?: { tcp_port: number }[];
  };
  const ports = (answer.producers ?? []).map((each) => each.tcp_port);
  return { channels: (answer.channels ?? []).toSorted(), ports: ports.toSorted((a, b) => a - b) };
}

/** Waits until the nsqlookupd knows exactly that of the topic. */
async function untilFound(port: number, topic: string, expected: Found): Promise<void> {
  let last: Found | undefined;
  const wanted = JSON.stringify({ ...expected, ports: expected.ports.toSorted((a, b) => a - b) });
  const isFound = async () => {
    last = await lookup(port, topic);
    return JSON.stringify(last) === wanted;
  };
  await eventually(isFound, () => `${JSON.stringify(last)} is not ${wanted}`);
}

/** What both kinds of nsqd do with both kinds of nsqlookupd. */
async function runThroughLife(nsqd: { tcpPort: number; httpPort: number }, lookupdPort: number): Promise<void> {
  const ports = [nsqd.tcpPort];
  await post(nsqd.httpPort, "/topic/create?topic=orders");
  await untilFound(lookupdPort, "orders", { channels: [], ports });
  await post(nsqd.httpPort, "/channel/create?topic=orders&channel=billing");
  await untilFound(lookupdPort, "orders", { channels: ["billing"], ports });

  // A channel that the nsqlookupd knows gets a new topic's messages from the first one on.
  await post(lookupdPort, "/channel/create?topic=planned&channel=archive");
  await post(lookupdPort, "/channel/create?topic=planned&channel=tail%23ephemeral");
  await post(nsqd.httpPort, "/pub?topic=planned", "first");
  const depth = async () => {
    const stats = JSON.parse((await get(nsqd.httpPort, "/stats?format=json&topic=planned"))!) as {
      topics: { channels: { channel_name: string; depth: number }[] }[];
    };
    return JSON.stringify(stats.topics[0]?.channels.map(({ channel_name: name, depth }) => [name, depth]));
  };
  await eventually(
    async () => (await depth()) === '[["archive",1]]',
    () => "the channel archive has no message",
  );
  await untilFound(lookupdPort, "planned", { channels: ["archive", "tail#ephemeral"], ports });

  await post(nsqd.httpPort, "/topic/delete?topic=orders");
  await untilFound(lookupdPort, "orders", { channels: ["billing"], ports: [] });
}

test("a real nsqd lives with our nsqlookupd", { skip: missingTools("nsqd"), timeout: 60_000 }, async (t) => {
  const ours = await startOurs(t, "--nsq-tcp-listen=off");
  const { lookupdTcp, lookupdHttp } = ours.listeners;
  const nsqd = await startDaemon(t, "nsqd", `-lookupd-tcp-address=127.0.0.1:${lookupdTcp.port}`);
  await eventually(async () => nsqd.output().includes("peer info"), nsqd.output);
  await runThroughLife(nsqd, lookupdHttp.port);
  await nsqd.kill();
  await untilFound(lookupdHttp.port, "planned", { channels: ["archive", "tail#ephemeral"], ports: [] });
});

test("our nsqd lives with a real nsqlookupd", { skip: missingTools("nsqlookupd"), timeout: 60_000 }, async (t) => {
  const lookupd = await startDaemon(t, "nsqlookupd");
  const ours = await startOurs(t, `--lookupd-tcp-address=127.0.0.1:${lookupd.tcpPort}`);
  const { nsqTcp, nsqHttp } = ours.listeners;
  const isThere = async () => (await get(lookupd.httpPort, "/nodes"))!.includes(`"tcp_port":${nsqTcp.port}`);
  await eventually(isThere, lookupd.output);
  await runThroughLife({ tcpPort: nsqTcp.port, httpPort: nsqHttp.port }, lookupd.httpPort);
  assert.equal(await ours.stop(), 0);
  await untilFound(lookupd.httpPort, "planned", { channels: ["archive", "tail#ephemeral"], ports: [] });
});

test("changes nsqlookupds while it runs", { skip: missingTools("nsqlookupd"), timeout: 60_000 }, async (t) => {
  const [first, second] = [await startDaemon(t, "nsqlookupd"), await startDaemon(t, "nsqlookupd")];
  const ours = await startOurs(t, `--lookupd-tcp-address=127.0.0.1:${first.tcpPort}`);
  const { nsqTcp, nsqHttp } = ours.listeners;
  const ports = [nsqTcp.port];
  await post(nsqHttp.port, "/topic/create?topic=orders");
  await untilFound(first.httpPort, "orders", { channels: [], ports });
  const list = JSON.stringify([`127.0.0.1:${second.tcpPort}`]);
  const url = `http://127.0.0.1:${nsqHttp.port}/config/nsqlookupd_tcp_addresses`;
  assert.equal(await (await fetch(url, { method: "PUT", body: list })).text(), list);
  await untilFound(second.httpPort, "orders", { channels: [], ports });
  await untilFound(first.httpPort, "orders", { channels: [], ports: [] });
});

test("nsq_tail finds our nsqd", { skip: missingTools("nsq_tail"), timeout: 60_000 }, async (t) => {
  const ours = await startOurs(t);
  const { nsqHttp, lookupdHttp } = ours.listeners;
  await post(nsqHttp.port, "/mpub?topic=orders", "one\ntwo");
  const flags = [`-lookupd-http-address=127.0.0.1:${lookupdHttp.port}`, "-topic=orders", "-channel=tail", "-n=2"];
  const child = spawn(findTool("nsq_tail")!, flags, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  await once(child, "close");
  assert.deepEqual(printed.trimEnd().split("\n").toSorted(), ["one", "two"]);
});

test("nsqjs finds our nsqd and a real one through our nsqlookupd", {
  skip: missingTools("nsqd"),
  timeout: 60_000,
}, async (t) => {
  const ours = await startOurs(t);
  const { nsqTcp, nsqHttp, lookupdTcp, lookupdHttp } = ours.listeners;
  const nsqd = await startDaemon(t, "nsqd", `-lookupd-tcp-address=127.0.0.1:${lookupdTcp.port}`);
  await post(nsqHttp.port, "/pub?topic=orders", "from polylog");
  await post(nsqd.httpPort, "/pub?topic=orders", "from nsqd");
  await untilFound(lookupdHttp.port, "orders", { channels: [], ports: [nsqTcp.port, nsqd.tcpPort] });
  const lookupdHTTPAddresses = [`127.0.0.1:${lookupdHttp.port}`];
  const reader = new Reader("orders", "workers", { lookupdHTTPAddresses, lookupdPollInterval: 1, maxInFlight: 10 });
  t.after(() => reader.close());
  const received: string[] = [];
  reader.on("error", (error) => assert.fail(error));
  reader.on("message", (message) => {
    received.push(message.body.toString());
    message.finish();
  });
  reader.connect();
  await eventually(
    async () => received.length >= 2,
    () => JSON.stringify(received),
  );
  assert.deepEqual(received.toSorted(), ["from nsqd", "from polylog"]);
});
