/** The process of the database. It ends when it is told to, and when the server is gone. */

import { rmSync, writeFileSync } from "node:fs";
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
      case "ping":
        send({ type: "pong" });
        break;
      case "close":
        end();
        break;
    }
  });
  process.on("disconnect", endAtOnce);
  offerToKernel();
  // A terminal sends Ctrl-C to the whole group; the server says when to end.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
}

/** When the machine has no memory left, this process is to end, and not the server's. */
function offerToKernel(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "800");
  } catch {
    // Not on this system.
  }
}

async function open({ type: _, ...options }: Extract<ToDatabase, { type: "open" }>): Promise<void> {
  try {
    // What a life before this one left there is nobody's.
    rmSync(options.temporaryDirectory, { recursive: true, force: true });
    database = await Database.open({ ...options, clock: systemClock, onStuck: () => send({ type: "stuck" }) });
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

/** The server is gone: nobody waits for what is under way, and the next server needs the database. */
function endAtOnce(): void {
  // Closing, and leaving in good order, would wait for it.
  if (running.size > 0) process.kill(process.pid, "SIGKILL");
  end();
}

function end(): void {
  database?.close();
  process.exit(0);
}

if (process.argv[2] === databaseWord && process.send !== undefined) serveDatabase();
