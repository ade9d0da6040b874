/** `polylog mqtt clients|sessions|subscriptions|retained|bridges|kick`: asks a running server over JSON-RPC and prints the answer. */

import { configErrors } from "../config/errors.ts";
import { loadMqttOptions, type MqttRequest, renderMqttHelp } from "../config/mqtt-options.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Environment } from "./command.ts";

type Row = Readonly<Record<string, unknown>>;

/** Resolves with the exit code: 1 when there was nobody to kick. Rejects with `options.USAGE`, `config.SERVER_UNREACHABLE`, `config.SERVER_REFUSED`. */
export async function mqtt(argv: readonly string[], { env, stdout, stderr }: Environment): Promise<number> {
  const request = loadMqttOptions(argv, env);
  if (request === undefined) {
    stdout.write(renderMqttHelp());
    return exitCodes.fine;
  }
  const answer = await ask(request);
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

async function ask(request: MqttRequest): Promise<Row> {
  const { question } = request;
  const { url, user, password } = request.options;
  const params = paramsOf(request);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (user !== undefined)
    headers["authorization"] = `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}`;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: `mqtt.${question}`, params });
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL("/rpc", url), { method: "POST", headers, body });
    text = await response.text();
  } catch (error) {
    const { cause, message } = error as Error;
    throw configErrors.SERVER_UNREACHABLE({ url, reason: cause instanceof Error ? cause.message : message }, error);
  }
  const { result, error } = parseAnswer(text);
  if (result === undefined)
    throw configErrors.SERVER_REFUSED({ url, reason: error?.message ?? `${response.status} ${response.statusText}` });
  return result;
}

function paramsOf({ question, clientId, options: { filter, limit } }: MqttRequest): object {
  if (question === "kick") return { clientId };
  if (question === "bridges") return {};
  return { limit, ...(question === "retained" ? { filter } : {}), ...(clientId === undefined ? {} : { clientId }) };
}

function parseAnswer(text: string): { readonly result?: Row; readonly error?: { readonly message?: string } } {
  try {
    return JSON.parse(text) as ReturnType<typeof parseAnswer>;
  } catch {
    return {};
  }
}

/** Columns as wide as their widest cell; numbers to the right. */
export function renderTable(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return "none\n";
  const columns = Object.keys(first).map((name) => {
    const cells = rows.map((row) => renderCell(name, row[name]));
    const width = Math.max(name.length, ...cells.map((cell) => cell.length));
    const pad = (cell: string) =>
      typeof first[name] === "number" && !isTime(name) ? cell.padStart(width) : cell.padEnd(width);
    return { title: pad(name), cells: cells.map(pad) };
  });
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((_, index) => columns.map(({ cells }) => cells[index]!)),
  ];
  return lines.map((cells) => `${cells.join("  ").trimEnd()}\n`).join("");
}

function isTime(column: string): boolean {
  return column === "published" || column === "expires";
}

/** What clients chose may hold anything: control characters are not printed as they are. */
function renderCell(column: string, value: unknown): string {
  if (value === null) return "-";
  if (isTime(column) && typeof value === "number") return new Date(value).toISOString();
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
