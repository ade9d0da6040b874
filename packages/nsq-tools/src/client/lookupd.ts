/** Questions to nsqlookupd: which nsqds have a topic, and which topics there are. */

import { nsqToolsErrors } from "../errors.ts";
import { getJson, type HttpClient } from "./http-request.ts";

export interface LookupProducer {
  readonly tcpAddress: string;
  readonly httpAddress: string;
}

export interface LookupTimes {
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** The nsqds that the nsqlookupd at `address` (host:port or URL) knows for `topic`. Rejects with HTTP_FAILED. */
export async function lookupProducers(
  http: HttpClient,
  address: string,
  topic: string,
  times: LookupTimes,
  headers: Readonly<Record<string, string>> = {},
): Promise<LookupProducer[]> {
  const url = lookupUrl(address, topic);
  const answer = asObject(await getJson(http, { url, headers, ...times }));
  // nsqlookupd before 1.0 wrapped its answers.
  const { producers } = asObject(answer["data"] ?? answer);
  if (!Array.isArray(producers)) throw nsqToolsErrors.HTTP_FAILED({ url, reason: "the answer names no producers" });
  return producers.map((each) => {
    const { broadcast_address: host, tcp_port: tcpPort, http_port: httpPort } = asObject(each);
    const name = String(host).includes(":") ? `[${host}]` : String(host);
    return { tcpAddress: `${name}:${tcpPort}`, httpAddress: `${name}:${httpPort}` };
  });
}

/** All topics that the nsqlookupds know, each once, sorted. Rejects when none of them answers. */
export async function lookupTopics(
  http: HttpClient,
  addresses: readonly string[],
  times: LookupTimes,
): Promise<string[]> {
  const asked = addresses.map((address) => getJson(http, { url: `http://${address}/topics`, ...times }));
  const answers = await Promise.allSettled(asked);
  const failed = answers.find((each) => each.status === "rejected");
  if (failed !== undefined && answers.every((each) => each.status === "rejected")) throw failed.reason;
  const topics = new Set<string>();
  for (const each of answers) {
    if (each.status === "rejected") continue;
    const answer = asObject(each.value);
    const names = asObject(answer["data"] ?? answer)["topics"];
    if (Array.isArray(names)) for (const name of names) topics.add(String(name));
  }
  return [...topics].sort();
}

function lookupUrl(address: string, topic: string): string {
  const url = new URL(address.includes("://") ? address : `http://${address}`);
  if (url.pathname === "/" || url.pathname === "") url.pathname = "/lookup";
  url.searchParams.append("topic", topic);
  return url.href;
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
