/**
 * One publisher: a link, a prepared packet, and which of its messages are due and unsent.
 *
 *     0 … sent-1    written to the connection
 *     sent … due-1  due, and kept back: no connection, no room in it, or as many under way as allowed
 *
 * A message's sequence is its place in the publisher's schedule, so a message that is sent late keeps the time it was due.
 *
 * Hot: `send` is called once per message; it copies the prepared packet and writes stamp and packet identifier into it.
 * `receive-path.bench.ts` shows the cost.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Connection } from "@polylog/base/transport";
import {
  encodePublish,
  packetIdentifierMax,
  publishFlags,
  publishSize,
  type QoS,
  writePublishHeader,
} from "@polylog/mqtt-wire";
import { packetCodecs5, publish5Size, writePublish5Header } from "@polylog/mqtt-wire/mqtt5";
import { unpacedGiveUpNs, unsentBytesMax } from "../limits.ts";
import { checksumOfBody, type StampWriter, stampSize, timestampSize } from "../measure/stamp.ts";
import type { ArrivalBoard } from "./arrival-board.ts";
import { ClientLink, type LinkContext, type LinkHandler } from "./client-link.ts";
import type { FlowPlan, PublisherPlan } from "./plan.ts";
import type { SenderResult } from "./worker-messages.ts";

/** What a publisher tells the loop that drives it. */
export interface PublisherOwner {
  /** It may be able to send what it kept back. */
  onRoom(publisher: Publisher): void;
  onConnected(publisher: Publisher, problem: string | undefined, isRefused: boolean): void;
}

/** Of a publisher without a rate and an acknowledgement: who knows what has arrived, and how much may be under way. */
export interface UnderWayBound {
  readonly board: ArrivalBoard;
  readonly underWayMax: number;
}

const measuredFlag = 1;
const inUseFlag = 2;

export class Publisher implements LinkHandler {
  readonly link: ClientLink;
  readonly sender: number;
  readonly place: number;
  /** Messages that have become due, and that were sent. */
  due = 0;
  sent = 0;
  /** Those of the measured time. */
  measuredDue = 0;
  measuredSent = 0;
  /** Stands in the loop's list of publishers that keep something back. */
  isWaiting = false;
  readonly #context: LinkContext;
  readonly #owner: PublisherOwner;
  readonly #stamp: StampWriter;
  readonly #qos: QoS;
  readonly #isRetained: boolean;
  readonly #topic: string;
  readonly #packet: Buffer;
  readonly #identifierAt: number;
  readonly #payloadAt: number;
  readonly #payloadLength: number;
  readonly #bodyChecksum: number;
  readonly #inflightMax: number;
  #inflightLimit: number;
  /** By packet identifier: when it was sent, and flags; both empty at QoS 0. */
  readonly #sentNs: Float64Array;
  readonly #flags: Uint8Array;
  #identifier = 0;
  inflight = 0;
  readonly #bound: UnderWayBound | undefined;
  /** Messages under way that are taken for lost; and how many were when something last arrived, and when that was. */
  #givenUp = 0;
  #isFull = false;
  #underWaySeen = 0;
  #changedNs = 0;

