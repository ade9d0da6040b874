/**
 * What a run does, as data that a thread can be handed: flows of messages, and subscriptions. Nothing here connects.
 *
 * A flow is a number of publishers that share a schedule, a payload and a QoS. What a subscription is expected to receive
 * follows from its filter and the publishers' topics, and from nothing else.
 */

import { type QoS, topicMatches } from "@polylog/mqtt-wire";
import { parseTopicFilter } from "@polylog/mqtt-wire/mqtt5";
import { Schedule, type Stage } from "../measure/schedule.ts";

export interface PublisherPlan {
  /** Over all flows, from 0: the sender in the stamp. */
  readonly sender: number;
  /** Its place among the publishers of its flow, from 0. */
  readonly place: number;
  readonly clientIdentifier: string;
  readonly topic: string;
}

export interface FlowPlan {
  readonly name: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Messages per second of one publisher at the start. 0: as fast as the broker takes them. */
  readonly rate: number;
  /** Of the measured time, after the warm-up; rates of one publisher. They last as long as the run. */
  readonly stages: readonly Stage[];
  /** The whole payload, its first bytes overwritten by the stamp. One per publisher, or one for all. */
  readonly payloads: readonly Uint8Array[];
  readonly publishers: readonly PublisherPlan[];
  /** True: its clients connect, stay, and send nothing. */
  readonly isIdle?: boolean;
}

export interface SubscriptionPlan {
  /** Over the run, from 0. */
  readonly index: number;
  readonly clientIdentifier: string;
  /** As it is sent: with `$share/NAME/` when shared. */
  readonly filter: string;
  readonly qos: QoS;
  /** What comes is sent on to this topic with `/` and the sender's number behind it, and is counted there, not here. */
  readonly echoTopic?: string;
  /** Whose messages come here, where that does not follow from their topics: those that are sent on. */
  readonly senders?: readonly number[];
}

export interface BenchPlan {
  readonly name: string;
  readonly flows: readonly FlowPlan[];
  readonly subscriptions: readonly SubscriptionPlan[];
  readonly warmupNs: number;
  readonly durationNs: number;
  /**
   * When subscribers are there. Default `live`: before and while messages are published. `backlog`: they subscribe with
   * sessions that stay, leave, and come back when all is published. `retained`: they come only then, and receive the last
   * message of each topic; each publisher has a topic of its own.
   */
  readonly presence?: "live" | "backlog" | "retained";
  /** How often all connections are cut in the measured time; undefined: never. */
  readonly cutEveryNs?: number;
}

/** What is accounted for together: one subscription, or all members of a shared one. */
export interface ReceiverGroup {
  /** The filter. */
  readonly filter: string;
  /** Indexes of subscriptions; more than one only when shared. */
  readonly members: readonly number[];
  readonly isShared: boolean;
  /** The senders whose messages it receives, each once. */
  readonly senders: readonly number[];
}

/** The groups of a plan, each with the senders whose topics match, in the order of their first members. */
export function receiverGroups(plan: Pick<BenchPlan, "flows" | "subscriptions">): readonly ReceiverGroup[] {
  const publishers = plan.flows.flatMap((flow) => flow.publishers);
  const sendersByFilter = new Map<string, number[]>(); // Of a topic, which as a filter matches itself, first.
  for (const { topic, sender } of publishers) {
    const known = sendersByFilter.get(topic);
    if (known === undefined) sendersByFilter.set(topic, [sender]);
    else known.push(sender);
  }
  const shared = new Map<string, number[]>();
  const groups: ReceiverGroup[] = [];
  for (const { filter, index, senders: given, echoTopic } of plan.subscriptions) {
    const { shareName, topicFilter } = sharedFilter(filter);
    const known = shared.get(filter);
    if (known !== undefined) {
      known.push(index);
      continue;
    }
    let senders = sendersByFilter.get(topicFilter);
    if (senders === undefined) {
      const matching = /[+#]/.test(topicFilter) ? publishers : [];
      senders = matching.filter(({ topic }) => topicMatches(topicFilter, topic)).map(({ sender }) => sender);
      sendersByFilter.set(topicFilter, senders);
    }
    const members = [index];
    if (shareName !== undefined) shared.set(filter, members);
    const own = echoTopic === undefined ? (given ?? senders) : [];
    groups.push({ filter, members, isShared: shareName !== undefined, senders: own });
  }
  return groups;
}

function sharedFilter(filter: string): { readonly shareName: string | undefined; readonly topicFilter: string } {
  const parsed = parseTopicFilter(filter);
  return { shareName: parsed?.shareName, topicFilter: parsed?.topicFilter ?? filter };
}

/**
 * Divides `items` among `count` threads in turn; `groupOf` keeps together what must share a thread. Never an empty part.
 */
export function divide<Item>(
  items: readonly Item[],
  count: number,
  groupOf: (item: Item, place: number) => string | number = (_, place) => place,
): readonly (readonly Item[])[] {
  const parts: Item[][] = Array.from({ length: Math.max(1, count) }, () => []);
  const partOf = new Map<string | number, Item[]>();
  for (const [place, item] of items.entries()) {
    const group = groupOf(item, place);
    const part = partOf.get(group) ?? parts[partOf.size % parts.length]!;
    partOf.set(group, part);
    part.push(item);
  }
  return parts.filter((part) => part.length > 0);
}

/** Messages per second that all schedules ask for in the measured time, on average; flows without one count as 0. */
export function offeredRate({ flows, durationNs }: BenchPlan): number {
  return flows.reduce((sum, { rate, stages, publishers, isIdle }) => {
    if (isIdle === true) return sum;
    if (stages.length === 0) return sum + rate * publishers.length;
    return sum + (new Schedule(rate, stages).total * publishers.length) / (durationNs / 1e9);
  }, 0);
}
