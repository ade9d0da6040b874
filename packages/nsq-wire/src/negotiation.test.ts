import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeIdentify, type Identify } from "./commands/identify.ts";
import { defaultLimits } from "./limits.ts";
import { initialSettings, negotiate, negotiatedResponse, type ServerFeatures } from "./negotiation.ts";

const unset = decodeIdentify(Buffer.from("{}"), 0, 2, defaultLimits);
const initial = initialSettings(defaultLimits);

const features: ServerFeatures = {
  version: "1.3.0",
  tls: true,
  snappy: true,
  deflate: true,
  authRequired: false,
  topologyRegion: "here",
  topologyZone: "",
};

function settingsOf(asked: Partial<Identify>, current = initial): ReturnType<typeof negotiate> {
  return negotiate({ ...unset, ...asked }, defaultLimits, current);
}

function responseTo(asked: Partial<Identify>, offered: Partial<ServerFeatures> = {}, deflateLevelMax = 6) {
  const limits = { ...defaultLimits, deflateLevelMax };
  return negotiatedResponse({ ...unset, ...asked }, settingsOf(asked), limits, { ...features, ...offered });
}

test("gives the defaults to who asks for nothing", () => {
  assert.deepEqual(negotiate(unset, defaultLimits), {
    heartbeatIntervalMs: 30_000,
    outputBufferSize: 16_384,
    outputBufferTimeoutMs: 250,
    outputBuffered: false,
    sampleRate: 0,
    msgTimeoutMs: 60_000,
  });
});

test("takes what is asked for", () => {
  const asked = { heartbeat_interval: 1000, output_buffer_size: 64, output_buffer_timeout: 25, sample_rate: 9 };
  assert.deepEqual(settingsOf({ ...asked, msg_timeout: 1000 }), {
    heartbeatIntervalMs: 1000,
    outputBufferSize: 64,
    outputBufferTimeoutMs: 25,
    outputBuffered: true,
    sampleRate: 9,
    msgTimeoutMs: 1000,
  });
});

test("switches off with -1", () => {
  const off = settingsOf({ heartbeat_interval: -1, output_buffer_timeout: -1 });
  assert.deepEqual(off, { ...initial, heartbeatIntervalMs: 0, outputBufferTimeoutMs: 0, outputBuffered: true });
});

test("has no buffer timeout without a buffer", () => {
  const unbuffered = settingsOf({ output_buffer_size: -1, output_buffer_timeout: 1000 });
  assert.deepEqual(unbuffered, { ...initial, outputBufferSize: 1, outputBufferTimeoutMs: 0 });
});

test("keeps what a second IDENTIFY leaves out", () => {
  const first = settingsOf({ heartbeat_interval: 1000, output_buffer_size: -1, msg_timeout: 2000, sample_rate: 5 });
  assert.deepEqual(settingsOf({}, first), { ...first, sampleRate: 0 });
  const buffered = settingsOf({ output_buffer_timeout: 100 });
  assert.deepEqual(settingsOf({}, buffered), buffered);
});

test("grants what both sides can do", () => {
  const { tls_v1, snappy, deflate } = responseTo({ tls_v1: true, snappy: true });
  assert.deepEqual({ tls_v1, snappy, deflate }, { tls_v1: true, snappy: true, deflate: false });
  assert.equal(responseTo({ tls_v1: true }, { tls: false }).tls_v1, false);
  assert.equal(responseTo({ snappy: true }, { snappy: false }).snappy, false);
  assert.equal(responseTo({ deflate: true, snappy: true }, { snappy: false }).deflate, true);
});

test("refuses both compressions", () => {
  assert.throws(() => responseTo({ deflate: true, snappy: true }), {
    message: "cannot enable both deflate and snappy compression",
    wireCode: "E_IDENTIFY_FAILED",
  });
});

test("caps the deflate level", () => {
  assert.equal(responseTo({}).deflate_level, 6);
  assert.equal(responseTo({ deflate_level: 3 }).deflate_level, 6);
  assert.equal(responseTo({ deflate: true, deflate_level: 3 }).deflate_level, 3);
  assert.equal(responseTo({ deflate: true, deflate_level: -1 }).deflate_level, 6);
  assert.equal(responseTo({ deflate: true, deflate_level: 9 }).deflate_level, 6);
  assert.equal(responseTo({}, {}, 2).deflate_level, 2);
});

test("answers with the server's own topology", () => {
  const { topology_region, topology_zone } = responseTo({ topology_region: "there", topology_zone: "z" });
  assert.deepEqual({ topology_region, topology_zone }, { topology_region: "here", topology_zone: "" });
});
