/** `polylog users hash`: a password from standard input to what stands in the users file. */

import { hashPassword } from "@polylog/broker/access";
import { exitCodes } from "../exit-codes.ts";
import type { Environment } from "./command.ts";

const help = `Usage: polylog users hash < FILE

Reads a password, one line, from standard input and prints its hash for the file that
\`polylog serve --users-file\` names. On a terminal, type the password and press Enter.

  printf %s 'secret' | polylog users hash
`;

/** Resolves with the exit code. */
export async function users(argv: readonly string[], { stdin, stdout, stderr }: Environment): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    stdout.write(help);
    return exitCodes.fine;
  }
  if (argv.length !== 1 || argv[0] !== "hash") {
    stderr.write(help);
    return exitCodes.usage;
  }
  const password = await readLine(stdin);
  if (password === "") {
    stderr.write("polylog: there is no password on standard input\n");
    return exitCodes.usage;
  }
  stdout.write(`${await hashPassword(password)}\n`);
  return exitCodes.fine;
}

async function readLine(stdin: Environment["stdin"]): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? "";
}
