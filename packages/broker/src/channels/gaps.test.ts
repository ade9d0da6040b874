/** Offsets without a record: what compaction and repair leave, and what retention removes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { type Chunk, type Partition, RecordCursor } from "@polylog/log";
import fc from "fast-check";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import { ChannelConsumer } from "./channel-consumer.ts";
import { ChannelFeed } from "./channel-feed.ts";
import { ConsumerRotation } from "./consumer-rotation.ts";
import { DeliveryLoop } from "./delivery-loop.ts";
import { pageSize } from "./unfinished-page.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

const far = 2 ** 40;

test("finishes a gap of any size at once", () => {
  const window = new UnfinishedWindow(0);
  window.skipTo(far);
  assert.deepEqual([window.floor, window.cursor], [far, far]);
  window.deliverFresh(1, 0, 100);
  window.skipTo(2 * far);
  assert.deepEqual([window.floor, window.cursor], [far, 2 * far]);
  window.deliverFresh(1, 0, 100);
  window.finish(far, 1);
  assert.equal(window.floor, 2 * far);
  window.finish(2 * far, 1);
  assert.equal(window.floor, 2 * far + 1);
});

test("drops what waits below the low watermark, not what is in flight", () => {
  const window = new UnfinishedWindow(0);
  for (let i = 0; i < 5; i++) window.deliverFresh(1, 0, 100);
  window.requeue(1, 1, undefined);
  window.requeue(2, 1, 50);
  window.finish(3, 1);
  assert.equal(window.dropBelow(3), 2);
  assert.deepEqual([window.floor, window.readyCount, window.deferredCount, window.inFlightCount], [0, 0, 0, 2]);
  assert.equal(window.nextReady(), -1);
  assert.equal(window.finish(0, 1), "done");
  assert.equal(window.floor, 4);
  assert.equal(window.dropBelow(9), 4);
  assert.deepEqual([window.floor, window.cursor], [4, 9]);
  window.requeue(4, 1, undefined);
  assert.equal(window.dropBelow(9), 1);
  assert.deepEqual([window.floor, window.readyCount], [9, 0]);
});

test("leaves dead records to whoever buries them", () => {
  const window = new UnfinishedWindow(0);
  window.setAttemptsMax(1);
  window.deliverFresh(1, 0, 100);
  window.requeue(0, 1, undefined);
  assert.equal(window.dropBelow(5), 5 - 1);
  assert.deepEqual([window.deadCount, window.nextDead(), window.floor], [1, 0, 0]);
  window.bury(0);
  assert.equal(window.floor, 5);
});

/** As the window, with a set of numbers. */
class PlainWindow {
  readonly unfinished = new Map<number, "inFlight" | "waiting">();
  cursor = 0;

  get floor(): number {
    return Math.min(this.cursor, ...this.unfinished.keys());
  }
}

test("agrees with a plain model over deliveries, gaps and drops", () => {
  const action = fc.record({ do: fc.constantFrom("deliver", "skip", "drop", "finish", "requeue"), by: fc.nat(900) });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const window = new UnfinishedWindow(0);
      const plain = new PlainWindow();
      const inFlight = (by: number): number | undefined => {
        const offsets = [...plain.unfinished].filter(([, state]) => state === "inFlight").map(([offset]) => offset);
        return offsets[by % Math.max(1, offsets.length)];
      };
      for (const { do: what, by } of actions) {
        if (what === "deliver") {
          for (let i = by % 20; i >= 0; i--) {
            window.deliverFresh(1, 0, 100);
            plain.unfinished.set(plain.cursor++, "inFlight");
          }
        } else if (what === "skip") {
          plain.cursor += by;
          window.skipTo(plain.cursor);
        } else if (what === "drop") {
          const low = plain.floor + by;
          const lost = [...plain.unfinished].filter(([offset, state]) => offset < low && state === "waiting");
          assert.equal(window.dropBelow(low), lost.length + Math.max(0, low - plain.cursor));
          for (const [offset] of lost) plain.unfinished.delete(offset);
          plain.cursor = Math.max(plain.cursor, low);
        } else {
          const offset = inFlight(by);
          if (offset === undefined) continue;
          if (what === "finish") window.finish(offset, 1);
          else window.requeue(offset, 1, undefined);
          if (what === "finish") plain.unfinished.delete(offset);
          else plain.unfinished.set(offset, "waiting");
        }
        const waiting = [...plain.unfinished.values()].filter((state) => state === "waiting").length;
        assert.deepEqual(
          [window.cursor, window.floor, window.readyCount, window.inFlightCount],
          [plain.cursor, plain.floor, waiting, plain.unfinished.size - waiting],
        );
      }
    }),
    { numRuns: 2000 },
  );
});

interface SparseChunk extends Chunk {
  readonly offsets: readonly number[];
}

