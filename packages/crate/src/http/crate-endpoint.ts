/**
 * `POST /_sql` and `GET /` as CrateDB answers them. Only the head of a request is looked at here: its body goes to the
 * database's process as it came, the answer's comes from there as it goes out.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Access, Principal } from "@polylog/broker";
import type { NodeIdentity } from "../database/catalog.ts";
import { crateErrors, errorBody, statusOf } from "../errors.ts";
import { bodySizeMax, bodyTimeoutMs, requestBytesMax } from "../limits.ts";
import type { SqlProcess } from "../process/sql-process.ts";

/** What permissions are asked for: tables are not logs, so all of them are one resource. */
export const sqlResource = "sql";

export interface CrateEndpointOptions {
  readonly process: SqlProcess;
  readonly node: NodeIdentity;
  readonly access: Access;
  readonly clock: Clock;
  /** Bytes of all bodies that are arriving. Default `requestBytesMax`. */
  readonly arrivingBytesMax?: number;
}

export class CrateEndpoint {
  readonly #options: CrateEndpointOptions;
  #arrivingCount = 0;
  #arrivingBytes = 0;

  constructor(options: CrateEndpointOptions) {
    this.#options = options;
  }

  /** `/_sql` */
  handleSql(request: IncomingMessage, response: ServerResponse, principal: Principal): void {
    if (request.method !== "POST") {
      response.setHeader("allow", "POST");
      send(response, 405, errorBody(crateErrors.BAD_REQUEST({ reason: `${request.method} is not for /_sql: POST` })));
      return;
    }
    this.#answer(request, response, principal).catch((error: unknown) => {
      const coded = isCodedError(error)
        ? (error as PolylogError)
        : crateErrors.INTERNAL({ reason: String(error) }, error);
      if (coded.wireCode === 4130 || !request.complete) response.setHeader("connection", "close");
      send(response, statusOf(coded), errorBody(coded));
    });
  }

  /** `/`: which node this is, and of what version. */
  handleInfo(_request: IncomingMessage, response: ServerResponse): void {
    const { name, clusterName, version } = this.#options.node;
    const number = { number: version, build_hash: "", build_timestamp: "", build_snapshot: false, lucene_version: "" };
    const info = { ok: true, status: 200, name, cluster_name: clusterName, product: "Polylog", version: number };
    send(response, 200, `${JSON.stringify(info)}\n`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, principal: Principal): Promise<void> {
    const body = await this.#readBody(request);
    if (body === undefined) return;
    const { access, process } = this.#options;
    const allows = (action: "consume" | "produce" | "manage") => access.allows(principal, action, sqlResource);
    const query = new URL(request.url ?? "/", "http://host").searchParams;
    const schema = request.headers["default-schema"];
    const answer = await process.answer(
      {
        body,
        schema: typeof schema === "string" && schema !== "" ? schema : "doc",
        types: query.has("types") && query.get("types") !== "false",
        rights: { consume: allows("consume"), produce: allows("produce"), manage: allows("manage") },
        user: principal.name ?? "crate",
      },
      (abort) => {
        // The client may have gone while the process began.
        if (response.destroyed) abort();
        else response.once("close", abort);
      },
    );
    send(response, answer.status, answer.body);
  }

  /** Undefined when the client went away. Rejects with BODY_TOO_LARGE, OVERLOADED, BAD_REQUEST when it takes too long. */
  #readBody(request: IncomingMessage): Promise<Buffer | undefined> {
    const { clock, arrivingBytesMax = requestBytesMax } = this.#options;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      let isOver = false;
      this.#arrivingCount++;
      const timer = clock.setTimer(
        () => end(() => reject(crateErrors.BAD_REQUEST({ reason: "the body did not arrive" }))),
        bodyTimeoutMs,
      );
      const end = (act: () => void): void => {
        if (isOver) return;
        isOver = true;
        this.#arrivingCount--;
        this.#arrivingBytes -= size;
        clock.clearTimer(timer);
        request.off("data", onData);
        act();
      };
      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        this.#arrivingBytes += chunk.length;
        if (size > bodySizeMax) end(() => reject(crateErrors.BODY_TOO_LARGE({ sizeMax: bodySizeMax })));
        else if (this.#arrivingBytes > arrivingBytesMax)
          end(() => reject(crateErrors.OVERLOADED({ count: this.#arrivingCount })));
        else chunks.push(chunk);
      };
      request.on("data", onData);
      request.once("end", () => end(() => resolve(Buffer.concat(chunks))));
      request.once("close", () => end(() => resolve(undefined)));
      request.on("error", () => undefined); // `close` follows.
    });
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return;
  const body = Buffer.from(text);
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8", "content-length": body.length });
  response.end(body);
}
