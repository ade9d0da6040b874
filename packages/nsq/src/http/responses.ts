/** The answers of the API, with nsqd's headers: every route but /ping names the API's version in one. */

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

const version = { "X-NSQ-Content-Type": "nsq; version=1.0" };
const plainText = "text/plain; charset=utf-8";
const json = "application/json; charset=utf-8";

/** Success without a value: an empty body of no type. */
export function respondEmpty(response: ServerResponse): void {
  send(response, 200, "", version);
}

/** Success with a text. */
export function respondText(response: ServerResponse, text: string): void {
  send(response, 200, text, { ...version, "Content-Type": plainText });
}

export function respondJson(response: ServerResponse, value: unknown): void {
  respondJsonText(response, encodeJson(value));
}

export function respondJsonText(response: ServerResponse, text: string): void {
  send(response, 200, text, { ...version, "Content-Type": json });
}

export function respondRefusal(
  response: ServerResponse,
  status: number,
  code: string,
  headers: OutgoingHttpHeaders = {},
): void {
  send(response, status, encodeJson({ message: code }), { ...version, ...headers, "Content-Type": json });
}

/** The plain listener's answer to everything where TLS is required; as nsqd writes it, with spaces. */
export function respondTlsRequired(response: ServerResponse, httpsPort: number): void {
  send(response, 403, `{"message": "TLS_REQUIRED", "https_port": ${httpsPort}}`, { ...version, "Content-Type": json });
}

/** Any status, without the version: /ping. */
export function respondPlain(response: ServerResponse, status: number, text: string): void {
  send(response, status, text, { "Content-Type": plainText });
}

/** Success with nothing but headers: OPTIONS. */
export function respondHeaders(response: ServerResponse, headers: OutgoingHttpHeaders): void {
  send(response, 200, "", headers);
}

/** As Go's http.Redirect: a page for GET, nothing for other methods. */
export function respondRedirect(response: ServerResponse, status: 301 | 307, location: string): void {
  const { method } = response.req;
  const page = status === 301 ? `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n` : "";
  const type = method === "GET" ? { "Content-Type": "text/html; charset=utf-8" } : {};
  send(response, status, page, { Location: location, ...type });
}

function send(response: ServerResponse, status: number, body: string, headers: OutgoingHttpHeaders): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

/** Compact JSON with `<`, `>`, `&` and the two line separators escaped, as Go's Marshal writes it. */
export function encodeJson(value: unknown): string {
  const text = JSON.stringify(value);
  return /[<>&\u2028\u2029]/.test(text) ? text.replace(/[<>&\u2028\u2029]/g, escapeForGo) : text;
}

function escapeForGo(found: string): string {
  return `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;")
    .replaceAll("'", "&#39;");
}
