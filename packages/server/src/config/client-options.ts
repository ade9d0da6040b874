/** What every command has that asks a running server: which server, as whom, and answers for programs. */

const server = "Server";
export const output = "Output";

/** `permission`: what the user needs, to end a sentence with. */
export const clientOptions = (permission: string) =>
  ({
    url: {
      flag: "url",
      type: "string",
      default: "http://127.0.0.1:4180",
      placeholder: "URL",
      from: ["flag", "environment"],
      check: (url: string) => (URL.canParse(url) ? undefined : "is not a URL"),
      group: server,
      help: "The server's HTTP listener.",
    },
    user: {
      flag: "user",
      type: "string",
      from: ["flag", "environment"],
      placeholder: "NAME",
      group: server,
      help: `Whom to ask as, where the server has users; needs the permission to ${permission}.`,
    },
    password: {
      flag: "password",
      type: "string",
      from: ["environment"],
      group: server,
      help: "That user's password; not a flag, because others can read the arguments of a command.",
    },
  }) as const;

export const jsonOption = {
  flag: "json",
  type: "boolean",
  default: false,
  from: ["flag"],
  group: output,
  help: "Print the answer as JSON instead of a table.",
} as const;

/** Of the environment what `clientOptions` names: the rest is for the server. */
export function clientEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const { POLYLOG_URL, POLYLOG_USER, POLYLOG_PASSWORD } = env;
  return { POLYLOG_URL, POLYLOG_USER, POLYLOG_PASSWORD };
}
