/** Our NSQ tools against NSQ's nsqd and against Polylog, and NSQ's tools against Polylog. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { temporaryDirectory } from "@polylog/testkit";
import {
  channelStats,
  type NsqPeer,
  runOurs,
  runTheirs,
  serveHttp,
  startNsqd,
  startPolylog,
  until,
} from "./nsq-programs.ts";
import { missingTools } from "./outside-tools.ts";

const timeout = 60_000;
const count = 500;
const lines = Array.from({ length: count }, (_, i) => `line ${i}`);
const input = `${lines.join("\n")}\n`;

type Start = (t: TestContext) => Promise<NsqPeer>;
const targets: readonly { name: string; start: Start; skip: string | false }[] = [
  { name: "nsqd", start: startNsqd, skip: missingTools("nsqd") },
  { name: "Polylog", start: startPolylog, skip: false },
];

/** Makes the channel, so that it gets what is published before its consumer is there. */
async function createChannel({ http }: NsqPeer, topic: string, channel: string): Promise<void> {
  const post = (path: string) => fetch(`http://${http}${path}`, { method: "POST" });
  assert.equal((await post(`/topic/create?topic=${topic}`)).status, 200);
  assert.equal((await post(`/channel/create?topic=${topic}&channel=${channel}`)).status, 200);
}

async function publish(t: TestContext, { tcp }: NsqPeer, topic: string, text = input): Promise<void> {
  const tool = runOurs(t, "to_nsq", ["-topic", topic, `--nsqd-tcp-address=${tcp}`], text);
  assert.equal(await tool.exited, 0, tool.stderr());
}

async function untilFinished(peer: NsqPeer, topic: string, channel: string, messages = count): Promise<void> {
  await until(`${channel} to be worked off`, async () => {
    const stats = await channelStats(peer, topic, channel);
    return stats?.depth === 0 && stats.in_flight_count === 0 && stats.message_count === messages;
  });
}

const sorted = (text: string) => text.trimEnd().split("\n").sort();

for (const { name, start, skip } of targets) {
  test(`tails ${name}, compressed or not, and stops cleanly`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    for (const options of [[], ["snappy"], ["deflate"]]) {
      const topic = `tail_${options[0] ?? "plain"}`;
      await createChannel(peer, topic, "c");
      const opts = (flag: string) => options.map((each) => `--${flag}=${each}`);
      const tail = runOurs(t, "nsq_tail", [
        "-topic",
        topic,
        "-channel=c",
        "-nsqd-tcp-address",
        peer.tcp,
        ...opts("consumer-opt"),
      ]);
      const flags = ["-topic", topic, "-nsqd-tcp-address", peer.tcp, ...opts("producer-opt")];
      assert.equal(await runOurs(t, "to_nsq", flags, input.trimEnd()).exited, 0);
      await untilFinished(peer, topic, "c");
      assert.equal(await tail.stop(), 0, tail.stderr());
      assert.deepEqual(sorted(tail.stdout()), [...lines].sort());
    }
  });

  test(`shows n messages of ${name} and ends`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    await createChannel(peer, "t", "c");
    await publish(t, peer, "t");
    const tail = runOurs(t, "nsq_tail", [
      "-topic=t",
      "-channel=c",
      "-n=3",
      "-print-topic",
      `-nsqd-tcp-address=${peer.tcp}`,
    ]);
    assert.equal(await tail.exited, 0, tail.stderr());
    assert.match(tail.stdout(), /^(t \| line \d+\n){3}$/);
  });

  test(`archives what ${name} delivers, compressed and rotated`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    const folder = temporaryDirectory(t);
    await createChannel(peer, "t", "nsq_to_file");
    await createChannel(peer, "t", "zipped");
    const common = ["-topic=t", `-nsqd-tcp-address=${peer.tcp}`, "-sync-interval=200ms"];
    const plain = runOurs(t, "nsq_to_file", [...common, `-output-dir=${folder}/plain`]);
    const zippedFlags = [
      "-channel=zipped",
      "-gzip",
      "-rotate-size=1000",
      `-work-dir=${folder}/work`,
      `-output-dir=${folder}/zipped`,
    ];
    const zipped = runOurs(t, "nsq_to_file", [...common, ...zippedFlags]);
    await publish(t, peer, "t");
    await untilFinished(peer, "t", "nsq_to_file");
    await untilFinished(peer, "t", "zipped");
    assert.equal(await plain.stop(), 0, plain.stderr());
    assert.equal(await zipped.stop(), 0, zipped.stderr());
    const read = (part: string) =>
      readdirSync(join(folder, part)).map((file) => readFileSync(join(folder, part, file)));
    assert.deepEqual(sorted(Buffer.concat(read("plain")).toString()), [...lines].sort());
    const members = read("zipped");
    assert.ok(members.length > 1);
    assert.deepEqual(sorted(members.map((each) => gunzipSync(each).toString()).join("")), [...lines].sort());
    assert.deepEqual(read("work"), []);
  });

  test(`hands ${name}'s messages to HTTP`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    await createChannel(peer, "t", "nsq_to_http");
    await createChannel(peer, "t", "get");
    const bodies: string[] = [];
    const queries: string[] = [];
    const url = await serveHttp(t, (request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        if (request.method === "POST")
          bodies.push(`${request.headers["user-agent"]} ${request.headers["x-a"]} ${body}`);
        else queries.push(new URL(request.url!, "http://host").searchParams.get("q") ?? "");
        response.end();
      });
    });
    const common = ["-topic=t", `-nsqd-tcp-address=${peer.tcp}`];
    const post = runOurs(t, "nsq_to_http", [...common, `-post=${url}/a`, "-header=X-A: b"]);
    const get = runOurs(t, "nsq_to_http", [...common, "-channel=get", `-get=${url}/?q=%s`]);
    await publish(t, peer, "t");
    await untilFinished(peer, "t", "nsq_to_http");
    await untilFinished(peer, "t", "get");
    assert.equal(await post.stop(), 0, post.stderr());
    assert.equal(await get.stop(), 0, get.stderr());
    assert.deepEqual(bodies.sort(), lines.map((each) => `nsq_to_http v1.3.0 b ${each}`).sort());
    assert.deepEqual(queries.sort(), [...lines].sort());
    assert.match(post.stderr(), /\[aggregate\]: finished 500 - 99th: [\d.]+ms - 95th: [\d.]+ms - avg: [\d.]+ms/);
  });

  test(`prints rates and counts of ${name}`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    await createChannel(peer, "t", "c");
    await publish(t, peer, "t");
    const flags = ["-topic=t", "-channel=c", `-nsqd-http-address=${peer.http}`, "-interval=100ms", "-count=2"];
    const stat = runOurs(t, "nsq_stat", flags);
    assert.equal(await stat.exited, 0, stat.stderr());
    const row = " {6}0 {7}0 \\| {5}500 +\\d+ +\\d+ {5}0 {5}0 \\| {7}0 {7}0 {10}500 {7}0\n";
    assert.match(stat.stdout(), new RegExp(`^-.*\ningress  egress .* clients\n${row}${row}$`));
    const missing = runOurs(t, "nsq_stat", flags.with(1, "-channel=other"));
    assert.equal(await missing.exited, 1);
    assert.match(missing.stderr(), /ERROR: failed to find channel\(other\) in stats metadata for topic\(t\)/);
  });

  test(`finds ${name} through nsqlookupd`, { skip, timeout }, async (t) => {
    const peer = await start(t);
    await createChannel(peer, "t", "c");
    await publish(t, peer, "t");
    const [host, port] = peer.tcp.split(":");
    const lookupd = await serveHttp(t, (request, response) => {
      const known = request.url === "/lookup?topic=t";
      const producers = known ? [{ broadcast_address: host, tcp_port: Number(port), http_port: 1 }] : [];
      response.end(JSON.stringify({ channels: [], producers }));
    });
    const tail = runOurs(t, "nsq_tail", ["-topic=t", "-channel=c", `-lookupd-http-address=${lookupd.slice(7)}`]);
    await untilFinished(peer, "t", "c");
    assert.equal(await tail.stop(), 0, tail.stderr());
    assert.deepEqual(sorted(tail.stdout()), [...lines].sort());
  });
}

