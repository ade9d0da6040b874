/**
 * The connection to one nsqlookupd, kept up for as long as the peer is wanted.
 *
 *     waiting ──▶ connecting ──▶ identifying ──▶ registered        any failure leads back to waiting, with a longer delay;
 *        ▲────────────┴───────────────┴──────────────┘             `close` ends it from anywhere
 *
 * When it is registered, everything that the node has at that moment has been sent; from then on changes follow. What is sent
 * is answered in order; an answer that takes longer than a second counts as a failure. Nothing is kept over a failure:
 * the next connection registers everything again.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Clock, Timer } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import { type ByteStream, Connection, type TurnFlusher } from "@polylog/base/transport";
import {
  decodeLookupdFields,
  encodeMagicV1,
  encodePeerIdentify,
  encodePing,
  encodeRegister,
  encodeUnregister,
  LookupdAnswerReader,
  type LookupdFields,
  type PeerFields,
} from "@polylog/nsq-wire/lookupd";
import type { Dial } from "./dial.ts";
import { lookupdTimeoutMs, pingIntervalMs, reconnectDelayMs, reconnectDelayMsMax, unansweredMax } from "./limits.ts";

export interface LookupdPeerOptions {
  readonly address: string;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly logger: Logger;
  readonly dial: Dial;
  readonly fields: () => PeerFields;
  /** All topics and channels there are; a channel of "" is a topic without channels. */
  readonly registrations: () => Iterable<readonly [topic: string, channel: string]>;
}

export type PeerStatus = "waiting" | "connecting" | "identifying" | "registered" | "closed";

type Change = readonly [encode: typeof encodeRegister, topic: string, channel: string];

export class LookupdPeer {
  readonly address: string;
  readonly #options: LookupdPeerOptions;
  #status: PeerStatus = "waiting";
  #connection: Connection | undefined;
  #reader = new LookupdAnswerReader();
  /** What the nsqlookupd says of itself; kept while it is away. */
  #info: LookupdFields | undefined;
  #delayMs = 0;
  /** Connecting again, or the next PING. */
  #timer: Timer | undefined;
  /** While something is unanswered. */
  #deadline: Timer | undefined;
  #unanswered = 0;
  /** What waits to be sent. Bounded by what can change within a second: then the connection has answered or failed. */
  #changes: Change[] = [];
  #changesSent = 0;

  constructor(options: LookupdPeerOptions) {
    this.address = options.address;
    this.#options = options;
  }

  get status(): PeerStatus {
    return this.#status;
  }

