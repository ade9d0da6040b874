/** The whole product with clients nobody here wrote (mqtt.js, nsqjs), a SIGKILL in the middle, and every message counted. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const example = fileURLToPath(new URL("../../examples/main-job.mjs", import.meta.url));

/** `examples/main-job.mjs` makes the checks and says so line by line; here it runs at full size. */
test("brings 100,000 messages from MQTT through a channel over a kill -9", { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [example, "100000"], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /killed with SIGKILL: \d+ acknowledged/);
  assert.match(stdout, /finished all 100000 messages: \d+ deliveries, \d{3,} requeued/);
  assert.match(stdout, /the log has all 100000 acknowledged messages in order/);
  assert.match(stdout, /reached the MQTT subscriber of orders/);
});
