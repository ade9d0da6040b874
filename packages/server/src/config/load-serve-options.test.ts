import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfigFile } from "./config-file.ts";
import { isLoopbackHost, loadServeOptions, type ServeRequest } from "./load-serve-options.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Text of the file that every --config names. */
  readonly toml?: string;
}

function load({ argv = [], env = {}, toml }: Given): Extract<ServeRequest, { request: "serve" }> {
  const readConfig = (file: string) => parseConfigFile(file, toml ?? "");
  const request = loadServeOptions({ argv, env, ...(toml === undefined ? {} : { readConfig }) });
  assert.equal(request.request, "serve");
  return request as Extract<ServeRequest, { request: "serve" }>;
}

test("defaults bind to loopback at the known ports", () => {
  const { options, captures, warnings } = load({});
  assert.deepEqual(
    [options.mqttListen, options.nsqTcpListen, options.nsqHttpListen, options.httpListen],
    [1883, 4150, 4151, 4180].map((port) => ({ host: "127.0.0.1", port })),
  );
  assert.deepEqual(
    [options.lookupdTcpListen, options.lookupdHttpListen],
    [4160, 4161].map((port) => ({ host: "127.0.0.1", port })),
  );
  assert.deepEqual([options.durability, options.dataDir, captures, warnings], ["written", "./polylog-data", [], []]);
});

test("NSQ's limits have nsqd's defaults", () => {
  const { options } = load({});
  assert.deepEqual(
    [options.nsqMsgSizeMax, options.nsqBodySizeMax, options.nsqRdyCountMax, options.nsqMsgTimeoutMs],
    [1_048_576, 5_242_880, 2500, 60_000],
  );
  assert.deepEqual(
    [options.nsqMsgTimeoutMsMax, options.nsqReqTimeoutMsMax, options.nsqHeartbeatIntervalMsMax],
    [900_000, 3_600_000, 60_000],
  );
});

test("the config file is named by flag or environment", () => {
  const toml = 'log_level = "debug"\n';
  assert.equal(load({ argv: ["--config", "f.toml"], toml }).options.logLevel, "debug");
  assert.equal(load({ env: { POLYLOG_CONFIG: "f.toml" }, toml }).options.logLevel, "debug");
  assert.equal(load({ toml }).options.logLevel, "info");
});

test("captures are parsed", () => {
  assert.deepEqual(load({ argv: ["--capture", "orders=factory/+/orders", "--capture=a=b=c"] }).captures, [
    { log: "orders", filter: "factory/+/orders" },
    { log: "a", filter: "b=c" },
  ]);
});

test("a bad capture rule is a usage error", () => {
  assert.throws(() => load({ argv: ["--config=f"], toml: 'capture = ["a=#/b"]' }), {
    code: "options.USAGE",
    message: /\n {2}f:1: capture: "a=#\/b": "#": \+ and # stand alone/,
  });
});

const exposed: readonly (readonly [where: string, given: Given])[] = [
  ["--mqtt-listen", { argv: ["--mqtt-listen", ":1883"] }],
  ["POLYLOG_NSQ_TCP_LISTEN", { env: { POLYLOG_NSQ_TCP_LISTEN: "[::]:0" } }],
  ["f:1: nsq_http_listen", { argv: ["--config=f"], toml: 'nsq_http_listen = "192.168.0.1:1"' }],
  ["--http-listen", { argv: ["--http-listen=some.host:80"] }],
];

for (const [where, given] of exposed) {
  test(`${where} wider than loopback needs --allow-anonymous`, () => {
    assert.throws(
      () => load(given),
      ({ code, message }: { code: string; message: string }) =>
        code === "options.USAGE" && message.includes(`\n  ${where}: "`) && message.includes("give --allow-anonymous"),
    );
    load({ ...given, argv: [...(given.argv ?? []), "--allow-anonymous"] });
  });
}

test("listeners may be off or on other loopback addresses", () => {
  load({
    argv: [
      "--mqtt-listen=off",
      "--nsq-tcp-listen=[::1]:0",
      "--http-listen=localhost:0",
      "--nsq-http-listen=127.1.2.3:0",
    ],
  });
});