  /** Where its HTTP API is, once it has said so. */
  get httpAddress(): { readonly host: string; readonly port: number } | undefined {
    if (this.#info === undefined || this.#info.broadcast_address === "") return undefined;
    return { host: this.#info.broadcast_address, port: this.#info.http_port };
  }

  /** Starts connecting. Call it once. */
  start(): void {
    void this.#connect();
  }

  close(): void {
    this.#status = "closed";
    this.#forgetConnection();
  }

  register(topic: string, channel: string): void {
    this.#change([encodeRegister, topic, channel]);
  }

  unregister(topic: string, channel: string): void {
    this.#change([encodeUnregister, topic, channel]);
  }

  // --- connecting --------------------------------------------------------------------------------------------------

  async #connect(): Promise<void> {
    const { dial, clock, flusher } = this.#options;
    this.#status = "connecting";
    let stream: ByteStream;
    try {
      stream = await dial(this.address, lookupdTimeoutMs);
    } catch (error) {
      this.#fail("an nsqlookupd cannot be reached", error);
      return;
    }
    if (this.status === "closed") {
      stream.destroy();
      return;
    }
    this.#reader = new LookupdAnswerReader();
    const connection = new Connection(stream, clock, flusher);
    this.#connection = connection;
    connection.start({
      onChunk: (chunk) => {
        if (this.#connection === connection) this.#onChunk(chunk);
      },
      onClose: (error) => {
        if (this.#connection === connection) this.#fail("an nsqlookupd has closed the connection", error);
      },
    });
    this.#status = "identifying";
    this.#send((writer) => {
      encodeMagicV1(writer);
      encodePeerIdentify(writer, this.#options.fields());
    });
  }

  #fail(message: string, error: unknown): void {
    if (this.#status === "closed") return;
    // A peer that stays away is told of once.
    const level = this.#delayMs === 0 ? "warn" : "debug";
    this.#options.logger[level](message, { lookupd: this.address, error });
    this.#forgetConnection();
    this.#status = "waiting";
    this.#delayMs = Math.min(Math.max(reconnectDelayMs, this.#delayMs * 2), reconnectDelayMsMax);
    this.#timer = this.#options.clock.setTimer(() => void this.#connect(), this.#delayMs);
  }

  #forgetConnection(): void {
    const { clock } = this.#options;
    clock.clearTimer(this.#timer);
    clock.clearTimer(this.#deadline);
    this.#deadline = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#unanswered = 0;
    this.#changes = [];
    this.#changesSent = 0;
    connection?.destroy();
  }

  // --- commands and answers ----------------------------------------------------------------------------------------

  #onChunk(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      for (let answer = this.#reader.next(); answer !== undefined; answer = this.#reader.next()) this.#onAnswer(answer);
    } catch (error) {
      this.#fail("an nsqlookupd gave no proper answer", error);
    }
  }

  #onAnswer(answer: Buffer): void {
    const { clock, logger } = this.#options;
    if (this.#unanswered === 0) return; // As nsqd, which does not read what it has not asked for.
    this.#unanswered--;
    clock.clearTimer(this.#deadline);
    this.#deadline = undefined;
    if (this.#status === "identifying") this.#onIdentified(answer);
    else if (answer.toString("latin1") !== "OK")
      logger.warn("an nsqlookupd refused a command", {
        lookupd: this.address,
        answer: answer.toString("latin1", 0, 200),
      });
    this.#expectAnswer();
    this.#sendChanges();
  }

  #onIdentified(answer: Buffer): void {
    this.#info = decodeLookupdFields(answer);
    this.#status = "registered";
    const { broadcast_address: address, http_port: port, version } = this.#info;
    this.#options.logger.info("registered with an nsqlookupd", { lookupd: this.address, address, port, version });
    for (const [topic, channel] of this.#options.registrations()) this.#changes.push([encodeRegister, topic, channel]);
    this.#schedulePing();
  }

  #schedulePing(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#delayMs = 0; // Only now: one that takes IDENTIFY and refuses what follows is not asked all the time.
      this.#schedulePing();
      this.#send(encodePing);
    }, pingIntervalMs);
  }

  #change(change: Change): void {
    if (this.#status !== "registered") return; // All that there is then is registered later.
    this.#changes.push(change);
    this.#sendChanges();
  }

  #sendChanges(): void {
    while (this.#changesSent < this.#changes.length && this.#unanswered < unansweredMax) {
      const [encode, topic, channel] = this.#changes[this.#changesSent++]!;
      this.#send((writer) => encode(writer, topic, channel));
    }
    if (this.#changesSent < this.#changes.length) return;
    this.#changes = [];
    this.#changesSent = 0;
  }

  #send(encode: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter(256);
    encode(writer);
    const bytes = writer.take();
    this.#connection?.output.push(bytes, 0, bytes.length);
    this.#unanswered++;
    if (this.#deadline === undefined) this.#expectAnswer();
  }

  /** Every answer that comes gives the next one its time. */
  #expectAnswer(): void {
    if (this.#unanswered === 0 || this.#connection === undefined) return;
    this.#deadline ??= this.#options.clock.setTimer(
      () => this.#fail("an nsqlookupd did not answer in time", undefined),
      lookupdTimeoutMs,
    );
  }
}
