/**
 * Every flag of nsqd: those of 1.3.0, and those for topology, experiments and the method of authorisation that came after
 * it. Defaults are nsqd's.
 */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { parseGoBool } from "@polylog/base/go-flags";
import { commonFlags, type NsqFlagTable } from "./nsq-flag.ts";

const tlsVersions = ["tls1.0", "tls1.1", "tls1.2", "tls1.3"];

const rows = {
  ...commonFlags("nsqd"),
  "node-id": {
    type: "int",
    default: 0,
    key: "id",
    defaultShown: "hash of the host's name",
    usage: "unique part for message IDs, (int) in range [0,1024) (default is hash of hostname)",
    means: "nothing",
    here: "message ids are places in the log",
  },
  "worker-id": {
    type: "bool",
    default: false,
    usage: "[deprecated] use --node-id",
    means: "nothing",
    here: "message ids are places in the log",
  },
  "https-address": {
    type: "string",
    default: "0.0.0.0:4152",
    usage: "<addr>:<port> to listen on for HTTPS clients",
    means: "command",
    here: "with --tls-cert and --tls-key",
  },
  "http-address": {
    type: "string",
    default: "0.0.0.0:4151",
    usage: "address to listen on for HTTP clients (<addr>:<port> for TCP/IP or <path> for unix socket)",
    means: "command",
    here: "empty is off",
  },
  "tcp-address": {
    type: "string",
    default: "0.0.0.0:4150",
    usage: "address to listen on for TCP clients (<addr>:<port> for TCP/IP or <path> for unix socket)",
    means: "command",
    here: "",
  },
  "auth-http-address": {
    type: "strings",
    key: "auth_http_addresses",
    usage: "<addr>:<port> or a full url to query auth server (may be given multiple times)",
    means: "nsqAuthHttpAddresses",
    here: "",
  },
  "auth-http-request-method": {
    type: "string",
    default: "get",
    usage: "HTTP method to use for auth server requests",
    means: "command",
    here: "get or post",
  },
  "broadcast-address": {
    type: "string",
    default: "",
    defaultShown: "the host's name",
    usage: "address that will be registered with lookupd (defaults to the OS hostname)",
    means: "broadcastAddress",
    here: "",
  },
  "broadcast-tcp-port": {
    type: "int",
    default: 0,
    usage: "TCP port that will be registered with lookupd (defaults to the TCP port that this nsqd is listening on)",
    means: "broadcastTcpPort",
    here: "",
  },
  "broadcast-http-port": {
    type: "int",
    default: 0,
    usage: "HTTP port that will be registered with lookupd (defaults to the HTTP port that this nsqd is listening on)",
    means: "broadcastHttpPort",
    here: "",
  },
  "lookupd-tcp-address": {
    type: "strings",
    key: "nsqlookupd_tcp_addresses",
    usage: "lookupd TCP address (may be given multiple times)",
    means: "lookupdTcpAddresses",
    here: "",
  },
  "http-client-connect-timeout": {
    type: "duration",
    default: 2000,
    usage: "timeout for HTTP connect",
    means: "nsqHttpClientConnectTimeoutMs",
    here: "of authorisation servers; nsqlookupds have fixed ones",
  },
  "http-client-request-timeout": {
    type: "duration",
    default: 5000,
    usage: "timeout for HTTP request",
    means: "nsqHttpClientRequestTimeoutMs",
    here: "of authorisation servers; nsqlookupds have fixed ones",
  },
  "topology-region": {
    type: "string",
    default: "",
    usage: "A region represents a larger domain, made up of zones, with clients in the same region being preferred",
    means: "nsqTopologyRegion",
    here: "told and shown; consumers are not preferred by it",
  },
  "topology-zone": {
    type: "string",
    default: "",
    usage: "A zone represents a logical failure domain, with clients in the same zone being preferred",
    means: "nsqTopologyZone",
    here: "told and shown; consumers are not preferred by it",
  },
  "data-path": {
    type: "string",
    default: "",
    defaultShown: "where it is started",
    usage: "path to store disk-backed messages",
    means: "command",
    here: "data is in its directory polylog-data; nsqd's own files are not read",
  },
  "mem-queue-size": {
    type: "int",
    default: 10000,
    usage: "number of messages to keep in memory (per topic/channel)",
    means: "nothing",
    here: "the log is the queue, and every message is in it",
  },
  "max-bytes-per-file": {
    type: "int",
    default: 104857600,
    usage: "number of bytes per diskqueue file before rolling",
    means: "logSegmentSize",
    here: "of a log's segment; 4 KiB to 2 GiB",
  },
  "sync-every": {
    type: "int",
    default: 2500,
    usage: "number of messages per diskqueue fsync",
    means: "nothing",
    here: "what was written is synced within --sync-timeout, however much it is",
  },
  "sync-timeout": {
    type: "duration",
    default: 2000,
    usage: "duration of time per diskqueue fsync",
    means: "logSyncIntervalMs",
    here: "1 ms to 1 min",
  },
  "queue-scan-worker-pool-max": {
    type: "int",
    default: 4,
    usage: "max concurrency for checking in-flight and deferred message timeouts",
    means: "nothing",
    here: "time-outs need no scan",
  },
  "queue-scan-selection-count": {
    type: "int",
    default: 20,
    usage: "number of channels to check per cycle (every 100ms) for in-flight and deferred timeouts",
    means: "nothing",
    here: "time-outs need no scan",
  },
  "msg-timeout": {
    type: "duration",
    default: 60_000,
    usage: "default duration to wait before auto-requeing a message",
    means: "nsqMsgTimeoutMs",
    here: "",
  },
  "max-msg-timeout": {
    type: "duration",
    default: 900_000,
    usage: "maximum duration before a message will timeout",
    means: "command",
    here: "",
  },
  "max-msg-size": {
    type: "int",
    default: 1048576,
    usage: "maximum size of a single message in bytes",
    means: "nsqMsgSizeMax",
    here: "up to 32 MiB",
  },
  "max-req-timeout": {
    type: "duration",
    default: 3_600_000,
    usage: "maximum requeuing timeout for a message",
    means: "nsqReqTimeoutMsMax",
    here: "up to 365 days",
  },
  "max-body-size": {
    type: "int",
    default: 5242880,
    usage: "maximum size of a single command body",
    means: "nsqBodySizeMax",
    here: "1 KiB to 256 MiB",
  },
  "max-heartbeat-interval": {
    type: "duration",
    default: 60_000,
    usage: "maximum client configurable duration of time between client heartbeats",
    means: "nsqHeartbeatIntervalMsMax",
    here: "",
  },
  "max-rdy-count": {
    type: "int",
    default: 2500,
    usage: "maximum RDY count for a client",
    means: "nsqRdyCountMax",
    here: "",
  },
  "max-output-buffer-size": {
    type: "int",
    default: 65536,
    usage: "maximum client configurable size (in bytes) for a client output buffer",
    means: "nsqOutputBufferSizeMax",
    here: "negotiated; messages leave at the end of the turn",
  },
  "max-output-buffer-timeout": {
    type: "duration",
    default: 30_000,
    usage: "maximum client configurable duration of time between flushing to a client",
    means: "nsqOutputBufferTimeoutMsMax",
    here: "negotiated; messages leave at the end of the turn",
  },
  "min-output-buffer-timeout": {
    type: "duration",
    default: 25,
    usage: "minimum client configurable duration of time between flushing to a client",
    means: "nsqOutputBufferTimeoutMsMin",
    here: "negotiated; messages leave at the end of the turn",
  },
  "output-buffer-timeout": {
    type: "duration",
    default: 250,
    usage: "default duration of time between flushing data to clients",
    means: "nsqOutputBufferTimeoutMs",
    here: "negotiated; messages leave at the end of the turn",
  },
  "max-channel-consumers": {
    type: "int",
    default: 0,
    usage: "maximum channel consumer connection count per nsqd instance (default 0, i.e., unlimited)",
    means: "nsqChannelConsumersMax",
    here: "",
  },
  "statsd-address": {
    type: "string",
    default: "",
    usage: "UDP <addr>:<port> of a statsd daemon for pushing stats",
    means: "command",
    here: "",
  },
  "statsd-interval": {
    type: "duration",
    default: 60_000,
    usage: "duration between pushing to statsd",
    means: "nsqStatsdIntervalMs",
    here: "",
  },
  "statsd-mem-stats": {
    type: "bool",
    default: true,
    usage: "toggle sending memory and GC stats to statsd",
    means: "nsqStatsdMemStats",
    here: "V8's, under the nearest names",
  },
  "statsd-prefix": {
    type: "string",
    default: "nsq.%s",
    usage: "prefix used for keys sent to statsd (%s for host replacement)",
    means: "nsqStatsdPrefix",
    here: "",
  },
  "statsd-udp-packet-size": {
    type: "int",
    default: 508,
    usage: "the size in bytes of statsd UDP packets",
    means: "nsqStatsdPacketSizeMax",
    here: "",
  },
  "statsd-exclude-ephemeral": {
    type: "bool",
    default: false,
    usage: "Skip ephemeral topics and channels when sending stats to statsd",
    means: "nsqStatsdExcludeEphemeral",
    here: "",
  },
  "e2e-processing-latency-percentile": {
    type: "strings",
    key: "e2e_processing_latency_percentiles",
    usage:
      "message processing time percentiles (as float (0, 1.0]) to track (can be specified multiple times or comma separated '1.0,0.99,0.95', default none)",
    means: "command",
    here: "",
  },
  "e2e-processing-latency-window-time": {
    type: "duration",
    default: 600_000,
    usage:
      "calculate end to end latency quantiles for this duration of time (ie: 60s would only show quantile calculations from the past 60 seconds)",
    means: "nsqLatencyWindowMs",
    here: "",
  },
  "tls-cert": {
    type: "string",
    default: "",
    usage: "path to certificate file",
    means: "command",
    here: "read again on SIGHUP",
  },
  "tls-key": {
    type: "string",
    default: "",
    usage: "path to key file",
    means: "command",
    here: "read again on SIGHUP",
  },
  "tls-client-auth-policy": {
    type: "string",
    default: "",
    usage: "client certificate auth policy ('require' or 'require-verify')",
    means: "command",
    here: "require-verify needs --tls-root-ca-file",
  },
  "tls-root-ca-file": {
    type: "string",
    default: "",
    usage: "path to certificate authority file",
    means: "command",
    here: "read again on SIGHUP",
  },
  "tls-required": {
    type: "text",
    default: "false",
    bare: "true",
    shown: "",
    problem: tlsRequiredProblem,
    usage: "require TLS for client connections (true, false, tcp-https)",
    means: "command",
    here: "",
  },
  "tls-min-version": {
    type: "text",
    default: "tls1.0",
    problem: tlsVersionProblem,
    usage: "minimum SSL/TLS version acceptable ('ssl3.0', 'tls1.0', 'tls1.1', 'tls1.2' or 'tls1.3')",
    means: "command",
    here: "TLS 1.2 is the oldest that is spoken",
  },
  deflate: {
    type: "bool",
    default: true,
    usage: "enable deflate feature negotiation (client compression)",
    means: "nsqDeflate",
    here: "",
  },
  "max-deflate-level": {
    type: "int",
    default: 6,
    usage: "max deflate compression level a client can negotiate (> values == > nsqd CPU usage)",
    means: "nsqDeflateLevelMax",
    here: "",
  },
  snappy: {
    type: "bool",
    default: true,
    usage: "enable snappy feature negotiation (client compression)",
    means: "nsqSnappy",
    here: "",
  },
  "enable-experiment": {
    type: "strings",
    key: "enable_experiment",
    usage: "enable experimental feature: topology-aware-consumption (may be given multiple times)",
    means: "nothing",
    here: "there are no experiments",
  },
} as const satisfies NsqFlagTable;

/** `host`: this machine's name, which two defaults come from. */
export function nsqdFlags(host: string) {
  return {
    ...rows,
    "node-id": { ...rows["node-id"], default: defaultNodeId(host) },
    "broadcast-address": { ...rows["broadcast-address"], default: host },
  } as const satisfies NsqFlagTable;
}

/** nsqd's: what its message ids would begin with. */
function defaultNodeId(host: string): number {
  return crc32(createHash("md5").update(host).digest()) % 1024;
}

/** What `--tls-required` was given, as nsqd reads it; undefined when that is nothing. */
export function tlsRequirementOf(text: string): "true" | "false" | "tcp-https" | undefined {
  if (text.toLowerCase() === "tcp-https") return "tcp-https";
  const required = parseGoBool(text);
  return required === undefined ? undefined : required ? "true" : "false";
}

function tlsRequiredProblem(text: string): string | undefined {
  if (tlsRequirementOf(text) !== undefined) return undefined;
  return `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function tlsVersionProblem(text: string): string | undefined {
  return tlsVersions.includes(text.toLowerCase()) ? undefined : `unknown tlsVersionOption ${JSON.stringify(text)}`;
}
