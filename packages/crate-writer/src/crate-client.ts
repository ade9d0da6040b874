/**
 * CrateDB's HTTP endpoint as a client sees it: requests to one node after the other over kept connections, answers as they
 * came. Knows nothing of rows.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "@polylog/base/clock";
import { faultOfSocket, InsertFault } from "./fault.ts";
import { addressPauseMs, answerSizeMax, requestTimeoutMs } from "./limits.ts";

export interface CrateClientOptions {
  /** `http://user:password@host:4200`; several are taken in turn. */
  readonly addresses: readonly URL[];
  readonly clock: Clock;
  /** Default `requestTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Of tables that are named without one. Default: the database's, `doc`. */
  readonly schema?: string;
  /** Certificates are checked unless false. */
  readonly verifyTls?: boolean;
}

export interface CrateAnswer {
  readonly status: number;
  readonly text: string;
}

/** A row of results, or its refusal. */
export interface SqlAnswer {
  readonly cols: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowcount: number;
}

export interface NodeInfo {
  readonly name: string;
  readonly cluster_name?: string;
  readonly product?: string;
  readonly version: { readonly number: string };
}

interface Address {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: HttpAgent;
  /** Not before this; it could not be reached. */
  notBeforeMs: number;
}

export class CrateClient {
  readonly #options: CrateClientOptions;
  readonly #addresses: readonly Address[];
  #next = 0;

  constructor(options: CrateClientOptions) {
    this.#options = options;
    if (options.addresses.length === 0) throw new RangeError("no address");
    this.#addresses = options.addresses.map((url) => ({
      url,
      headers: headersOf(url),
      agent: this.#agent(url, true),
      notBeforeMs: 0,
    }));
  }

  /** The body of a request to `/_sql`. Rejects with `InsertFault` when no answer came. */
  async post(body: string, aborted: AbortSignal): Promise<CrateAnswer> {
    const address = this.#pick();
    try {
      return await this.#exchange(address, "POST", "/_sql", body, aborted);
    } catch (error) {
      address.notBeforeMs = this.#options.clock.monotonicMs() + addressPauseMs;
      throw error;
    }
  }

  /** One statement. Rejects with `InsertFault`, also when it is refused. */
  async sql(stmt: string, args: readonly unknown[], faultOf: (answer: CrateAnswer) => InsertFault): Promise<SqlAnswer> {
    const answer = await this.post(JSON.stringify({ stmt, args }), new AbortController().signal);
    if (answer.status !== 200) throw faultOf(answer);
    return JSON.parse(answer.text) as SqlAnswer;
  }

  /** Which node answers at the next address; over a connection of its own with `fresh`. */
  async node(fresh = false): Promise<NodeInfo> {
    const picked = this.#pick();
    const address = fresh ? { ...picked, agent: this.#agent(picked.url, false) } : picked;
    const { status, text } = await this.#exchange(address, "GET", "/", "", new AbortController().signal);
    if (fresh) address.agent.destroy();
    if (status !== 200) throw new InsertFault("refused", String(status), `GET / answered ${status}`);
    return JSON.parse(text) as NodeInfo;
  }

  close(): void {
    for (const { agent } of this.#addresses) agent.destroy();
  }

  #pick(): Address {
    const nowMs = this.#options.clock.monotonicMs();
    for (let tried = 0; tried < this.#addresses.length; tried++) {
      const address = this.#addresses[this.#next++ % this.#addresses.length]!;
      if (address.notBeforeMs <= nowMs) return address;
    }
    return this.#addresses[this.#next++ % this.#addresses.length]!;
  }

  #agent(url: URL, keepAlive: boolean): HttpAgent {
    if (url.protocol !== "https:") return new HttpAgent({ keepAlive, scheduling: "lifo" });
    return new HttpsAgent({ keepAlive, scheduling: "lifo", rejectUnauthorized: this.#options.verifyTls ?? true });
  }

  #exchange(address: Address, method: string, path: string, body: string, aborted: AbortSignal): Promise<CrateAnswer> {
    const { url, agent } = address;
    const { timeoutMs = requestTimeoutMs, clock, schema } = this.#options;
    const options: RequestOptions = {
      method,
      path,
      agent,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (url.protocol === "https:" ? 443 : 4200) : Number(url.port),
      headers: {
        ...address.headers,
        accept: "application/json",
        ...(method === "POST" && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...(schema !== undefined && { "default-schema": schema }),
      },
    };
    if (aborted.aborted) return Promise.reject(new InsertFault("later", "ABORTED", "given up before it was sent"));
    return new Promise((resolve, reject) => {
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const sent = send(options);
      const fail = (fault: InsertFault): void => {
        end();
        sent.destroy();
        reject(fault);
      };
      const onAbort = (): void => fail(new InsertFault("unknown", "ABORTED", "given up before the answer came"));
      const timer = clock.setTimer(
        () => fail(new InsertFault("unknown", "ETIMEDOUT", `no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const end = (): void => {
        clock.clearTimer(timer);
        aborted.removeEventListener("abort", onAbort);
      };
      aborted.addEventListener("abort", onAbort);
      sent.on("error", (error) => fail(faultOfSocket(error)));
      sent.on("response", (response) => {
        readAnswer(response).then(
          (text) => {
            end();
            resolve({ status: response.statusCode ?? 0, text });
          },
          (error: Error) => fail(faultOfSocket(error)),
        );
      });
      sent.end(body);
    });
  }
}

function readAnswer(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= answerSizeMax) chunks.push(chunk);
      else response.destroy(new Error("the answer is too large"));
    });
    response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    response.on("error", reject);
    response.on("aborted", () => reject(new Error("the connection ended within the answer")));
  });
}

function headersOf({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}
