import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUtf8, encodableUtf8Length } from "./utf8.ts";

function decode(hex: string): string {
  const bytes = Buffer.from(`ff${hex}ff`, "hex");
  return decodeUtf8("CONNECT", "user name", bytes, 1, bytes.length - 1);
}

test("decodes characters of one to four bytes", () => {
  assert.equal(decode("61c3a9e282acf09f9880"), "aé€😀");
  assert.equal(decode(""), "");
});

test("[MQTT-1.5.3-3] keeps a byte order mark", () => assert.equal(decode("efbbbf61"), "\ufeffa"));

test("accepts control and non-characters", () => assert.equal(decode("017fefbfbf"), "\x01\x7f\uffff"));

test("[MQTT-1.5.3-1] refuses ill-formed bytes", () => {
  const rows = {
    surrogate: "eda080",
    "surrogate pair": "eda0bdedb880",
    overlong: "c0af",
    "overlong NUL": "c080",
    "lone continuation": "6180",
    truncated: "e282",
    "above U+10FFFF": "f4908080",
    latin1: "e9",
  };
  for (const [name, hex] of Object.entries(rows)) {
    assert.throws(() => decode(hex), /CONNECT is malformed: user name is not UTF-8/, name);
  }
});

test("[MQTT-1.5.3-2] refuses U+0000", () => {
  assert.throws(() => decode("610062"), /user name holds U\+0000/);
});

test("measures what the format can carry", () => {
  assert.equal(encodableUtf8Length(""), 0);
  assert.equal(encodableUtf8Length("aé€😀"), 10);
  assert.equal(encodableUtf8Length("x".repeat(65_535)), 65_535);
  assert.equal(encodableUtf8Length("x".repeat(65_536)), -1);
  assert.equal(encodableUtf8Length("a\0"), -1);
  assert.equal(encodableUtf8Length("\ud800"), -1);
});
