/**
 * A double of CrateDB's HTTP contract, with a switch for each way in which a database or what stands before it can fail. It keeps
 * rows by their first column, so that tests can see what is really there. It is no CrateDB, and no figure of it means anything.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

/** What happens to one insert. */
export type Fault =
  /** 429 without a body; the connection closes. */
  | "full thread pool"
  | "503"
  | "413"
  /** 500 with number 5000, told by its words alone. */
  | "breaker"
  /** The rows are written, the answer does not come. */
  | "dropped after write"
  | "dropped before write"
  /** `whole`: the request is refused for the sake of such a row, and nothing is written. */
  | {
      readonly refuse: (row: readonly unknown[], index: number) => boolean;
      readonly says: "code" | "nothing" | "whole";
    };

interface Body {
  readonly stmt: string;
  readonly args?: readonly unknown[];
  readonly bulk_args?: readonly (readonly unknown[])[];
}

type Row = readonly unknown[];

export class CrateDouble {
  readonly #server: Server;
  readonly #numbers = new WeakMap<Socket, number>();
  #connections = 0;
  /** By the value of the first column, as the table's primary key. */
  readonly rows = new Map<string, Row>();
  /** Statements other than inserts, as they came. */
  readonly statements: string[] = [];
  /** Rows of every insert that came, also of those that failed. */
  readonly inserts: number[] = [];
  /** Undefined: it goes. */
  fault: (rowCount: number, insert: number) => Fault | undefined = () => undefined;
  /** Which node answers; `connection`: 0 for the first that was made. */
  node: (connection: number) => string = () => "double-0";
  members: readonly string[] = ["double-0"];
  /** A row that is counted and that nobody wrote, or one that is gone. */
  countOff = 0;
  /** It answers inserts only. */
  isDown = false;
  /** How long an insert takes. */
  delayMs = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(t: TestContext): Promise<CrateDouble> {
    const server = createServer();
    const double = new CrateDouble(server);
    server.on("connection", (socket) => double.#numbers.set(socket, double.#connections++));
    server.on("request", (request, response) => void double.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return double;
  }

  get url(): string {
    return `http://crate:secret@127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url === "/") {
      const name = this.node(this.#numbers.get(request.socket)!);
      send(response, 200, { ok: true, status: 200, name, product: "a double", version: { number: "0.0.0" } });
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
    if (/^insert/i.test(body.stmt)) await this.#insert(request, response, body);
    else this.#run(response, body.stmt);
  }

  #run(response: ServerResponse, stmt: string): void {
    this.statements.push(stmt);
    if (this.isDown) {
      sendError(response, 503, 5030, "Service unavailable");
      return;
    }
    if (/count\(\*\)/i.test(stmt)) sendRows(response, [[this.rows.size + this.countOff]]);
    else if (/sys\.nodes/i.test(stmt))
      sendRows(
        response,
        this.members.map((name) => [name, name, "host"]),
      );
    else {
      if (/^drop/i.test(stmt)) this.rows.clear();
      sendRows(response, []);
    }
  }

  async #insert(
    request: IncomingMessage,
    response: ServerResponse,
    { stmt, args = [], bulk_args: bulk }: Body,
  ): Promise<void> {
    const columns = args as readonly (readonly unknown[])[];
    const rows = bulk ?? (columns[0] ?? []).map((_, i) => columns.map((column) => column[i]));
    const fault = this.fault(rows.length, this.inserts.length);
    this.inserts.push(rows.length);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (fault === "full thread pool") response.writeHead(429, { connection: "close" }).end();
    else if (fault === "503") sendError(response, 503, 5030, "Service unavailable");
    else if (fault === "413") response.writeHead(413).end();
    else if (fault === "breaker")
      sendError(response, 500, 5000, "CircuitBreakingException[Data too large, data for [http] would be too large]");
    else if (fault === "dropped before write") request.socket.destroy();
    else if (typeof fault === "object" && fault.says === "whole" && rows.some(fault.refuse))
      sendError(response, 400, 4000, "SQLParseException[Cannot cast value]");
    else {
      const results = rows.map((row, i) => this.#write(row, i, stmt, typeof fault === "object" ? fault : undefined));
      if (fault === "dropped after write") request.socket.destroy();
      else if (bulk !== undefined) send(response, 200, { cols: [], duration: 1, results });
      else {
        const rowcount = results.filter((result) => result.rowcount === 1).length;
        send(response, 200, { cols: [], rows: [], rowcount, duration: 1 });
      }
    }
  }

  #write(
    row: Row,
    index: number,
    stmt: string,
    fault: Exclude<Fault, string> | undefined,
  ): { readonly rowcount: number } {
    if (fault?.refuse(row, index) === true) {
      if (fault.says === "nothing") return { rowcount: -2 };
      return Object.assign({ rowcount: -2 }, { error: { code: 4003, message: `Cannot cast ${String(row[1])}` } });
    }
    const key = String(row[0]);
    if (this.rows.has(key)) {
      if (/do nothing/i.test(stmt)) return { rowcount: 0 };
      return Object.assign(
        { rowcount: -2 },
        { error: { code: 4091, message: "A document with the same primary key exists" } },
      );
    }
    this.rows.set(key, row);
    return { rowcount: 1 };
  }
}

function sendRows(response: ServerResponse, rows: readonly Row[]): void {
  send(response, 200, { cols: [], rows, rowcount: rows.length, duration: 1 });
}

function sendError(response: ServerResponse, status: number, code: number, message: string): void {
  send(response, status, { error: { code, message } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
