import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import { Message } from "../client/message.ts";
import { TopicArchive } from "./topic-archive.ts";

function archive({ messagesMax = 3, skipEmptyFiles = false } = {}) {
  const clock = new ManualClock();
  const steps: string[] = [];
  const state = { open: false, due: false, starved: false, broken: false, stopped: () => undefined as unknown };
  const failures: Error[] = [];
  const file = {
    needsRotation: () => !state.open || state.due,
    rotate: async () => {
      steps.push("rotate");
      state.open = true;
      state.due = false;
    },
    write: (line: Buffer) => {
      if (line.length > 1) steps.push(`${line}`);
    },
    sync: async () => {
      await settle(2);
      if (state.broken) throw new Error("disk full");
      steps.push("sync");
    },
    close: async () => {
      steps.push("close");
      state.open = false;
    },
  };
  const source = {
    get isStarved() {
      return state.starved;
    },
    stop: () => new Promise<void>((resolve) => (state.stopped = resolve)),
  };
  const made = new TopicArchive({
    ...{ clock, file, source, messagesMax, skipEmptyFiles, syncIntervalMs: 1000 },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onFailure: (error) => failures.push(error),
  });
  const answers = {
    finish: (message: Message) => steps.push(`fin ${message.body}`),
    requeue: () => undefined,
    touch: () => undefined,
  };
  const take = async (...bodies: string[]) => {
    for (const body of bodies) {
      const fields = { id: Buffer.alloc(16), timestampMs: 0, attempts: 1, body: Buffer.from(body), address: "nsqd" };
      made.take(new Message(fields, answers));
    }
    await settle(12);
  };
  return { clock, steps, state, failures, archive: made, take };
}

test("finishes backwards, only after a sync", async () => {
  const { take, steps } = archive();
  await take("m1", "m2");
  assert.deepEqual(steps, ["rotate", "m1", "m2"]);
  await take("m3");
  assert.deepEqual(steps.slice(3), ["m3", "sync", "fin m3", "fin m2", "fin m1"]);
});

test("syncs at every interval", async () => {
  const { take, steps, clock } = archive();
  await take("m1");
  clock.advance(1000);
  await settle(12);
  assert.deepEqual(steps, ["rotate", "m1", "sync", "fin m1"]);
});

test("syncs when the consumer is starved", async () => {
  const { take, steps, state } = archive();
  state.starved = true;
  await take("m1");
  assert.deepEqual(steps, ["rotate", "m1", "sync", "fin m1"]);
});

test("finishes what the closed file holds on rotation", async () => {
  const { take, steps, state } = archive();
  await take("m1");
  state.due = true;
  await take("m2");
  assert.deepEqual(steps, ["rotate", "m1", "rotate", "sync", "fin m1", "m2"]);
});

test("begins the next file at a tick, or with the next message", async () => {
  const eager = archive();
  eager.clock.advance(1000);
  await settle(12);
  assert.deepEqual(eager.steps, ["rotate"]);
  const lazy = archive({ skipEmptyFiles: true });
  await lazy.take("m1");
  lazy.state.due = true;
  lazy.clock.advance(1000);
  await settle(12);
  assert.deepEqual(lazy.steps, ["rotate", "m1", "sync", "fin m1", "close"]);
});

test("closes its file on request and opens another", async () => {
  const { take, steps, archive: made } = archive();
  await take("m1");
  made.reopen();
  await take("m2");
  assert.deepEqual(steps, ["rotate", "m1", "sync", "fin m1", "close", "rotate", "m2"]);
});

test("finishes what comes while it stops", async () => {
  const { take, steps, state, archive: made } = archive();
  await take("m1");
  const stopped = made.stop();
  await take("m2");
  state.stopped();
  await stopped;
  assert.deepEqual(steps, ["rotate", "m1", "sync", "fin m1", "m2", "sync", "fin m2", "close"]);
});

test("finishes nothing that could not be written", async () => {
  const { take, steps, state, failures } = archive({ messagesMax: 1 });
  state.broken = true;
  await take("m1");
  await take("m2");
  assert.deepEqual(steps, ["rotate", "m1"]);
  assert.deepEqual(
    failures.map((each) => each.message),
    ["disk full"],
  );
});
