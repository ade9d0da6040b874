import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "./create-server.ts";

test("wrong options are named all at once", () => {
  const wrong = { mqttListen: "nowhere:1883", durability: "paper", diskFreeMin: "x", colour: "blue" };
  assert.throws(() => createServer(wrong as object), {
    code: "options.USAGE",
    message: /createServer: colour: no such key.*durability: "paper".*diskFreeMin: "x" is not a size/s,
  });
});

test("sizes and durations are numbers or texts", () => {
  createServer({ logSegmentSize: 8192, tailCacheSizeMax: "1MiB", drainTimeoutMs: "1s" });
});

test("beyond loopback somebody must say who peers are", () => {
  assert.throws(() => createServer({ mqttListen: "0.0.0.0:0" }), { code: "options.USAGE" });
  createServer({ mqttListen: "0.0.0.0:0", authenticate: () => ({ refused: "credentials" }) });
  createServer({ mqttListen: "0.0.0.0:0", allowAnonymous: true });
});
