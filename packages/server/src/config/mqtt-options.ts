/** The options of `polylog mqtt`: what to ask which server, as whom, and how to print the answer. */

import { defineOptions, type OptionValues, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { clientEnvironment, clientOptions, jsonOption, output } from "./client-options.ts";
import { environmentPrefix } from "./load-serve-options.ts";

/** Whether a client identifier follows the word. */
type ClientWord = "none" | "optional" | "required";

/** What `polylog mqtt` asks, each by the JSON-RPC method of that name. */
const clientWords = {
  clients: "none",
  sessions: "none",
  subscriptions: "optional",
  retained: "none",
  delayed: "none",
  bridges: "none",
  kick: "required",
} as const satisfies Readonly<Record<string, ClientWord>>;
export type MqttQuestion = keyof typeof clientWords;
const questions = Object.keys(clientWords) as readonly MqttQuestion[];

const idProblem = (text: string): string | undefined => (/^[0-9]{1,15}$/u.test(text) ? undefined : "is not an id");

export const mqttOptions = defineOptions({
  ...clientOptions("manage $mqtt"),
  filter: {
    flag: "filter",
    type: "string",
    from: ["flag"],
    placeholder: "FILTER",
    group: output,
    help: "Of retained and delayed messages, those whose topic matches.",
  },
  after: {
    flag: "after",
    type: "string",
    from: ["flag"],
    placeholder: "ID",
    check: idProblem,
    group: output,
    help: "Of delayed messages, those with a larger id: the next page.",
  },
  cancel: {
    flag: "cancel",
    type: "string",
    repeatable: true,
    from: ["flag"],
    placeholder: "ID",
    check: idProblem,
    group: "Delayed messages",
    help: "Take this delayed message back instead of listing any.",
  },
  limit: {
    flag: "limit",
    type: "integer",
    unit: "rows",
    min: 1,
    max: 10_000,
    default: 1000,
    from: ["flag"],
    group: output,
    help: "Rows at most.",
  },
  json: jsonOption,
});

export interface MqttRequest {
  readonly question: MqttQuestion;
  readonly clientId: string | undefined;
  readonly options: OptionValues<typeof mqttOptions>;
}

/** Undefined: help was asked for. Throws `options.USAGE`. */
export function loadMqttOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): MqttRequest | undefined {
  if (argv.includes("--help") || argv.includes("-h")) return undefined;
  const { values, positionals } = resolveOptions(mqttOptions, {
    argv,
    env: clientEnvironment(env),
    envPrefix: environmentPrefix,
    positionalsMax: 2,
  });
  const [word, clientId] = positionals;
  const question = questions.find((each) => each === word);
  if (question === undefined) throw usageError(`say what to do: ${questions.join(", ")}`);
  const clientWord: ClientWord = clientWords[question];
  if (clientWord === "none" && clientId !== undefined)
    throw usageError(`${JSON.stringify(clientId)}: unexpected argument`);
  if (question !== "delayed" && (values.cancel.length > 0 || values.after !== undefined))
    throw usageError("--cancel and --after: only of delayed messages");
  if (clientId === "" || (clientWord === "required" && clientId === undefined))
    throw usageError(`say which client: polylog mqtt ${question} CLIENT`);
  return { question, clientId, options: values };
}

function usageError(problem: string): Error {
  return optionErrors.USAGE({ count: 1, problems: `  ${problem}` });
}

export function renderMqttHelp(): string {
  return renderHelp(mqttOptions, {
    usage: "polylog mqtt clients|sessions|subscriptions [CLIENT]|retained|delayed|bridges|kick CLIENT [options]",
    summary:
      "Asks a running server about its MQTT clients, sessions, subscriptions, retained and delayed messages and bridges, ends a connection, or takes delayed messages back.",
    envPrefix: environmentPrefix,
    examples: [
      "polylog mqtt clients",
      "polylog mqtt retained --filter 'sensors/#' --json",
      "polylog mqtt kick sensor-7",
      "polylog mqtt delayed --filter 'lamps/#'",
      "polylog mqtt delayed --cancel 17 --cancel 19",
    ],
  });
}
