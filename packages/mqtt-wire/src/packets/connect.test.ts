import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { vectorBytes } from "../testing/vector.ts";
import { connectReturnCodeOf } from "./connack.ts";
import { decodeConnect } from "./connect.ts";

function errorOf(hex: string): unknown {
  const bytes = vectorBytes(hex);
  try {
    decodeConnect(bytes, 0, bytes.length);
  } catch (error) {
    return error;
  }
  return undefined;
}

test("[MQTT-3.1.2-2] tells the level it does not support", () => {
  const error = errorOf("0004 'MQTT' 05 02 003c 00 0000");
  assert.ok(isCodedError(error, "mqtt-wire.UNSUPPORTED_PROTOCOL_VERSION"));
  assert.deepEqual(error.details, { protocolName: "MQTT", protocolLevel: 5 });
  assert.equal(connectReturnCodeOf(error.wireCode), 1);
});

test("[MQTT-3.1.3-8] maps a refused client identifier to return code 2", () => {
  const error = errorOf("0004 'MQTT' 04 00 003c 0000");
  assert.ok(isCodedError(error));
  assert.equal(connectReturnCodeOf(error.wireCode), 2);
});

test("[MQTT-3.1.4-1] has no return code for a malformed CONNECT", () => {
  const error = errorOf("0004 'MQTT' 04 01 003c 0000");
  assert.ok(isCodedError(error));
  assert.equal(connectReturnCodeOf(error.wireCode), undefined);
  assert.equal(connectReturnCodeOf(undefined), undefined);
});

test("slices the password out of its input", () => {
  const bytes = vectorBytes("0004 'MQTT' 04 c2 003c 0001 'a' 0001 'u' 0003 'pwd'");
  const { password } = decodeConnect(bytes, 0, bytes.length);
  bytes.fill(0x78, bytes.length - 3);
  assert.equal(password?.toString(), "xxx");
});
