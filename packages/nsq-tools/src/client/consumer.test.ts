import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "@polylog/base/telemetry";
import { Consumer, type MessageHandler } from "./consumer.ts";
import type { HttpClient } from "./http-request.ts";
import { idOf, memoryNetwork } from "./testing/memory-nsqd.ts";

const noHttp: HttpClient = () => Promise.reject(new Error("nobody there"));

async function subscribed(handler: MessageHandler, { concurrency = 1, options = {}, http = noHttp } = {}) {
  const network = memoryNetwork();
  Object.assign(network.options, { maxInFlight: 10 }, options);
  const context = { ...network, http, logger: silentLogger };
  const consumer = new Consumer({ topic: "orders", channel: "work", handler, concurrency }, context);
  const connecting = consumer.connect(["nsqd:4150"]);
  await Promise.resolve();
  const peer = network.peers[0]!;
  await peer.identify();
  await connecting;
  assert.equal(await peer.sent(), "SUB orders work\nRDY 10\n");
  await peer.answer("OK");
  return { ...network, consumer, peer };
}

test("finishes what the handler returns from", async () => {
  const bodies: string[] = [];
  const { peer } = await subscribed((message) => {
    bodies.push(`${message.body} ${message.attempts}`);
  });
  await peer.message(1);
  await peer.message(2, { attempts: 2 });
  assert.equal(await peer.sent(), `FIN ${idOf(1)}\nFIN ${idOf(2)}\n`);
  assert.deepEqual(bodies, ["m1 1", "m2 2"]);
});

test("requeues what the handler throws at, and backs off", async () => {
  const { peer, clock } = await subscribed(() => {
    throw new Error("no");
  });
  await peer.message(1, { attempts: 2 });
  assert.equal(await peer.sent(), `REQ ${idOf(1)} 180000\nRDY 0\n`);
  clock.advance(2000);
  assert.equal(await peer.sent(), "RDY 1\n");
});

test("lets a handler answer by itself, once", async () => {
  const { peer } = await subscribed((message) => {
    message.touch();
    message.requeue(250, { backoff: false });
    message.finish();
  });
  await peer.message(1);
  assert.equal(await peer.sent(), `TOUCH ${idOf(1)}\nREQ ${idOf(1)} 250\n`);
});

test("gives up after the last attempt", async () => {
  let handled = 0;
  const { peer } = await subscribed(
    () => {
      handled++;
    },
    { options: { maxAttempts: 3 } },
  );
  await peer.message(1, { attempts: 3 });
  await peer.message(2, { attempts: 4 });
  assert.equal(await peer.sent(), `FIN ${idOf(1)}\nFIN ${idOf(2)}\n`);
  assert.equal(handled, 1);
});

test("handles no more at a time than asked", async () => {
  let running = 0;
  let runningMax = 0;
  const release: (() => void)[] = [];
  const handler = () => {
    runningMax = Math.max(runningMax, ++running);
    return new Promise<void>((resolve) => release.push(resolve)).then(() => {
      running--;
    });
  };
  const { peer, consumer } = await subscribed(handler, { concurrency: 2 });
  for (let i = 1; i <= 9; i++) await peer.message(i);
  assert.equal(consumer.isStarved, true);
  for (let i = 0; i < 9; i++) {
    release[i]!();
    await peer.turns();
  }
  assert.equal(runningMax, 2);
  assert.equal((await peer.sent()).match(/FIN/g)?.length, 9);
  assert.equal(consumer.isStarved, false);
});

test("stops once everything in work is finished", async () => {
  let release: () => void = () => undefined;
  const { peer, consumer } = await subscribed(() => new Promise<void>((resolve) => (release = resolve)));
  await peer.message(1);
  let isStopped = false;
  const stopped = consumer.stop().then(() => {
    isStopped = true;
  });
  assert.equal(await peer.sent(), "CLS\n");
  await peer.answer("CLOSE_WAIT");
  assert.deepEqual([peer.stream.closed, isStopped], [false, false]);
  release();
  assert.equal(await peer.sent(), `FIN ${idOf(1)}\n`);
  await stopped;
  assert.equal(peer.stream.closed, true);
});

test("stops in the end though a handler hangs", async () => {
  const { peer, consumer, clock } = await subscribed(() => new Promise(() => undefined));
  await peer.message(1);
  const stopped = consumer.stop();
  await peer.turns();
  clock.advance(30_000);
  await stopped;
});

test("connects again after the poll interval", async () => {
  const { peer, peers, clock } = await subscribed(() => undefined);
  peer.stream.disconnect();
  await peer.turns();
  clock.advance(59_999);
  assert.equal(peers.length, 1);
  clock.advance(1);
  await peer.turns();
  await peers[1]!.identify();
  assert.equal(await peers[1]!.sent(), "SUB orders work\nRDY 10\n");
});

test("finds nsqds through nsqlookupd, again and again", async () => {
  const asked: string[] = [];
  const ports = [4150];
  const http: HttpClient = async ({ url }) => {
    asked.push(url);
    if (url.startsWith("http://down")) throw new Error("down");
    const producers = ports.map((port) => ({ broadcast_address: "a", tcp_port: port, http_port: 1 }));
    return { status: 200, body: Buffer.from(JSON.stringify({ channels: [], producers })) };
  };
  const network = memoryNetwork();
  const context = { ...network, http, logger: silentLogger };
  const consumer = new Consumer({ topic: "orders", channel: "work", handler: () => undefined }, context);
  const discovering = consumer.discover(["down:4161", "up:4161"]);
  while (network.peers.length < 1) await Promise.resolve();
  await network.peers[0]!.identify();
  await discovering;
  assert.deepEqual(asked, ["http://down:4161/lookup?topic=orders", "http://up:4161/lookup?topic=orders"]);
  ports.push(4160);
  network.clock.advance(30_000);
  await network.peers[0]!.answer("_heartbeat_");
  network.clock.advance(30_000);
  await network.peers[0]!.turns();
  assert.deepEqual(network.addresses, ["a:4150", "a:4160"]);
});

test("refuses names that are none", () => {
  const context = { ...memoryNetwork(), http: noHttp, logger: silentLogger };
  const request = { topic: "a b", channel: "work", handler: () => undefined };
  assert.throws(() => new Consumer(request, context), { code: "nsq-tools.NAME_INVALID" });
});
