import assert from "node:assert/strict";
import { test } from "node:test";
import { checkClientOptions, defaultClientOptions, renderClientOptions, setClientOption } from "./client-options.ts";

function set(...pairs: string[]) {
  const options = defaultClientOptions();
  for (const pair of pairs) setClientOption(options, pair);
  return options;
}

test("has go-nsq's defaults", () => {
  const { maxInFlight, maxAttempts, readTimeoutMs, lookupdPollJitter, lookupdAuthorization } = defaultClientOptions();
  assert.deepEqual(
    [maxInFlight, maxAttempts, readTimeoutMs, lookupdPollJitter, lookupdAuthorization],
    [1, 5, 60_000, 0.3, true],
  );
  assert.match(renderClientOptions(), /\| `max_requeue_delay` \| longest delay of a requeued message \| `15m0s` \|/);
});

test("reads name and value behind a comma", () => {
  const options = set(
    "max_attempts,0",
    "dial_timeout,250ms",
    "snappy",
    "client_id,a,b",
    "tls-v1,true",
    "lookupd_poll_jitter,0.5",
  );
  assert.equal(options.maxAttempts, 0);
  assert.equal(options.dialTimeoutMs, 250);
  assert.equal(options.snappy, true);
  assert.equal(options.clientId, "a,b");
  assert.equal(options.tlsV1, true);
  assert.equal(options.lookupdPollJitter, 0.5);
});

test("refuses what it cannot read", () => {
  const refused = [
    "nope,1",
    "max_attempts,x",
    "max_attempts,65536",
    "read_timeout,5",
    "snappy,2",
    "backoff_strategy,linear",
    "sample_rate,-1",
  ];
  for (const pair of refused) assert.throws(() => set(pair), { code: "nsq-tools.OPTION_INVALID" }, pair);
});

test("refuses options that contradict each other", () => {
  assert.throws(() => checkClientOptions(set("snappy", "deflate")), { code: "nsq-tools.OPTION_INVALID" });
  assert.throws(() => checkClientOptions(set("heartbeat_interval,2m")), { code: "nsq-tools.OPTION_INVALID" });
});
