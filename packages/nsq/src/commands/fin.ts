/**
 * FIN: the message is done. Only a failure is answered. The FINs behind it that came in the same chunk are carried out with
 * it: consumers send them in runs. Hot (`nsq-server.bench.ts`).
 */

import { decodeFin, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";
import { answerFailure, messageId, readId } from "./message-answer.ts";

export const fin: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { reader } = client;
  const idStart = decodeFin(reader);
  if (readId(client, idStart)) finish(client, idStart);
  else answerFailure(client, verbs.FIN, "notInFlight", idStart);
  let count = 0;
  for (; reader.nextWithId(messageId); count++) finish(client, reader.paramStart[0]!);
  client.context.metrics.commands[verbs.FIN]!.value += count; // The first one is counted already.
  return true;
}

function finish(client: Client, idStart: number): void {
  const answer = client.delivery!.finish(messageId.partition, messageId.offset);
  if (answer !== "done") answerFailure(client, verbs.FIN, answer, idStart);
}
