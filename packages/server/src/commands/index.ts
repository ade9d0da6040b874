/** Every command of `polylog`, as a table. To add one: a file beside this, a row here. */

import { exitCodes } from "../exit-codes.ts";
import { version } from "../version.ts";
import type { Command, Environment } from "./command.ts";

export const commands: readonly Command[] = [
  {
    name: "serve",
    summary: "run the server: MQTT, NSQ and HTTP on one data directory",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "nsqd",
    summary: "run the server as nsqd: with its flags, defaults and listeners (also as the command nsqd)",
    load: async () => (await import("./nsqd.ts")).nsqd,
  },
  {
    name: "nsqlookupd",
    summary: "run an nsqlookupd, with its flags and defaults (also as the command nsqlookupd)",
    load: async () => (await import("./nsqlookupd.ts")).nsqlookupd,
  },
  {
    name: "verify",
    summary: "read all of a data directory and say what is wrong; changes nothing",
    load: async () => (await import("./verify.ts")).verify,
  },
  {
    name: "log",
    summary: "show records of a running server's log, or what a channel would deliver next",
    load: async () => (await import("./log.ts")).log,
  },
  {
    name: "mqtt",
    summary:
      "list a running server's MQTT clients, sessions, subscriptions, retained messages and bridges, or end a connection",
    load: async () => (await import("./mqtt.ts")).mqtt,
  },
  {
    name: "users",
    summary: "hash a password for the users file",
    load: async () => (await import("./users.ts")).users,
  },
  {
    name: "repair",
    summary: "make the damaged logs of a data directory whole; says what it would do until --apply",
    load: async () => (await import("./repair.ts")).repair,
  },
  {
    name: "version",
    summary: "print the version",
    load:
      async () =>
      async (_argv, { stdout }) => {
        stdout.write(`polylog ${version}\n`);
        return exitCodes.fine;
      },
  },
  {
    name: "help",
    summary: "print this",
    load:
      async () =>
      async (_argv, { stdout }) => {
        stdout.write(renderUsage());
        return exitCodes.fine;
      },
  },
];

/** Flags that people try before they know the commands. */
const aliases: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-v": "version",
};

/** The command named by the first word; undefined when there is no such command. */
export function findCommand(word: string | undefined): Command | undefined {
  const name = word === undefined ? "help" : (aliases[word] ?? word);
  return commands.find((command) => command.name === name);
}

export function renderUsage(): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return [
    "Usage: polylog <command> [options]",
    "",
    ...rows,
    "",
    "`polylog serve --help` lists its options; so does every other command's.",
    "",
  ].join("\n");
}

export type { Environment };
