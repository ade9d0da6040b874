/**
 * The options of `polylog serve`: the only definition. Flags, POLYLOG_* variables, config-file keys, `--help`,
 * `config.example.toml` and `docs/reference/options.md` all come from this table. Names end in their unit and bound
 * where the type does not say it: durations are milliseconds, sizes are bytes.
 */

import { defineOptions, type OptionValues } from "@polylog/base/options";
import { logLevels } from "@polylog/base/telemetry";
import { durabilities } from "@polylog/broker";
import { findCaptureRuleProblem } from "./capture-rule.ts";

const listeners = "Listeners";
const storage = "Storage";
const mqtt = "MQTT";
const nsq = "NSQ";
const operation = "Operation";

export const serveOptions = defineOptions({
  mqttListen: {
    flag: "mqtt-listen",
    type: "listen",
    default: "127.0.0.1:1883",
    group: listeners,
    help: "Where MQTT 3.1.1 clients connect over TCP.",
  },
  nsqTcpListen: {
    flag: "nsq-tcp-listen",
    type: "listen",
    default: "127.0.0.1:4150",
    group: listeners,
    help: "Where NSQ clients connect over TCP, as to nsqd.",
  },
  nsqHttpListen: {
    flag: "nsq-http-listen",
    type: "listen",
    default: "127.0.0.1:4151",
    group: listeners,
    help: "Where nsqd's HTTP API answers.",
  },
  httpListen: {
    flag: "http-listen",
    type: "listen",
    default: "127.0.0.1:4180",
    group: listeners,
    help: "Where Polylog's own HTTP API, /rpc, /metrics and /health answer.",
  },
  allowAnonymous: {
    flag: "allow-anonymous",
    type: "boolean",
    default: false,
    group: listeners,
    help: "Let everybody in who can reach a listener; without it and without users, listeners bind to loopback only.",
  },
  connectionsMax: {
    flag: "max-connections",
    type: "integer",
    unit: "connections",
    min: 1,
    max: 1_000_000,
    default: 10_000,
    group: listeners,
    help: "Connections that one listener holds at a time; more are refused.",
  },

  dataDir: {
    flag: "data-dir",
    type: "path",
    default: "./polylog-data",
    group: storage,
    help: "Directory for logs and state; made when missing, and used by one process at a time.",
  },
  capture: {
    flag: "capture",
    type: "string",
    repeatable: true,
    placeholder: "LOG=FILTER",
    example: "orders=factory/+/orders",
    check: findCaptureRuleProblem,
    group: storage,
    help: "Append MQTT messages whose topic matches the topic filter to the log.",
  },
  durability: {
    flag: "durability",
    type: "choice",
    values: durabilities,
    default: "written",
    group: storage,
    help: "When a message is acknowledged: when accepted, when written to the file, or when synced to the disk.",
  },
  logSegmentSize: {
    flag: "log-segment-size",
    type: "size",
    min: "4KiB",
    max: "2GiB",
    default: "256MiB",
    group: storage,
    help: "Size at which a log goes on in a new segment file.",
  },
  logSyncIntervalMs: {
    flag: "log-sync-interval",
    type: "duration",
    min: "1ms",
    max: "1m",
    default: "1s",
    group: storage,
    help: "Longest time between a write and the fdatasync that follows it, at durability written.",
  },
  logAppendQueueSizeMax: {
    flag: "log-append-queue",
    type: "size",
    min: "1MiB",
    max: "16GiB",
    default: "64MiB",
    group: storage,
    help: "Bytes appended to one partition and not yet written before its producers are held.",
  },
  tailCacheSizeMax: {
    flag: "tail-cache",
    type: "size",
    min: "0",
    max: "64GiB",
    default: "64MiB",
    group: storage,
    help: "Memory for the newest batches, so that consumers that keep up do not read files.",
  },

  mqttPacketSizeMax: {
    flag: "mqtt-max-packet-size",
    type: "size",
    min: "1KiB",
    max: 268_435_455,
    default: "1MiB",
    group: mqtt,
    help: "Largest MQTT packet accepted from a client.",
  },

  nsqMsgSizeMax: {
    flag: "nsq-max-msg-size",
    type: "size",
    min: "1",
    max: "32MiB", // The largest record of a log.
    default: "1MiB",
    group: nsq,
    help: "Largest message that NSQ clients may publish.",
  },
  nsqBodySizeMax: {
    flag: "nsq-max-body-size",
    type: "size",
    min: "1KiB",
    max: "256MiB",
    default: "5MiB",
    group: nsq,
    help: "Largest body of one NSQ command, such as all messages of an MPUB.",
  },
  nsqMsgTimeoutMs: {
    flag: "nsq-msg-timeout",
    type: "duration",
    min: "1ms",
    max: "1d",
    default: "60s",
    group: nsq,
    help: "Time to finish a message before it is delivered again, unless the client asks for another.",
  },
  nsqMsgTimeoutMsMax: {
    flag: "nsq-max-msg-timeout",
    type: "duration",
    min: "1ms",
    max: "1d",
    default: "15m",
    group: nsq,
    help: "Longest message timeout a client may ask for, and longest time that touching extends it to.",
  },
  nsqReqTimeoutMsMax: {
    flag: "nsq-max-req-timeout",
    type: "duration",
    min: "0",
    max: "365d",
    default: "1h",
    group: nsq,
    help: "Longest delay for requeued and deferred messages.",
  },
  nsqRdyCountMax: {
    flag: "nsq-max-rdy-count",
    type: "integer",
    unit: "messages",
    min: 1,
    max: 1_000_000,
    default: 2500,
    group: nsq,
    help: "Largest RDY count of one client.",
  },
  nsqHeartbeatIntervalMsMax: {
    flag: "nsq-max-heartbeat-interval",
    type: "duration",
    min: "1s",
    max: "1h",
    default: "60s",
    group: nsq,
    help: "Longest time between heartbeats that a client may ask for.",
  },

  config: {
    flag: "config",
    type: "path",
    placeholder: "FILE",
    from: ["flag", "environment"],
    group: operation,
    help: "TOML file with more options.",
  },
  logLevel: {
    flag: "log-level",
    type: "choice",
    values: logLevels,
    default: "info",
    group: operation,
    help: "Least severe messages that are logged.",
  },
  logFormat: {
    flag: "log-format",
    type: "choice",
    values: ["text", "json"],
    default: "text",
    group: operation,
    help: "How log lines are written: for people or for machines.",
  },
  readyFile: {
    flag: "ready-file",
    type: "path",
    example: "/run/polylog/ready.json",
    group: operation,
    help: "File written once every listener accepts: JSON with pid, version and the addresses bound.",
  },
  drainTimeoutMs: {
    flag: "drain-timeout",
    type: "duration",
    min: "0",
    max: "1h",
    default: "10s",
    group: operation,
    help: "How long SIGTERM waits for what is in flight.",
  },
  help: {
    flag: "help",
    short: "h",
    type: "boolean",
    default: false,
    from: ["flag"],
    group: operation,
    help: "Show this help.",
  },
});

export type ServeOptions = OptionValues<typeof serveOptions>;
