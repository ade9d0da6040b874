/**
 * What one MQTT client may take of the server. Counts and bytes, unless the name says milliseconds. The composition root
 * passes what an administrator set; the rest stays at its default.
 */

import type { WhenFull } from "@polylog/broker/sessions";

export interface MqttLimits {
  /** Connections at a time; further ones are closed at once. */
  readonly connectionsMax: number;
  /** How long a client may take to send its CONNECT, in milliseconds. Checked once a second. */
  readonly connectTimeoutMs: number;
  /** Largest CONNECT, and largest first packet of any kind: what a stranger can make the server hold. */
  readonly connectPacketSizeMax: number;
  /** Largest packet of a client that is connected. */
  readonly packetSizeMax: number;
  /** Longest client identifier, in bytes of UTF-8. */
  readonly clientIdentifierSizeMax: number;

  /** Longest keep alive, in seconds; MQTT 5 clients that ask for more, or for none, are told this one. 65,535: any. */
  readonly keepAliveSecondsMax: number;
  /** Topic aliases one client may set, 0..65,535, and at most so many that are set for it. */
  readonly topicAliasMax: number;

  /** Sessions, with and without a connection. */
  readonly sessionsMax: number;
  /** How long a session may outlive its connection, in seconds; Infinity: as long as the client wants. */
  readonly sessionExpirySecondsMax: number;
  /** Topic filters of one session; more are refused in the SUBACK. */
  readonly subscriptionsPerSessionMax: number;

  /** Logs that one session may replay at a time; each takes up to 64 KiB per partition while it reads. */
  readonly replaysPerSessionMax: number;

  /** Messages of QoS 1 and 2 sent to a client and not yet finished by it, 1..65,535. */
  readonly inFlightMax: number;
  /** Messages of QoS 1 and 2 that wait for one session. */
  readonly queuedMessagesMax: number;
  /** What happens to a message for a session that is full; `refuse` holds for those that outlive their connection. */
  readonly whenFull: WhenFull;
  /** Messages of QoS 0 wait, too, for a session that outlives its connection. */
  readonly queueQos0Offline: boolean;
  /** Bytes of the messages kept for one session; at least `packetSizeMax` is allowed. */
  readonly queuedBytesMax: number;
  /** Bytes of the messages kept in memory for all sessions that end with their connection. A message kept for several counts once for each. */
  readonly queuedBytesTotalMax: number;

  /** Bytes one client has not read, beyond which messages of QoS 0 to it are dropped and those of QoS 1 wait. */
  readonly outputBytesMax: number;
  /** How long a client may leave so much unread before it is disconnected, in milliseconds. Checked once a second. */
  readonly slowClientMs: number;
  /** Bytes a client has not read, beyond which neither retained messages nor waiting ones are added. */
  readonly backlogBytesMax: number;
  /** Retained and waiting messages sent to one session before others have their turn. */
  readonly backlogBatchMax: number;

  /** Messages, and bytes of PUBLISH packets, that one connection may publish per second; Infinity: any. What one second allows may come at once. */
  readonly publishRateMax: number;
  readonly publishBytesRateMax: number;
  /** What happens to a client that publishes faster: it is not read for a while, or told 0x96. */
  readonly whenTooFast: "pause" | "disconnect";

  /** Messages to `$delayed/` that wait to be published, of all clients. */
  readonly delayedMessagesMax: number;

  /**
   * Messages of QoS 1 and 2 from one client that are not finished, 1..65,535: the Receive Maximum that MQTT 5 clients are told.
   * When so many answers wait for their durability level, the client is not read.
   */
  readonly unacknowledgedMax: number;
}

export const defaultMqttLimits: MqttLimits = {
  connectionsMax: 100_000,
  connectTimeoutMs: 10_000,
  connectPacketSizeMax: 64 * 1024,
  packetSizeMax: 1024 * 1024,
  clientIdentifierSizeMax: 1024,

  keepAliveSecondsMax: 65_535,
  topicAliasMax: 64,

  sessionsMax: 200_000,
  sessionExpirySecondsMax: Number.POSITIVE_INFINITY,
  subscriptionsPerSessionMax: 10_000,

  replaysPerSessionMax: 16,

  inFlightMax: 512,
  queuedMessagesMax: 10_000,
  whenFull: "drop-oldest",
  queueQos0Offline: false,
  queuedBytesMax: 16 * 1024 * 1024,
  queuedBytesTotalMax: 512 * 1024 * 1024,

  outputBytesMax: 8 * 1024 * 1024,
  slowClientMs: 60_000,
  backlogBytesMax: 256 * 1024,
  backlogBatchMax: 128,

  publishRateMax: Number.POSITIVE_INFINITY,
  publishBytesRateMax: Number.POSITIVE_INFINITY,
  whenTooFast: "pause",

  delayedMessagesMax: 1_000_000,

  unacknowledgedMax: 65_535,
};

/** Bytes of answers a client may leave unread, besides what was delivered to it, before it is not read any further. */
export const answerBytesMax = 64 * 1024;

/** Longest delay of a message to `$delayed/`, in seconds: ten years of 365 days. */
export const delayedSecondsMax = 315_360_000;

/** Up to this size a message of QoS 1 is copied for each receiver; the payload of a larger one is lent to all. */
export const copiedSizeMax = 4 * 1024;

/** Shorter topics, in bytes, are not given an alias: it takes three bytes itself. */
export const aliasedTopicSizeMin = 4;

/** Retained messages that wait in the queue of a stored session before more are added. */
export const retainedQueuedMax = 256;

/** Sessions whose queues are looked through each second for messages that have expired. */
export const expiredSessionsPerTick = 1024;

/** Take-overs of one client identifier within a minute after which the log says so. */
export const flappingMin = 5;

/** How often the values below `$SYS` are looked at, in seconds. */
export const sysIntervalSeconds = 10;

/** Topics whose rewritten name is remembered, and the longest that are, in bytes. */
export const rewrittenTopicsMax = 8192;
export const rewrittenTopicSizeMax = 256;

/** Rules that rewrite topics. */
export const rewriteRulesMax = 256;

/** Completes what the caller set, and checks how the limits relate. Throws RangeError. */
export function resolveLimits(given: Partial<MqttLimits> = {}): MqttLimits {
  const set = { ...defaultMqttLimits, ...given };
  const limits: MqttLimits = {
    ...set,
    connectPacketSizeMax: Math.min(set.connectPacketSizeMax, set.packetSizeMax),
    queuedBytesMax: Math.max(set.queuedBytesMax, set.packetSizeMax),
  };
  for (const name of ["inFlightMax", "unacknowledgedMax"] as const) {
    if (limits[name] < 1 || limits[name] > 65_535) throw new RangeError(`${name} must be within 1..65535`);
  }
  if (limits.topicAliasMax < 0 || limits.topicAliasMax > 65_535) {
    throw new RangeError("topicAliasMax must be within 0..65535");
  }
  if (limits.backlogBytesMax > limits.outputBytesMax) {
    throw new RangeError("backlogBytesMax must not exceed outputBytesMax");
  }
  return limits;
}
