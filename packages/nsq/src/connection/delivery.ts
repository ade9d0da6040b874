/**
 * A connection as a consumer of its channel: messages out, FIN, REQ and TOUCH in.
 *
 * A message frame is written in place into the connection's output, which leaves once at the end of the turn, in one
 * write with everything else; or, for a client that asked for output_buffer_size or output_buffer_timeout, into a buffer
 * before it (`message-buffer.ts`).
 *
 * RDY is the channel's ready count. A client that does not read counts as not ready (`held`) until it has caught up.
 *
 * Hot: nothing is allocated per message but the view that copying takes (`nsq-server.bench.ts`). Large values are lent.
 */

import type { OutputQueue } from "@polylog/base/transport";
import type { BrokerLog, Channel, ChannelConsumer, ConsumerSink, RecordCursor } from "@polylog/broker";
import { messageFrameSize, writeMessageHeader } from "@polylog/nsq-wire";
import { latencyPendingMax, lentValueSizeMin, messagesPendingSizeMax, outputCheckSize } from "../limits.ts";
import type { NsqContext } from "../nsq-context.ts";
import type { MessageBuffer } from "./message-buffer.ts";

type Answer = ReturnType<Channel["finish"]>;

export interface DeliveryOptions {
  readonly context: NsqContext;
  readonly output: OutputQueue;
  /** Holds messages back, when the client asked for that. */
  readonly buffer: MessageBuffer | undefined;
  readonly log: BrokerLog;
  readonly channel: Channel;
  /** How long the client may take over a message, in ms. */
  readonly msgTimeoutMs: number;
  /** 0: every message. Else one is sent when a random 0..99 is not above it, and finished silently when it is. */
  readonly sampleRate: number;
  /** The channel or its log was deleted. */
  readonly onChannelClosed: () => void;
}

/** Up to here a loop beats the view that a copy makes: 70 ns against 78 at 32 bytes, 108 against 78 at 48 (Node 20). */
const loopCopyMax = 40;
const headerSize = messageFrameSize(0);

export class Delivery implements ConsumerSink {
  readonly log: BrokerLog;
  readonly channel: Channel;
  readonly consumer: ChannelConsumer;
  /** Messages that `sampleRate` finished: the consumer's counters have them, the client's do not. */
  sampledOutCount = 0;
  readonly #context: NsqContext;
  readonly #output: OutputQueue;
  readonly #buffer: MessageBuffer | undefined;
  readonly #sampleRate: number;
  readonly onChannelClosed: () => void;
  #readyCount = 0;
  #held = false;
  /** When messages in flight were published, by partition and offset; undefined when no latencies are kept. */
  readonly #publishedAtMs: Map<string, number> | undefined;
  #uncheckedSize = 0;

  /** Joins the channel; nothing comes before `setReady`. */
  constructor(options: DeliveryOptions) {
    this.#context = options.context;
    this.#output = options.output;
    this.#buffer = options.buffer;
    this.log = options.log;
    this.channel = options.channel;
    this.#sampleRate = options.sampleRate;
    this.#publishedAtMs = options.context.latency === undefined ? undefined : new Map();
    this.onChannelClosed = options.onChannelClosed;
    this.consumer = options.channel.addConsumer(this, options.msgTimeoutMs, options.context.limits.msgTimeoutMaxMs);
  }

  /** What the client asked for last. */
  get readyCount(): number {
    return this.#readyCount;
  }

