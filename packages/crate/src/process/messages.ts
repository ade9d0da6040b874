/** What the server and the database's process say to each other. Buffers are copied by the channel between them. */

import type { NodeIdentity } from "../database/catalog.ts";
import type { SqlAnswer, SqlRequest } from "../database/sql-service.ts";

/** The argument that makes a process the database's. */
export const databaseWord = "serve-database";

export type ToDatabase =
  | {
      readonly type: "open";
      readonly path: string;
      readonly temporaryDirectory: string;
      readonly node: NodeIdentity;
      readonly timeoutMs: number;
      readonly memoryBytesMax: number;
    }
  | { readonly type: "request"; readonly id: number; readonly request: SqlRequest }
  | { readonly type: "abort"; readonly id: number }
  | { readonly type: "ping" }
  | { readonly type: "close" };

export type FromDatabase =
  | { readonly type: "opened" }
  | { readonly type: "pong" }
  | { readonly type: "stuck" }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "answer"; readonly id: number; readonly answer: SqlAnswer };
