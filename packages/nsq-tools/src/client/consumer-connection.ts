/** A connection that subscribed: frames to messages, answers to commands, and the counts that RDY control looks at. */

import type { Clock } from "@polylog/base/clock";
import {
  decodeMessage,
  encodeCls,
  encodeFin,
  encodeRdy,
  encodeReq,
  encodeSub,
  encodeTouch,
  frameTypes,
  type MessageView,
  messageIdSize,
} from "@polylog/nsq-wire";
import { Message, type MessageAnswers } from "./message.ts";
import { type ConnectionContext, type FrameHandler, NsqConnection } from "./nsq-connection.ts";
import type { Outcome, RdyConnection } from "./rdy-control.ts";

export interface ConsumerConnectionHandler {
  onMessage(message: Message): void;
  onAnswered(outcome: Outcome): void;
  /** nsqd said no. After most refusals it closes the connection. */
  onRefused(connection: ConsumerConnection, answer: string): void;
  onClose(connection: ConsumerConnection, cause: Error | undefined): void;
}

export class ConsumerConnection implements RdyConnection, MessageAnswers {
  readonly address: string;
  rdyCount = 0;
  lastRdyMs: number;
  lastMessageMs: number;
  /** Messages that came and were not answered. */
  inFlight = 0;
  /** No more messages come; it closes when those in work are answered. */
  closing = false;
  readonly #handler: ConsumerConnectionHandler;
  readonly #context: ConnectionContext;
  readonly #clock: Clock;
  readonly #view: MessageView = { timestampMs: 0, attempts: 0, idStart: 0, bodyStart: 0, bodyEnd: 0 };
  #connection: NsqConnection | undefined;

  constructor(address: string, context: ConnectionContext, handler: ConsumerConnectionHandler) {
    this.address = address;
    this.#handler = handler;
    this.#context = context;
    this.#clock = context.clock;
    this.lastRdyMs = this.#clock.monotonicMs();
    this.lastMessageMs = this.lastRdyMs;
  }

  /** Connects and subscribes. Rejects as `NsqConnection.open` does. */
  async open(topic: string, channel: string): Promise<void> {
    const handler: FrameHandler = {
      onFrame: (type, bytes, start, end) => this.#onFrame(type, bytes, start, end),
      onClose: (cause) => {
        this.closing = true;
        this.#handler.onClose(this, cause);
      },
    };
    this.#connection = await NsqConnection.open(this.address, this.#context, handler);
    this.#connection.send((writer) => encodeSub(writer, topic, channel));
  }

  get maxRdyCount(): number {
    return this.#connection?.maxRdyCount ?? 0;
  }

  sendRdy(count: number): void {
    this.#connection?.send((writer) => encodeRdy(writer, count));
  }

  /** Asks nsqd for no more; the connection closes once all messages are answered. */
  startClose(): void {
    this.#connection?.send(encodeCls);
  }

  destroy(): void {
    this.#connection?.destroy();
  }

  finish(message: Message): void {
    this.#connection?.send((writer) => encodeFin(writer, message.id));
    this.#answered("success");
  }

  requeue(message: Message, delayMs: number, backoff: boolean): void {
    const { defaultRequeueDelayMs, maxRequeueDelayMs } = this.#context.options;
    const chosenMs = delayMs >= 0 ? delayMs : Math.min(defaultRequeueDelayMs * message.attempts, maxRequeueDelayMs);
    this.#connection?.send((writer) => encodeReq(writer, Math.round(chosenMs), message.id));
    this.#answered(backoff ? "failure" : "neutral");
  }

  touch(message: Message): void {
    this.#connection?.send((writer) => encodeTouch(writer, message.id));
  }

  #answered(outcome: Outcome): void {
    this.inFlight--;
    this.#handler.onAnswered(outcome);
    this.#endWhenDone();
  }

  #onFrame(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === frameTypes.message) this.#onMessage(bytes, start, end);
    else if (type === frameTypes.error) this.#handler.onRefused(this, bytes.toString("utf8", start, end));
    else if (bytes.toString("latin1", start, end) === "CLOSE_WAIT") {
      this.closing = true;
      this.#endWhenDone();
    }
  }

  #onMessage(bytes: Buffer, start: number, end: number): void {
    const view = this.#view;
    decodeMessage(bytes, start, end, view);
    this.inFlight++;
    this.lastMessageMs = this.#clock.monotonicMs();
    const id = bytes.subarray(view.idStart, view.idStart + messageIdSize);
    const body = bytes.subarray(view.bodyStart, view.bodyEnd);
    const { timestampMs, attempts } = view;
    this.#handler.onMessage(new Message({ id, timestampMs, attempts, body, address: this.address }, this));
  }

  #endWhenDone(): void {
    if (this.closing && this.inFlight <= 0) this.#connection?.end();
  }
}
