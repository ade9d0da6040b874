/** `--mqtt-rewrite 'ACTION SOURCE DESTINATION'`: other topics than those that clients name. */

import type { OptionTable } from "@polylog/base/options";
import {
  findRewriteProblem,
  type RewriteAction,
  type RewriteRule,
  rewriteActions,
  rewriteRulesMax,
} from "@polylog/mqtt";
import { wordsOf } from "./words.ts";

export const mqttRewriteOptions = {
  mqttRewrite: {
    flag: "mqtt-rewrite",
    type: "string",
    repeatable: true,
    placeholder: "RULE",
    example: "all y/+/z/# y/z/{1}/{2}",
    check: findRewriteTextProblem,
    group: "MQTT",
    help: "Rewrite topics of MQTT clients: publish, subscribe or all, a topic filter, and what becomes of it, with {1} for its first wildcard. The first rule that matches counts.",
  },
} as const satisfies OptionTable;

/** What is wrong with a rule's text, or nothing. */
export function findRewriteTextProblem(text: string): string | undefined {
  const words = wordsOf(text);
  if (words === undefined) return "a quote is not closed";
  const [action, source, destination, ...more] = words;
  if (source === undefined || destination === undefined)
    return "write ACTION SOURCE DESTINATION, such as all y/+/z/# y/z/{1}/{2}";
  if (more.length > 0) return `"${more[0]}" is one word too many; topics with spaces belong into quotes`;
  if (!rewriteActions.some((each) => each === action)) return `"${action}" is not one of ${rewriteActions.join(", ")}`;
  return findRewriteProblem({ action: action as RewriteAction, source, destination });
}

/** For a text in which `findRewriteTextProblem` found nothing. */
export function parseRewriteRule(text: string): RewriteRule {
  const [action, source = "", destination = ""] = wordsOf(text) ?? [];
  return { action: action as RewriteAction, source, destination };
}

export function findRewriteCountProblem(rules: readonly string[]): string | undefined {
  return rules.length > rewriteRulesMax ? `there are more than ${rewriteRulesMax}` : undefined;
}
