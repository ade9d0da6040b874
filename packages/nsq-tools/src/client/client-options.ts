/**
 * The options of producers and consumers, by the names that NSQ's users know from go-nsq and from `--consumer-opt` and
 * `--producer-opt`. One table gives defaults, ranges, reading and the reference page.
 */

import { formatGoDuration, parseGoDuration } from "@polylog/base/go-flags";
import { nsqToolsErrors } from "../errors.ts";

export interface ClientOptions {
  dialTimeoutMs: number;
  readTimeoutMs: number;
  writeTimeoutMs: number;
  lookupdPollIntervalMs: number;
  lookupdPollJitter: number;
  lookupdPollTimeoutMs: number;
  maxRequeueDelayMs: number;
  defaultRequeueDelayMs: number;
  backoffStrategy: string;
  maxBackoffDurationMs: number;
  backoffMultiplierMs: number;
  maxAttempts: number;
  lowRdyIdleTimeoutMs: number;
  lowRdyTimeoutMs: number;
  rdyRedistributeIntervalMs: number;
  clientId: string;
  hostname: string;
  userAgent: string;
  heartbeatIntervalMs: number;
  sampleRate: number;
  tlsV1: boolean;
  tlsRootCaFile: string;
  tlsCert: string;
  tlsKey: string;
  tlsInsecureSkipVerify: boolean;
  tlsMinVersion: string;
  deflate: boolean;
  deflateLevel: number;
  snappy: boolean;
  outputBufferSize: number;
  outputBufferTimeoutMs: number;
  maxInFlight: number;
  msgTimeoutMs: number;
  maxMsgSize: number;
  authSecret: string;
  lookupdAuthorization: boolean;
  topologyRegion: string;
  topologyZone: string;
}

interface Row {
  readonly name: string;
  readonly type: "duration" | "int" | "float" | "bool" | "string" | readonly string[];
  readonly default: string | number | boolean;
  readonly min?: number;
  readonly max?: number;
  readonly usage: string;
}

const minute = 60_000;
const hour = 60 * minute;

const rows: Readonly<Record<keyof ClientOptions, Row>> = {
  dialTimeoutMs: duration("dial_timeout", 1000, "time to connect"),
  readTimeoutMs: duration("read_timeout", minute, "silence after which a connection is given up", 100, 5 * minute),
  writeTimeoutMs: duration("write_timeout", 1000, "time that written bytes may wait for the peer", 100, 5 * minute),
  lookupdPollIntervalMs: duration(
    "lookupd_poll_interval",
    minute,
    "between questions to nsqlookupd; without one, before reconnecting",
    10,
    5 * minute,
  ),
  lookupdPollJitter: {
    name: "lookupd_poll_jitter",
    type: "float",
    default: 0.3,
    min: 0,
    max: 1,
    usage: "share of the interval by which the first poll is put off at most",
  },
  lookupdPollTimeoutMs: duration("lookupd_poll_timeout", minute, "time for an answer of nsqlookupd"),
  maxRequeueDelayMs: duration("max_requeue_delay", 15 * minute, "longest delay of a requeued message", 0, hour),
  defaultRequeueDelayMs: duration(
    "default_requeue_delay",
    90_000,
    "delay of a requeued message, times its attempts",
    0,
    hour,
  ),
  backoffStrategy: {
    name: "backoff_strategy",
    type: ["exponential", "full_jitter"],
    default: "exponential",
    usage: "how the pause grows with failures",
  },
  maxBackoffDurationMs: duration(
    "max_backoff_duration",
    2 * minute,
    "longest pause after failures, 0 for none",
    0,
    hour,
  ),
  backoffMultiplierMs: duration("backoff_multiplier", 1000, "unit of the pause", 0, hour),
  maxAttempts: int(
    "max_attempts",
    5,
    "attempts after which a message is finished without being handled, 0 for no limit",
    0,
    65_535,
  ),
  lowRdyIdleTimeoutMs: duration(
    "low_rdy_idle_timeout",
    10_000,
    "silence after which a connection gives its RDY to another, when there is less RDY than connections",
    1000,
    5 * minute,
  ),
  lowRdyTimeoutMs: duration("low_rdy_timeout", 30_000, "time after which it does so in any case", 1000, 5 * minute),
  rdyRedistributeIntervalMs: duration("rdy_redistribute_interval", 5000, "between looks at who has RDY", 1, 5000),
  clientId: text("client_id", "shown in nsqd's stats; default: the short host name"),
  hostname: text("hostname", "shown in nsqd's stats; default: the host name"),
  userAgent: text("user_agent", "shown in nsqd's stats"),
  heartbeatIntervalMs: duration(
    "heartbeat_interval",
    30_000,
    "between nsqd's heartbeats, less than read_timeout; negative for none",
  ),
  sampleRate: int("sample_rate", 0, "percentage of the channel that is delivered, 0 for all", 0, 99),
  tlsV1: flag("tls_v1", "use TLS"),
  tlsRootCaFile: text("tls_root_ca_file", "file of the authority that nsqd's certificate is checked with"),
  tlsCert: text("tls_cert", "file of the client's certificate"),
  tlsKey: text("tls_key", "file of its key"),
  tlsInsecureSkipVerify: flag("tls_insecure_skip_verify", "do not check nsqd's certificate"),
  tlsMinVersion: {
    name: "tls_min_version",
    type: ["", "ssl3.0", "tls1.0", "tls1.1", "tls1.2", "tls1.3"],
    default: "",
    usage: "lowest version of TLS",
  },
  deflate: flag("deflate", "compress with deflate"),
  deflateLevel: int("deflate_level", 6, "level of deflate", 1, 9),
  snappy: flag("snappy", "compress with snappy"),
  outputBufferSize: int("output_buffer_size", 16_384, "bytes that nsqd collects before it sends, -1 for none"),
  outputBufferTimeoutMs: duration("output_buffer_timeout", 250, "longest time that nsqd collects"),
  maxInFlight: int("max_in_flight", 1, "messages in work at a time", 0),
  msgTimeoutMs: duration("msg_timeout", 0, "time until nsqd delivers an unfinished message again, 0 for nsqd's own", 0),
  maxMsgSize: int("max_msg_size", 0, "largest message that is taken from nsqd, 0 for 16 MiB", 0),
  authSecret: text("auth_secret", "sent to an nsqd that asks for AUTH"),
  lookupdAuthorization: {
    name: "skip_lookupd_authorization",
    type: "bool",
    default: true,
    usage: "also send the secret to nsqlookupd, as a bearer token",
  },
  topologyRegion: text("topology_region", "where the client is"),
  topologyZone: text("topology_zone", "where in the region"),
};

