/**
 * What one MQTT client may take of the server. Counts and bytes, unless the name says milliseconds. The composition root
 * passes what an administrator set; the rest stays at its default.
 */

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

  /** Sessions, with and without a connection. */
  readonly sessionsMax: number;
  /** Topic filters of one session; more are refused in the SUBACK. */
  readonly subscriptionsPerSessionMax: number;

  /** Messages of QoS 1 sent to a client and not yet acknowledged by it, 1..65,535. */
  readonly inFlightMax: number;
  /** Messages of QoS 1 that wait for one session; beyond it the oldest is dropped. */
  readonly queuedMessagesMax: number;
  /** Bytes of the messages kept for one session, waiting or in flight; at least `packetSizeMax` is allowed. */
  readonly queuedBytesMax: number;
  /** Bytes of the messages kept for all sessions. A message kept for several counts once for each. */
  readonly queuedBytesTotalMax: number;

  /** Bytes one client has not read, beyond which messages of QoS 0 to it are dropped and those of QoS 1 wait. */
  readonly outputBytesMax: number;
  /** Bytes a client has not read, beyond which neither retained messages nor waiting ones are added. */
  readonly backlogBytesMax: number;
  /** Retained and waiting messages sent to one session before others have their turn. */
  readonly backlogBatchMax: number;

  /** Messages of QoS 1 from one client that wait for their durability level, 1..65,535; then reading stops. */
  readonly unacknowledgedMax: number;
}

export const defaultMqttLimits: MqttLimits = {
  connectionsMax: 100_000,
  connectTimeoutMs: 10_000,
  connectPacketSizeMax: 64 * 1024,
  packetSizeMax: 1024 * 1024,
  clientIdentifierSizeMax: 1024,

  sessionsMax: 200_000,
  subscriptionsPerSessionMax: 10_000,

  inFlightMax: 512,
  queuedMessagesMax: 10_000,
  queuedBytesMax: 16 * 1024 * 1024,
  queuedBytesTotalMax: 512 * 1024 * 1024,

  outputBytesMax: 8 * 1024 * 1024,
  backlogBytesMax: 256 * 1024,
  backlogBatchMax: 128,

  unacknowledgedMax: 65_535,
};

/** Bytes of answers a client may leave unread, besides what was delivered to it, before it is not read any further. */
export const answerBytesMax = 64 * 1024;

/** Up to this size a message of QoS 1 is copied for each receiver; the payload of a larger one is lent to all. */
export const copiedSizeMax = 4 * 1024;

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
  if (limits.backlogBytesMax > limits.outputBytesMax) {
    throw new RangeError("backlogBytesMax must not exceed outputBytesMax");
  }
  return limits;
}
