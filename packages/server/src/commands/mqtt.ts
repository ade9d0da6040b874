/** `polylog mqtt clients|sessions|subscriptions|retained|delayed|bridges|kick`: asks a running server over JSON-RPC and prints the answer. */

import { loadMqttOptions, type MqttRequest, renderMqttHelp } from "../config/mqtt-options.ts";
import { exitCodes } from "../exit-codes.ts";
import { askServer, type Row } from "./ask-server.ts";
import type { Environment } from "./command.ts";
import { renderCell, renderTable } from "./table-text.ts";

/** Resolves with the exit code: 1 when there was nobody to kick, or a message to take back does not wait. Rejects with `options.USAGE`, `config.SERVER_UNREACHABLE`, `config.SERVER_REFUSED`. */
export async function mqtt(argv: readonly string[], { env, stdout, stderr }: Environment): Promise<number> {
  const request = loadMqttOptions(argv, env);
  if (request === undefined) {
    stdout.write(renderMqttHelp());
    return exitCodes.fine;
  }
  const { question, options } = request;
  if (options.cancel.length > 0) return await cancelDelayed(request, { stdout, stderr });
  const answer = await askServer(options, `mqtt.${question}`, paramsOf(request));
  if (request.question === "kick" && !request.options.json)
    return tellKicked(request, answer["kicked"] === true, { stdout, stderr });
  if (request.options.json) {
    stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
    return answer["kicked"] === false ? exitCodes.failed : exitCodes.fine;
  }
  const rows = answer[request.question] as readonly Row[];
  stdout.write(renderTable(rows));
  if (answer["more"] === true) stderr.write(`there are more; --limit says how many to print\n`);
  return exitCodes.fine;
}

async function cancelDelayed(
  { options }: MqttRequest,
  { stdout, stderr }: Pick<Environment, "stdout" | "stderr">,
): Promise<number> {
  const ids = options.cancel.map(Number);
  const answer = await askServer(options, "mqtt.cancelDelayed", { ids });
  const cancelled = answer["cancelled"] as readonly number[];
  if (options.json) stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  for (const id of options.json ? [] : ids)
    if (cancelled.includes(id)) stdout.write(`${id} is taken back\n`);
    else stderr.write(`${id} does not wait: it was published or taken back, or has another id by now\n`);
  return ids.every((id) => cancelled.includes(id)) ? exitCodes.fine : exitCodes.failed;
}

function tellKicked(
  { clientId = "" }: MqttRequest,
  isKicked: boolean,
  { stdout, stderr }: Pick<Environment, "stdout" | "stderr">,
): number {
  const client = renderCell("clientId", clientId);
  if (isKicked) stdout.write(`${client} is disconnected; it may connect again\n`);
  else stderr.write(`${client} is not connected\n`);
  return isKicked ? exitCodes.fine : exitCodes.failed;
}

function paramsOf({ question, clientId, options: { filter, after, limit } }: MqttRequest): object {
  if (question === "kick") return { clientId };
  if (question === "bridges") return {};
  const matching = question === "retained" || question === "delayed" ? { filter } : {};
  return { limit, ...matching, clientId, ...(after !== undefined && { after: Number(after) }) };
}
