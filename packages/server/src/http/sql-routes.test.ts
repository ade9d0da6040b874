import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { anonymous } from "@polylog/broker";
import { sqlRoutes } from "./sql-routes.ts";

/** The status of a GET, which is 405 for whoever may use it at all. */
function statusFor(headers: IncomingMessage["headers"]): number {
  const access = { allows: () => true };
  const options = {
    timeoutMs: 1000,
    memoryBytesMax: 2 ** 31,
    dataDir: "/nowhere",
    access,
    clock: new ManualClock(),
    logger: silentLogger,
  };
  const { routes } = sqlRoutes({ ...options, origins: ["https://console.example"] });
  let answered = 0;
  const response = {
    setHeader: () => undefined,
    end: () => undefined,
    writeHead: (status: number) => {
      answered = status;
    },
  };
  const request = { method: "GET", url: "/_sql", headers: { host: "localhost:4200", ...headers } };
  routes[0]!.handle(request as IncomingMessage, response as unknown as ServerResponse, anonymous);
  return answered;
}

test("refuses statements of other servers' web pages", () => {
  assert.equal(statusFor({ origin: "https://evil.example" }), 403);
  assert.equal(statusFor({ origin: "null" }), 403);
});

test("takes statements of programs, its own pages and those that are listed", () => {
  for (const headers of [{}, { origin: "http://localhost:4200" }, { origin: "https://console.example" }])
    assert.equal(statusFor(headers), 405);
});
