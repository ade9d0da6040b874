/** What handlers of packets see of a connection, and what all connections of a server share. */

import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { OutputQueue } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import type { ConnectPacket, ProtocolLevel } from "@polylog/mqtt-wire";
import type { MqttLimits } from "./limits.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { Publisher, PublishPath } from "./publish-path.ts";
import type { Session, SessionOwner } from "./session.ts";
import type { SessionStore } from "./session-store.ts";

export interface ServerParts {
  readonly broker: Broker;
  readonly clock: Clock;
  /** Its lines start with `mqtt`. */
  readonly logger: Logger;
  readonly limits: MqttLimits;
  readonly metrics: MqttMetrics;
  readonly sessions: SessionStore;
  readonly publishPath: PublishPath;
}

export interface ClientConnection extends Publisher, SessionOwner {
  readonly parts: ServerParts;
  readonly output: OutputQueue;
  /** Valid once connected. */
  readonly session: Session;
  readonly protocolLevel: ProtocolLevel;
  /** The CONNECT is accepted: the connection is connected, as `clientId`, and has the session. Nothing is sent. */
  onConnect(packet: ConnectPacket, clientId: string, session: Session): void;
  /** The client has said that it leaves: closes, without its will. */
  onDisconnect(): void;
}

/** Handles the packet `connection.reader` stands on. Throws what the connection is to be closed for. */
export type PacketHandler = (connection: ClientConnection) => void;