for (const [from, to] of [targets, [...targets].reverse()]) {
  const skip = from!.skip || to!.skip;
  test(`carries messages from ${from!.name} to ${to!.name}`, { skip, timeout }, async (t) => {
    const [source, destination] = [await from!.start(t), await to!.start(t)];
    await createChannel(source, "t", "nsq_to_nsq");
    await createChannel(destination, "u", "c");
    const flags = ["-topic=t", `-nsqd-tcp-address=${source.tcp}`, `-destination-nsqd-tcp-address=${destination.tcp}`];
    const filter = ["-destination-topic=u", "-require-json-field=keep", "-whitelist-json-field=n"];
    const carrier = runOurs(t, "nsq_to_nsq", [...flags, ...filter]);
    const objects = lines.map((_, n) => JSON.stringify(n % 2 === 0 ? { n, keep: true, more: "x" } : { n }));
    await publish(t, source, "t", objects.join("\n"));
    await untilFinished(source, "t", "nsq_to_nsq");
    assert.equal(await carrier.stop(), 0, carrier.stderr());
    const tail = runOurs(t, "nsq_tail", ["-topic=u", "-channel=c", `-nsqd-tcp-address=${destination.tcp}`]);
    await untilFinished(destination, "u", "c", count / 2);
    assert.equal(await tail.stop(), 0, tail.stderr());
    const kept = lines.map((_, n) => `{"n":${n}}`).filter((_, n) => n % 2 === 0);
    assert.deepEqual(sorted(tail.stdout()), kept.sort());
  });
}

test("serves NSQ's own to_nsq and nsq_tail", { skip: missingTools("to_nsq", "nsq_tail"), timeout }, async (t) => {
  const peer = await startPolylog(t);
  await createChannel(peer, "t", "c");
  const address = `-nsqd-tcp-address=${peer.tcp}`;
  const theirs = runTheirs(t, "to_nsq", ["-topic=t", address], input);
  assert.equal(await theirs.exited, 0, theirs.stderr());
  const tail = runTheirs(t, "nsq_tail", ["-topic=t", "-channel=c", address]);
  await untilFinished(peer, "t", "c");
  assert.equal(await tail.stop(), 0, tail.stderr());
  assert.deepEqual(sorted(tail.stdout()), [...lines].sort());
});