test("nsqlookupds elsewhere are addresses with a port", () => {
  const { options } = load({ argv: ["--lookupd-tcp-address=a:4160", "--lookupd-tcp-address=[::1]:1"] });
  assert.deepEqual(options.lookupdTcpAddresses, ["a:4160", "[::1]:1"]);
  for (const address of ["a", "a:0", "a:65536", ":4160", "http://a:4160"])
    assert.throws(() => load({ argv: [`--lookupd-tcp-address=${address}`] }), { message: /write host:port/ });
});

test("a message timeout above its maximum is refused", () => {
  assert.throws(() => load({ argv: ["--nsq-msg-timeout=2s", "--nsq-max-msg-timeout=1s"] }), {
    message: /--nsq-msg-timeout: must not be longer than --nsq-max-msg-timeout/,
  });
});

test("a broken config file is reported beside other problems", () => {
  assert.throws(() => load({ argv: ["--config=f.toml", "--bogus"], toml: "a = = 1" }), {
    code: "options.USAGE",
    message: /^2 of .+\n {2}--bogus: .+\n {2}f\.toml:1:5: invalid value\n {4}1: {2}a = = 1\n/,
  });
});

test("a mistyped variable is a warning", () => {
  assert.deepEqual(load({ env: { POLYLOG_DATADIR: "x" } }).warnings, [
    "POLYLOG_DATADIR is not a setting; did you mean POLYLOG_DATA_DIR?",
  ]);
});

test("help is given whatever else is wrong", () => {
  for (const argv of [["--help"], ["-h"], ["--bogus", "--help"]]) {
    const request = loadServeOptions({ argv, env: {} });
    assert.ok(request.request === "help" && request.text.startsWith("Usage: polylog serve"));
  }
});

test("help after -- is an argument", () => {
  assert.throws(() => load({ argv: ["--", "--help"] }), { message: /"--help": unexpected argument/ });
});

test("help fits into 100 columns", () => {
  const request = loadServeOptions({ argv: ["--help"], env: {} });
  assert.ok(request.request === "help");
  assert.deepEqual(
    request.text.split("\n").filter((line) => line.length > 100),
    [],
  );
});

const hosts: readonly (readonly [host: string, isLoopback: boolean])[] = [
  ["127.0.0.1", true],
  ["127.255.255.255", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["0.0.0.0", false],
  ["::", false],
  ["128.0.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["localhost.example.org", false],
  ["127.1", false],
];

for (const [host, isLoopback] of hosts) {
  test(`${host} is ${isLoopback ? "" : "not "}loopback`, () => assert.equal(isLoopbackHost(host), isLoopback));
}

test("users let listeners bind beyond loopback", () => {
  assert.equal(load({ argv: ["--mqtt-listen=:1883", "--users-file=users.toml"] }).options.usersFile, "users.toml");
  assert.throws(() => load({ argv: ["--users-file=users.toml", "--allow-anonymous"] }), {
    message: /--allow-anonymous: contradicts --users-file/,
  });
});

test("TLS listeners need a certificate and a key", () => {
  assert.throws(() => load({ argv: ["--mqtt-tls-listen=127.0.0.1:8883", "--tls-cert=c"] }), {
    message: /--mqtt-tls-listen: needs --tls-cert and --tls-key/,
  });
  assert.throws(() => load({ argv: ["--tls-client-auth=require"] }), { message: /--tls-client-auth: needs --tls-ca/ });
});

test("NSQ's TLS options need a certificate, a key and authorities", () => {
  assert.throws(() => load({ argv: ["--nsq-tls-cert=c"] }), { message: /--nsq-tls-cert: needs --nsq-tls-key/ });
  assert.throws(() => load({ argv: ["--nsq-tls-required=true"] }), {
    message: /--nsq-tls-required: needs --nsq-tls-cert/,
  });
  assert.throws(() => load({ argv: ["--nsq-tls-client-auth=require"] }), {
    message: /--nsq-tls-client-auth: needs --nsq-tls-ca/,
  });
});
