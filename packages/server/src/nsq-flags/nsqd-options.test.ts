import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseGoFlags } from "@polylog/base/go-flags";
import { type ServeOptions, serveOptions } from "../config/serve-options.ts";
import { keyOf, noticesOf, withConfigFile } from "./nsq-flag.ts";
import { nsqdFlags } from "./nsqd-flags.ts";
import { nsqdServeOptions } from "./nsqd-options.ts";

const table = nsqdFlags("vm");

function optionsOf(argv: readonly string[], file: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const parsed = parseGoFlags(table, argv);
  const { values } = withConfigFile(table, parsed.values, parsed.given, file);
  return nsqdServeOptions(table, values, env).options;
}

const tls = ["-tls-cert=c", "-tls-key=k"];

/** Flags, and what each of them comes to. */
const rows: readonly (readonly [flags: readonly string[], options: Partial<ServeOptions>])[] = [
  [["-https-address=:1", ...tls], { nsqHttpsListen: { host: "0.0.0.0", port: 1 } }],
  [["-https-address=:1"], { nsqHttpsListen: "off" }],
  [["-http-address=127.0.0.1:2"], { nsqHttpListen: { host: "127.0.0.1", port: 2 } }],
  [["-http-address=/run/nsqd.sock"], { nsqHttpListen: { host: "/run/nsqd.sock", port: 0 } }],
  [["-tcp-address=nsqd.sock"], { nsqTcpListen: { host: join(process.cwd(), "nsqd.sock"), port: 0 } }],
  [["-http-address="], { nsqHttpListen: "off" }],
  [["-tcp-address=[::1]:3"], { nsqTcpListen: { host: "::1", port: 3 } }],
  [["-auth-http-address", "a:1", "-auth-http-address", "b:2"], { nsqAuthHttpAddresses: ["a:1", "b:2"] }],
  [["-auth-http-request-method=post"], { nsqAuthHttpMethod: "post" }],
  [["-broadcast-address=nsq1"], { broadcastAddress: "nsq1" }],
  [["-broadcast-tcp-port=4"], { broadcastTcpPort: 4 }],
  [["-broadcast-http-port=5"], { broadcastHttpPort: 5 }],
  [["-lookupd-tcp-address=a:1"], { lookupdTcpAddresses: ["a:1"] }],
  [["-http-client-connect-timeout=1s"], { nsqHttpClientConnectTimeoutMs: 1000 }],
  [["-http-client-request-timeout=1s"], { nsqHttpClientRequestTimeoutMs: 1000 }],
  [["-topology-region=eu"], { nsqTopologyRegion: "eu" }],
  [["-topology-zone=a"], { nsqTopologyZone: "a" }],
  [["-data-path=/var/nsq"], { dataDir: "/var/nsq/polylog-data" }],
  [["-max-bytes-per-file=5000"], { logSegmentSize: 5000 }],
  [["-sync-timeout=1m"], { logSyncIntervalMs: 60_000 }],
  [["-msg-timeout=2m"], { nsqMsgTimeoutMs: 120_000, nsqMsgTimeoutMsMax: 900_000 }],
  [["-msg-timeout=20m"], { nsqMsgTimeoutMs: 1_200_000, nsqMsgTimeoutMsMax: 1_200_000 }],
  [["-max-msg-timeout=5m"], { nsqMsgTimeoutMsMax: 300_000 }],
  [["-max-msg-size=7"], { nsqMsgSizeMax: 7 }],
  [["-max-req-timeout=2h"], { nsqReqTimeoutMsMax: 7_200_000 }],
  [["-max-body-size=5000"], { nsqBodySizeMax: 5000 }],
  [["-max-heartbeat-interval=5s"], { nsqHeartbeatIntervalMsMax: 5000 }],
  [["-max-rdy-count=9"], { nsqRdyCountMax: 9 }],
  [["-max-output-buffer-size=128"], { nsqOutputBufferSizeMax: 128 }],
  [["-max-output-buffer-timeout=5s"], { nsqOutputBufferTimeoutMsMax: 5000 }],
  [["-min-output-buffer-timeout=5ms"], { nsqOutputBufferTimeoutMsMin: 5 }],
  [["-output-buffer-timeout=5ms"], { nsqOutputBufferTimeoutMs: 5 }],
  [["-max-channel-consumers=3"], { nsqChannelConsumersMax: 3 }],
  [["-statsd-address=a:1"], { nsqStatsdAddress: "a:1" }],
  [["-statsd-interval=5s"], { nsqStatsdIntervalMs: 5000 }],
  [["-statsd-mem-stats=false"], { nsqStatsdMemStats: false }],
  [["-statsd-prefix=p"], { nsqStatsdPrefix: "p" }],
  [["-statsd-udp-packet-size=600"], { nsqStatsdPacketSizeMax: 600 }],
  [["-statsd-exclude-ephemeral"], { nsqStatsdExcludeEphemeral: true }],
  [["-e2e-processing-latency-percentile=1.0,0.99"], { nsqLatencyQuantiles: ["1.0", "0.99"] }],
  [["-e2e-processing-latency-window-time=1m"], { nsqLatencyWindowMs: 60_000 }],
  [
    ["-tls-cert=c", "-tls-key=k"],
    { nsqTlsCert: "c", nsqTlsKey: "k", nsqTlsClientAuth: "none", nsqTlsRequired: "false" },
  ],
  [[...tls, "-tls-client-auth-policy=require"], { nsqTlsClientAuth: "any", nsqTlsRequired: "true" }],
  [
    [...tls, "-tls-client-auth-policy=require-verify", "-tls-root-ca-file=a"],
    { nsqTlsClientAuth: "require", nsqTlsCa: "a" },
  ],
  [[...tls, "-tls-required"], { nsqTlsRequired: "true" }],
  [[...tls, "-tls-required=tcp-https"], { nsqTlsRequired: "tcp-https" }],
  [[...tls, "-tls-min-version=tls1.3"], { nsqTlsMinVersion: "tls1.3" }],
  [["-tls-min-version=tls1.1"], { nsqTlsMinVersion: "tls1.2" }],
  [["-deflate=false"], { nsqDeflate: false }],
  [["-max-deflate-level=9"], { nsqDeflateLevelMax: 9 }],
  [["-snappy=false"], { nsqSnappy: false }],
];

