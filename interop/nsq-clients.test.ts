/** go-nsq and pynsq: every combination of upgrades, AUTH and discovery; misbehaving consumers; a server that is killed. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { outsideClients, runClient } from "./nsq-clients.ts";
import { channelStats, until } from "./nsq-programs.ts";
import { combinations, secret, startNsqServer } from "./nsq-servers.ts";

const messageCount = 40;

interface Consumed {
  readonly unique: number;
  readonly deliveries: number;
}

for (const { name, missing: skip, prepare } of outsideClients) {
  test(`${name} gets through every combination of upgrades`, { skip, timeout: 240_000 }, async (t) => {
    const command = prepare(t);
    if (command === undefined) return t.skip(`${name} could not be built`);
    for (const auth of [false, true]) {
      const server = await startNsqServer(t, { auth });
      for (const [index, each] of combinations.entries()) {
        await t.test(`${auth ? "AUTH" : "no AUTH"}, ${each.name}`, async (t) => {
          const topic = `topic-${index}`;
          const flags = [`--topic=${topic}`, `--count=${messageCount}`];
          if (each.tls) flags.push(`--tls=${server.authority}`);
          if (each.compression !== "none") flags.push(`--compress=${each.compression}`);
          if (auth) flags.push(`--secret=${secret}`);
          await runClient(t, command, "produce", `--nsqd=${server.tcp}`, ...flags);
          const source = each.lookupd ? `--lookupd=${server.lookupd}` : `--nsqd=${server.tcp}`;
          const printed = await runClient(t, command, "consume", source, "--channel=c", ...flags);
          assert.deepEqual(JSON.parse(printed), { unique: messageCount, deliveries: messageCount });
          const { message_count, depth, in_flight_count } = (await channelStats(server, topic, "c"))!;
          assert.deepEqual([message_count, depth, in_flight_count], [messageCount, 0, 0]);
        });
      }
    }
    return undefined;
  });

  test(`${name} requeues, touches and lets time out, and the counts agree`, { skip, timeout: 60_000 }, async (t) => {
    const command = prepare(t);
    if (command === undefined) return t.skip(`${name} could not be built`);
    const server = await startNsqServer(t);
    const flags = ["--topic=t", `--count=${messageCount}`, `--nsqd=${server.tcp}`];
    await runClient(t, command, "produce", ...flags);
    const printed = await runClient(t, command, "consume", "--misbehave", "--channel=c", ...flags);
    const { unique, deliveries } = JSON.parse(printed) as Consumed;
    assert.deepEqual([unique, deliveries], [messageCount, messageCount * 1.5]);
    const { message_count, depth, in_flight_count, requeue_count, timeout_count } = (await channelStats(
      server,
      "t",
      "c",
    ))!;
    assert.deepEqual([message_count, depth, in_flight_count], [messageCount, 0, 0]);
    assert.deepEqual([requeue_count, timeout_count], [messageCount / 4, messageCount / 4]);
    return undefined;
  });

  test(`${name} loses nothing when the server is killed`, { skip, timeout: 90_000 }, async (t) => {
    const command = prepare(t);
    if (command === undefined) return t.skip(`${name} could not be built`);
    const dataDir = temporaryDirectory(t);
    const first = await startServer({ dataDir });
    t.after(() => first.kill());
    const { nsqTcp, nsqHttp } = first.listeners;
    const http = `127.0.0.1:${nsqHttp.port}`;
    const flags = ["--topic=t", "--count=2000", `--nsqd=127.0.0.1:${nsqTcp.port}`];
    const [produced, consumed] = [
      runClient(t, command, "produce", ...flags),
      runClient(t, command, "consume", "--channel=c", ...flags),
    ];
    await until("messages", async () => ((await channelStats({ tcp: "", http }, "t", "c"))?.message_count ?? 0) > 100);
    await first.kill();
    await sleep(200);
    await restart(t, dataDir, nsqTcp.port, nsqHttp.port);
    await produced;
    const { unique, deliveries } = JSON.parse(await consumed) as Consumed;
    assert.equal(unique, 2000);
    assert.ok(deliveries >= 2000, `${deliveries}`);
    const { depth, in_flight_count } = (await channelStats({ tcp: "", http }, "t", "c"))!;
    assert.deepEqual([depth, in_flight_count], [0, 0]);
    return undefined;
  });
}

async function restart(t: TestContext, dataDir: string, tcpPort: number, httpPort: number): Promise<void> {
  const flags = [`--nsq-tcp-listen=127.0.0.1:${tcpPort}`, `--nsq-http-listen=127.0.0.1:${httpPort}`];
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
}
