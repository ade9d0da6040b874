/**
 * One network connection of one client: chunks in, packets to their handlers, and one way to end.
 *
 *     chunk ─▶ FrameReader ─▶ handlersByState[state][type]
 *
 * Reading stops, and the rest of the chunk stays where it is, while a log has no room, while too many answers wait for
 * durability, while the client does not read the answers it asks for, and while a packet waits for the session store or the
 * authenticator. However a connection ends, `#leave` runs once: it gives the session back, with the will unless the client said
 * DISCONNECT [MQTT-3.1.2-8]. Connection and session are two things: a session may be older and live longer.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Connection, ConnectionHandler, OutputQueue } from "@polylog/base/transport";
import { anonymous, type Partition, type Principal } from "@polylog/broker";
import type { Credentials } from "@polylog/broker/access";
import { FrameReader, type ProtocolLevel, packetTypes } from "@polylog/mqtt-wire";
import { encodeConnectRefusal, isReasonCodeOf, protocolLevelOf, type ReasonCode } from "@polylog/mqtt-wire/mqtt5";
import { AckRing, type AckRingOwner } from "./ack-ring.ts";
import type { Authentication } from "./authentication/authentication.ts";
import type { ClientConnection, ServerParts } from "./client-connection.ts";
import { type ClientTraffic, type TrafficCounts, TrafficRates } from "./client-traffic.ts";
import type { ConnectRequest } from "./connect-request.ts";
import { type ConnectionState, handlersByState } from "./connection-state.ts";
import { mqttErrors } from "./errors.ts";
import { IncomingAliases } from "./incoming-aliases.ts";
import { answerBytesMax } from "./limits.ts";
import { Outlet } from "./outlet.ts";
import { PublishBudget } from "./publish-budget.ts";
import { sendPacket5 } from "./send-packet.ts";
import type { Session } from "./session.ts";
import type { TopicRewrites } from "./topic-rewrites.ts";

export interface ConnectionOwner {
  /** Seconds since the server started; counted, not measured, so that a stalled loop times nobody out. */
  readonly tick: number;
  /** The connection is closed and refers to nothing any more. */
  onConnectionClosed(connection: MqttConnection): void;
}

/** Why reading is stopped: bits, because there may be several reasons. */
const logIsFull = 1;
const acksAreDue = 2;
const outputIsFull = 4;
const serverStops = 8;
const packetIsWorking = 16;
const rateIsExceeded = 32;

const unspecifiedError = 0x80;

export class MqttConnection implements ConnectionHandler, ClientConnection, AckRingOwner {
  readonly parts: ServerParts;
  readonly transport: Connection;
  readonly output: OutputQueue;
  readonly remote: string;
  readonly insider: Principal | undefined;
  readonly rewrites: TopicRewrites | undefined;
  readonly reader: FrameReader;
  readonly acks: AckRing;
  readonly aliases: IncomingAliases;
  /** Below MQTT 5 nobody told the client of one. */
  receiveMax = Number.POSITIVE_INFINITY;
  principal: Principal = anonymous;
  authentication: Authentication | undefined;
  outlet: Outlet | undefined;
  readonly #owner: ConnectionOwner;
  #state: ConnectionState = "awaitingConnect";
  #session: Session | undefined;
  #request: ConnectRequest | undefined;
  protocolLevel: ProtocolLevel = 4;
  isLevel5 = false;
  packetSizeMax = Number.POSITIVE_INFINITY;
  /** Ticks without input after which the client counts as gone; 0: never. */
  #silenceTicksMax: number;
  #lastTick: number;
  /** More than what deliveries alone can make it: the rest are answers. */
  readonly #outputBytesMax: number;
  /** Ticks for which the client has not read what it may leave unread. */
  #slowTicks = 0;
  #pauses = 0;
  /** PUBLISH packets that have come. */
  #messagesIn = 0;
  #rates: TrafficRates | undefined;
  readonly #budget: PublishBudget | undefined;
  #budgetTimer: Timer | undefined;
  #isTransportPaused = false;
  #isReading = false;
  /** The client sends nothing more. */
  #isInputEnded = false;
  /** The packet the reader stands on was not handled yet. */
  #isPacketPending = false;

