import assert from "node:assert/strict";
import { test } from "node:test";
import { type FaultKind, faultOfAnswer, faultOfSocket } from "./fault.ts";

const crate = (code: number, message: string) => JSON.stringify({ error: { code, message } });

const answers: readonly (readonly [name: string, status: number, body: string, kind: FaultKind, code: string])[] = [
  ["a full thread pool, without a body", 429, "", "later", "429"],
  ["too many requests", 429, crate(4290, "TooManyRequests"), "later", "4290"],
  ["no master", 503, crate(5031, "MasterNotDiscovered"), "later", "5031"],
  ["shards that are not there yet", 500, crate(5002, "UnavailableShards"), "later", "5002"],
  ["a body that is too large", 413, "", "smaller", "413"],
  ["a breaker", 500, crate(5000, "CircuitBreakingException[Data too large, data for [http]]"), "smaller", "5000"],
  ["a table that is not there", 404, crate(4041, "RelationUnknown"), "refused", "4041"],
  ["a feature that is not there", 400, crate(4004, "UnsupportedFeature"), "refused", "4004"],
  ["a value that cannot be read", 400, crate(4000, "SQLParseException"), "row", "4000"],
  ["a value that is not valid", 400, crate(4003, "ColumnValidationException"), "row", "4003"],
  ["a proxy that waited in vain", 504, "<html>", "unknown", "504"],
];

for (const [name, status, body, kind, code] of answers)
  test(`takes ${name} for ${kind}`, () => {
    const fault = faultOfAnswer(status, body);
    assert.deepEqual([fault.kind, fault.code], [kind, code]);
  });

test("knows which requests never arrived", () => {
  const kindOf = (code: string) => faultOfSocket(Object.assign(new Error(code), { code })).kind;
  assert.deepEqual(["ECONNREFUSED", "ENOTFOUND", "ECONNRESET", "EPIPE"].map(kindOf), [
    "later",
    "later",
    "unknown",
    "unknown",
  ]);
});
