import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import type { CodedError, PolylogError } from "@polylog/base/errors";
import { OutputQueue, TurnFlusher } from "@polylog/base/transport";
import { nsqWireErrors, verbs } from "@polylog/nsq-wire";
import { MemoryStream } from "@polylog/testkit";
import fc from "fast-check";
import { error, response } from "../testing/frames.ts";
import { AnswerQueue } from "./answer-queue.ts";

const ok = response("OK");
const diskFull = new Error("disk full") as PolylogError;

function queueOnStream() {
  const events: string[] = [];
  const stream = new MemoryStream();
  const output = new OutputQueue(stream, new TurnFlusher(new ManualClock()));
  const answers = new AnswerQueue(output, {
    onAnswered: () => events.push("answered"),
    onFatal: (each: CodedError) => events.push(`fatal ${each.wireCode}`),
    onLastAnswer: () => events.push("last"),
  });
  const sent = (): Buffer => {
    output.flush();
    return stream.received();
  };
  return { answers, events, sent };
}

test("lets an answer leave when its turn comes", () => {
  const { answers, events, sent } = queueOnStream();
  const first = answers.begin(verbs.PUB);
  const second = answers.begin(verbs.PUB);
  answers.answer(verbs.CLS, response("CLOSE_WAIT"));
  answers.onDurable(second, undefined);
  assert.equal(sent().length, 0);
  assert.equal(answers.size, 3);
  answers.onDurable(first, undefined);
  assert.deepEqual(sent(), Buffer.concat([ok, ok, response("CLOSE_WAIT")]));
  assert.deepEqual(events, ["answered"]);
  assert.equal(answers.size, 0);
});

test("ends with the first fatal error", () => {
  const { answers, events, sent } = queueOnStream();
  const first = answers.begin(verbs.PUB);
  const second = answers.begin(verbs.MPUB);
  const third = answers.begin(verbs.PUB);
  answers.onDurable(second, diskFull);
  answers.onDurable(third, undefined);
  assert.deepEqual([events, sent().length], [["fatal E_MPUB_FAILED"], 0]);
  answers.onDurable(first, undefined);
  assert.deepEqual(sent(), Buffer.concat([ok, error("E_MPUB_FAILED MPUB failed disk full")]));
  answers.ok(verbs.NOP);
  answers.fail(verbs.SUB, nsqWireErrors.SUB_EXITING());
  assert.equal(sent().length, 0);
  assert.deepEqual(events, ["fatal E_MPUB_FAILED", "last"]);
});

test("answers several commands of one place, each", () => {
  const { answers, events, sent } = queueOnStream();
  const first = answers.begin(verbs.PUB, 3);
  const second = answers.begin(verbs.PUB);
  const third = answers.begin(verbs.PUB, 2500);
  assert.equal(answers.size, 2504);
  answers.onDurable(first, undefined);
  assert.deepEqual([sent(), answers.size], [Buffer.concat([ok, ok, ok]), 2501]);
  answers.onDurable(third, undefined);
  assert.equal(sent().length, 0);
  answers.onDurable(second, undefined);
  assert.deepEqual(sent(), Buffer.concat(new Array<Buffer>(2501).fill(ok)));
  assert.deepEqual([answers.size, events], [0, ["answered"]]);
});

test("goes on after an error that is not fatal", () => {
  const { answers, events, sent } = queueOnStream();
  answers.fail(verbs.FIN, nsqWireErrors.FIN_FAILED({ id: "0", reason: "x" }));
  answers.ok(verbs.PUB);
  assert.deepEqual(sent(), Buffer.concat([error("E_FIN_FAILED FIN 0 failed x"), ok]));
  assert.deepEqual(events, ["answered", "answered"]);
});

test("ends without a frame for an error that has none", () => {
  const { answers, events, sent } = queueOnStream();
  const first = answers.begin(verbs.PUB);
  answers.fail(verbs.unknown, nsqWireErrors.LINE_TOO_LONG({ max: 1 }));
  answers.complete(first);
  assert.deepEqual(sent(), ok);
  assert.deepEqual(events, ["fatal undefined", "last"]);
});

test("tells publishers in ASCII why a log refuses", () => {
  const { answers, sent } = queueOnStream();
  answers.refuse(answers.begin(verbs.DPUB), new Error("défaut\n"));
  assert.deepEqual(sent(), error("E_DPUB_FAILED DPUB failed d?faut?"));
});

test("keeps the order whatever order the log answers in", () => {
  const step = fc.oneof(fc.constant("begin"), fc.constant("other"), fc.nat(100));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { answers, sent } = queueOnStream();
      const waiting: number[] = [];
      const expected: Buffer[] = [];
      for (const each of steps) {
        if (each === "begin") {
          const count = 1 + (expected.length % 3);
          waiting.push(answers.begin(verbs.PUB, count));
          expected.push(...new Array<Buffer>(count).fill(ok));
        } else if (each === "other") {
          const frame = response(`other ${expected.length}`);
          answers.answer(verbs.CLS, frame);
          expected.push(frame);
        } else if (waiting.length > 0) {
          answers.complete(waiting.splice(Number(each) % waiting.length, 1)[0]!);
        }
      }
      for (const token of waiting.reverse()) answers.complete(token);
      assert.deepEqual(sent(), Buffer.concat(expected));
      assert.equal(answers.size, 0);
    }),
  );
});
