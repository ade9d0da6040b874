/** One HTTP request with the two time limits that NSQ's tools have: to connect, and for all of it. */

import { type Agent, type OutgoingHttpHeaders, request } from "node:http";
import { request as requestTls } from "node:https";
import type { Clock } from "@polylog/base/clock";
import { nsqToolsErrors } from "../errors.ts";
import { httpAnswerSizeMax } from "./limits.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly agent?: Agent;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Rejects with HTTP_FAILED when there is no answer; any status is one. */
export type HttpClient = (request: HttpRequest) => Promise<HttpAnswer>;

export function httpClient(clock: Clock): HttpClient {
  return (wanted) =>
    new Promise((resolve, reject) => {
      const { method, url, headers, body, agent } = wanted;
      const fail = (reason: string, cause?: unknown) => {
        stopTimers();
        outgoing?.destroy();
        reject(nsqToolsErrors.HTTP_FAILED({ url, reason }, cause));
      };
      const connectTimer = clock.setTimer(() => fail("cannot connect in time"), wanted.connectTimeoutMs);
      const requestTimer = clock.setTimer(() => fail("no answer in time"), wanted.requestTimeoutMs);
      const stopTimers = () => {
        clock.clearTimer(connectTimer);
        clock.clearTimer(requestTimer);
      };
      const send = url.startsWith("https:") ? requestTls : request;
      let outgoing: ReturnType<typeof request> | undefined;
      try {
        const length = body === undefined ? {} : { "Content-Length": body.length };
        outgoing = send(url, { method, headers: { ...length, ...headers }, ...(agent === undefined ? {} : { agent }) });
      } catch (cause) {
        fail(`not a URL that can be asked: ${(cause as Error).message}`, cause);
        return;
      }
      outgoing.on("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => clock.clearTimer(connectTimer));
        else clock.clearTimer(connectTimer);
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
      outgoing.on("response", (incoming) => {
        const parts: Buffer[] = [];
        let size = 0;
        incoming.on("data", (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (size > httpAnswerSizeMax) fail("the answer is too long");
        });
        incoming.on("error", (error) => fail(error.message, error));
        incoming.on("end", () => {
          stopTimers();
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(parts) });
        });
      });
      outgoing.end(body);
    });
}

/** The JSON of a GET. Rejects with HTTP_FAILED also for another status than 200 and for what is no JSON. */
export async function getJson(client: HttpClient, wanted: Omit<HttpRequest, "method">): Promise<unknown> {
  const headers = { Accept: "application/vnd.nsq; version=1.0", ...wanted.headers };
  const { status, body } = await client({ ...wanted, headers, method: "GET" });
  const { url } = wanted;
  if (status !== 200)
    throw nsqToolsErrors.HTTP_FAILED({
      url,
      reason: `got response ${status} ${JSON.stringify(body.toString("utf8", 0, 200))}`,
    });
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw nsqToolsErrors.HTTP_FAILED({ url, reason: "the answer is no JSON" }, cause);
  }
}
