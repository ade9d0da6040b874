/**
 * SUBSCRIBE: one reason code per filter in the same order, then the retained messages of the filters granted. A session that
 * outlives its connection has its subscriptions saved before they are acknowledged.
 */

import { isCodedError } from "@polylog/base/errors";
import { type QoS, Subscription } from "@polylog/broker";
import { decodeSubscribe, encodeSuback, packetTypes, type SubscribeReturnCode } from "@polylog/mqtt-wire";
import { packetCodecs5, parseTopicFilter, type ReasonCode, type Subscription5 } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";
import { parseReplayFilter, replayPrefix } from "../replay/replay-filter.ts";
import { positionIn, replaySubscription, startReplay } from "../replay/start-replay.ts";
import { sendPacket, sendPacket5 } from "../send-packet.ts";

type Code = ReasonCode<"SUBACK">;

const codes = { unspecified: 0x80, notAuthorized: 0x87, filterInvalid: 0x8f, quotaExceeded: 0x97 } as const;
const failureFirst = 0x80;

interface Request {
  readonly packetIdentifier: number;
  readonly identifiers: readonly number[];
  readonly subscriptions: readonly Subscription5[];
}

export function handleSubscribe(connection: ClientConnection): void {
  const { session, parts } = connection;
  const request = rewritten(connection, read(connection));
  const reasonCodes: Code[] = [];
  /** Filters whose retained messages are due. */
  const due: string[] = [];
  const waits: Promise<void>[] = [];
  for (const asked of request.subscriptions) {
    const isNew = !session.subscriptions.has(asked.topicFilter);
    const code = subscribe(connection, asked, request.identifiers, waits); // [MQTT-3.8.4-5] [MQTT-3.8.4-6]
    reasonCodes.push(code);
    const wantsRetained = asked.retainHandling === 0 || (asked.retainHandling === 1 && isNew); // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    if (code < failureFirst && wantsRetained && hasRetained(asked.topicFilter)) due.push(asked.topicFilter);
  }
  for (const [index, { topicFilter }] of request.subscriptions.entries())
    if (topicFilter.startsWith(replayPrefix) && reasonCodes[index]! < failureFirst)
      waits.push(replay(connection, topicFilter, reasonCodes, index));
  const isChanged = session.stored !== undefined && reasonCodes.some((code) => code < failureFirst);
  const answer = (): void => {
    sendSuback(connection, request.packetIdentifier, reasonCodes);
    for (const filter of due) session.sendRetained(filter);
    if (session.replays !== undefined)
      for (const { topicFilter } of request.subscriptions) session.onReplayAnswered(topicFilter);
  };
  if (waits.length === 0 && !isChanged) answer();
  else connection.wait(begun(waits, isChanged ? () => parts.sessions.save(session) : undefined), answer);
}

/** Saved is what there is then: also where a replay begins. */
async function begun(waits: readonly Promise<void>[], save: (() => Promise<void>) | undefined): Promise<void> {
  if (waits.length > 0) await Promise.all(waits);
  await save?.();
}

/** Shared subscriptions get no retained messages, and those to logs get what the log has. */
function hasRetained(filter: string): boolean {
  return !filter.startsWith(replayPrefix) && parseTopicFilter(filter)?.shareName === undefined;
}

function read({ reader, isLevel5 }: ClientConnection): Request {
  if (isLevel5) {
    const { packetIdentifier, properties, subscriptions } = packetCodecs5.SUBSCRIBE.decode(reader);
    return { packetIdentifier, identifiers: properties.subscriptionIdentifiers ?? [], subscriptions };
  }
  const packet = decodeSubscribe(reader.bytes, reader.bodyStart, reader.packetEnd);
  return {
    packetIdentifier: packet.packetIdentifier,
    identifiers: [],
    subscriptions: packet.subscriptions.map(withDefaults),
  };
}

/** Spelled out: of objects made by `...` V8 kept 580 bytes each until the next collection of the whole heap. */
function withDefaults({ topicFilter, qos }: { topicFilter: string; qos: QoS }): Subscription5 {
  return { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 };
}

/** From here on the filters are those that the client has subscribed to. */
function rewritten({ rewrites }: ClientConnection, request: Request): Request {
  if (rewrites === undefined) return request;
  const subscriptions = request.subscriptions.map((each) => ({
    ...each,
    topicFilter: rewrites.filterOf(each.topicFilter),
  }));
  return { ...request, subscriptions };
}

