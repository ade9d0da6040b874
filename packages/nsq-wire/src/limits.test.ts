import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaultFrameSizeMax,
  defaultLimits,
  heartbeatIntervalMinMs,
  lineSizeMax,
  msgTimeoutMinMs,
  nameSizeMax,
  outputBufferSizeMin,
} from "./limits.ts";

/** Each row must not fall. */
const rising: readonly (readonly number[])[] = [
  [heartbeatIntervalMinMs, defaultLimits.heartbeatIntervalMs, defaultLimits.heartbeatIntervalMaxMs],
  [msgTimeoutMinMs, defaultLimits.msgTimeoutMs, defaultLimits.msgTimeoutMaxMs],
  [outputBufferSizeMin, defaultLimits.outputBufferSize, defaultLimits.outputBufferSizeMax],
  [defaultLimits.outputBufferTimeoutMinMs, defaultLimits.outputBufferTimeoutMs, defaultLimits.outputBufferTimeoutMaxMs],
  [defaultLimits.msgSizeMax, defaultLimits.bodySizeMax, defaultFrameSizeMax, 2 ** 31 - 1],
  [1, defaultLimits.deflateLevelMax, 9],
  ["SUB".length + 2 * (1 + nameSizeMax) + 2, lineSizeMax],
];

test("keeps the default limits in order", () => {
  for (const row of rising) {
    assert.deepEqual(
      row,
      [...row].sort((a, b) => a - b),
    );
  }
});