export function defaultClientOptions(): ClientOptions {
  return Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, row.default])) as unknown as ClientOptions;
}

/**
 * Sets the option in `pair`, `name,value`; a name alone is `name,true`. A number without a unit is no duration.
 * Throws OPTION_INVALID.
 */
export function setClientOption(options: ClientOptions, pair: string): void {
  const comma = pair.indexOf(",");
  const name = comma === -1 ? pair : pair.slice(0, comma);
  const value = comma === -1 ? "true" : pair.slice(comma + 1);
  const found = Object.entries(rows).find(([, row]) => row.name === name.replaceAll("-", "_"));
  if (found === undefined) throw nsqToolsErrors.OPTION_INVALID({ option: name, problem: "there is no such option" });
  Object.assign(options, { [found[0]]: readValue(found[1], value) });
}

/** Throws OPTION_INVALID for values that contradict each other. */
export function checkClientOptions(options: ClientOptions): void {
  if (options.heartbeatIntervalMs > options.readTimeoutMs) {
    throw nsqToolsErrors.OPTION_INVALID({ option: "heartbeat_interval", problem: "must be less than read_timeout" });
  }
  if (options.snappy && options.deflate) {
    throw nsqToolsErrors.OPTION_INVALID({ option: "snappy", problem: "not together with deflate" });
  }
}

/** The table as Markdown. */
export function renderClientOptions(): string {
  const lines = Object.values(rows).map((row) => {
    const shown = row.type === "duration" ? formatGoDuration(Number(row.default)) : String(row.default);
    return `| \`${row.name}\` | ${row.usage} | ${shown === "" ? "" : `\`${shown}\``} |`;
  });
  return ["| option | what it does | default |", "|---|---|---|", ...lines].join("\n");
}

function readValue(row: Row, value: string): string | number | boolean {
  const { type } = row;
  const refuse = (problem: string) => nsqToolsErrors.OPTION_INVALID({ option: row.name, problem });
  if (type === "string") return value;
  if (typeof type === "object") {
    if (!type.includes(value)) throw refuse(`one of ${type.filter((each) => each !== "").join(", ")}, not ${value}`);
    return value;
  }
  if (type === "bool") {
    if (!/^(true|false|1|0|t|f)$/i.test(value)) throw refuse(`true or false, not ${value}`);
    return /^(true|1|t)$/i.test(value);
  }
  const number = type === "duration" ? parseGoDuration(value) : Number(value === "" ? Number.NaN : value);
  if (number === undefined || Number.isNaN(number) || (type === "int" && !Number.isSafeInteger(number))) {
    throw refuse(
      `a ${type === "int" ? "whole number" : type === "float" ? "number" : "duration such as 30s"}, not ${value}`,
    );
  }
  if (number < (row.min ?? -Infinity) || number > (row.max ?? Infinity)) throw refuse(`${value} is out of range`);
  return number;
}

function duration(name: string, fallbackMs: number, usage: string, min?: number, max?: number): Row {
  return { name, type: "duration", default: fallbackMs, usage, ...bounds(min, max) };
}

function int(name: string, fallback: number, usage: string, min?: number, max?: number): Row {
  return { name, type: "int", default: fallback, usage, ...bounds(min, max) };
}

function text(name: string, usage: string): Row {
  return { name, type: "string", default: "", usage };
}

function flag(name: string, usage: string): Row {
  return { name, type: "bool", default: false, usage };
}

function bounds(min?: number, max?: number): { min?: number; max?: number } {
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}
