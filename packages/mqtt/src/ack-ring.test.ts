import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { Counter } from "@polylog/base/telemetry";
import { OutputQueue, TurnFlusher } from "@polylog/base/transport";
import { brokerErrors } from "@polylog/broker";
import { MemoryStream } from "@polylog/testkit";
import fc from "fast-check";
import { AckRing, ackKinds } from "./ack-ring.ts";

function makeRing() {
  const clock = new ManualClock();
  const stream = new MemoryStream();
  const calls = { sent: 0, failed: 0 };
  const owner = {
    isLevel5: false,
    onAcksSent: () => void calls.sent++,
    onNotStored: () => void calls.failed++,
  };
  const ring = new AckRing(
    new OutputQueue(stream, new TurnFlusher(clock)),
    owner,
    Array.from({ length: 16 }, () => new Counter()),
  );
  const identifiers = (): number[] => {
    clock.turn();
    const bytes = stream.received();
    const found: number[] = [];
    for (let at = 0; at < bytes.length; at += 4) found.push(bytes.readUInt16BE(at + 2));
    return found;
  };
  return { ring, calls, identifiers };
}

test("acknowledges in order whatever completes first", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(
        Array.from({ length: 60 }, (_, i) => i),
        { minLength: 60 },
      ),
      (order) => {
        const { ring, identifiers } = makeRing();
        const tokens = order.map((_, index) => ring.add(ackKinds.puback, index + 1));
        for (const index of order) ring.onDurable(tokens[index], undefined);
        assert.deepEqual(
          identifiers(),
          order.map((_, index) => index + 1),
        );
        assert.equal(ring.size, 0);
      },
    ),
  );
});

test("goes round while some always wait", () => {
  const { ring, identifiers } = makeRing();
  const waiting: number[] = [];
  const expected: number[] = [];
  for (let i = 1; i <= 1000; i++) {
    waiting.push(ring.add(ackKinds.puback, i));
    if (waiting.length > 10) ring.complete(waiting.shift()!);
    if (i <= 990) expected.push(i);
  }
  assert.deepEqual(identifiers(), expected);
  assert.equal(ring.size, 10);
});

test("sends nothing for identifier 0", () => {
  const { ring, identifiers } = makeRing();
  const tokens = [ring.add(ackKinds.puback, 1), ring.add(ackKinds.none, 0), ring.add(ackKinds.puback, 2)];
  for (const token of tokens.reverse()) ring.complete(token);
  assert.deepEqual(identifiers(), [1, 2]);
});

test("takes back what was added last", () => {
  const { ring, identifiers } = makeRing();
  const first = ring.add(ackKinds.puback, 1);
  ring.add(ackKinds.puback, 2);
  ring.undo();
  const third = ring.add(ackKinds.puback, 3);
  ring.complete(third);
  ring.complete(first);
  assert.deepEqual(identifiers(), [1, 3]);
});

test("tells once when as few as asked for are left", () => {
  const { ring, calls } = makeRing();
  const tokens = [ring.add(ackKinds.puback, 1), ring.add(ackKinds.puback, 2), ring.add(ackKinds.puback, 3)];
  ring.watchedSize = 1;
  ring.complete(tokens[0]);
  assert.equal(calls.sent, 0);
  ring.complete(tokens[1]);
  ring.complete(tokens[2]);
  assert.equal(calls.sent, 1);
});

test("tells its owner what was not stored", () => {
  const { ring, calls, identifiers } = makeRing();
  ring.onDurable(ring.add(ackKinds.puback, 1), brokerErrors.STATE_WRITE_FAILED({ reason: "disk" }));
  assert.equal(calls.failed, 1);
  assert.deepEqual(identifiers(), []);
});

test("is silent once closed", () => {
  const { ring, calls, identifiers } = makeRing();
  const tokens = [ring.add(ackKinds.puback, 1), ring.add(ackKinds.puback, 2)];
  ring.close();
  ring.onDurable(tokens[0], undefined);
  ring.onDurable(tokens[1], brokerErrors.STATE_WRITE_FAILED({ reason: "disk" }));
  assert.deepEqual([identifiers(), calls], [[], { sent: 0, failed: 0 }]);
});
