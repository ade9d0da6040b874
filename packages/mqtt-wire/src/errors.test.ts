import assert from "node:assert/strict";
import { test } from "node:test";
import { mqttWireErrors } from "./errors.ts";

const rows = Object.values(mqttWireErrors.table);

test("says every error in its own words", () => {
  assert.equal(new Set(rows.map((row) => row.text)).size, rows.length);
});

test("closes the connection for every error", () => {
  for (const row of rows) assert.equal(row.fatal, true);
});

test("gives every error an MQTT 5 reason code", () => {
  for (const row of rows) assert.ok(row.wireCode >= 0x80 && row.wireCode <= 0xa2, row.text);
});
