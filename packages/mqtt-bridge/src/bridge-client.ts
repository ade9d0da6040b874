/**
 * An MQTT client, one of the two that a bridge consists of: it connects, subscribes, keeps the connection alive, and leaves
 * every message and acknowledgement to its owner. It acknowledges nothing by itself and repeats nothing: sessions do.
 *
 *     connecting ──CONNACK──▶ connected ──▶ closed       `onClosed` is called once, whoever ended it
 *
 * Hot: `publish` and `acknowledge` make no closure per message; `relay.bench.ts` measures them.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Clock, Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { type ByteStream, Connection, type ConnectionHandler, type TurnFlusher } from "@polylog/base/transport";
import {
  ackSize,
  decodeSuback,
  encodeDisconnect,
  encodeSubscribe,
  encodeUnsubscribe,
  FrameReader,
  type PacketName,
  packetName,
  packetTypes,
  publishFlags,
  publishSize,
  type QoS,
  writePingreq,
  writePuback,
  writePubcomp,
  writePublishHeader,
  writePubrec,
  writePubrel,
} from "@polylog/mqtt-wire";
import {
  Ack5View,
  copyKeptProperties,
  decodeAck5,
  decodeAnyPublish,
  decodeDisconnect5,
  messageExpirySeconds,
  messageExpirySize,
  Publish5View,
  packetCodecs5,
  publish5Size,
  reasonCodeName,
  type Subscription5,
  writeMessageExpiry,
  writePublish5Header,
} from "@polylog/mqtt-wire/mqtt5";
import { type ConnectedInfo, type ConnectFields, connectBytes, readConnack } from "./connect-packet.ts";
import { bridgeErrors } from "./errors.ts";
import { answerTimeoutMs, packetSizeMaxBefore5 } from "./limits.ts";

export interface BridgeClientOptions extends ConnectFields {
  readonly stream: ByteStream;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  /** What errors call the server. */
  readonly peer: string;
}

export type AckType = 4 | 5 | 6 | 7;

export interface BridgeClientOwner {
  onConnected(client: BridgeClient): void;
  /** One code per filter, in the order of the SUBSCRIBE. */
  onSubscribed(client: BridgeClient, reasonCodes: readonly number[]): void;
  onUnsubscribed(client: BridgeClient): void;
  /** `client.view` tells where it stands in `client.reader.bytes`. */
  onPublish(client: BridgeClient): void;
  /** PUBACK, PUBREC, PUBREL or PUBCOMP; the reason code is 0 before MQTT 5. */
  onAck(client: BridgeClient, type: AckType, packetIdentifier: number, reasonCode: number): void;
  /** Everything written has left. */
  onDrained(client: BridgeClient): void;
  onClosed(client: BridgeClient, error: PolylogError): void;
}

/**
 * For SUBSCRIBE and UNSUBSCRIBE. Messages carry the identifiers that the other server gave them; it comes to this one last,
 * and an answer cannot be mistaken for that of a message.
 */
const requestIdentifier = 65_535;
/** Up to this size a payload is copied behind its head; a larger one is lent. */
const copiedSizeMax = 4096;
const ackView = new Ack5View();
const writers = { 4: writePuback, 5: writePubrec, 6: writePubrel, 7: writePubcomp } as const;

export class BridgeClient implements ConnectionHandler {
  readonly reader: FrameReader;
  readonly view = new Publish5View();
  readonly isLevel5: boolean;
  readonly peer: string;
  /** Valid once connected. */
  info!: ConnectedInfo;
  readonly #options: BridgeClientOptions;
  readonly #owner: BridgeClientOwner;
  readonly #transport: Connection;
  readonly #clock: Clock;
  #status: "connecting" | "connected" | "closed" = "connecting";
  #isPaused = false;
  #isReading = false;
  #awaited: PacketName | undefined;
  #answerTimer: Timer | undefined;
  #keepAliveTimer: Timer | undefined;
  #isHeard = false;
  #silentTicks = 0;

  constructor(options: BridgeClientOptions, owner: BridgeClientOwner) {
    const { stream, clock, flusher, level, packetSizeMax, peer } = options;
    this.#options = options;
    this.#owner = owner;
    this.#clock = clock;
    this.#transport = new Connection(stream, clock, flusher);
    this.isLevel5 = level === "5";
    this.peer = peer;
    this.reader = new FrameReader(this.isLevel5 ? packetSizeMax : Math.max(packetSizeMax, packetSizeMaxBefore5));
    this.reader.protocolLevel = this.isLevel5 ? 5 : 4;
  }

  get isConnected(): boolean {
    return this.#status === "connected";
  }

  get pendingBytes(): number {
    return this.#transport.output.pendingBytes;
  }

  start(): void {
    this.#transport.start(this);
    this.#send(connectBytes(this.#options));
    this.#await("CONNECT");
  }