/** The QoS granted, or why not. What has to be waited for is added to `waits`. */
function subscribe(
  connection: ClientConnection,
  asked: Subscription5,
  identifiers: readonly number[],
  waits: Promise<void>[],
): Code {
  const { parts, session, clientId } = connection;
  const { topicFilter, qos, noLocal, retainAsPublished } = asked;
  const parsed = parseTopicFilter(topicFilter);
  let code: Code = qos;
  if (parsed === undefined || (parsed.shareName === undefined && topicFilter === "$share")) {
    code = codes.filterInvalid;
  } else if (topicFilter.startsWith(replayPrefix)) {
    code = subscribeToLog(connection, asked, identifiers);
  } else if (parsed.topicFilter.startsWith(replayPrefix)) {
    code = codes.filterInvalid; // A shared one: it would be nobody's place in the log.
  } else if (!maySubscribe(connection, parsed.topicFilter)) {
    code = codes.notAuthorized;
  } else if (isFull(connection, topicFilter)) {
    code = codes.quotaExceeded;
  } else {
    const options = { qos, noLocal, retainAsPublished, identifiers };
    const isShared = parsed.shareName !== undefined;
    const filter = isShared ? topicFilter : parts.broker.router.sharedText(topicFilter);
    const subscription = new Subscription(session, filter, options);
    try {
      if (isShared) {
        const wait = parts.groups.join(session, topicFilter, subscription);
        if (wait !== undefined) waits.push(wait);
      } else parts.broker.router.subscribe(filter, session, subscription); // [MQTT-3.8.4-3]
      session.note(subscription, isShared);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      code = codes.filterInvalid;
    }
  }
  if (code >= failureFirst) parts.logger.debug("a subscription was refused", { clientId, topicFilter, code });
  return code;
}

/** As `subscribe`, for `$replay/`: the log must be there, and be the client's to read. */
function subscribeToLog(connection: ClientConnection, asked: Subscription5, identifiers: readonly number[]): Code {
  const { parts, session, principal } = connection;
  const { topicFilter, qos } = asked;
  const parsed = parseReplayFilter(topicFilter, parts.clock.nowMs());
  if (parsed === undefined) return codes.filterInvalid;
  const mayConsume = parts.broker.access.allows(principal, "consume", parsed.log);
  if (!mayConsume || !maySubscribe(connection, parsed.topicFilter)) return codes.notAuthorized;
  if (positionIn(parts.broker, parsed) === undefined) return codes.filterInvalid;
  if (isFull(connection, topicFilter) || hasReplaysMax(connection, topicFilter)) return codes.quotaExceeded;
  const subscription = replaySubscription(session, topicFilter, { qos, identifiers });
  session.note(subscription, false);
  session.reserveReplay(topicFilter);
  return subscription.qos;
}

/** Sets the code to 0x80 when the log cannot be read. Never rejects. */
async function replay(connection: ClientConnection, filter: string, reasonCodes: Code[], index: number): Promise<void> {
  const { parts, session, clientId } = connection;
  const parsed = parseReplayFilter(filter, parts.clock.nowMs());
  const position = parsed && positionIn(parts.broker, parsed);
  try {
    if (parsed !== undefined && position !== undefined) await startReplay(parts, session, filter, parsed, position);
    parts.sessions.onReplay(session);
  } catch (error) {
    parts.logger.error("a log could not be read for a replay", { clientId, filter, error });
    session.unsubscribe(filter);
    reasonCodes[index] = codes.unspecified;
  }
}

function hasReplaysMax({ parts, session }: ClientConnection, filter: string): boolean {
  const count = session.replays?.size ?? 0;
  return count >= parts.limits.replaysPerSessionMax && !session.subscriptions.has(filter);
}

function maySubscribe({ parts, principal }: ClientConnection, filter: string): boolean {
  const { access, hooks } = parts.broker;
  return access.allows(principal, "subscribe", filter) && hooks?.onSubscribe?.(filter, principal) !== false;
}

function isFull({ parts, session }: ClientConnection, filter: string): boolean {
  return session.subscriptions.size >= parts.limits.subscriptionsPerSessionMax && !session.subscriptions.has(filter);
}

function sendSuback(connection: ClientConnection, packetIdentifier: number, reasonCodes: readonly Code[]): void {
  const { isLevel5, protocolLevel, output, parts } = connection;
  if (isLevel5) {
    sendPacket5(connection, "SUBACK", { packetIdentifier, reasonCodes, properties: {} });
    return;
  }
  // MQTT 3.1 has no word for a refusal; there the client is told what it wants to hear.
  const refusal = protocolLevel === 3 ? 0 : codes.unspecified;
  const returnCodes = reasonCodes.map((code) => (code < failureFirst ? (code as QoS) : refusal) as SubscribeReturnCode);
  sendPacket(output, encodeSuback, { packetIdentifier, returnCodes }); // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
  parts.metrics.sent[packetTypes.SUBACK].value++;
}