  constructor(transport: Connection, parts: ServerParts, owner: ConnectionOwner, insider?: Principal) {
    this.parts = parts;
    this.insider = insider;
    this.rewrites = insider === undefined ? parts.rewrites : undefined; // Its topics are what the program has chosen.
    this.transport = transport;
    this.output = transport.output;
    this.remote = transport.remote;
    this.#owner = owner;
    const { connectPacketSizeMax, outputBytesMax, packetSizeMax, connectTimeoutMs } = parts.limits;
    this.reader = new FrameReader(connectPacketSizeMax);
    this.acks = new AckRing(this.output, this, parts.metrics.sent);
    this.aliases = new IncomingAliases(parts.limits.topicAliasMax);
    this.#outputBytesMax = outputBytesMax + packetSizeMax + answerBytesMax;
    this.#lastTick = owner.tick;
    this.#silenceTicksMax = Math.ceil(connectTimeoutMs / 1000);
    this.#budget = PublishBudget.of(parts.limits, parts.clock.monotonicMs());
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  get session(): Session {
    return this.#session!;
  }

  get request(): ConnectRequest {
    return this.#request!;
  }

  get credentials(): Credentials {
    const { clientId, userName, password, isAssigned } = this.request;
    const { certificateName } = this.transport;
    return { clientId: isAssigned ? "" : clientId, userName, password, remote: this.remote, certificateName };
  }

  get clientId(): string {
    return this.#request?.clientId ?? "";
  }

  get traffic(): ClientTraffic {
    return TrafficRates.of(this.#counts, this.#rates);
  }

  get #counts(): TrafficCounts {
    const { bytesRead: bytesIn } = this.transport;
    const { bytesWritten: bytesOut } = this.output;
    return { messagesIn: this.#messagesIn, messagesOut: this.outlet?.sentCount ?? 0, bytesIn, bytesOut };
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
    const budget = this.#budget;
    budget?.fill(this.parts.clock.monotonicMs());
    try {
      while (this.#pauses === 0 && this.#isOpen() && (this.#isPacketPending || reader.next())) {
        if (!this.#isPacketPending) {
          received[reader.type].value++;
          if (reader.type === packetTypes.PUBLISH) this.#messagesIn++;
        }
        this.#isPacketPending = false;
        if (budget !== undefined && reader.type === packetTypes.PUBLISH) this.#spend(budget);
        handlersByState[this.#state][reader.type](this);
        if (this.acks.size >= this.parts.limits.unacknowledgedMax) this.#waitForAcks();
      }
    } catch (error) {
      this.fail(error);
    }
    this.#isReading = false;
    if (!this.#isOpen()) return;
    if (this.output.pendingBytes > this.#outputBytesMax) this.#waitForOutput();
    this.#applyPauses();
    if (this.#isInputEnded) this.#endIfAnswered();
  }

  /** What has come is handled and answered first, also a CONNECT whose password is being checked; within `connectTimeoutMs`. */
  onEnd(): void {
    this.#isInputEnded = true;
    this.#lastTick = this.#owner.tick;
    this.#silenceTicksMax = Math.ceil(this.parts.limits.connectTimeoutMs / 1000);
    this.#endIfAnswered();
  }

  #endIfAnswered(): void {
    if (this.#pauses !== 0 || !this.#isOpen()) return;
    if (this.acks.size > 0) {
      this.acks.watchedSize = 0;
      return;
    }
    const { clientId, remote } = this;
    this.parts.logger.debug("client gone", { clientId, remote, reason: "it sends nothing more" });
    this.#end(true);
  }

  /** Reads no further than this PUBLISH when it used up what the client may publish now. Throws MESSAGE_RATE_TOO_HIGH. */
  #spend(budget: PublishBudget): void {
    const { limits, clock, metrics } = this.parts;
    budget.spend(this.reader.packetEnd - this.reader.packetStart);
    const isExceeded = limits.whenTooFast === "pause" ? budget.isSpent : budget.isOverdrawn;
    if (!isExceeded) return;
    metrics.tooFast.value++;
    if (limits.whenTooFast === "disconnect") {
      const { publishRateMax: messagesPerSecond, publishBytesRateMax: bytesPerSecond } = limits;
      throw mqttErrors.MESSAGE_RATE_TOO_HIGH({ messagesPerSecond, bytesPerSecond });
    }
    this.#pauses |= rateIsExceeded;
    clock.clearTimer(this.#budgetTimer);
    this.#budgetTimer = clock.setTimer(() => this.#resume(rateIsExceeded), budget.pauseMs);
  }

  #isOpen(): boolean {
    return this.#state === "connected" || this.#state === "awaitingConnect" || this.#state === "authenticating";
  }

  /** The end of the turn may send all of it; otherwise `onDrain` will be called. */
  #waitForOutput(): void {
    this.#pauses |= outputIsFull;
    this.parts.clock.atTurnEnd(() => {
      if (this.output.pendingBytes <= this.#outputBytesMax) this.#resume(outputIsFull);
    });
  }

  #waitForAcks(): void {
    this.#pauses |= acksAreDue;
    this.acks.watchedSize = this.parts.limits.unacknowledgedMax >> 1;
  }

  waitForRoom(partition: Partition): boolean {
    this.#pauses |= logIsFull;
    partition.whenDrained(() => this.#resume(logIsFull));
    this.#isPacketPending = (this.#pauses & logIsFull) !== 0;
    return this.#isPacketPending;
  }

  wait<Result>(work: Promise<Result>, then: (result: Result) => void, late?: (result: Result) => void): void {
    this.#pauses |= packetIsWorking;
    work.then(
      (result) => {
        if (!this.#isOpen()) {
          late?.(result);
          return;
        }
        this.#pauses &= ~packetIsWorking;
        try {
          then(result);
        } catch (error) {
          this.fail(error);
        }
        if (this.#pauses === 0 && this.#isOpen()) this.#read();
      },
      (error: unknown) => this.fail(error),
    );
  }

  onAcksSent(): void {
    if ((this.#pauses & serverStops) !== 0) this.#endForStop();
    else this.#resume(acksAreDue);
    if (this.#isInputEnded) this.#endIfAnswered();
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

  onRequest(request: ConnectRequest): void {
    this.#request = request;
    this.protocolLevel = this.reader.protocolLevel = request.protocolLevel;
    this.isLevel5 = request.protocolLevel === 5;
    this.packetSizeMax = request.packetSizeMax;
  }

  onAuthenticating(): void {
    this.#state = "authenticating";
  }

  onConnected(session: Session): void {
    const { clientId, cleanStart, keepAliveSeconds, packetSizeMax, topicAliasMax, receiveMax } = this.request;
    const { limits, logger, clock, metrics } = this.parts;
    this.#state = "connected";
    this.#session = session;
    if (!this.#isInputEnded) this.#silenceTicksMax = Math.ceil(keepAliveSeconds * 1.5); // [MQTT-3.1.2-22]
    this.reader.packetSizeMax = limits.packetSizeMax;
    // A client of the program's own may pass on what others sent without knowing of a limit.
    if (this.isLevel5 && this.insider === undefined) this.receiveMax = limits.unacknowledgedMax;
    const { protocolLevel, remote } = this;
    logger.debug("client connected", { clientId, remote, protocolLevel, cleanStart, keepAliveSeconds });
    this.outlet = new Outlet({
      output: this.output,
      clock,
      metrics,
      isLevel5: this.isLevel5,
      packetSizeMax,
      topicAliasMax: Math.min(topicAliasMax, limits.topicAliasMax),
      windowMax: Math.min(receiveMax, limits.inFlightMax),
    });
  }

  onDisconnect(keepsWill: boolean): void {
    this.#leave(keepsWill);
    this.transport.endAtOnce(); // Waiting for its end of the connection was a quarter of what a connection costs.
  }

  // --- ending ----------------------------------------------------------------------------------------------------

  /** Closes because of an error, says so once in the log, and tells the client as far as its version can. */
  fail(cause: unknown): void {
    if (!this.#isOpen()) return;
    const error = isCodedError(cause) ? cause : mqttErrors.INTERNAL({ reason: String(cause) }, cause);
    this.parts.metrics.protocolErrors.value++;
    const fields = { clientId: this.clientId, remote: this.remote, code: error.code, reason: error.message };
    if (error.cause === undefined) this.parts.logger.warn("client closed", fields);
    else this.parts.logger.error("client closed", { ...fields, error: error.cause });
    this.#tell(error);
    this.#end(true);
  }

  /** The reason, in a DISCONNECT or, before the client is connected, in a CONNACK [MQTT-4.13.1-1] [MQTT-4.13.2-1]. */
  #tell(error: PolylogError): void {
    if (this.#state === "connected") {
      if (!this.isLevel5) return;
      const code = typeof error.wireCode === "number" ? error.wireCode : unspecifiedError;
      const reasonCode = (
        isReasonCodeOf("DISCONNECT", code, "server") ? code : unspecifiedError
      ) as ReasonCode<"DISCONNECT">;
      sendPacket5(this, "DISCONNECT", { reasonCode, properties: { reasonString: error.message } });
      return;
    }
    const request = this.#request;
    if (request?.protocolLevel === 5) {
      const code = typeof error.wireCode === "number" ? error.wireCode : unspecifiedError;
      const reasonCode = (isReasonCodeOf("CONNACK", code) ? code : unspecifiedError) as ReasonCode<"CONNACK">;
      const properties = { reasonString: error.message };
      sendPacket5(this, "CONNACK", { sessionPresent: false, reasonCode, properties }); // [MQTT-3.2.2-6]
      return;
    }
    this.#refuseUnread(error);
  }

  /** A CONNECT that could not be read: as far as it tells which version it is of. */
  #refuseUnread(error: PolylogError): void {
    const { reader } = this;
    const level = this.#request?.protocolLevel ?? levelOf(reader);
    if (level === undefined) return;
    const writer = new ByteWriter(64);
    if (!encodeConnectRefusal(writer, error.wireCode, level)) return;
    const connack = writer.take();
    this.output.push(connack, 0, connack.length);
    this.parts.metrics.sent[packetTypes.CONNACK].value++;
  }

  onTakenOver(remote: string): void {
    this.#endWith(mqttErrors.SESSION_TAKEN_OVER({ remote }));
  }

  onKicked(): void {
    this.#endWith(mqttErrors.KICKED());
  }

  /** Ends for a reason that is no fault of the client's. */
  #endWith(error: PolylogError): void {
    if (!this.#isOpen()) return;
    const { clientId, remote } = this;
    this.parts.logger.info("client closed", { clientId, remote, code: error.code, reason: error.message });
    this.#tell(error);
    this.#end(true);
  }

  onNotStored(error: PolylogError): void {
    this.fail(mqttErrors.MESSAGE_NOT_STORED({ reason: error.message }, error));
  }

  /** Called every second. */
  onTick(tick: number): void {
    if (!this.#isOpen()) return;
    const { limits, metrics } = this.parts;
    const { pendingBytes } = this.output;
    if (this.#rates !== undefined) this.#rates.sample(this.#counts);
    else if (this.#messagesIn > 0 || (this.outlet?.sentCount ?? 0) > 0) this.#rates = new TrafficRates(this.#counts);
    this.#slowTicks = pendingBytes >= limits.outputBytesMax ? this.#slowTicks + 1 : 0;
    if (this.#slowTicks * 1000 > limits.slowClientMs) {
      metrics.slowClients.value++;
      this.#endWith(mqttErrors.SLOW_CLIENT({ pendingBytes, slowClientMs: limits.slowClientMs }));
      return;
    }
    // While the server does not read, silence is its own; whether the client reads its output is the client's.
    if ((this.#pauses & ~outputIsFull) !== 0 && !this.#isInputEnded) this.#lastTick = tick;
    if (this.#silenceTicksMax === 0 || tick - this.#lastTick <= this.#silenceTicksMax) return;
    metrics.timeouts.value++;
    const error =
      this.#state === "connected"
        ? mqttErrors.KEEP_ALIVE_TIMEOUT({ keepAliveSeconds: this.request.keepAliveSeconds })
        : mqttErrors.CONNECT_TIMEOUT({ timeoutMs: limits.connectTimeoutMs });
    if (this.#state === "connected" && this.isLevel5) {
      this.#endWith(error);
      return;
    }
    const { clientId, remote } = this;
    this.parts.logger.info("client closed", { clientId, remote, code: error.code, reason: error.message });
    this.#leave(true);
    this.transport.destroy();
  }

  /** The server stops: reads no further, and ends once the answers that are due have been sent. */
  stop(): void {
    if (!this.#isOpen()) return;
    this.#pauses |= serverStops;
    this.#applyPauses();
    if (this.acks.size === 0) this.#endForStop();
    else this.acks.watchedSize = 0;
  }

  #endForStop(): void {
    if (!this.#isOpen()) return;
    this.#tell(mqttErrors.SERVER_STOPS());
    this.#end(true);
  }

  destroy(): void {
    this.transport.destroy();
  }

  onClose(error: Error | undefined): void {
    if (this.#isOpen()) {
      const { clientId, remote } = this;
      const reason = error?.message ?? "it closed the connection";
      this.parts.logger.debug("client gone", { clientId, remote, reason });
      this.#leave(true);
    }
    this.#state = "closed";
    this.#owner.onConnectionClosed(this);
  }

  #end(keepsWill: boolean): void {
    this.#leave(keepsWill);
    this.transport.end();
  }

  #leave(keepsWill: boolean): void {
    this.#state = "closing";
    this.acks.close();
    this.parts.clock.clearTimer(this.#budgetTimer);
    const session = this.#session;
    this.#session = undefined;
    this.authentication = undefined;
    if (session !== undefined) this.parts.sessions.leave(session, this, keepsWill);
  }
}

function levelOf({ type, bytes, bodyStart, packetEnd }: FrameReader): number | undefined {
  return type === packetTypes.CONNECT ? protocolLevelOf(bytes, bodyStart, packetEnd) : undefined;
}
