import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMqttLimits, type MqttLimits } from "@polylog/mqtt";
import { loadServeOptions } from "./config/load-serve-options.ts";
import { mqttLimits } from "./mqtt-limits.ts";

function limitsOf(...argv: readonly string[]): Partial<MqttLimits> {
  const request = loadServeOptions({ argv, env: {} });
  assert.ok(request.request === "serve");
  return mqttLimits(request.options);
}

test("without options MQTT has its own defaults", () => {
  const limits = limitsOf();
  const names = Object.keys(limits) as (keyof MqttLimits)[];
  assert.deepEqual(limits, Object.fromEntries(names.map((name) => [name, defaultMqttLimits[name]])));
});

const rows: readonly (readonly [argument: string, limits: Partial<MqttLimits>])[] = [
  ["--mqtt-max-connections=7", { connectionsMax: 7 }],
  ["--mqtt-max-packet-size=2MiB", { packetSizeMax: 2 * 1024 * 1024 }],
  ["--mqtt-max-keep-alive=1m30s", { keepAliveSecondsMax: 90 }],
  ["--mqtt-receive-maximum=20", { unacknowledgedMax: 20 }],
  ["--mqtt-topic-alias-maximum=0", { topicAliasMax: 0 }],
  ["--mqtt-max-session-expiry=7d", { sessionExpirySecondsMax: 7 * 86_400 }],
  ["--mqtt-max-queued-messages=100", { queuedMessagesMax: 100 }],
  ["--mqtt-max-queued-bytes=64KiB", { queuedBytesMax: 64 * 1024 }],
  ["--mqtt-max-publish-rate=100", { publishRateMax: 100 }],
  ["--mqtt-max-publish-bytes-rate=64KiB", { publishBytesRateMax: 64 * 1024 }],
  ["--mqtt-too-fast=disconnect", { whenTooFast: "disconnect" }],
  ["--mqtt-max-delayed-messages=5", { delayedMessagesMax: 5 }],
  ["--mqtt-queue-full=refuse", { whenFull: "refuse" }],
];

for (const [argument, limits] of rows)
  test(`${argument} reaches the MQTT server`, () => assert.deepEqual(limitsOf(argument), { ...limitsOf(), ...limits }));

for (const argument of ["--mqtt-max-keep-alive=1500ms", "--mqtt-max-session-expiry=500ms"])
  test(`${argument} is no number of seconds`, () =>
    assert.throws(() => limitsOf(argument), { message: /must be whole seconds/ }));
