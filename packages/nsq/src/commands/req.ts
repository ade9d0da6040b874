/** REQ: deliver the message again, at once or after a time, which was clamped when it was read. */

import { decodeReq, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";
import { answerFailure, messageId, readId } from "./message-answer.ts";

export const req: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { reader, context } = client;
  const delayMs = decodeReq(reader, context.limits);
  const idStart = reader.paramStart[0]!;
  const answer = readId(client, idStart)
    ? client.delivery!.requeue(messageId.partition, messageId.offset, delayMs)
    : "notInFlight";
  if (answer !== "done") answerFailure(client, verbs.REQ, answer, idStart);
  return true;
}
