/**
 * Asks authorisation servers (nsqauthd) what a secret may do. Beginning with one at random, each is asked in turn until one
 * answers; its answer is believed, whatever it says.
 *
 *     GET  http://HOST:PORT/auth?common_name=…&remote_ip=…&secret=…&tls=…
 *     POST http://HOST:PORT/auth, {"common_name": ["…"], "remote_ip": ["…"], "secret": ["…"], "tls": ["…"]}
 *
 * An address with "://" is a URL that is used as it is.
 */

import { type ClientRequest, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Clock } from "@polylog/base/clock";
import { authResponseSizeMax } from "../limits.ts";
import { type Authorizations, parseAuthorizations } from "./authorizations.ts";

export interface AuthdOptions {
  /** `host:port` or URLs; at least one. */
  readonly addresses: readonly string[];
  /** Default `get`. */
  readonly method?: AuthdMethod;
  /** Default 2 s. */
  readonly connectTimeoutMs?: number;
  /** From the connection to the last byte of the answer. Default 5 s. */
  readonly requestTimeoutMs?: number;
}

export const authdMethods = ["get", "post"] as const;
export type AuthdMethod = (typeof authdMethods)[number];

export interface AuthdQuestion {
  readonly remoteIp: string;
  readonly tls: boolean;
  /** Of the client's certificate; empty without one. */
  readonly commonName: string;
  /** As the client sent it. */
  readonly secret: Buffer;
}

export class AuthdClient {
  readonly #options: Required<AuthdOptions>;
  readonly #clock: Clock;
  readonly #randomIndex: (count: number) => number;

  /** `randomIndex`: a whole number from 0 and below `count`. */
  constructor(options: AuthdOptions, clock: Clock, randomIndex: (count: number) => number) {
    this.#options = { method: "get", connectTimeoutMs: 2000, requestTimeoutMs: 5000, ...options };
    this.#clock = clock;
    this.#randomIndex = randomIndex;
  }

  get addresses(): readonly string[] {
    return this.#options.addresses;
  }

  /** Rejects with an Error that names what each server failed for. */
  async ask(question: AuthdQuestion): Promise<Authorizations> {
    const { addresses } = this.#options;
    const first = this.#randomIndex(addresses.length);
    const failures: string[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[(first + i) % addresses.length]!;
      try {
        return parseAuthorizations(await this.#fetch(address, question));
      } catch (error) {
        failures.push(`failed to auth against ${address} - ${(error as Error).message}`);
      }
    }
    throw new Error(failures.join("; "));
  }

  #fetch(address: string, question: AuthdQuestion): Promise<string> {
    const { method } = this.#options;
    const endpoint = address.includes("://") ? address : `http://${address}/auth`;
    const url = method === "get" ? `${endpoint}?${encodeQuery(question)}` : endpoint;
    const body = method === "post" ? encodeBody(question) : undefined;
    return new Promise((resolve, reject) => {
      const send = url.startsWith("https:") ? requestHttps : requestHttp;
      const request = send(url, { method: method.toUpperCase(), agent: false, headers: headersOf(body) });
      const settle = this.#limitTime(request);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > authResponseSizeMax) request.destroy(new Error("the answer is too big"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
          else reject(new Error(`got response ${response.statusCode}`));
        });
      });
      request.on("error", reject);
      request.on("close", () => {
        settle();
        reject(new Error("the connection was closed"));
      });
      request.end(body);
    });
  }

  /** Returns what stops the clocks. */
  #limitTime(request: ClientRequest): () => void {
    const { connectTimeoutMs, requestTimeoutMs } = this.#options;
    const clock = this.#clock;
    const connecting = clock.setTimer(() => request.destroy(new Error("connect timeout")), connectTimeoutMs);
    const answering = clock.setTimer(() => request.destroy(new Error("request timeout")), requestTimeoutMs);
    request.on("socket", (socket) => socket.on("connect", () => clock.clearTimer(connecting)));
    return () => {
      clock.clearTimer(connecting);
      clock.clearTimer(answering);
    };
  }
}

function headersOf(body: string | undefined): Record<string, string> {
  const accept = { Accept: "application/vnd.nsq; version=1.0" };
  return body === undefined ? accept : { ...accept, "Content-Type": "application/json" };
}

/** In the order of their names, as both forms are sent. */
function partsOf({ commonName, remoteIp, secret, tls }: AuthdQuestion): readonly (readonly [string, Buffer])[] {
  return [
    ["common_name", Buffer.from(commonName)],
    ["remote_ip", Buffer.from(remoteIp)],
    ["secret", secret],
    ["tls", Buffer.from(String(tls))],
  ];
}

function encodeBody(question: AuthdQuestion): string {
  return JSON.stringify(Object.fromEntries(partsOf(question).map(([name, value]) => [name, [value.toString("utf8")]])));
}

function encodeQuery(question: AuthdQuestion): string {
  return partsOf(question)
    .map(([name, value]) => `${name}=${escapeBytes(value)}`)
    .join("&");
}

/** As Go's url.QueryEscape: any bytes, not only UTF-8. */
function escapeBytes(bytes: Buffer): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9._~-]/.test(character)) text += character;
    else text += byte === 0x20 ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
