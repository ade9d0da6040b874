/** One JSON-RPC request to a running server, for the commands that ask one. */

import { configErrors } from "../config/errors.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface AskedServer {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Rejects with `config.SERVER_UNREACHABLE`, `config.SERVER_REFUSED`. */
export async function askServer({ url, user, password }: AskedServer, method: string, params: object): Promise<Row> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (user !== undefined)
    headers["authorization"] = `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}`;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
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

function parseAnswer(text: string): { readonly result?: Row; readonly error?: { readonly message?: string } } {
  try {
    return JSON.parse(text) as ReturnType<typeof parseAnswer>;
  } catch {
    return {};
  }
}