  constructor(
    context: LinkContext,
    stamp: StampWriter,
    flow: FlowPlan,
    plan: PublisherPlan,
    inflightMax: number,
    owner: PublisherOwner,
    bound?: UnderWayBound,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#bound = bound;
    this.#stamp = stamp;
    this.sender = plan.sender;
    this.place = plan.place;
    this.link = new ClientLink(context, plan.clientIdentifier, plan.sender, this);
    this.#qos = flow.qos;
    this.#isRetained = flow.retain;
    this.#topic = plan.topic;
    this.#inflightMax = Math.min(inflightMax, packetIdentifierMax);
    this.#inflightLimit = this.#inflightMax;
    const slots = flow.qos === 0 ? 0 : this.#inflightMax + 1;
    this.#sentNs = new Float64Array(slots);
    this.#flags = new Uint8Array(slots);
    const payload = flow.payloads[plan.place % flow.payloads.length]!;
    const topic = Buffer.from(plan.topic);
    const flags = publishFlags(flow.qos, flow.retain, false);
    const is5 = context.settings.protocolLevel === 5;
    const size = is5
      ? publish5Size(topic.length, 0, payload.length, flow.qos)
      : publishSize(topic.length, payload.length, flow.qos);
    this.#packet = Buffer.alloc(size);
    this.#payloadAt = is5
      ? writePublish5Header(this.#packet, 0, flags, topic, 0, 0, payload.length)
      : writePublishHeader(this.#packet, 0, flags, topic, 0, payload.length);
    this.#identifierAt = flow.qos === 0 ? 0 : this.#payloadAt - (is5 ? 3 : 2);
    this.#packet.set(payload, this.#payloadAt);
    this.#payloadLength = payload.length;
    this.#bodyChecksum =
      payload.length < stampSize ? 0 : checksumOfBody(this.#packet, this.#payloadAt, this.#packet.length);
  }

  get backlog(): number {
    return this.due - this.sent;
  }

  /** Whether a message could be sent now. */
  hasRoom(connection: Connection | undefined): connection is Connection {
    if (connection === undefined || connection.output.pendingBytes > unsentBytesMax) return false;
    if (this.#qos !== 0) return this.inflight < this.#inflightLimit;
    const bound = this.#bound;
    if (bound === undefined) return true;
    const underWay = bound.board.underWay(this.sender, this.sent) - this.#givenUp;
    // Once full, it waits for half of its room: many messages in a write, not one.
    this.#isFull = underWay >= (this.#isFull ? bound.underWayMax / 2 : bound.underWayMax);
    return !this.#isFull;
  }

  /** What does not arrive while nothing else does no longer holds up what is to be sent. */
  giveUpOverdue(nowNs: number): void {
    if (this.#bound === undefined) return;
    const { board, underWayMax } = this.#bound;
    const underWay = board.underWay(this.sender, this.sent);
    if (underWay !== this.#underWaySeen || underWay - this.#givenUp < underWayMax / 2) this.#changedNs = nowNs;
    this.#underWaySeen = underWay;
    if (nowNs - this.#changedNs > unpacedGiveUpNs) this.#givenUp = underWay;
  }

  /** Sends the next message, that was due at `dueNs`; the stamp's time has been set to `nowNs`. There is room. */
  send(connection: Connection, dueNs: number, nowNs: number, isMeasured: boolean): void {
    const { output } = connection;
    const size = this.#packet.length;
    const bytes = output.reserve(size);
    const at = output.reservedStart;
    bytes.set(this.#packet, at);
    if (this.#qos !== 0) this.#writeIdentifier(bytes, at + this.#identifierAt, nowNs, isMeasured);
    const payloadAt = at + this.#payloadAt;
    if (this.#payloadLength >= stampSize) {
      this.#stamp.write(bytes, payloadAt, this.sender, this.sent, dueNs, isMeasured, this.#bodyChecksum);
    } else if (this.#payloadLength >= timestampSize) this.#stamp.writeTimestamp(bytes, payloadAt);
    output.commit(size);
    this.sent++;
    const { counters, histograms } = this.#context.recorder;
    counters.sentAll++;
    if (!isMeasured) return;
    this.measuredSent++;
    counters.sent++;
    counters.bytesSent += this.#payloadLength;
    histograms.sendLag.record(nowNs - dueNs);
  }

  /** Takes back what it has left in the broker: an empty retained message removes the one that is there. */
  clearRetained(): void {
    const { connection } = this.link;
    if (!this.#isRetained || this.sent === 0 || connection === undefined) return;
    const writer = new ByteWriter(64);
    const packet = {
      topic: this.#topic,
      payload: Buffer.alloc(0),
      qos: 0,
      retain: true,
      dup: false,
      packetIdentifier: 0,
    } as const;
    if (this.#context.settings.protocolLevel === 5) packetCodecs5.PUBLISH.encode(writer, { ...packet, properties: {} });
    else encodePublish(writer, packet);
    const bytes = writer.take();
    connection.output.push(bytes, 0, bytes.length);
  }

  result(): SenderResult {
    return { sender: this.sender, sent: this.measuredSent, unsent: this.measuredDue - this.measuredSent };
  }

  #writeIdentifier(bytes: Buffer, at: number, nowNs: number, isMeasured: boolean): void {
    const flags = this.#flags;
    let identifier = this.#identifier;
    do identifier = identifier >= this.#inflightMax ? 1 : identifier + 1;
    while (flags[identifier] !== 0);
    this.#identifier = identifier;
    flags[identifier] = isMeasured ? inUseFlag | measuredFlag : inUseFlag;
    this.#sentNs[identifier] = nowNs;
    this.inflight++;
    bytes[at] = identifier >>> 8;
    bytes[at + 1] = identifier;
  }

  onOpen(receiveMaximum: number, isFirst: boolean): void {
    this.#inflightLimit = Math.min(this.#inflightMax, receiveMaximum);
    if (isFirst) this.#owner.onConnected(this, undefined, false);
    this.#owner.onRoom(this);
  }

  onAck(packetIdentifier: number, reasonCode: number, nowNs: number): void {
    const flags = this.#flags[packetIdentifier] ?? 0;
    const { recorder } = this.#context;
    if (flags === 0) {
      recorder.fail("UNKNOWN_ACK", `packet identifier ${packetIdentifier} is acknowledged and was not under way`);
      return;
    }
    this.#flags[packetIdentifier] = 0;
    this.inflight--;
    if (reasonCode >= 0x80) recorder.fail(`PUBLISH_${reasonCode}`, `the broker refuses a message: ${reasonCode}`);
    else if ((flags & measuredFlag) !== 0) {
      recorder.counters.acked++;
      recorder.histograms.ack.record(nowNs - this.#sentNs[packetIdentifier]);
    }
    this.#owner.onRoom(this);
  }

  onDrain(): void {
    this.#owner.onRoom(this);
  }

  /** What was under way is not sent again: should it be lost, it is the broker's or the network's, and counts as lost. */
  onLost(): void {
    if (this.inflight > 0) {
      this.#context.recorder.errors.add(
        "UNACKNOWLEDGED",
        "messages were under way when a connection was lost",
        this.inflight,
      );
    }
    this.inflight = 0;
    this.#flags.fill(0);
  }

  onGivenUp(problem: string, isRefused: boolean): void {
    this.#owner.onConnected(this, problem, isRefused);
  }

  onPublish(): void {}
  onSuback(): void {}
}
