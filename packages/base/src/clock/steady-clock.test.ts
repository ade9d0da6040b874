import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, SteadyClock } from "./index.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const yearMs = 365 * 24 * hourMs;

function start() {
  const manual = new ManualClock();
  const heard: string[] = [];
  const clock = new SteadyClock(manual, (what, jumpMs) => heard.push(`${what} ${jumpMs}`));
  return { manual, clock, heard, startMs: manual.nowMs() };
}

for (const [name, jumpMs] of [
  ["a year forwards", yearMs],
  ["an hour back", -hourMs],
] as const) {
  test(`does not follow a jump of ${name} that is over soon`, () => {
    const { manual, clock, heard, startMs } = start();
    manual.jumpWallClock(jumpMs);
    for (let minutes = 1; minutes < 5; minutes++) {
      assert.equal(clock.nowMs(), startMs + (minutes - 1) * minuteMs);
      manual.advance(minuteMs);
    }
    manual.jumpWallClock(-jumpMs + 30);
    assert.equal(clock.nowMs(), startMs + 4 * minuteMs + 30);
    assert.deepEqual(heard, [`held ${jumpMs}`, "over 30"]);
  });

  test(`believes a jump of ${name} that lasts`, () => {
    const { manual, clock, heard, startMs } = start();
    manual.jumpWallClock(jumpMs);
    clock.nowMs();
    manual.advance(5 * minuteMs);
    assert.equal(clock.nowMs(), startMs + jumpMs + 5 * minuteMs);
    manual.advance(hourMs);
    assert.equal(clock.nowMs(), startMs + jumpMs + hourMs + 5 * minuteMs);
    assert.deepEqual(heard, [`held ${jumpMs}`, `believed ${jumpMs}`]);
  });
}

test("follows small steps at once", () => {
  const { manual, clock, heard, startMs } = start();
  for (const stepMs of [1000, -1000, minuteMs, -minuteMs]) {
    manual.jumpWallClock(stepMs);
    assert.equal(clock.nowMs(), manual.nowMs());
  }
  assert.deepEqual([clock.nowMs(), heard], [startMs, []]);
});

test("follows a clock that is slow for years", () => {
  const { manual, clock, heard } = start();
  for (let days = 0; days < 3 * 365; days++) {
    manual.advance(24 * hourMs);
    manual.jumpWallClock(-40_000);
    assert.equal(clock.nowMs(), manual.nowMs());
  }
  assert.deepEqual(heard, []);
});
