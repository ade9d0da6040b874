/** What sessions need of a server, and of the connections that have them. */

import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { OutputQueue } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import type { AckRing } from "./ack-ring.ts";
import type { ClientTraffic } from "./client-traffic.ts";
import type { MqttLimits } from "./limits.ts";
import type { KeptBytes } from "./message-queue.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { QueueWriter } from "./queue-writer.ts";
import type { SysTree } from "./sys-tree.ts";

/** The connection that has the session. */
export interface SessionOwner {
  /** `address:port` of the peer. */
  readonly remote: string;
  readonly output: OutputQueue;
  readonly acks: AckRing;
  readonly traffic: ClientTraffic;
  /** Another connection of the same client has come: close, and give the session back. */
  onTakenOver(remote: string): void;
  /** An administrator ends the connection. */
  onKicked(): void;
}

export interface SessionParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: MqttLimits;
  readonly metrics: MqttMetrics;
  readonly kept: KeptBytes;
  readonly writer: QueueWriter;
  readonly sysTree: SysTree;
}
