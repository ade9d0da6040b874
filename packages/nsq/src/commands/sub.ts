/**
 * SUB: the connection becomes a consumer of a channel. Topic and channel are made when there are none, and saved before
 * the OK; the connection's next command waits for that.
 *
 * It starts only when the answers before it have left, so that no message can overtake the OK.
 */

import { type CodedError, isCodedError } from "@polylog/base/errors";
import { anonymous, type BrokerLog, type Channel } from "@polylog/broker";
import { decodeSub, failureReasons, nsqWireErrors, type Sub, verbs } from "@polylog/nsq-wire";
import { isAuthorized } from "../auth/check-auth.ts";
import { type Client, pauses } from "../connection/client.ts";
import { connectionStates } from "../connection/connection-state.ts";
import { Delivery, deleteWhenAbandoned } from "../connection/delivery.ts";
import { MessageBuffer } from "../connection/message-buffer.ts";
import { failureReason } from "../connection/publish-failed.ts";
import { nsqErrors } from "../errors.ts";
import type { NsqContext } from "../nsq-context.ts";
import type { Command } from "./command.ts";

export const sub: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { context } = client;
  if (client.answers.size > 0) {
    client.pause(pauses.answers);
    return false;
  }
  if (client.settings.heartbeatIntervalMs === 0) throw nsqWireErrors.HEARTBEATS_DISABLED();
  const names = decodeSub(client.reader);
  if (!isAuthorized(client, "SUB", names.topic, names.channel)) return false;
  if (!context.broker.access.allows(anonymous, "consume", names.topic)) {
    throw nsqWireErrors.UNAUTHORIZED({ command: "SUB", topic: `"${names.topic}"`, channel: `"${names.channel}"` });
  }
  if (context.stopping) throw nsqWireErrors.SUB_EXITING();
  client.pause(pauses.subscribing);
  void subscribe(client, names);
  return true;
}

async function subscribe(client: Client, names: Sub): Promise<void> {
  try {
    const { log, channel } = await joinedChannel(client.context, names);
    if (client.state === connectionStates.closed) return deleteWhenAbandoned(client.context, log, channel);
    checkConsumerCount(client.context, names, channel);
    startDelivery(client, log, channel);
  } catch (error) {
    client.fail(subFailed(error));
    return;
  }
  client.resume(pauses.subscribing);
}

/** The channel, saved and alive. It may have been deleted while it was being saved: then it is made once more. */
async function joinedChannel(context: NsqContext, names: Sub): Promise<{ log: BrokerLog; channel: Channel }> {
  const { catalog } = context.broker;
  for (let attempt = 0; attempt < 2; attempt++) {
    const log = catalog.ensure(names.topic);
    const channel = await catalog.ensureChannel(log, names.channel);
    if (!channel.closed && catalog.get(names.topic) === log) return { log, channel };
  }
  throw nsqWireErrors.SUB_DELETED();
}

function checkConsumerCount({ channelConsumersMax: max }: NsqContext, names: Sub, channel: Channel): void {
  if (max === 0 || channel.consumers.size < max) return;
  throw nsqWireErrors.SUB_TOO_MANY_CONSUMERS({ topic: names.topic, channel: names.channel, max });
}

function startDelivery(client: Client, log: BrokerLog, channel: Channel): void {
  const { context, output, settings } = client;
  const { outputBufferSize, outputBufferTimeoutMs } = settings;
  client.delivery = new Delivery({
    context,
    output,
    buffer: settings.outputBuffered
      ? new MessageBuffer(output, context.clock, outputBufferSize, outputBufferTimeoutMs)
      : undefined,
    log,
    channel,
    msgTimeoutMs: settings.msgTimeoutMs,
    sampleRate: settings.sampleRate,
    onChannelClosed: () => client.end(),
  });
  client.state = connectionStates.subscribed;
  client.answers.ok(verbs.SUB);
}

function subFailed(error: unknown): CodedError {
  if (isCodedError(error) && error.code.startsWith("nsq-wire.")) return error;
  if (isCodedError(error, "log.STORE_CLOSED") || isCodedError(error, "log.STATE_CLOSED"))
    return nsqErrors.SUB_FAILED({ reason: failureReasons.exiting }, error);
  return nsqErrors.SUB_FAILED({ reason: failureReason(error) }, error);
}
