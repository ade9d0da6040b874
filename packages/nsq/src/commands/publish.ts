/** What PUB, MPUB and DPUB share: the log they publish to, who may, and back-pressure. Hot (`nsq-server.bench.ts`). */

import { anonymous, type BrokerLog } from "@polylog/broker";
import { commands, goQuote, nsqWireErrors } from "@polylog/nsq-wire";
import { isAuthorized } from "../auth/check-auth.ts";
import { type Client, pauses } from "../connection/client.ts";
import { publishFailed } from "../connection/publish-failed.ts";
import { saturatedPartition } from "../publishing.ts";

/** Whether the client is authorised to publish to the command's topic. Answers and throws as `isAuthorized`. */
export function mayPublish(client: Client): boolean {
  const { reader, context } = client;
  if (context.authd === undefined) return true;
  const topic = reader.bytes.toString("latin1", reader.paramStart[0], reader.paramEnd[0]);
  return isAuthorized(client, commands[reader.verb]!.name, topic, "");
}

/**
 * The log named by the command's first parameter, made when there is none. Throws UNAUTHORIZED, or PUB_FAILED, MPUB_FAILED,
 * DPUB_FAILED when it cannot be made.
 */
export function logToPublishTo(client: Client): BrokerLog {
  const { reader, context } = client;
  const start = reader.paramStart[0]!;
  const end = reader.paramEnd[0]!;
  const log = context.topics.find(reader.bytes, start, end);
  const name = log === undefined ? reader.bytes.toString("latin1", start, end) : log.name;
  if (!context.broker.access.allows(anonymous, "produce", name)) {
    const command = commands[reader.verb]!.name;
    throw nsqWireErrors.UNAUTHORIZED({ command, topic: goQuote(reader.bytes, start, end), channel: '""' });
  }
  if (log !== undefined) return log;
  try {
    return context.broker.catalog.ensure(name);
  } catch (error) {
    throw publishFailed(reader.verb, error);
  }
}

/** True when the log cannot take more at the moment: the client is paused until it can. */
export function isSaturated(client: Client, log: BrokerLog): boolean {
  const partition = saturatedPartition(log);
  if (partition === undefined) return false;
  client.pause(pauses.saturated);
  partition.whenDrained(() => client.resume(pauses.saturated));
  return true;
}
