import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../clock/index.ts";
import { type ByteStream, OutputQueue, TurnFlusher } from "./index.ts";

/** Only what the queue uses of a stream. */
function recordingStream() {
  const writes: Buffer[] = [];
  const stream = {
    writableLength: 0,
    write: (bytes: Buffer) => writes.push(bytes) > 0,
    cork: () => undefined,
    uncork: () => undefined,
  } as unknown as ByteStream;
  return { stream, writes };
}

function queueOnManualClock() {
  const clock = new ManualClock();
  const { stream, writes } = recordingStream();
  return { clock, writes, queue: new OutputQueue(stream, new TurnFlusher(clock)) };
}

for (const copiesWritten of [true, false]) {
  test(`${copiesWritten ? "uses" : "does not use"} memory again that a stream ${copiesWritten ? "copied" : "may hold"}`, () => {
    const clock = new ManualClock();
    const { stream, writes } = recordingStream();
    Object.assign(stream, { copiesWritten });
    const queue = new OutputQueue(stream, new TurnFlusher(clock));
    const memory: ArrayBufferLike[] = [];
    for (let turn = 0; turn < 2; turn++) {
      const buffer = queue.reserve(65_536);
      memory.push(buffer.buffer);
      queue.commit(65_536);
      clock.turn();
    }
    assert.equal(writes.length, 2);
    assert.equal(memory[0] === memory[1], copiesWritten);
  });
}

test("keeps memory that a stream has not sent yet", () => {
  const clock = new ManualClock();
  const { stream } = recordingStream();
  Object.assign(stream, { copiesWritten: true, writableLength: 1 });
  const queue = new OutputQueue(stream, new TurnFlusher(clock));
  const first = queue.reserve(65_536);
  queue.commit(65_536);
  clock.turn();
  assert.notEqual(queue.reserve(65_536), first);
});

test("writes once per turn", () => {
  const { clock, writes, queue } = queueOnManualClock();
  queue.push(Buffer.from("ab"), 0, 2);
  queue.push(Buffer.from("cd"), 0, 2);
  assert.equal(writes.length, 0);
  clock.turn();
  assert.deepEqual(writes.map(String), ["abcd"]);
});

test("lends a run of neighbouring slices without a copy", () => {
  const { clock, writes, queue } = queueOnManualClock();
  const chunk = Buffer.from("0123456789");
  queue.push(chunk, 2, 4);
  queue.push(chunk, 4, 8);
  clock.turn();
  assert.equal(String(writes[0]), "234567");
  assert.equal(writes[0]!.buffer, chunk.buffer);
});

test("keeps the order of lent and reserved bytes", () => {
  const { clock, writes, queue } = queueOnManualClock();
  queue.reserve(2).write("ab", queue.reservedStart);
  queue.commit(2);
  queue.push(Buffer.from("--"), 0, 2);
  queue.reserve(2).write("cd", queue.reservedStart);
  queue.commit(2);
  clock.turn();
  assert.equal(Buffer.concat(writes).toString(), "ab--cd");
});

test("does not change bytes of an earlier turn when reserving again", () => {
  const { clock, writes, queue } = queueOnManualClock();
  queue.reserve(1).write("a", queue.reservedStart);
  queue.commit(1);
  clock.turn();
  queue.reserve(1).write("b", queue.reservedStart);
  queue.commit(1);
  clock.turn();
  assert.deepEqual(writes.map(String), ["a", "b"]);
});

test("writes large ranges one by one", () => {
  const { clock, writes, queue } = queueOnManualClock();
  queue.push(Buffer.alloc(10_000, "a"), 0, 10_000);
  queue.push(Buffer.alloc(10_000, "b"), 0, 10_000);
  clock.turn();
  assert.deepEqual(
    writes.map((each) => each.length),
    [10_000, 10_000],
  );
});

test("drops what is queued once closed", () => {
  const { clock, writes, queue } = queueOnManualClock();
  queue.push(Buffer.from("a"), 0, 1);
  queue.close();
  queue.push(Buffer.from("b"), 0, 1);
  clock.turn();
  assert.equal(writes.length, 0);
});
