/**
 * One subscription: receives, acknowledges, and accounts for what comes. Members of a shared subscription share an account.
 *
 * Hot: `onPublish` is called once per message; `receive-path.bench.ts` shows the cost.
 */

import { ByteWriter } from "@polylog/base/bytes";
import { encodePublish, encodeSubscribe, packetIdentifierMax, writePuback, writePubrec } from "@polylog/mqtt-wire";
import { type Publish5View, packetCodecs5 } from "@polylog/mqtt-wire/mqtt5";
import { arrivals, SequenceTracker } from "../measure/sequence-tracker.ts";
import { type StampReader, stampSize, stampStates, timestampSize } from "../measure/stamp.ts";
import { type ArrivalBoard, turns } from "./arrival-board.ts";
import { ClientLink, type LinkContext, type LinkHandler } from "./client-link.ts";
import type { ReceiverGroup, SubscriptionPlan } from "./plan.ts";
import type { GroupResult, SubscriptionCounts } from "./worker-messages.ts";

/** What has arrived at one subscription, or at all members of a shared one. Of messages of the measured time. */
export class Account {
  readonly group: ReceiverGroup;
  readonly members: Subscriber[] = [];
  received = 0;
  duplicates = 0;
  outOfOrder = 0;
  late = 0;
  /** False when what comes is only sent on. */
  isCounted = true;
  /** By sender. */
  readonly trackers: (SequenceTracker | undefined)[] = [];

  constructor(group: ReceiverGroup) {
    this.group = group;
  }

  counts(): SubscriptionCounts {
    const { received, duplicates, outOfOrder, late } = this;
    const clientIdentifier = this.members[0]?.link.clientIdentifier ?? "";
    const members = this.members.length;
    return { filter: this.group.filter, clientIdentifier, members, received, duplicates, outOfOrder, late };
  }

  result(): GroupResult {
    const { received, duplicates, outOfOrder, late } = this;
    const { filter, senders, isShared } = this.group;
    const members = this.members.map(({ link, received, corrupt }) => ({
      clientIdentifier: link.clientIdentifier,
      received,
      corrupt,
    }));
    return { filter, senders, isShared, members, received, duplicates, outOfOrder, late };
  }
}

export interface SubscriberOwner {
  onConnected(subscriber: Subscriber, problem: string | undefined, isRefused: boolean): void;
}

export class Subscriber implements LinkHandler {
  readonly link: ClientLink;
  received = 0;
  corrupt = 0;
  readonly #context: LinkContext;
  readonly #plan: SubscriptionPlan;
  readonly #account: Account;
  readonly #stamp: StampReader;
  readonly #lateAfterNs: number;
  readonly #owner: SubscriberOwner;
  readonly #board: ArrivalBoard | undefined;
  /** Of a shared subscription: the newest sequence of each sender that this member has seen. */
  readonly #newest: number[] = [];
  #subscribedNs = 0;
  #identifier = 0;
  #isReady = false;

  constructor(
    context: LinkContext,
    plan: SubscriptionPlan,
    account: Account,
    stamp: StampReader,
    lateAfterNs: number,
    owner: SubscriberOwner,
    board?: ArrivalBoard,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#account = account;
    this.#stamp = stamp;
    this.#lateAfterNs = lateAfterNs;
    this.#owner = owner;
    this.#board = board;
    this.link = new ClientLink(context, plan.clientIdentifier, plan.index, this);
    account.members.push(this);
    if (plan.echoTopic !== undefined) account.isCounted = false;
  }

  onOpen(): void {
    const { filter, qos } = this.#plan;
    const writer = new ByteWriter(64);
    if (this.#context.settings.protocolLevel === 5) {
      const subscription = {
        topicFilter: filter,
        qos,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0 as const,
      };
      packetCodecs5.SUBSCRIBE.encode(writer, { packetIdentifier: 1, properties: {}, subscriptions: [subscription] });
    } else encodeSubscribe(writer, { packetIdentifier: 1, subscriptions: [{ topicFilter: filter, qos }] });
    const bytes = writer.take();
    this.#subscribedNs = this.#context.host.monotonicNs();
    this.link.connection!.output.push(bytes, 0, bytes.length);
  }

  onSuback(reasonCode: number, nowNs: number): void {
    const { recorder } = this.#context;
    const { filter, qos } = this.#plan;
    if (reasonCode >= 0x80) {
      const problem = `it refuses the subscription to ${filter} (reason code ${reasonCode})`;
      recorder.fail(`SUBSCRIBE_${reasonCode}`, problem);
      this.#settle(problem);
      return;
    }
    recorder.histograms.suback.record(nowNs - this.#subscribedNs);
    recorder.counters.subscribed++;
    if (reasonCode < qos) recorder.fail("QOS_LOWERED", `QoS ${reasonCode} is granted for ${filter} instead of ${qos}`);
    this.#settle(undefined);
  }

  /** Until the next `open` of its link. */
  leave(): void {
    this.#isReady = false;
    this.link.leave();
  }

  #settle(problem: string | undefined): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#owner.onConnected(this, problem, problem !== undefined);
  }

