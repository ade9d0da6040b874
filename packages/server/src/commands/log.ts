/** `polylog log read|peek`: asks a running server over JSON-RPC for records and prints them; none is taken. */

import { type LogRequest, loadLogOptions, renderLogHelp } from "../config/log-options.ts";
import { exitCodes } from "../exit-codes.ts";
import { askServer, type Row } from "./ask-server.ts";
import type { Environment } from "./command.ts";
import { renderTable } from "./table-text.ts";

/** Resolves with the exit code. Rejects with `options.USAGE`, `config.SERVER_UNREACHABLE`, `config.SERVER_REFUSED`. */
export async function log(argv: readonly string[], { env, stdout }: Environment): Promise<number> {
  const request = loadLogOptions(argv, env);
  if (request === undefined) {
    stdout.write(renderLogHelp());
    return exitCodes.fine;
  }
  const answer = await ask(request);
  if (request.options.json) stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  else stdout.write(renderTable((answer["records"] as readonly Row[]).map(cellsOf)));
  return exitCodes.fine;
}

function ask({ log: name, channel, options }: LogRequest): Promise<Row> {
  const { from, offset, timestamp, partition, limit: maxRecords } = options;
  const common = { log: name, maxRecords, encoding: "utf8" };
  if (channel !== undefined) return askServer(options, "channel.peek", { ...common, channel });
  const place = offset !== undefined ? { offset } : timestamp !== undefined ? { timestamp } : { from };
  return askServer(options, "consume", { ...common, partition, ...place });
}

/** Headers are in the JSON only. */
function cellsOf({ partition, attempts, offset, timestamp, key, topic, value }: Row): Row {
  const place = partition === undefined ? {} : { partition, attempts };
  return { ...place, offset, timestamp, key, topic, value };
}
