import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { defaultLimits } from "../limits.ts";
import { decodeIdentify, encodeIdentify, type Identify } from "./identify.ts";

function decode(json: string): Identify {
  const bytes = Buffer.from(`<${json}>`, "latin1");
  return decodeIdentify(bytes, 1, bytes.length - 1, defaultLimits);
}

const unset = decode("{}");

/** What `json` sets, beyond what is unset anyway. */
const accepted: readonly (readonly [string, Partial<Identify>])[] = [
  ["null", {}],
  ['{"client_id":null,"heartbeat_interval":null,"snappy":null}', {}],
  ['{"CLIENT_ID":"x","Heartbeat_Interval":1000}', { client_id: "x", heartbeat_interval: 1000 }],
  ['{"\xc5\xbfnappy":true}', { snappy: true }],
  ['{"\\u0073nappy":true}', { snappy: true }],
  ['{"msg_timeout":1000,"msg_timeout":2000}', { msg_timeout: 2000 }],
  ['{"msg_timeout":1000,"MSG_TIMEOUT":null}', { msg_timeout: 1000 }],
  ['{"short_id":7,"long_id":[],"x":1e400}', {}],
  ['{"heartbeat_interval":-0}', {}],
  [
    '{"heartbeat_interval":-1,"output_buffer_size":-1,"output_buffer_timeout":-1}',
    {
      heartbeat_interval: -1,
      output_buffer_size: -1,
      output_buffer_timeout: -1,
    },
  ],
  [
    '{"heartbeat_interval":60000,"output_buffer_size":65536,"output_buffer_timeout":30000,"msg_timeout":900000}',
    {
      heartbeat_interval: 60_000,
      output_buffer_size: 65_536,
      output_buffer_timeout: 30_000,
      msg_timeout: 900_000,
    },
  ],
  [
    '{"output_buffer_size":64,"output_buffer_timeout":25,"sample_rate":99}',
    {
      output_buffer_size: 64,
      output_buffer_timeout: 25,
      sample_rate: 99,
    },
  ],
  ['{"deflate_level":-9223372036854775808}', { deflate_level: -(2 ** 63) }],
  [
    '{"hostname":"\\ud800","topology_zone":"\xc3\xa9","topology_region":"\xff"}',
    {
      hostname: "\ufffd",
      topology_zone: "\xe9",
      topology_region: "\ufffd",
    },
  ],
];

for (const [json, fields] of accepted) {
  test(`decodes ${json}`, () => {
    assert.deepEqual(decode(json), { ...unset, ...fields });
  });
}

const undecodable = [
  "[]",
  "1",
  '"x"',
  "true",
  "{",
  '{"heartbeat_interval":1000.0}',
  '{"heartbeat_interval":1e4}',
  '{"heartbeat_interval":"1000"}',
  '{"heartbeat_interval":true}',
  '{"heartbeat_interval":{}}',
  '{"deflate_level":9223372036854775808}',
  '{"deflate_level":-9223372036854775809}',
  '{"sample_rate":2147483648}',
  '{"client_id":1}',
  '{"snappy":1}',
  '{"snappy":"true"}',
  '{"msg_timeout":"x","msg_timeout":1000}',
];

for (const json of undecodable) {
  test(`refuses ${json}`, () => {
    assert.throws(
      () => decode(json),
      (error) => isCodedError(error, "nsq-wire.IDENTIFY_UNDECODABLE"),
    );
  });
}

const outOfRange: readonly (readonly [string, string])[] = [
  ['{"heartbeat_interval":999}', "heartbeat interval (999)"],
  ['{"heartbeat_interval":60001}', "heartbeat interval (60001)"],
  ['{"heartbeat_interval":-2}', "heartbeat interval (-2)"],
  ['{"heartbeat_interval":9007199254740993}', "heartbeat interval (9007199254740993)"],
  ['{"output_buffer_size":63}', "output buffer size (63)"],
  ['{"output_buffer_size":65537}', "output buffer size (65537)"],
  ['{"output_buffer_timeout":24}', "output buffer timeout (24)"],
  ['{"output_buffer_timeout":30001}', "output buffer timeout (30001)"],
  ['{"sample_rate":100}', "sample rate (100)"],
  ['{"sample_rate":-1}', "sample rate (-1)"],
  ['{"msg_timeout":999}', "msg timeout (999)"],
  ['{"msg_timeout":-1}', "msg timeout (-1)"],
  ['{"msg_timeout":900001}', "msg timeout (900001)"],
  ['{"msg_timeout":1,"output_buffer_size":1,"output_buffer_timeout":1}', "output buffer timeout (1)"],
];

for (const [json, words] of outOfRange) {
  test(`refuses ${json} by its range`, () => {
    assert.throws(() => decode(json), { message: `IDENTIFY ${words} is invalid`, wireCode: "E_BAD_BODY" });
  });
}

test("decodes what it encodes", () => {
  const text = fc.string({ unit: "binary" });
  const fields = fc.record(
    {
      client_id: text,
      hostname: text,
      user_agent: text,
      feature_negotiation: fc.boolean(),
      heartbeat_interval: fc.integer({ min: 1000, max: 60_000 }),
      output_buffer_size: fc.integer({ min: 64, max: 65_536 }),
      output_buffer_timeout: fc.integer({ min: 25, max: 30_000 }),
      tls_v1: fc.boolean(),
      snappy: fc.boolean(),
      deflate: fc.boolean(),
      deflate_level: fc.integer(),
      sample_rate: fc.nat(99),
      msg_timeout: fc.integer({ min: 1000, max: 900_000 }),
      topology_region: text,
      topology_zone: text,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fields, (asked) => {
      const writer = new ByteWriter();
      encodeIdentify(writer, asked);
      const bytes = writer.take();
      const start = "IDENTIFY\n".length + 4;
      assert.equal(bytes.readUInt32BE(start - 4), bytes.length - start);
      assert.deepEqual(decodeIdentify(bytes, start, bytes.length, defaultLimits), { ...unset, ...asked });
    }),
  );
});
