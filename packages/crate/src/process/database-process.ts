/** The process of the database. It ends when it is told to, and when the server is gone. */

import { systemClock } from "@polylog/base/clock";
import { Database } from "../database/database.ts";
import { SqlService } from "../database/sql-service.ts";
import { databaseWord, type FromDatabase, type ToDatabase } from "./messages.ts";

const running = new Map<number, AbortController>();
let database: Database | undefined;
let service: SqlService | undefined;

/** Answers the parent process until it ends or says so. */
export function serveDatabase(): void {
  process.on("message", (message: ToDatabase) => {
    switch (message.type) {
      case "open":
        void open(message);
        break;
      case "request":
        void answer(message);
        break;
      case "abort":
        running.get(message.id)?.abort();
        break;
      case "close":
        end();
        break;
    }
  });
  process.on("disconnect", end);
  // A terminal sends Ctrl-C to the whole group; the server says when to end.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
}

async function open({ path, temporaryDirectory, node }: Extract<ToDatabase, { type: "open" }>): Promise<void> {
  try {
    database = await Database.open({ path, temporaryDirectory, node, clock: systemClock });
    service = new SqlService(database, systemClock);
    send({ type: "opened" });
  } catch (error) {
    send({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

async function answer({ id, request }: Extract<ToDatabase, { type: "request" }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const answered = await service!.answer(request, controller.signal);
  running.delete(id);
  send({ type: "answer", id, answer: answered });
}

function send(message: FromDatabase): void {
  if (process.connected) process.send?.(message);
}

function end(): void {
  database?.close();
  process.exit(0);
}

if (process.argv[2] === databaseWord && process.send !== undefined) serveDatabase();