/** Of the command itself, and those that set no option. */
const others = ["version", "config", "log-level", "log-prefix"];

describe("nsqd's flags", () => {
  it("come to options", () => {
    for (const [argv, expected] of rows) {
      const options = optionsOf(argv);
      for (const [name, value] of Object.entries(expected))
        assert.deepEqual(options[name as keyof ServeOptions], value, `${argv.join(" ")}: ${name}`);
    }
  });

  it("each have a row here, or mean nothing", () => {
    const tested = new Set(rows.flatMap(([argv]) => argv.map((word) => word.slice(1).split("=")[0])));
    const left = Object.entries(table).filter(([name, { means }]) => means !== "nothing" && !tested.has(name));
    assert.deepEqual(left.map(([name]) => name).sort(), [...others].sort());
  });

  it("have nsqd's defaults, and nothing but NSQ listens", () => {
    const options = optionsOf([]);
    assert.deepEqual(options.nsqTcpListen, { host: "0.0.0.0", port: 4150 });
    assert.deepEqual(options.nsqHttpListen, { host: "0.0.0.0", port: 4151 });
    assert.equal(options.broadcastAddress, "vm");
    assert.equal(options.dataDir, "polylog-data");
    for (const [name, { type }] of Object.entries(serveOptions))
      if (type === "listen" && !["nsqTcpListen", "nsqHttpListen"].includes(name))
        assert.equal(options[name as keyof ServeOptions], "off", name);
  });

  it("leave other options to the environment", () => {
    const env = {
      POLYLOG_DURABILITY: "synced",
      POLYLOG_HTTP_LISTEN: "127.0.0.1:4180",
      POLYLOG_NSQ_MAX_MSG_SIZE: "1",
      POLYLOG_DATA_DIR: "/elsewhere",
    };
    const options = optionsOf([], {}, env);
    assert.equal(options.durability, "synced");
    assert.deepEqual(options.httpListen, { host: "127.0.0.1", port: 4180 });
    assert.equal(options.nsqMsgSizeMax, 1_048_576);
    assert.equal(options.dataDir, "polylog-data");
  });

  it("say once what they do not do", () => {
    const { given } = parseGoFlags(table, ["-mem-queue-size=0", "-mem-queue-size=1", "-msg-timeout=1s"]);
    assert.deepEqual(noticesOf(table, given), ["--mem-queue-size: the log is the queue, and every message is in it"]);
  });
});

