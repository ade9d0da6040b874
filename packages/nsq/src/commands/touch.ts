/** TOUCH: the client needs its whole time-out again, counted from now. */

import { decodeTouch, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";
import { answerFailure, messageId, readId } from "./message-answer.ts";

export const touch: Command = { carryOut };

function carryOut(client: Client): boolean {
  const idStart = decodeTouch(client.reader);
  const answer = readId(client, idStart)
    ? client.delivery!.touch(messageId.partition, messageId.offset)
    : "notInFlight";
  if (answer !== "done") answerFailure(client, verbs.TOUCH, answer, idStart);
  return true;
}
