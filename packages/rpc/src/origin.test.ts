import assert from "node:assert/strict";
import { test } from "node:test";
import { isOriginAllowed } from "./origin.ts";

const rows: readonly (readonly [origin: string | undefined, host: string, allowed: boolean])[] = [
  [undefined, "127.0.0.1:4180", true],
  ["http://127.0.0.1:4180", "127.0.0.1:4180", true],
  ["http://localhost:4180", "localhost:4180", true],
  ["http://[::1]:4180", "[::1]:4180", true],
  ["http://127.0.0.1:4180", "127.0.0.1:4181", false],
  ["http://evil.example", "127.0.0.1:4180", false],
  ["null", "127.0.0.1:4180", false],
  ["https://console.example", "polylog.example:4180", true],
];

for (const [origin, host, allowed] of rows)
  test(`${allowed ? "lets" : "keeps"} a page of ${origin} ${allowed ? "in" : "out"} at ${host}`, () => {
    const headers = origin === undefined ? { host } : { host, origin };
    assert.equal(isOriginAllowed({ headers }, ["https://console.example"]), allowed);
  });

test("keeps a rebound name out although it is the server's own address by now", () => {
  assert.equal(
    isOriginAllowed({ headers: { host: "evil.example:4180", origin: "http://evil.example:4180" } }, []),
    false,
  );
});