  setReady(count: number): void {
    this.#readyCount = count;
    if (this.consumer.inFlightCount >= count) this.#buffer?.flush();
    if (!this.#held) this.channel.setReady(this.consumer, count);
  }

  // --- out ---------------------------------------------------------------------------------------------------------

  onRecord(record: RecordCursor, partition: number, attempts: number): void {
    if (this.#sampleRate > 0 && this.#context.randomPercent() > this.#sampleRate) {
      this.#leaveOut(partition, record.offset);
      return;
    }
    const output = this.#buffer ?? this.#output;
    const start = record.valueStart;
    const end = record.valueEnd;
    const size = end - start;
    const lent = size >= lentValueSizeMin && !record.borrowed;
    const frameSize = lent ? headerSize : headerSize + size;
    const buffer = output.reserve(frameSize);
    const at = writeMessageHeader(
      buffer,
      output.reservedStart,
      record.timestampMs,
      attempts,
      partition,
      record.offset,
      size,
    );
    if (!lent) copyValue(record.bytes, start, end, buffer, at);
    output.commit(frameSize);
    if (lent) output.push(record.bytes, start, end);
    if (this.consumer.inFlightCount >= this.#readyCount) this.#buffer?.flush();
    if (this.#publishedAtMs !== undefined) this.#rememberPublished(this.#publishedAtMs, record, partition);
    this.#context.metrics.delivered.value++;
    this.#uncheckedSize += headerSize + size;
    if (this.#uncheckedSize >= outputCheckSize) this.#checkOutput();
  }

  #rememberPublished(times: Map<string, number>, { offset, timestampMs }: RecordCursor, partition: number): void {
    // Those that timed out are never asked for again; the oldest go first.
    if (times.size >= latencyPendingMax) for (const oldest of times.keys()) if (times.delete(oldest)) break;
    times.set(`${partition}:${offset}`, timestampMs);
  }

  #leaveOut(partition: number, offset: number): void {
    this.channel.finish(this.consumer, partition, offset);
    this.sampledOutCount++;
    this.#context.metrics.sampledOut.value++;
  }

  #checkOutput(): void {
    this.#uncheckedSize = 0;
    if (this.#held || this.#output.pendingBytes <= messagesPendingSizeMax) return;
    this.#held = true;
    this.channel.setReady(this.consumer, 0);
  }

  /** Lets a held consumer go on once the client has read enough. Called when the socket drained and every tick. */
  releaseWhenRead(): void {
    if (!this.#held || this.#output.pendingBytes > messagesPendingSizeMax / 2) return;
    this.#held = false;
    this.channel.setReady(this.consumer, this.#readyCount);
  }

  // --- in ----------------------------------------------------------------------------------------------------------

  finish(partition: number, offset: number): Answer {
    const answer = this.channel.finish(this.consumer, partition, offset);
    if (this.#publishedAtMs !== undefined) this.#measure(this.#publishedAtMs, partition, offset, answer);
    return answer;
  }

  #measure(times: Map<string, number>, partition: number, offset: number, answer: Answer): void {
    const key = `${partition}:${offset}`;
    const publishedAtMs = times.get(key);
    times.delete(key);
    if (publishedAtMs === undefined || answer !== "done") return;
    this.#context.latency?.add(this.channel, publishedAtMs, this.#context.clock.nowMs());
  }

  requeue(partition: number, offset: number, delayMs: number): Answer {
    return this.channel.requeue(this.consumer, partition, offset, delayMs);
  }

  touch(partition: number, offset: number): Answer {
    return this.channel.touch(this.consumer, partition, offset);
  }

  // --- life --------------------------------------------------------------------------------------------------------

  /** Leaves the channel; what is in flight goes to others at once. An ephemeral channel goes with its last consumer. */
  close(): void {
    this.#buffer?.close();
    this.channel.removeConsumer(this.consumer);
    deleteWhenAbandoned(this.#context, this.log, this.channel);
  }
}

/** Deletes an ephemeral channel nobody consumes, and with the last channel an ephemeral log. */
export function deleteWhenAbandoned(context: NsqContext, log: BrokerLog, channel: Channel): void {
  if (!channel.ephemeral || channel.closed || channel.consumers.size > 0) return;
  context.broker.catalog.deleteChannel(log, channel.name).catch((error: unknown) => {
    context.logger.error("an ephemeral channel could not be deleted", { log: log.name, channel: channel.name, error });
  });
}

function copyValue(source: Buffer, start: number, end: number, target: Buffer, at: number): void {
  if (end - start <= loopCopyMax) for (let from = start, to = at; from < end; from++, to++) target[to] = source[from]!;
  else source.copy(target, at, start, end);
}
