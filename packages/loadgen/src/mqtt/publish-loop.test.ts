import assert from "node:assert/strict";
import { test } from "node:test";
import { decodePublish, FrameReader, PublishView, type QoS } from "@polylog/mqtt-wire";
import { StampReader, stampStates } from "../measure/stamp.ts";
import { ArrivalBoard } from "./arrival-board.ts";
import { PublishLoop } from "./publish-loop.ts";
import { planOfShape } from "./shape-plan.ts";
import { connack, manualLink } from "./testing/manual-link.ts";

const terms = { runTag: 7, wallOffsetNs: 1_795_000_000_000_000_000n };
const ms = 1e6;
const noBoard = undefined as ArrivalBoard | undefined;

function loopWith({ qos = 0 as QoS, rate = 100, publishers = 2, inflightMax = 10, board = noBoard }) {
  const manual = manualLink();
  const load = { qos, retain: false, rate, stages: [], clientPrefix: "b", baseTopic: "t" };
  const size = { publishers, subscribers: publishers, topics: publishers };
  const payload = { size: 64, filling: new Uint8Array(8) };
  const plan = planOfShape("straight-run", { ...load, size, payload, warmupNs: 0, durationNs: 1e9, cutEveryNs: 1e9 });
  const publish = { flows: plan.flows, flowSizes: [publishers], inflightMax, underWayMax: 10 };
  const setup = { link: manual.context.settings, terms, connectRate: 0, publish };
  const loop = new PublishLoop(manual.context, setup, { onConnected: () => undefined }, board);
  for (const { link } of loop.publishers) link.open();
  for (const stream of manual.streams) {
    stream.send(connack);
    manual.host.clock.turn();
    stream.received();
  }
  return { ...manual, loop };
}

interface Sent {
  readonly sender: number;
  readonly sequence: number;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly isMeasured: boolean;
  readonly packetIdentifier: number;
}

function read(bytes: Buffer): readonly Sent[] {
  const reader = new FrameReader(1 << 20);
  const view = new PublishView();
  const stamp = new StampReader(terms);
  const sent: Sent[] = [];
  reader.push(bytes);
  while (reader.next()) {
    decodePublish(view, reader);
    assert.equal(stamp.read(reader.bytes, view.payloadStart, view.payloadEnd), stampStates.fine);
    const { sender, sequence, isMeasured } = stamp;
    const times = { dueMs: Math.round(stamp.dueNs / ms), sentMs: stamp.sentNs / ms };
    sent.push({ sender, sequence, ...times, isMeasured, packetIdentifier: view.packetIdentifier });
  }
  return sent;
}

test("sends each message when it is due, the publishers in turn", () => {
  const { host, streams, loop } = loopWith({});
  loop.start({ startNs: 10 * ms, warmupNs: 20 * ms, durationNs: 30 * ms });
  host.runUntil(80 * ms);
  const [first, second] = streams.map((stream) => read(stream.received()));
  assert.deepEqual(
    first!.map(({ sender, sequence, dueMs, isMeasured }) => [sender, sequence, dueMs, isMeasured]),
    [
      [0, 0, 10, false],
      [0, 1, 20, false],
      [0, 2, 30, true],
      [0, 3, 40, true],
      [0, 4, 50, true],
    ],
  );
  assert.deepEqual(
    second!.map(({ dueMs }) => dueMs),
    [15, 25, 35, 45, 55],
  );
  for (const { dueMs, sentMs } of [...first!, ...second!])
    assert.ok(sentMs >= dueMs && sentMs < dueMs + 1, `${sentMs} for ${dueMs}`);
  assert.equal(loop.isDone, true);
  assert.deepEqual(
    loop.publishers.map((publisher) => publisher.result()),
    [
      { sender: 0, sent: 3, unsent: 0 },
      { sender: 1, sent: 3, unsent: 0 },
    ],
  );
});

test("what could not be sent in time keeps the time it was due", () => {
  const { host, streams, loop, context } = loopWith({ qos: 1, inflightMax: 1, publishers: 1 });
  loop.start({ startNs: 10 * ms, warmupNs: 0, durationNs: 50 * ms });
  host.runUntil(45 * ms);
  const [first, ...others] = read(streams[0]!.received());
  assert.deepEqual([first!.sequence, others.length, loop.backlog], [0, 0, 3]);
  streams[0]!.send(Buffer.from([0x40, 2, 0, first!.packetIdentifier]));
  host.runUntil(46 * ms);
  const [second] = read(streams[0]!.received());
  assert.deepEqual([second!.sequence, second!.dueMs], [1, 20]);
  assert.ok(second!.sentMs >= 45);
  assert.equal(context.recorder.counters.acked, 1);
  assert.ok(context.recorder.histograms.sendLag.maxNs >= 25 * ms);
  assert.ok(context.recorder.histograms.generatorLag.maxNs < 2 * ms, "the generator itself was in time");
  host.runUntil(100 * ms);
  assert.equal(loop.isDone, false);
  loop.abandon();
  assert.deepEqual(loop.publishers[0]!.result(), { sender: 0, sent: 2, unsent: 3 });
});

test("a lost connection makes messages wait, not vanish", () => {
  const { host, streams, loop } = loopWith({ publishers: 1 });
  loop.start({ startNs: 10 * ms, warmupNs: 0, durationNs: 200 * ms });
  host.runUntil(35 * ms);
  assert.equal(read(streams[0]!.received()).length, 3);
  streams[0]!.disconnect();
  host.runUntil(150 * ms);
  streams[1]!.send(connack);
  host.runUntil(160 * ms);
  const bytes = streams[1]!.received();
  const later = read(bytes.subarray(bytes[1]! + 2)); // Behind the CONNECT.
  assert.deepEqual(
    later.slice(0, 3).map(({ sequence, dueMs }) => [sequence, dueMs]),
    [
      [3, 40],
      [4, 50],
      [5, 60],
    ],
  );
  assert.equal(loop.backlog, 0);
});

test("nothing becomes due once it is stopped", () => {
  const { host, streams, loop } = loopWith({ publishers: 1 });
  loop.start({ startNs: 10 * ms, warmupNs: 0, durationNs: 1000 * ms });
  host.runUntil(55 * ms);
  loop.stop();
  host.runUntil(200 * ms);
  assert.equal(read(streams[0]!.received()).length, 5);
  assert.equal(loop.isDone, true);
});

test("without a rate no more is under way than is allowed, and what is lost is given up", () => {
  const board = ArrivalBoard.create([1]);
  const { host, streams, loop } = loopWith({ publishers: 1, rate: 0, board });
  loop.start({ startNs: 10 * ms, warmupNs: 0, durationNs: 2000 * ms });
  host.runUntil(100 * ms);
  assert.equal(read(streams[0]!.received()).length, 10);
  for (let sequence = 0; sequence < 4; sequence++) board.note(0, sequence);
  host.runUntil(150 * ms);
  assert.equal(streams[0]!.received().length, 0, "it waits for half of its room");
  for (let sequence = 4; sequence < 6; sequence++) board.note(0, sequence);
  host.runUntil(200 * ms);
  assert.equal(read(streams[0]!.received()).length, 6);
  host.runUntil(1000 * ms);
  assert.equal(streams[0]!.received().length, 0);
  host.runUntil(1300 * ms);
  assert.equal(read(streams[0]!.received()).length, 10);
});
