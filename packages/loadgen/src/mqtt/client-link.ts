/**
 * One MQTT client: connects, shakes hands, keeps alive, connects again when it is lost, and hands packets on. It knows no
 * schedule and counts only what connections do.
 *
 *     waiting ──open()──▶ dialing ──▶ greeting (CONNECT sent) ──CONNACK──▶ open ──▶ closed
 *        ▲                   │             │                                │
 *        └───── backoff ◀────┴─────────────┴────────────────────────────────┘
 *
 * The first connection is tried again for `connectTimeoutMs`, with waits of 100 ms, doubled up to 5 s, and then given up; a
 * lost one is tried again for ever. A refusal by CONNACK is final at the first connection.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Clock, HostClock, Timer } from "@polylog/base/clock";
import { type ByteStream, Connection, type TurnFlusher } from "@polylog/base/transport";
import {
  decodeConnack,
  encodeConnect,
  FrameReader,
  packetTypes,
  writePingreq,
  writePubcomp,
  writePubrel,
} from "@polylog/mqtt-wire";
import {
  Ack5View,
  decodeAck5,
  decodeAnyPublish,
  decodePacket5,
  Publish5View,
  packetCodecs5,
  reasonCodeName,
} from "@polylog/mqtt-wire/mqtt5";
import { packetSizeMax } from "../limits.ts";
import type { BenchRecorder } from "./bench-measures.ts";
import type { Dial, DialSettings } from "./dial.ts";

export interface LinkSettings {
  readonly dial: DialSettings;
  readonly protocolLevel: 3 | 4 | 5;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly keepAliveSeconds: number;
  readonly isCleanStart: boolean;
  /** MQTT 5 only; undefined: the session ends with the connection. */
  readonly sessionExpirySeconds: number | undefined;
  readonly connectTimeoutMs: number;
  /** Local addresses to connect from, in turn; empty: the system's choice. */
  readonly sources: readonly string[];
}

/** What all links of a thread share. */
export interface LinkContext {
  readonly settings: LinkSettings;
  readonly clock: Clock;
  readonly host: HostClock;
  readonly flusher: TurnFlusher;
  readonly dial: Dial;
  readonly recorder: BenchRecorder;
}

export interface LinkHandler {
  /** CONNACK has come. `receiveMaximum`: messages above QoS 0 that may be under way; `isFirst`: it is no reconnect. */
  onOpen(receiveMaximum: number, isFirst: boolean): void;
  /** The PUBLISH that `view` describes in `bytes`, valid until this returns. `nowNs`: when its chunk was read. */
  onPublish(bytes: Buffer, view: Publish5View, nowNs: number): void;
  /** A message of this client is settled: PUBACK, PUBCOMP, or a PUBREC that refuses it. */
  onAck(packetIdentifier: number, reasonCode: number, nowNs: number): void;
  /** SUBACK: granted QoS or reason code. */
  onSuback(reasonCode: number, nowNs: number): void;
  /** There is room again after the connection had been full. */
  onDrain(): void;
  /** The connection is lost; it will be tried again. */
  onLost(): void;
  /** The first connection is given up. */
  onGivenUp(problem: string, isRefused: boolean): void;
}

export type LinkStatus = "waiting" | "dialing" | "greeting" | "open" | "closed";

const backoffMsMin = 100;
const backoffMsMax = 5000;
const publishView = new Publish5View();
const ackView = new Ack5View();

export class ClientLink {
  readonly clientIdentifier: string;
  readonly #context: LinkContext;
  readonly #localAddress: string | undefined;
  readonly #handler: LinkHandler;
  #status: LinkStatus = "waiting";
  #connection: Connection | undefined;
  #reader: FrameReader | undefined;
  #pendingDial: { destroy(): unknown } | undefined;
  #timer: Timer | undefined;
  #attempts = 0;
  #openedOnce = false;
  #isCut = false;
  #forgotten: (() => void) | undefined;
  #lostNs = 0;
  #firstAttemptMs = 0;
  #dialNumber = 0;
  #keepAliveSeconds: number;
  #phaseStartNs = 0;
  #wroteAtMs = 0;