  // --- reading ---------------------------------------------------------------------------------------------------

  onChunk(chunk: Buffer): void {
    this.#isHeard = true;
    this.reader.push(chunk);
    this.#read();
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isPaused && this.#status !== "closed" && this.reader.next()) this.#handle();
    } catch (error) {
      const reason = isCodedError(error) ? error.message : String(error);
      this.#close(bridgeErrors.CLOSED({ peer: this.peer, reason }, error), true);
    } finally {
      this.#isReading = false;
    }
  }

  /** Reads no further packet until `resume`. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#transport.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#read();
    if (!this.#isPaused) this.#transport.resume();
  }

  #handle(): void {
    const { type } = this.reader;
    if (this.#status === "connecting") {
      if (type === packetTypes.CONNACK) this.#onConnack();
      else this.#unexpected();
      return;
    }
    switch (type) {
      case packetTypes.PUBLISH:
        decodeAnyPublish(this.view, this.reader);
        if (this.view.topicAlias !== 0) this.#unexpected();
        else this.#owner.onPublish(this);
        return;
      case packetTypes.PUBACK:
      case packetTypes.PUBREC:
      case packetTypes.PUBREL:
      case packetTypes.PUBCOMP:
        this.#onAck(type);
        return;
      case packetTypes.SUBACK:
        this.#onSuback();
        return;
      case packetTypes.UNSUBACK:
        this.#answered();
        this.#owner.onUnsubscribed(this);
        return;
      case packetTypes.PINGRESP:
        return;
      case packetTypes.DISCONNECT:
        if (this.isLevel5) this.#onDisconnect();
        else this.#unexpected();
        return;
      default:
        this.#unexpected();
    }
  }

  #onConnack(): void {
    this.#answered();
    const answer = readConnack(this.reader, this.#options, this.peer);
    if (isCodedError(answer)) {
      this.#close(answer, false);
      return;
    }
    this.info = answer;
    this.#status = "connected";
    if (answer.keepAliveSeconds > 0) this.#keepAlive();
    this.#owner.onConnected(this);
  }

  #onAck(type: AckType): void {
    const { bytes, bodyStart, packetEnd } = this.reader;
    const name = packetName(type) as "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP";
    decodeAck5(ackView, name, bytes, bodyStart, this.isLevel5 ? packetEnd : Math.min(packetEnd, bodyStart + 2));
    this.#owner.onAck(this, type, ackView.packetIdentifier, ackView.reasonCode);
  }

  #onSuback(): void {
    this.#answered();
    const { bytes, bodyStart, packetEnd } = this.reader;
    const codes = this.isLevel5
      ? packetCodecs5.SUBACK.decode(this.reader).reasonCodes
      : decodeSuback(bytes, bodyStart, packetEnd).returnCodes;
    this.#owner.onSubscribed(this, codes);
  }

  #onDisconnect(): void {
    const { bytes, bodyStart, packetEnd } = this.reader;
    const { reasonCode, properties } = decodeDisconnect5(bytes, bodyStart, packetEnd, "server");
    const name = reasonCodeName("DISCONNECT", reasonCode) ?? `reason code ${reasonCode}`;
    const reason = properties.reasonString === undefined ? name : `${name} (${properties.reasonString})`;
    this.#close(bridgeErrors.CLOSED({ peer: this.peer, reason }), false);
  }

  #unexpected(): void {
    const packet = packetName(this.reader.type) ?? `type ${this.reader.type}`;
    this.#close(bridgeErrors.UNEXPECTED_PACKET({ peer: this.peer, packet }), true);
  }

  // --- writing ---------------------------------------------------------------------------------------------------

  subscribe(subscriptions: readonly Subscription5[]): void {
    const writer = new ByteWriter();
    if (this.isLevel5) {
      packetCodecs5.SUBSCRIBE.encode(writer, { packetIdentifier: requestIdentifier, properties: {}, subscriptions });
    } else encodeSubscribe(writer, { packetIdentifier: requestIdentifier, subscriptions });
    this.#send(writer.take());
    this.#await("SUBSCRIBE");
  }

  unsubscribe(topicFilters: readonly string[]): void {
    const writer = new ByteWriter();
    if (this.isLevel5) {
      packetCodecs5.UNSUBSCRIBE.encode(writer, { packetIdentifier: requestIdentifier, properties: {}, topicFilters });
    } else encodeUnsubscribe(writer, { packetIdentifier: requestIdentifier, topicFilters });
    this.#send(writer.take());
    this.#await("UNSUBSCRIBE");
  }

  /**
   * Sends on the message that `source` stands on, with its identifier and what else it has, under another topic. `marker`: a
   * property more, where there are properties. False: it is too large for this server, and nothing was sent.
   */
  publish(source: BridgeClient, topic: Buffer, qos: QoS, marker: Buffer): boolean {
    const { view } = source;
    const { bytes } = source.reader;
    const { packetSizeMax, retainAvailable } = this.info;
    const payloadSize = view.payloadEnd - view.payloadStart;
    const expirySize = view.messageExpiryAt === 0 ? 0 : messageExpirySize;
    const propertiesSize = this.isLevel5 ? expirySize + view.keptPropertiesSize + marker.length : 0;
    const size = this.isLevel5
      ? publish5Size(topic.length, propertiesSize, payloadSize, qos)
      : publishSize(topic.length, payloadSize, qos);
    if (size > packetSizeMax || topic.length > 65_535) return false;
    const flags = publishFlags(qos, view.retain === 1 && retainAvailable, view.dup === 1 && qos > 0);
    const { output } = this.#transport;
    const isCopied = payloadSize <= copiedSizeMax;
    const room = output.reserve(isCopied ? size : size - payloadSize);
    const start = output.reservedStart;
    let at: number;
    if (this.isLevel5) {
      at = writePublish5Header(room, start, flags, topic, view.packetIdentifier, propertiesSize, payloadSize);
      if (expirySize > 0) at = writeMessageExpiry(room, at, messageExpirySeconds(bytes, view.messageExpiryAt));
      if (view.keptPropertiesSize > 0) at = copyKeptProperties(view, bytes, room, at);
      at += marker.copy(room, at);
    } else at = writePublishHeader(room, start, flags, topic, view.packetIdentifier, payloadSize);
    if (isCopied) at += bytes.copy(room, at, view.payloadStart, view.payloadEnd);
    output.commit(at - start);
    if (!isCopied) output.push(bytes, view.payloadStart, view.payloadEnd);
    return true;
  }

  acknowledge(type: AckType, packetIdentifier: number): void {
    const { output } = this.#transport;
    const room = output.reserve(ackSize);
    writers[type](room, output.reservedStart, packetIdentifier);
    output.commit(ackSize);
  }

  #send(bytes: Buffer): void {
    this.#transport.output.push(bytes, 0, bytes.length);
  }

  // --- time ------------------------------------------------------------------------------------------------------

  #await(packet: PacketName): void {
    this.#awaited = packet;
    this.#clock.clearTimer(this.#answerTimer);
    this.#answerTimer = this.#clock.setTimer(() => {
      const timeoutMs = answerTimeoutMs;
      this.#close(bridgeErrors.NO_ANSWER({ peer: this.peer, packet: this.#awaited ?? packet, timeoutMs }), true);
    }, answerTimeoutMs);
  }

  #answered(): void {
    this.#awaited = undefined;
    this.#clock.clearTimer(this.#answerTimer);
  }

  /** Twice within the keep alive, so that a PINGREQ is never late; a peer that is silent for three halves is gone. */
  #keepAlive(): void {
    const { keepAliveSeconds } = this.info;
    this.#keepAliveTimer = this.#clock.setTimer(() => {
      this.#silentTicks = this.#isHeard || this.#isPaused ? 0 : this.#silentTicks + 1;
      this.#isHeard = false;
      if (this.#silentTicks >= 3) {
        this.#close(bridgeErrors.SILENT({ peer: this.peer, seconds: keepAliveSeconds * 1.5 }), true);
        return;
      }
      const { output } = this.#transport;
      const room = output.reserve(2);
      writePingreq(room, output.reservedStart);
      output.commit(2);
      this.#keepAlive();
    }, keepAliveSeconds * 500);
  }

  // --- ending ----------------------------------------------------------------------------------------------------

  onDrain(): void {
    if (this.#status === "connected") this.#owner.onDrained(this);
  }

  onClose(error: Error | undefined): void {
    const { peer } = this;
    if (this.#status === "connecting" && error === undefined)
      this.#close(bridgeErrors.CLOSED_UNANSWERED({ peer }), false);
    else this.#close(bridgeErrors.CLOSED({ peer, reason: error?.message ?? "without a word" }, error), false);
  }

  /** Leaves, with a DISCONNECT where the connection is there; `onClosed` is not called. */
  disconnect(): void {
    if (this.#status === "closed") return;
    this.#leave(this.#status === "connected");
  }

  #close(error: PolylogError, saysGoodbye: boolean): void {
    if (this.#status === "closed") return;
    this.#leave(saysGoodbye && this.#status === "connected");
    this.#owner.onClosed(this, error);
  }

  #leave(saysGoodbye: boolean): void {
    this.#status = "closed";
    this.#clock.clearTimer(this.#answerTimer);
    this.#clock.clearTimer(this.#keepAliveTimer);
    if (saysGoodbye) {
      const writer = new ByteWriter(4);
      encodeDisconnect(writer); // The bytes of MQTT 5's are the same where nothing went wrong.
      this.#send(writer.take());
    }
    this.#transport.end();
  }
}
