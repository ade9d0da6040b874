/** Expiry and deferral while the wall clock jumps; the server's clock is `SteadyClock`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, SteadyClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import { startBrokerInMemory } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

const hourMs = 3_600_000;

for (const [name, jumpMs] of [
  ["a year forwards", 365 * 24 * hourMs],
  ["an hour back", -hourMs],
] as const)
  test(`neither expires nor delays messages when the clock jumps ${name} for a while`, async () => {
    const manual = new ManualClock();
    const clock = new SteadyClock(manual);
    const broker = await startBrokerInMemory(clock);
    const run = async (ms = 0) => {
      manual.advance(ms);
      for (let i = 0; i < 6; i++) {
        manual.turn();
        await settle(2);
      }
    };
    const log = broker.catalog.create("orders", { ttlMs: hourMs });
    await run();
    const opening = broker.catalog.ensureChannel(log, "workers");
    await run();
    const channel = await opening;
    const [partition] = log.partitions;
    const produce = (value: string, deferMs = 0) => {
      const notBeforeMs = deferMs === 0 ? {} : { notBeforeMs: clock.nowMs() + deferMs };
      return log.appendRecord(partition!, { value: Buffer.from(value), ...notBeforeMs });
    };
    produce("before");
    produce("deferred before", 10_000);
    await run();
    manual.jumpWallClock(jumpMs);
    produce("during");
    produce("deferred during", 10_000);
    const sink = new RecordingConsumer();
    const consumer = channel.addConsumer(sink, hourMs, hourMs);
    channel.setReady(consumer, 10);
    await run();
    assert.deepEqual(sink.offsets, [0, 2]);
    await run(9_000);
    assert.deepEqual(sink.offsets, [0, 2]);
    await run(1_000);
    assert.deepEqual(sink.offsets, [0, 2, 1, 3]);
    manual.jumpWallClock(-jumpMs);
    await run();
    assert.equal(await partition!.offsetAt(clock.nowMs() + 1), 4);
    produce("after");
    produce("deferred after", 10_000);
    await run(10_000);
    assert.deepEqual(sink.offsets.slice(4), [4, 5]);
  });
