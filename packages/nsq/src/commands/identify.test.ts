import assert from "node:assert/strict";
import { test } from "node:test";
import { error, response, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

const negotiated = {
  max_rdy_count: 2500,
  version: "1.3.0",
  max_msg_timeout: 900_000,
  msg_timeout: 60_000,
  tls_v1: false,
  deflate: false,
  deflate_level: 6,
  max_deflate_level: 6,
  snappy: false,
  sample_rate: 0,
  auth_required: false,
  output_buffer_size: 16_384,
  output_buffer_timeout: 250,
  topology_region: "",
  topology_zone: "",
};

function identify(fields: Record<string, unknown>): Buffer {
  return sized("IDENTIFY", JSON.stringify(fields));
}

test("answers OK without feature negotiation", async () => {
  const client = (await TestNsqd.start()).connect();
  assert.deepEqual(await client.exchange(identify({ client_id: "a", tls_v1: true })), response("OK"));
});

test("NSQ-1.5-36: grants no TLS without a certificate", async () => {
  const client = (await TestNsqd.start()).connect();
  const asked = identify({ feature_negotiation: true, tls_v1: true });
  assert.deepEqual(await client.exchange(asked), response(JSON.stringify(negotiated)));
});

test("NSQ-1.5-38: reports the settings in force", async () => {
  const client = (await TestNsqd.start()).connect();
  const asked = { feature_negotiation: true, msg_timeout: 2000, sample_rate: 5, output_buffer_size: -1 };
  const settings = { msg_timeout: 2000, sample_rate: 5, output_buffer_size: 1, output_buffer_timeout: 0 };
  assert.deepEqual(await client.exchange(identify(asked)), response(JSON.stringify({ ...negotiated, ...settings })));
});

test("reports the limits it was given", async () => {
  const nsqd = await TestNsqd.start({ limits: { rdyCountMax: 7, msgTimeoutMs: 1500, msgTimeoutMsMax: 3000 } });
  const limits = { max_rdy_count: 7, max_msg_timeout: 3000, msg_timeout: 1500 };
  const reply = await nsqd.connect().exchange(identify({ feature_negotiation: true }));
  assert.deepEqual(reply, response(JSON.stringify({ ...negotiated, ...limits })));
});

test("NSQ-1.5-37: takes several until SUB", async () => {
  const client = (await TestNsqd.start()).connect();
  const three = Buffer.concat([identify({}), identify({ client_id: "b" }), identify({ hostname: "c" })]);
  assert.deepEqual(await client.exchange(three), Buffer.concat([response("OK"), response("OK"), response("OK")]));
});

const refused: readonly (readonly [body: string, text: string])[] = [
  ["{", "E_BAD_BODY IDENTIFY failed to decode JSON body"],
  ['{"heartbeat_interval":999}', "E_BAD_BODY IDENTIFY heartbeat interval (999) is invalid"],
  ['{"heartbeat_interval":60001}', "E_BAD_BODY IDENTIFY heartbeat interval (60001) is invalid"],
  ['{"output_buffer_size":63}', "E_BAD_BODY IDENTIFY output buffer size (63) is invalid"],
  ['{"output_buffer_timeout":24}', "E_BAD_BODY IDENTIFY output buffer timeout (24) is invalid"],
  ['{"sample_rate":100}', "E_BAD_BODY IDENTIFY sample rate (100) is invalid"],
  ['{"msg_timeout":900001}', "E_BAD_BODY IDENTIFY msg timeout (900001) is invalid"],
];

for (const [body, text] of refused) {
  test(`refuses IDENTIFY ${body}`, async () => {
    const client = (await TestNsqd.start()).connect();
    assert.deepEqual(await client.exchange(sized("IDENTIFY", body)), error(text));
    assert.equal(client.closed, true);
  });
}

test("answers AUTH as an nsqd without auth servers", async () => {
  const client = (await TestNsqd.start()).connect();
  assert.deepEqual(await client.exchange(sized("AUTH", "secret")), error("E_AUTH_DISABLED AUTH disabled"));
  assert.equal(client.closed, true);
});
