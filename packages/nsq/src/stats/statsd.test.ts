import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { mpub, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";
import { cutPackets } from "./statsd.ts";

test("pushes nsqd's names, counters as what was added", async (t) => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  const statsd = { host: "127.0.0.1", port: socket.address().port, intervalMs: 1000, memory: false };
  const nsqd = await TestNsqd.start({ statsd, httpAddress: () => "127.0.0.1:4151" });
  const client = await nsqd.subscribe("orders", "billing", 1);
  await client.exchange(mpub("orders", ["one", "two"]));
  const push = async (): Promise<string> => {
    const received = once(socket, "message") as Promise<[Buffer]>;
    await nsqd.advance(1000);
    return (await received)[0].toString();
  };
  const name = "nsq.127_0_0_1_4151.topic.orders";
  const first = await push();
  assert.ok(first.startsWith(`${name}.message_count:2|c\n${name}.message_bytes:6|c\n${name}.depth:0|g\n`));
  await client.exchange(sized("PUB orders", "three"));
  const second = await push();
  assert.ok(second.startsWith(`${name}.message_count:1|c\n${name}.message_bytes:5|c\n`));
  assert.match(second, /topic\.orders\.channel\.billing\.in_flight_count:1\|g\n/);
  await nsqd.server.stop();
});

test("cuts packets between lines", () => {
  const packets = cutPackets(["aaaa", "bbbb", "cccccccccccc", "d"], 10);
  assert.deepEqual(packets.map(String), ["aaaa\nbbbb\n", "cccccccccccc\n", "d\n"]);
  assert.deepEqual(cutPackets([], 10), []);
});
