/**
 * One direction of a bridge: messages of `source` go to `target` under the same packet identifier, and every acknowledgement
 * goes back as it comes. So nothing is kept here: what is in flight stands in the two sessions, on the servers.
 *
 *     source ──PUBLISH 7──▶ relay ──PUBLISH 7──▶ target      QoS 1: PUBACK 7 goes back when the target has the message
 *            ◀──PUBREC 7──       ◀──PUBREC 7──               QoS 2: the target knows 7 until its PUBREL, so that a message
 *            ──PUBREL 7──▶       ──PUBREL 7──▶               repeated after any crash is not published twice
 *            ◀─PUBCOMP 7──       ◀─PUBCOMP 7──
 *
 * - A source repeats what was not finished under the identifier that it had [MQTT-4.4.0-1], ours does so after a crash too.
 * - When a source has lost its session and the target has not, an identifier that the target still knows would swallow a new
 *   message. `Sweep` says so; then PUBREL goes before the first PUBLISH of each identifier, and its answer goes nowhere.
 * - A message goes over at most once per bridge: a marker, a User Property with the bridge's name, ends every loop whose links
 *   all speak MQTT 5.
 *
 * What the target refuses for good is acknowledged to the source, counted and logged; what it refuses for now ends the link.
 */

import { bytesEqual } from "@polylog/base/bytes";
import type { Logger } from "@polylog/base/telemetry";
import { packetTypes, type QoS } from "@polylog/mqtt-wire";
import { reasonCodeName } from "@polylog/mqtt-wire/mqtt5";
import type { AckType, BridgeClient } from "./bridge-client.ts";
import type { BridgeCounters } from "./bridge-counters.ts";
import { bridgeErrors } from "./errors.ts";
import { outputBytesMax } from "./limits.ts";
import type { Sweep } from "./sweep.ts";
import type { TopicMap } from "./topic-map.ts";

export interface RelayOptions {
  readonly source: BridgeClient;
  readonly target: BridgeClient;
  readonly topics: TopicMap;
  /** Bytes of the User Property. */
  readonly marker: Buffer;
  readonly sweep: Sweep;
  readonly counters: BridgeCounters;
  readonly direction: "out" | "in";
  readonly logger: Logger;
}

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = packetTypes;
const refusalFirst = 0x80;
/** Unspecified, implementation specific, identifier in use, receive maximum, quota: another time it may be taken. */
const passingRefusals: ReadonlySet<number> = new Set([0x80, 0x83, 0x91, 0x93, 0x97]);

export class Relay {
  readonly #options: RelayOptions;
  /** Messages of QoS 2 whose PUBREL is answered here: the target has them at a lower QoS, or not at all. */
  readonly #endHere = new Set<number>();
  /** Messages of QoS 2 that went to the target at QoS 1. */
  readonly #lowered = new Set<number>();
  readonly #warned = new Set<string>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** `source` stands on a PUBLISH. */
  onPublish(): void {
    const { source, target, topics, marker, counters, sweep, direction } = this.#options;
    const { view } = source;
    const { bytes } = source.reader;
    const mapped = topics.find(bytes, view.topicStart, view.topicEnd);
    if (mapped === undefined) {
      counters.unmatched++;
      this.#acknowledge(view.qos, view.packetIdentifier);
      return;
    }
    if (
      view.propertiesEnd > view.propertiesStart &&
      isMarked(bytes, view.propertiesStart, view.propertiesEnd, marker)
    ) {
      counters.looped++;
      this.#acknowledge(view.qos, view.packetIdentifier);
      return;
    }
    const qos = Math.min(view.qos, mapped.qos, target.info.qosMax) as QoS;
    if (qos === 0 && target.pendingBytes > outputBytesMax) {
      counters.overflowed++;
      this.#acknowledge(view.qos, view.packetIdentifier);
      return;
    }
    if (qos === 2 && sweep.isDue(view.packetIdentifier, view.dup === 1))
      target.acknowledge(PUBREL, view.packetIdentifier);
    if (!target.publish(source, mapped.topic, qos, marker)) {
      this.#warnOnce("too large", "a message is too large for the other side and was dropped");
      counters.tooLarge++;
      this.#acknowledge(view.qos, view.packetIdentifier);
      return;
    }
    counters[direction]++;
    if (qos === view.qos) return;
    if (qos === 0) this.#acknowledge(view.qos, view.packetIdentifier);
    else this.#lowered.add(view.packetIdentifier);
  }

  /** Ends a message towards its source. */
  #acknowledge(qos: QoS, packetIdentifier: number): void {
    if (qos === 0) return;
    if (qos === 2) this.#endHere.add(packetIdentifier);
    this.#options.source.acknowledge(qos === 1 ? PUBACK : PUBREC, packetIdentifier);
  }

  /** PUBREL. */
  onSourceAck(packetIdentifier: number): void {
    const { source, target } = this.#options;
    if (this.#endHere.delete(packetIdentifier)) source.acknowledge(PUBCOMP, packetIdentifier);
    else target.acknowledge(PUBREL, packetIdentifier);
  }

  /** PUBACK, PUBREC or PUBCOMP. Throws `bridge.MESSAGE_REFUSED`. */
  onTargetAck(type: AckType, packetIdentifier: number, reasonCode: number): void {
    const { source, target, sweep, counters } = this.#options;
    if (type === PUBCOMP) {
      if (!sweep.isAnswer(packetIdentifier)) source.acknowledge(PUBCOMP, packetIdentifier);
      return;
    }
    const isRefused = reasonCode >= refusalFirst;
    if (isRefused) {
      const reason = reasonCodeName(type === PUBACK ? "PUBACK" : "PUBREC", reasonCode) ?? `reason code ${reasonCode}`;
      if (passingRefusals.has(reasonCode)) throw bridgeErrors.MESSAGE_REFUSED({ peer: target.peer, reason });
      this.#warnOnce(reason, "messages are refused by the other side and dropped");
      counters.refused++;
    }
    const isLowered = this.#lowered.delete(packetIdentifier);
    if (isLowered || (isRefused && type === PUBREC)) this.#acknowledge(2, packetIdentifier);
    else source.acknowledge(type, packetIdentifier);
  }

  #warnOnce(reason: string, message: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    const { logger, target, direction } = this.#options;
    logger.warn(message, { peer: target.peer, direction, reason });
  }
}

function isMarked(bytes: Buffer, start: number, end: number, marker: Buffer): boolean {
  const last = end - marker.length;
  for (let at = start; at <= last; at++)
    if (bytes[at] === marker[0] && bytesEqual(bytes, at, at + marker.length, marker, 0)) return true;
  return false;
}
