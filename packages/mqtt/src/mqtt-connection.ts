/**
 * One network connection of one client: chunks in, packets to their handlers, and one way to end.
 *
 *     chunk ─▶ FrameReader ─▶ handlersByState[state][type]
 *
 * Reading stops, and the rest of the chunk stays where it is, while a log has no room, while too many messages wait for
 * their PUBACK, or while the client does not read the answers it asks for. However a connection ends, `#leave` runs once: it
 * gives the session back, and publishes the will unless the client said DISCONNECT [MQTT-3.1.2-8]. Connection and session
 * are two things: a session may be older and live longer.
 */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Connection, ConnectionHandler, OutputQueue } from "@polylog/base/transport";
import { anonymous, type Partition, type Principal } from "@polylog/broker";
import {
  type ConnectPacket,
  connectReturnCodeOf,
  encodeConnack,
  FrameReader,
  type ProtocolLevel,
  packetTypes,
  type Will,
} from "@polylog/mqtt-wire";
import type { ClientConnection, ServerParts } from "./client-connection.ts";
import { type ConnectionState, handlersByState } from "./connection-state.ts";
import { mqttErrors } from "./errors.ts";
import { answerBytesMax } from "./limits.ts";
import { PubackRing, type PubackRingOwner } from "./puback-ring.ts";
import { sendPacket } from "./send-packet.ts";
import type { Session } from "./session.ts";

export interface ConnectionOwner {
  /** Seconds since the server started; counted, not measured, so that a stalled loop times nobody out. */
  readonly tick: number;
  /** The connection is closed and refers to nothing any more. */
  onConnectionClosed(connection: MqttConnection): void;
}

/** Why reading is stopped: bits, because there may be several reasons. */
const logIsFull = 1;
const pubacksAreDue = 2;
const outputIsFull = 4;
const serverStops = 8;

export class MqttConnection implements ConnectionHandler, ClientConnection, PubackRingOwner {
  readonly parts: ServerParts;
  readonly transport: Connection;
  readonly output: OutputQueue;
  readonly remote: string;
  readonly reader: FrameReader;
  readonly pubacks: PubackRing;
  readonly principal: Principal = anonymous;
  readonly #owner: ConnectionOwner;
  #state: ConnectionState = "awaitingConnect";
  #session: Session | undefined;
  #will: Will | undefined;
  clientId = "";
  protocolLevel: ProtocolLevel = 4;
  keepAliveSeconds = 0;
  /** Ticks without input after which the client counts as gone; 0: never. */
  #silenceTicksMax: number;
  #lastTick: number;
  /** More than what deliveries alone can make it: the rest are answers. */
  readonly #outputBytesMax: number;
  #pauses = 0;
  #isTransportPaused = false;
  #isReading = false;
  /** The packet the reader stands on was not handled yet. */
  #isPacketPending = false;

  constructor(transport: Connection, parts: ServerParts, owner: ConnectionOwner) {
    this.parts = parts;
    this.transport = transport;
    this.output = transport.output;
    this.remote = transport.remote;
    this.#owner = owner;
    this.reader = new FrameReader(parts.limits.connectPacketSizeMax);
    this.pubacks = new PubackRing(this.output, this, parts.metrics.sent[packetTypes.PUBACK]);
    const { outputBytesMax, packetSizeMax } = parts.limits;
    this.#outputBytesMax = outputBytesMax + packetSizeMax + answerBytesMax;
    this.#lastTick = owner.tick;
    this.#silenceTicksMax = Math.ceil(parts.limits.connectTimeoutMs / 1000);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get session(): Session {
    return this.#session!;
  }

  // --- reading ---------------------------------------------------------------------------------------------------

