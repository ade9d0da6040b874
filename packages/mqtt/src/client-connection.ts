/** What handlers of packets see of a connection, and what all connections of a server share. */

import type { OutputQueue } from "@polylog/base/transport";
import type { Principal } from "@polylog/broker";
import type { Credentials } from "@polylog/broker/access";
import type { SessionStore } from "@polylog/broker/sessions";
import type { ProtocolLevel } from "@polylog/mqtt-wire";
import type { Authentication, AuthenticationMethods } from "./authentication/authentication.ts";
import type { ConnectRequest } from "./connect-request.ts";
import type { Outlet } from "./outlet.ts";
import type { Publisher, PublishPath } from "./publish-path.ts";
import type { Session, SessionContext } from "./session.ts";
import type { SessionOwner } from "./session-parts.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { TopicRewrites } from "./topic-rewrites.ts";

export interface ServerParts extends SessionContext {
  readonly store: SessionStore;
  readonly sessions: SessionRegistry;
  readonly publishPath: PublishPath;
  /** Of MQTT 5; undefined: none. */
  readonly methods: AuthenticationMethods | undefined;
  /** Undefined: topics stay as they are. */
  readonly rewrites: TopicRewrites | undefined;
}

export interface ClientConnection extends Publisher, SessionOwner {
  readonly parts: ServerParts;
  readonly output: OutputQueue;
  readonly isConnected: boolean;
  /** What the client shows of itself. */
  readonly credentials: Credentials;
  /** Valid once connected. */
  readonly session: Session;
  readonly protocolLevel: ProtocolLevel;
  /** Largest packet the client takes, in bytes. */
  readonly packetSizeMax: number;
  /** Valid once its CONNECT was read. */
  readonly request: ConnectRequest;
  /** An exchange of AUTH packets under way. */
  /** Valid once connected. */
  readonly outlet: Outlet | undefined;
  authentication: Authentication | undefined;
  /** Who it is without credentials: a client of the program's own. */
  readonly insider: Principal | undefined;
  principal: Principal;
  /** The CONNECT was read: from here on refusals are made in the client's version. */
  onRequest(request: ConnectRequest): void;
  /** AUTH packets are to follow before it is connected. */
  onAuthenticating(): void;
  /** The CONNECT is accepted, and the connection has the session. Nothing is sent. */
  onConnected(session: Session): void;
  /** The client has said that it leaves: closes. */
  onDisconnect(keepsWill: boolean): void;
  /**
   * Handles no further packet until `work` is done, then calls `then`; a rejection ends the connection. `late` is called
   * instead of `then` when the connection ended meanwhile.
   */
  wait<Result>(work: Promise<Result>, then: (result: Result) => void, late?: (result: Result) => void): void;
}

/** Handles the packet `connection.reader` stands on. Throws what the connection is to be closed for. */
export type PacketHandler = (connection: ClientConnection) => void;
