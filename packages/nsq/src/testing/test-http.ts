/** The HTTP API of a `TestNsqd` on a free loopback port, and requests to it that let the manual clock's turns happen. */

import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as startRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { TestNsqd, type TestNsqdOptions } from "./test-nsqd.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Requester = (
  method: string,
  path: string,
  body?: string | Buffer,
  headers?: OutgoingHttpHeaders,
) => Promise<HttpAnswer>;

/** The server ends with the test. */
export async function startHttp(
  context: TestContext,
  options: TestNsqdOptions = {},
): Promise<{ nsqd: TestNsqd; port: number; request: Requester }> {
  const nsqd = await TestNsqd.start(options);
  const server = createServer((request, response) => nsqd.server.handleRequest(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const request: Requester = async (method, path, body, headers) => {
    const answered = { done: false };
    const answer = sendRequest(port, method, path, body, headers).finally(() => {
      answered.done = true;
    });
    while (!answered.done) await nsqd.run();
    return answer;
  };
  return { nsqd, port, request };
}

export function sendRequest(
  port: number,
  method: string,
  path: string,
  body: string | Buffer | undefined,
  headers: OutgoingHttpHeaders = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = startRequest({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const { statusCode, headers } = response;
        resolve({ status: statusCode ?? 0, headers, body: Buffer.concat(chunks).toString("latin1") });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}