  onChunk(chunk: Buffer): void {
    this.#lastTick = this.#owner.tick;
    this.reader.push(chunk);
    this.#read();
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const { received } = this.parts.metrics;
    const { reader } = this;
    try {
      while (this.#pauses === 0 && this.#isOpen() && (this.#isPacketPending || reader.next())) {
        if (!this.#isPacketPending) received[reader.type].value++;
        this.#isPacketPending = false;
        handlersByState[this.#state][reader.type](this);
        if (this.pubacks.size >= this.parts.limits.unacknowledgedMax) this.#waitForPubacks();
      }
    } catch (error) {
      this.fail(error);
    }
    this.#isReading = false;
    if (!this.#isOpen()) return;
    if (this.output.pendingBytes > this.#outputBytesMax) this.#waitForOutput();
    this.#applyPauses();
  }

  #isOpen(): boolean {
    return this.#state === "connected" || this.#state === "awaitingConnect";
  }

  /** The end of the turn may send all of it; otherwise `onDrain` will be called. */
  #waitForOutput(): void {
    this.#pauses |= outputIsFull;
    this.parts.clock.atTurnEnd(() => {
      if (this.output.pendingBytes <= this.#outputBytesMax) this.#resume(outputIsFull);
    });
  }

  #waitForPubacks(): void {
    this.#pauses |= pubacksAreDue;
    this.pubacks.watchedSize = this.parts.limits.unacknowledgedMax >> 1;
  }

  waitForRoom(partition: Partition): boolean {
    this.#pauses |= logIsFull;
    partition.whenDrained(() => this.#resume(logIsFull));
    this.#isPacketPending = (this.#pauses & logIsFull) !== 0;
    return this.#isPacketPending;
  }

  onPubacksSent(): void {
    if ((this.#pauses & serverStops) !== 0) this.#end();
    else this.#resume(pubacksAreDue);
  }

  onDrain(): void {
    this.#session?.onDrain();
    this.#resume(outputIsFull);
  }

  #resume(pause: number): void {
    if ((this.#pauses & pause) === 0) return;
    this.#pauses &= ~pause;
    if (this.#pauses === 0 && this.#isOpen()) this.#read();
  }

  #applyPauses(): void {
    const paused = this.#pauses !== 0;
    if (paused === this.#isTransportPaused) return;
    this.#isTransportPaused = paused;
    if (paused) this.transport.pause();
    else this.transport.resume();
  }

  // --- what handlers do ------------------------------------------------------------------------------------------

  onConnect(packet: ConnectPacket, clientId: string, session: Session): void {
    this.#state = "connected";
    this.#session = session;
    this.clientId = clientId;
    this.protocolLevel = packet.protocolLevel;
    this.keepAliveSeconds = packet.keepAliveSeconds;
    this.#silenceTicksMax = Math.ceil(packet.keepAliveSeconds * 1.5); // [MQTT-3.1.2-24]
    // The payload is a slice of a chunk; the will may be kept for as long as the connection lasts.
    this.#will = packet.will && { ...packet.will, payload: Buffer.from(packet.will.payload) }; // [MQTT-3.1.2-9]
    this.reader.packetSizeMax = this.parts.limits.packetSizeMax;
    this.reader.protocolLevel = packet.protocolLevel;
    const { cleanSession, keepAliveSeconds } = packet;
    this.parts.logger.debug("client connected", { clientId, remote: this.remote, cleanSession, keepAliveSeconds });
  }

  onDisconnect(): void {
    this.#will = undefined;
    this.#end();
  }

  // --- ending ----------------------------------------------------------------------------------------------------

  /** Closes because of an error, says so once in the log, and answers where MQTT 3.1.1 has an answer. */
  fail(cause: unknown): void {
    if (!this.#isOpen()) return;
    const error = isCodedError(cause) ? cause : mqttErrors.INTERNAL({ reason: String(cause) }, cause);
    this.parts.metrics.protocolErrors.value++;
    const fields = { clientId: this.clientId, remote: this.remote, code: error.code, reason: error.message };
    if (error.cause === undefined) this.parts.logger.warn("client closed", fields);
    else this.parts.logger.error("client closed", { ...fields, error: error.cause });
    const returnCode = this.#state === "awaitingConnect" ? connectReturnCodeOf(error.wireCode) : undefined;
    if (returnCode !== undefined) {
      sendPacket(this.output, encodeConnack, { sessionPresent: false, returnCode }); // [MQTT-3.2.2-4]
      this.parts.metrics.sent[packetTypes.CONNACK].value++;
    }
    this.#end();
  }

  onTakenOver(remote: string): void {
    const { clientId } = this;
    const { message } = mqttErrors.SESSION_TAKEN_OVER({ remote });
    this.parts.logger.info("client closed", { clientId, remote: this.remote, reason: message });
    this.#end();
  }

  onNotStored(error: PolylogError): void {
    this.fail(mqttErrors.MESSAGE_NOT_STORED({ reason: error.message }, error));
  }

  /** Called every second. */
  onTick(tick: number): void {
    // While the server does not read, silence is its own; whether the client reads its output is the client's.
    if ((this.#pauses & ~outputIsFull) !== 0) this.#lastTick = tick;
    if (this.#silenceTicksMax === 0 || tick - this.#lastTick <= this.#silenceTicksMax || !this.#isOpen()) return;
    this.parts.metrics.timeouts.value++;
    const { clientId, remote, keepAliveSeconds } = this;
    const error =
      this.#state === "awaitingConnect"
        ? mqttErrors.CONNECT_TIMEOUT({ timeoutMs: this.parts.limits.connectTimeoutMs })
        : mqttErrors.KEEP_ALIVE_TIMEOUT({ keepAliveSeconds });
    this.parts.logger.info("client closed", { clientId, remote, code: error.code, reason: error.message });
    this.#leave();
    this.transport.destroy();
  }

  /** The server stops: reads no further, and ends once the PUBACKs that are due have been sent. */
  stop(): void {
    if (!this.#isOpen()) return;
    this.#pauses |= serverStops;
    this.#applyPauses();
    if (this.pubacks.size === 0) this.#end();
    else this.pubacks.watchedSize = 0;
  }

  destroy(): void {
    this.transport.destroy();
  }

  onClose(error: Error | undefined): void {
    if (this.#isOpen()) {
      const { clientId, remote } = this;
      this.parts.logger.debug("client gone", {
        clientId,
        remote,
        reason: error?.message ?? "it closed the connection",
      });
      this.#leave();
    }
    this.#state = "closed";
    this.#owner.onConnectionClosed(this);
  }

  #end(): void {
    this.#leave();
    this.transport.end();
  }

  #leave(): void {
    this.#state = "closing";
    this.pubacks.close();
    const session = this.#session;
    const will = this.#will;
    this.#session = undefined;
    this.#will = undefined;
    if (session !== undefined) this.parts.sessions.leave(session);
    if (will !== undefined) this.parts.publishPath.publishWill(will, this.principal, this.clientId);
  }
}