describe("nsqd's config file", () => {
  it("has NSQ's keys, and the command line wins", () => {
    const file = {
      nsqlookupd_tcp_addresses: ["a:1", "b:2"],
      auth_http_addresses: ["c:3"],
      e2e_processing_latency_percentiles: [1.0, 0.5],
      msg_timeout: "90s",
      max_msg_timeout: 600_000,
      max_msg_size: "77",
      snappy: false,
      deflate: "false",
      tls_required: "tcp-https",
      tls_cert: "c",
      tls_key: "k",
      unknown: { goes: "by" },
    };
    const options = optionsOf(["-lookupd-tcp-address=d:4"], file);
    assert.deepEqual(options.lookupdTcpAddresses, ["d:4"]);
    assert.deepEqual(options.nsqAuthHttpAddresses, ["c:3"]);
    assert.deepEqual(options.nsqLatencyQuantiles, ["1", "0.5"]);
    assert.equal(options.nsqMsgTimeoutMs, 90_000);
    assert.equal(options.nsqMsgTimeoutMsMax, 600_000);
    assert.equal(options.nsqMsgSizeMax, 77);
    assert.equal(options.nsqSnappy || options.nsqDeflate, false);
    assert.equal(options.nsqTlsRequired, "tcp-https");
  });

  it("has every flag's key once", () => {
    const keys = Object.entries(table).map(([name, row]) => keyOf(name, row));
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(keys.includes("id") && keys.includes("mem_queue_size"));
  });

  it("refuses a value that is none", () => {
    for (const file of [{ msg_timeout: "soon" }, { snappy: 2 }, { max_msg_size: [] }, { log_level: "loud" }])
      assert.throws(() => optionsOf([], file), { code: "config.NSQ_REFUSED" }, JSON.stringify(file));
  });
});

it("refuses a statsd that no packet can be sent to", () => {
  for (const address of ["127.0.0.1:99999", "127.0.0.1:0", "localhost", ":8125", "a b:8125", "a:8125x"])
    assert.throws(() => optionsOf([`-statsd-address=${address}`]), /--statsd-address: .*must be HOST:PORT/, address);
  assert.equal(optionsOf(["-statsd-address=[::1]:65535"]).nsqStatsdAddress, "[::1]:65535");
});

const refused: readonly (readonly [flags: readonly string[], reason: string])[] = [
  [["-node-id=1024"], "failed to instantiate nsqd - --node-id must be [0,1024)"],
  [["-max-deflate-level=10"], "failed to instantiate nsqd - --max-deflate-level must be [1,9]"],
  [["-tls-required"], "failed to instantiate nsqd - cannot require TLS client connections without TLS key and cert"],
  [
    ["-tls-key=k"],
    "failed to instantiate nsqd - failed to build TLS config - --tls-cert and --tls-key need each other",
  ],
  [["-auth-http-request-method=put"], "failed to instantiate nsqd - --auth-http-request-method must be post or get"],
  [
    ["-e2e-processing-latency-percentile=1.5"],
    "failed to instantiate nsqd - invalid E2E processing latency percentile: 1.5",
  ],
  [["-e2e-processing-latency-percentile=x"], "Could not parse: x"],
  [
    ["-max-msg-size=99999999"],
    "failed to instantiate nsqd - --max-msg-size: 99999999 is out of bounds; it must be 1 to 32MiB",
  ],
];

it("nsqd's refusals are in its words", () => {
  for (const [argv, message] of refused) assert.throws(() => optionsOf(argv), { message });
});
