import assert from "node:assert/strict";
import { test } from "node:test";
import { brokerErrors } from "@polylog/broker";
import { applicationCodes, rpcErrors } from "./errors.ts";

const rows = Object.values(rpcErrors.table);

test("no two errors have the same number or text", () => {
  const numbers = [...rows.map(({ wireCode }) => wireCode), ...applicationCodes.values()];
  assert.equal(new Set(numbers).size, numbers.length);
  assert.equal(new Set(rows.map(({ text }) => text)).size, rows.length);
});

test("numbers are JSON-RPC's or of the range for applications", () => {
  for (const number of [...rows.map(({ wireCode }) => wireCode as number), ...applicationCodes.values()])
    assert.ok((number <= -32001 && number >= -32099) || (number <= -32600 && number >= -32700), `${number}`);
});

test("every error of the broker with a number exists", () => {
  for (const code of applicationCodes.keys())
    if (code.startsWith("broker.")) assert.ok(code.slice("broker.".length) in brokerErrors.table, code);
});
