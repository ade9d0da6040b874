import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../clock/index.ts";
import { type Service, ServiceGroup, service } from "./index.ts";

function recorded(name: string, events: string[], fail?: "start" | "stop"): Service {
  const act = (event: "start" | "stop") => async () => {
    events.push(`${event} ${name}`);
    if (fail === event) throw new Error(`${name} failed to ${event}`);
  };
  return service(name, act("start"), act("stop"));
}

test("starts in order and stops in reverse", async () => {
  const events: string[] = [];
  const group = new ServiceGroup("all", [recorded("a", events), recorded("b", events)]);
  await group.start();
  assert.equal(group.status, "running");
  await Promise.all([group.stop(), group.stop()]);
  assert.equal(group.status, "stopped");
  assert.deepEqual(events, ["start a", "start b", "stop b", "stop a"]);
});

test("stops what had started when one fails to start", async () => {
  const events: string[] = [];
  const group = new ServiceGroup("all", [recorded("a", events), recorded("b", events, "start"), recorded("c", events)]);
  await assert.rejects(group.start(), /b failed to start/);
  assert.deepEqual(events, ["start a", "start b", "stop b", "stop a"]);
});

test("starts only once", async () => {
  const group = new ServiceGroup("all", []);
  await group.start();
  await assert.rejects(group.start(), { code: "lifecycle.ALREADY_STARTED" });
});

test("stops the others when one fails to stop", async () => {
  const events: string[] = [];
  const group = new ServiceGroup("all", [recorded("a", events), recorded("b", events, "stop")]);
  await group.start();
  await assert.rejects(group.stop(), /b failed to stop/);
  assert.deepEqual(events.slice(2), ["stop b", "stop a"]);
});

test("leaves a service behind that outlives the deadline", async () => {
  const clock = new ManualClock();
  const events: string[] = [];
  const stuck = service(
    "stuck",
    async () => {},
    () => new Promise<void>(() => {}),
  );
  const group = new ServiceGroup("all", [recorded("a", events), stuck], clock);
  await group.start();
  const stopped = group.stop({ deadlineMs: 100 });
  clock.advance(100);
  await assert.rejects(stopped, { code: "lifecycle.STOP_DEADLINE" });
  assert.deepEqual(events, ["start a", "stop a"]);
});