  constructor(context: LinkContext, clientIdentifier: string, place: number, handler: LinkHandler) {
    this.#context = context;
    this.clientIdentifier = clientIdentifier;
    const { sources } = context.settings;
    this.#localAddress = sources.length === 0 ? undefined : sources[place % sources.length];
    this.#handler = handler;
    this.#keepAliveSeconds = context.settings.keepAliveSeconds;
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** Where to write, while open. */
  get connection(): Connection | undefined {
    return this.#status === "open" ? this.#connection : undefined;
  }

  open(): void {
    const { clock, host, recorder, settings, dial } = this.#context;
    if (this.#attempts === 0) this.#firstAttemptMs = clock.monotonicMs();
    this.#attempts++;
    this.#status = "dialing";
    recorder.counters.connectAttempts++;
    this.#phaseStartNs = host.monotonicNs();
    this.#timer = clock.setTimer(() => this.#fail("TIMEOUT", "no answer"), settings.connectTimeoutMs);
    const dialNumber = ++this.#dialNumber; // What comes of a dial that was given up is nobody's.
    this.#pendingDial = dial(
      settings.dial,
      this.#localAddress,
      (stream) => {
        if (dialNumber === this.#dialNumber) this.#greet(stream);
        else stream.destroy();
      },
      (error) => {
        if (dialNumber === this.#dialNumber) this.#fail(error.code ?? "FAILED", error.message);
      },
    );
  }

  /** DISCONNECT, until `open` is called again; a session that stays does. */
  leave(): void {
    const { connection } = this;
    this.#status = "waiting";
    this.#connection = undefined;
    if (connection === undefined) return;
    connection.output.push(disconnectBytes, 0, disconnectBytes.length);
    connection.end();
  }

  /** Makes the broker forget the session: connects once more for a clean one, and calls `done` when that is over. */
  forget(done: () => void): void {
    this.leave();
    this.#forgotten = done;
    this.open();
  }

  /** DISCONNECT, and nothing more. */
  close(): void {
    if (this.#status === "closed") return;
    const { connection } = this;
    this.#status = "closed";
    this.#context.clock.clearTimer(this.#timer);
    if (connection === undefined) {
      this.#pendingDial?.destroy();
      this.#connection?.destroy();
      return;
    }
    connection.output.push(disconnectBytes, 0, disconnectBytes.length);
    connection.end();
  }

  /** Cuts the connection without a word, and makes it again at once. */
  cut(): void {
    if (this.#status !== "open") return;
    this.#isCut = true;
    this.#connection?.destroy();
  }

  /** To be called about once a second. */
  keepAlive(nowMs: number): void {
    const { connection } = this;
    const everyMs = this.#keepAliveSeconds * 500;
    if (connection === undefined || everyMs === 0 || nowMs - this.#wroteAtMs < everyMs) return;
    this.#wroteAtMs = nowMs;
    const { output } = connection;
    writePingreq(output.reserve(2), output.reservedStart);
    output.commit(2);
  }

  #greet(stream: ByteStream): void {
    const { clock, host, flusher, recorder, settings } = this.#context;
    if (this.#status !== "dialing") {
      stream.destroy();
      return;
    }
    const nowNs = host.monotonicNs();
    recorder.histograms.connect.record(nowNs - this.#phaseStartNs);
    this.#phaseStartNs = nowNs;
    this.#status = "greeting";
    const connection = new Connection(stream, clock, flusher);
    const reader = new FrameReader(packetSizeMax);
    reader.protocolLevel = settings.protocolLevel;
    this.#connection = connection;
    this.#reader = reader;
    connection.start({
      onChunk: (chunk) => this.#read(chunk),
      onClose: (error) => this.#onClose(connection, error),
      onDrain: () => this.#handler.onDrain(),
    });
    const isForgetting = this.#forgotten !== undefined;
    const asked = isForgetting ? { ...settings, isCleanStart: true, sessionExpirySeconds: undefined } : settings;
    const bytes = connectBytes(asked, this.clientIdentifier);
    connection.output.push(bytes, 0, bytes.length);
    this.#wroteAtMs = clock.monotonicMs();
  }

  #read(chunk: Buffer): void {
    const reader = this.#reader!;
    const nowNs = this.#context.host.monotonicNs();
    try {
      reader.push(chunk);
      while (reader.next()) {
        if (reader.type === packetTypes.PUBLISH) {
          decodeAnyPublish(publishView, reader);
          this.#handler.onPublish(reader.bytes, publishView, nowNs);
        } else this.#readOther(reader, nowNs);
      }
    } catch (error) {
      const { code = "FAILED", message } = error as NodeJS.ErrnoException;
      this.#context.recorder.fail(code, message);
      this.#connection?.destroy();
    }
  }

  #readOther(reader: FrameReader, nowNs: number): void {
    const { bytes, bodyStart, packetEnd } = reader;
    const handler = this.#handler;
    switch (reader.type) {
      case packetTypes.PUBACK:
        decodeAck5(ackView, "PUBACK", bytes, bodyStart, packetEnd);
        handler.onAck(ackView.packetIdentifier, ackView.reasonCode, nowNs);
        break;
      case packetTypes.PUBREC:
        decodeAck5(ackView, "PUBREC", bytes, bodyStart, packetEnd);
        if (ackView.reasonCode >= 0x80) handler.onAck(ackView.packetIdentifier, ackView.reasonCode, nowNs);
        else this.#answer(writePubrel, ackView.packetIdentifier);
        break;
      case packetTypes.PUBCOMP:
        decodeAck5(ackView, "PUBCOMP", bytes, bodyStart, packetEnd);
        handler.onAck(ackView.packetIdentifier, ackView.reasonCode, nowNs);
        break;
      case packetTypes.PUBREL:
        decodeAck5(ackView, "PUBREL", bytes, bodyStart, packetEnd);
        this.#answer(writePubcomp, ackView.packetIdentifier);
        break;
      case packetTypes.CONNACK:
        this.#readConnack(reader, nowNs);
        break;
      case packetTypes.SUBACK:
        handler.onSuback(bytes[packetEnd - 1]!, nowNs); // Each SUBSCRIBE of ours has one filter.
        break;
      case packetTypes.DISCONNECT: {
        const reasonCode = packetEnd > bodyStart ? bytes[bodyStart]! : 0;
        const problem = `the broker disconnects: ${reasonName("DISCONNECT", reasonCode)}`;
        this.#context.recorder.fail(`DISCONNECT_${reasonCode}`, problem);
        break;
      }
      default: // PINGRESP
    }
  }

  /** Acknowledges a packet. `write` is one of the wire package's for four bytes. */
  #answer(write: (buffer: Uint8Array, at: number, packetIdentifier: number) => number, packetIdentifier: number): void {
    const { output } = this.#connection!;
    write(output.reserve(4), output.reservedStart, packetIdentifier);
    output.commit(4);
  }

  #readConnack(reader: FrameReader, nowNs: number): void {
    const { clock, recorder, settings } = this.#context;
    let refusal = "";
    let receiveMaximum = 65_535;
    if (settings.protocolLevel === 5) {
      const packet = decodePacket5(reader);
      if (packet.name !== "CONNACK") return;
      if (packet.value.reasonCode !== 0) refusal = reasonName("CONNACK", packet.value.reasonCode);
      const { properties } = packet.value;
      receiveMaximum = properties.receiveMaximum ?? receiveMaximum;
      this.#keepAliveSeconds = properties.serverKeepAlive ?? settings.keepAliveSeconds;
    } else {
      const { returnCode } = decodeConnack(reader.bytes, reader.bodyStart, reader.packetEnd);
      if (returnCode !== 0) refusal = returnCodeNames[returnCode]!;
    }
    if (refusal !== "") {
      this.#fail("REFUSED", refusal, true);
      return;
    }
    if (this.#forgotten !== undefined) {
      this.#status = "open";
      this.close();
      this.#forgotten();
      return;
    }
    recorder.histograms.connack.record(nowNs - this.#phaseStartNs);
    clock.clearTimer(this.#timer);
    const isFirst = !this.#openedOnce;
    if (isFirst) recorder.counters.connected++;
    else {
      recorder.counters.reconnected++;
      if (this.#lostNs !== 0) recorder.histograms.reconnect.record(nowNs - this.#lostNs);
    }
    this.#openedOnce = true;
    this.#attempts = 1;
    this.#status = "open";
    this.#handler.onOpen(receiveMaximum, isFirst);
  }

  #onClose(connection: Connection, error: Error | undefined): void {
    if (connection !== this.#connection || this.#status === "closed") return;
    const wasOpen = this.#status === "open";
    const { code = "CLOSED", message = "the broker closes the connection" } = (error ?? {}) as NodeJS.ErrnoException;
    this.#connection = undefined;
    this.#reader = undefined;
    if (!wasOpen) {
      this.#fail(code, message);
      return;
    }
    const { host, recorder } = this.#context;
    this.#lostNs = host.monotonicNs();
    recorder.counters.disconnected++;
    if (!this.#isCut) recorder.fail(code, message);
    this.#status = "waiting";
    this.#handler.onLost();
    if (this.#isCut) this.open();
    else this.#retryLater();
    this.#isCut = false;
  }

  #fail(code: string, message: string, isRefused = false): void {
    if (this.#status !== "dialing" && this.#status !== "greeting") return;
    const { clock, recorder, settings } = this.#context;
    clock.clearTimer(this.#timer);
    this.#status = "waiting";
    this.#pendingDial?.destroy();
    this.#connection?.destroy();
    this.#connection = undefined;
    recorder.counters.connectFailed++;
    recorder.fail(code, message);
    const isOver = clock.monotonicMs() - this.#firstAttemptMs > settings.connectTimeoutMs;
    if (this.#openedOnce || !(isRefused || isOver)) {
      this.#retryLater();
      return;
    }
    this.#status = "closed";
    this.#handler.onGivenUp(message === "" ? code : message, isRefused);
  }

  #retryLater(): void {
    const delayMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(10, this.#attempts - 1));
    this.#timer = this.#context.clock.setTimer(() => this.open(), delayMs);
  }
}

const disconnectBytes = Buffer.from([0xe0, 0]);

const returnCodeNames = [
  "",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
] as const;

function reasonName(packet: "CONNACK" | "DISCONNECT", reasonCode: number): string {
  return reasonCodeName(packet, reasonCode) ?? `reason code ${reasonCode}`;
}

function connectBytes(settings: LinkSettings, clientIdentifier: string): Buffer {
  const { protocolLevel, userName, isCleanStart, keepAliveSeconds, sessionExpirySeconds } = settings;
  const password = settings.password === undefined ? undefined : Buffer.from(settings.password);
  const writer = new ByteWriter(128);
  const common = { keepAliveSeconds, clientIdentifier, will: undefined, userName, password };
  if (protocolLevel === 5) {
    const properties = { sessionExpiryInterval: sessionExpirySeconds };
    packetCodecs5.CONNECT.encode(writer, { ...common, protocolLevel, cleanStart: isCleanStart, properties });
  } else encodeConnect(writer, { ...common, protocolLevel, cleanSession: isCleanStart });
  return writer.take();
}
