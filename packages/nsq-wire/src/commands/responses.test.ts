import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { decodeAuthResponse, encodeAuthResponse } from "./auth.ts";
import { decodeIdentifyResponse, encodeIdentifyResponse, type IdentifyResponse } from "./identify-response.ts";

/** With its keys in another order than the wire's. */
const response: IdentifyResponse = {
  topology_zone: "z<",
  topology_region: "r",
  version: "1.3.0",
  max_rdy_count: 2500,
  max_msg_timeout: 900_000,
  msg_timeout: 60_000,
  tls_v1: false,
  deflate: true,
  deflate_level: 6,
  max_deflate_level: 6,
  snappy: false,
  sample_rate: 0,
  auth_required: false,
  output_buffer_size: 16_384,
  output_buffer_timeout: 250,
};

const json =
  '{"max_rdy_count":2500,"version":"1.3.0","max_msg_timeout":900000,"msg_timeout":60000,"tls_v1":false,' +
  '"deflate":true,"deflate_level":6,"max_deflate_level":6,"snappy":false,"sample_rate":0,"auth_required":false,' +
  '"output_buffer_size":16384,"output_buffer_timeout":250,"topology_region":"r","topology_zone":"z\\u003c"}';

test("writes the reply's keys in nsqd's order", () => {
  assert.equal(encodeIdentifyResponse(response).toString(), json);
});

test("reads the reply", () => {
  const bytes = Buffer.from(`<${json}>`);
  assert.deepEqual(decodeIdentifyResponse(bytes, 1, bytes.length - 1), response);
});

test("reads the reply of an older nsqd", () => {
  const bytes = Buffer.from('{"max_rdy_count":10,"deflate":null,"new_key":1}');
  const { max_rdy_count, deflate, topology_zone } = decodeIdentifyResponse(bytes, 0, bytes.length);
  assert.deepEqual({ max_rdy_count, deflate, topology_zone }, { max_rdy_count: 10, deflate: false, topology_zone: "" });
});

test("refuses a reply that is something else", () => {
  for (const text of ["OK", "", "null", "[]", '{"version":1}', '{"tls_v1":"true"}']) {
    const bytes = Buffer.from(text);
    assert.throws(
      () => decodeIdentifyResponse(bytes, 0, bytes.length),
      (error) => isCodedError(error, "nsq-wire.RESPONSE_UNDECODABLE"),
      text,
    );
  }
});

test("writes and reads the reply to AUTH", () => {
  const reply = { permission_count: 1, identity: "a&b", identity_url: "http://x/?y=<z>" };
  const bytes = encodeAuthResponse(reply);
  assert.equal(
    bytes.toString(),
    '{"identity":"a\\u0026b","identity_url":"http://x/?y=\\u003cz\\u003e","permission_count":1}',
  );
  assert.deepEqual(decodeAuthResponse(bytes, 0, bytes.length), reply);
});