/** Stands on offsets that a test names, instead of reading batches. */
class SparseCursor extends RecordCursor {
  #left: readonly number[] = [];

  override reset(chunk: SparseChunk, offset: number): void {
    this.#left = chunk.offsets.filter((each) => each >= offset);
  }

  override next(): boolean {
    const [offset, ...left] = this.#left;
    this.#left = left;
    if (offset !== undefined) this.offset = offset;
    return offset !== undefined;
  }
}

/** One partition, whose chunks are `[offsetFirst, offsetNext, ...offsets of records]`, and one consumer. */
function sparseFeed(chunks: readonly (readonly [number, number, ...number[]])[], cached: boolean) {
  const all: SparseChunk[] = chunks.map(([offsetFirst, offsetNext, ...offsets]) => {
    return { bytes: Buffer.alloc(0), start: 0, end: 0, offsetFirst, offsetNext, offsets };
  });
  const at = (offset: number) => all.find((chunk) => chunk.offsetFirst <= offset && offset < chunk.offsetNext);
  const partition = {
    number: 0,
    lowWatermark: 0,
    highWatermark: all.at(-1)!.offsetNext,
    cachedChunk: (offset: number) => (cached ? at(offset) : undefined),
    borrowChunk: async (offset: number) => at(offset),
    giveBack: () => undefined,
  } as unknown as Partition;
  const neverExpires = { ttlMs: () => 0, toDeadLetters: () => false, onExpired: () => undefined };
  const feed = new ChannelFeed(partition, new ManualClock(), () => undefined);
  for (const reader of [feed.freshReader, feed.readyReader]) Object.assign(reader, { record: new SparseCursor() });
  const rotation = new ConsumerRotation();
  const sink = new RecordingConsumer();
  const consumer = new ChannelConsumer(1, sink, 1000, 5000);
  const loop = new DeliveryLoop([feed], rotation, new ManualClock(), neverExpires, (_feed, offset, error) =>
    assert.fail(`${offset}: ${error}`),
  );
  /** Delivers until the consumer has `readyCount` in flight or there is no more; returns what it got. */
  const deliver = async (readyCount: number): Promise<number[]> => {
    consumer.readyCount = readyCount;
    rotation.update(consumer);
    for (let turn = 0; turn < 20; turn++) {
      loop.deliver(0);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return sink.offsets.splice(0);
  };
  const finish = (...offsets: number[]): void => {
    for (const offset of offsets) assert.equal(feed.window.finish(offset, 1), "done");
    consumer.inFlightCount -= offsets.length;
  };
  return { feed, consumer, deliver, finish };
}

for (const cached of [true, false]) {
  test(`delivers what there is between gaps, ${cached ? "from memory" : "from files"}`, async () => {
    const { feed, consumer, deliver, finish } = sparseFeed(
      [
        [0, 4, 1, 2],
        [4, 8],
        [8, far],
        [far, far + 300, far + 5, far + 6, far + 299],
        [far + 300, far + 310],
      ],
      cached,
    );
    assert.equal(feed.depth, far + 310);
    assert.deepEqual(await deliver(2), [1, 2]);
    finish(1);
    assert.deepEqual(await deliver(2), [far + 5]);
    assert.equal(feed.depth, 304);
    feed.window.requeue(2, 1, undefined);
    consumer.inFlightCount--;
    const again = await deliver(3);
    assert.deepEqual([again.length, again.includes(2), again.includes(far + 6)], [2, true, true]);
    finish(2, far + 5);
    assert.deepEqual(await deliver(5), [far + 299]);
    assert.deepEqual([feed.depth, feed.window.floor], [0, far + 6]);
    finish(far + 6, far + 299);
    assert.equal(feed.window.floor, far + 310);
  });
}

test("finishes what was to be delivered again and is not there any more", async () => {
  const { feed, deliver } = sparseFeed([[0, 10, 4]], true);
  feed.window = new UnfinishedWindow(0, 4);
  for (const offset of [1, 3]) feed.window.restore(offset, 1, undefined);
  feed.window.restored();
  assert.equal(feed.depth, 8);
  assert.deepEqual(await deliver(5), [4]);
  assert.deepEqual([feed.depth, feed.window.floor, feed.window.cursor], [0, 4, 10]);
});

test("holds pages only for what is unfinished, however far apart", () => {
  const window = new UnfinishedWindow(0);
  for (let i = 0; i < 1000; i++) {
    window.deliverFresh(1, 0, 100);
    window.skipTo(window.cursor + 1_000_000 * pageSize);
  }
  for (let i = 999; i >= 0; i--) assert.equal(window.finish(i * (1_000_000 * pageSize + 1), 1), "done");
  assert.equal(window.floor, window.cursor);
});
