import assert from "node:assert/strict";
import { test } from "node:test";
import { defineErrors, isCodedError } from "./index.ts";

const errors = defineErrors("demo", {
  TOO_BIG: { text: "{size} bytes are more than {sizeMax}", help: "send at most {sizeMax}", wireCode: 7 },
  GONE: { text: "it is gone", retryable: true },
});

test("fills the text and the help", () => {
  const error = errors.TOO_BIG({ size: 9, sizeMax: 8 });
  assert.equal(error.message, "9 bytes are more than 8; send at most 8");
  assert.equal(error.code, "demo.TOO_BIG");
  assert.equal(error.wireCode, 7);
  assert.deepEqual(error.details, { size: 9, sizeMax: 8 });
});

test("carries retryable, fatal and the cause", () => {
  const cause = new Error("why");
  const error = errors.GONE({}, cause);
  assert.equal(error.retryable, true);
  assert.equal(error.fatal, false);
  assert.equal(error.cause, cause);
});

test("tells coded errors from others, by code", () => {
  assert.equal(isCodedError(errors.GONE()), true);
  assert.equal(isCodedError(errors.GONE(), "demo.GONE"), true);
  assert.equal(isCodedError(errors.GONE(), "demo.TOO_BIG"), false);
  assert.equal(isCodedError(new Error("plain")), false);
});

test("asks for the placeholders at compile time", () => {
  // @ts-expect-error: sizeMax is missing
  errors.TOO_BIG({ size: 1 });
});
