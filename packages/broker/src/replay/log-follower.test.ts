import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { LogFollower } from "./log-follower.ts";

async function start(count: number, partitions = 1) {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("l", { partitions });
  const append = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++)
      log.appendRecord(log.partitions[i % partitions]!, { value: Buffer.from(String(i)) });
    await memory.run();
  };
  await append(0, count);
  let wakes = 0;
  const follow = (positions: readonly (number | undefined)[], wants = (_text: string): boolean => true): LogFollower =>
    new LogFollower({
      log,
      clock: memory.clock,
      positions,
      wants: ({ bytes, valueStart, valueEnd }) => wants(bytes.toString("utf8", valueStart, valueEnd)),
      onMore: () => wakes++,
      onUnreadable: () => assert.fail("nothing is damaged"),
    });
  return { memory, log, append, follow, wakes: () => wakes };
}

/** Takes everything there is now. */
function drain(follower: LogFollower): string[] {
  const texts: string[] = [];
  for (let outcome = follower.find(); outcome !== "none"; outcome = follower.find()) {
    if (outcome === "searching") continue;
    const { bytes, valueStart, valueEnd } = follower.record;
    texts.push(bytes.toString("utf8", valueStart, valueEnd));
    follower.shift();
  }
  return texts;
}

test("reads from its position and then what comes", async () => {
  const { append, follow, wakes } = await start(3);
  const follower = follow([1]);
  assert.deepEqual(drain(follower), ["1", "2"]);
  await append(3, 5);
  assert.ok(wakes() > 0);
  assert.deepEqual([drain(follower), follower.positions], [["3", "4"], [5]]);
});

test("stands on a record until it is shifted", async () => {
  const follower = (await start(2)).follow([0]);
  assert.deepEqual([follower.find(), follower.find(), follower.record.offset], ["there", "there", 0]);
  assert.equal(follower.takeMoved(), false);
  follower.shift();
  assert.deepEqual([follower.takeMoved(), follower.takeMoved()], [true, false]);
});

test("gives up for a turn when it finds nothing for long", async () => {
  const follower = (await start(3000)).follow([0], (text) => text === "2999");
  assert.deepEqual([follower.find(), follower.find(), follower.find()], ["searching", "searching", "there"]);
});

test("reads partitions in turns, and only those with a position", async () => {
  const { follow } = await start(100, 2);
  const texts = drain(follow([0, 0]));
  assert.equal(new Set(texts).size, 100);
  assert.ok(texts.slice(0, 32).some((text) => Number(text) % 2 === 1));
  assert.equal(drain(follow([undefined, 40])).length, 10);
});

test("hears nothing after it is closed", async () => {
  const { append, follow, wakes } = await start(1);
  const follower = follow([1]);
  follower.close();
  await append(1, 2);
  assert.equal(wakes(), 0);
});
