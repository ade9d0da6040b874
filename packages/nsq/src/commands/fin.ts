/** FIN: the message is done. Only a failure is answered. */

import { decodeFin, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";
import { answerFailure, messageId, readId } from "./message-answer.ts";

export const fin: Command = { carryOut };

function carryOut(client: Client): boolean {
  const idStart = decodeFin(client.reader);
  const answer = readId(client, idStart)
    ? client.delivery!.finish(messageId.partition, messageId.offset)
    : "notInFlight";
  if (answer !== "done") answerFailure(client, verbs.FIN, answer, idStart);
  return true;
}