  onPublish(bytes: Buffer, view: Publish5View, nowNs: number): void {
    if (view.qos !== 0) this.#acknowledge(view.qos, view.packetIdentifier);
    const { counters } = this.#context.recorder;
    const start = view.payloadStart;
    const size = view.payloadEnd - start;
    if (size < stampSize) {
      this.#countUnstamped(bytes, start, size, nowNs);
      return;
    }
    const stamp = this.#stamp;
    const state = stamp.read(bytes, start, view.payloadEnd);
    if (state !== stampStates.fine) {
      if (state === stampStates.foreign) counters.foreign++;
      else {
        counters.corrupt++;
        this.corrupt++;
      }
      return;
    }
    const account = this.#account;
    if (!account.isCounted) {
      this.#echo(bytes.subarray(start, view.payloadEnd), stamp.sender);
      return;
    }
    counters.receivedAll++;
    const tracker = account.trackers[stamp.sender] ?? this.#addTracker(stamp.sender);
    const arrival = tracker.note(stamp.sequence);
    const isDisordered = account.group.isShared
      ? this.#isBehind(stamp.sender, stamp.sequence)
      : arrival === arrivals.outOfOrder;
    const board = this.#board;
    let turn: number = turns.neither;
    if (board !== undefined && arrival !== arrivals.duplicate) turn = board.note(stamp.sender, stamp.sequence);
    if (!stamp.isMeasured) return;
    if (arrival === arrivals.duplicate) {
      account.duplicates++;
      counters.duplicates++;
      return;
    }
    if (isDisordered) {
      account.outOfOrder++;
      counters.outOfOrder++;
    }
    const { histograms } = this.#context.recorder;
    if (view.retain === 1) histograms.retained.record(nowNs - this.#subscribedNs);
    const latencyNs = nowNs - stamp.dueNs;
    histograms.endToEnd.record(latencyNs);
    histograms.endToEndActual.record(nowNs - stamp.sentNs);
    if (turn === turns.first) histograms.firstReceiver.record(latencyNs);
    else if (turn === turns.last) histograms.lastReceiver.record(latencyNs);
    if (latencyNs > this.#lateAfterNs) {
      account.late++;
      counters.late++;
    }
    account.received++;
    this.received++;
    counters.received++;
    counters.bytesReceived += size;
  }

  /** Its acknowledgement is read and not waited for: what gets lost is missing at the other end. */
  #echo(payload: Buffer, sender: number): void {
    const { qos, echoTopic } = this.#plan;
    this.#identifier = (this.#identifier % packetIdentifierMax) + 1;
    const packetIdentifier = qos === 0 ? 0 : this.#identifier;
    const packet = { topic: `${echoTopic}/${sender}`, payload, qos, retain: false, dup: false, packetIdentifier };
    const writer = new ByteWriter(payload.length + 64);
    if (this.#context.settings.protocolLevel === 5) packetCodecs5.PUBLISH.encode(writer, { ...packet, properties: {} });
    else encodePublish(writer, packet);
    const bytes = writer.take();
    this.link.connection?.output.push(bytes, 0, bytes.length);
  }

  #addTracker(sender: number): SequenceTracker {
    const tracker = new SequenceTracker();
    this.#account.trackers[sender] = tracker;
    return tracker;
  }

  /** The members of a shared subscription are read one after the other: order counts within each. */
  #isBehind(sender: number, sequence: number): boolean {
    if (sequence < (this.#newest[sender] ?? -1)) return true;
    this.#newest[sender] = sequence;
    return false;
  }

  #countUnstamped(bytes: Buffer, start: number, size: number, nowNs: number): void {
    const { counters, histograms } = this.#context.recorder;
    if (size < timestampSize) {
      counters.foreign++;
      return;
    }
    this.#stamp.readTimestamp(bytes, start);
    histograms.endToEndActual.record(nowNs - this.#stamp.sentNs);
    counters.unstamped++;
    counters.receivedAll++;
    counters.received++;
    counters.bytesReceived += size;
    this.#account.received++;
    this.received++;
  }

  #acknowledge(qos: number, packetIdentifier: number): void {
    const { output } = this.link.connection!;
    const bytes = output.reserve(4);
    if (qos === 1) writePuback(bytes, output.reservedStart, packetIdentifier);
    else writePubrec(bytes, output.reservedStart, packetIdentifier);
    output.commit(4);
  }

  onGivenUp(problem: string, isRefused: boolean): void {
    if (!this.#isReady) this.#owner.onConnected(this, problem, isRefused);
    this.#isReady = true;
  }

  onAck(): void {}
  onDrain(): void {}
  onLost(): void {}
}
